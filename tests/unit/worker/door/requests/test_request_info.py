"""How the door reads a request: the cases that Kubernetes' own tests and documentation name."""

import pytest

from worker.door.requests import request_info
from worker.door.requests.request_info import RequestInfo, UnreadableRequestError

_FIELDS = ("verb", "api_prefix", "group", "version", "namespace", "resource", "subresource", "name")

RESOURCES = [
    "GET     /api/v1/namespaces                                 list api - v1 - namespaces - -",
    "GET     /api/v1/namespaces/other                           get api - v1 other namespaces - other",
    "GET     /api/v1/namespaces/other/pods                      list api - v1 other pods - -",
    "GET     /api/v1/namespaces/other/pods/                     list api - v1 other pods - -",
    "GET     /api/v1/namespaces/other/pods/foo                  get api - v1 other pods - foo",
    "HEAD    /api/v1/namespaces/other/pods/foo                  get api - v1 other pods - foo",
    "GET     /api/v1/pods                                       list api - v1 - pods - -",
    "HEAD    /api/v1/pods                                       list api - v1 - pods - -",
    "OPTIONS /api/v1/pods                                       - api - v1 - pods - -",
    "GET     /api/v1/namespaces/other/pods?watch=true           watch api - v1 other pods - -",
    "GET     /api/v1/namespaces/other/pods?watch=1&watch=0      watch api - v1 other pods - -",
    "GET     /api/v1/namespaces/other/pods?watch=               watch api - v1 other pods - -",
    "GET     /api/v1/namespaces/other/pods?watch=0              list api - v1 other pods - -",
    "GET     /api/v1/namespaces/other/pods?watch=False          list api - v1 other pods - -",
    "GET     /api/v1/namespaces/other/pods?watch=true&limit=x   watch api - v1 other pods - -",
    "GET     /api/v1/namespaces/other/pods/foo?watch=true       get api - v1 other pods - foo",
    "GET     /api/v1/watch/pods                                 watch api - v1 - pods - -",
    "GET     /api/v1/watch/namespaces/other/pods                watch api - v1 other pods - -",
    "POST    /api/v1/watch/namespaces/other/pods/foo/exec       watch api - v1 other pods exec foo",
    "GET     /api/v1/proxy/namespaces/other/pods/foo            proxy api - v1 other pods - foo",
    "GET     /api/v1/proxy/namespaces/other/pods/foo/sub/dir    proxy api - v1 other pods - foo",
    "GET     /api/v1/namespaces/other/pods/foo/log              get api - v1 other pods log foo",
    "POST    /api/v1/namespaces/other/pods/foo/exec             create api - v1 other pods exec foo",
    "POST    /api/v1/namespaces/other/pods/foo/eviction         create api - v1 other pods eviction foo",
    "PUT     /api/v1/nodes/a/proxy/run/x/y                      update api - v1 - nodes proxy a",
    "GET     /api/v1/namespaces/other/status                    get api - v1 other namespaces status other",
    "PUT     /api/v1/namespaces/other/finalize                  update api - v1 other namespaces finalize other",
    "POST    /api/v1/namespaces/other/pods                      create api - v1 other pods - -",
    "PUT     /api/v1/namespaces/other/pods/foo                  update api - v1 other pods - foo",
    "PATCH   /api/v1/namespaces/other/pods/foo                  patch api - v1 other pods - foo",
    "DELETE  /api/v1/namespaces/other/pods/foo                  delete api - v1 other pods - foo",
    "DELETE  /api/v1/namespaces/other/pods                      deletecollection api - v1 other pods - -",
    "DELETE  /api/v1/namespaces/other                           delete api - v1 other namespaces - other",
    "DELETE  /api/v1/namespaces                                 deletecollection api - v1 - namespaces - -",
    "DELETE  /api/v1/pods?fieldSelector=metadata.name%3Dx       deletecollection api - v1 - pods - -",
    "GET     /apis/apps/v1/namespaces/other/deployments/a/scale get apis apps v1 other deployments scale a",
    "GET     /apis/apps/v1/deployments                          list apis apps v1 - deployments - -",
    "GET     /apis/example.com/v1/namespaces/x/namespaces/y     get apis example.com v1 x namespaces - y",
]  # fmt: skip


def _resolve(method: str, target: str) -> RequestInfo:
    path, _, query = target.partition("?")
    pairs = [pair.partition("=") for pair in query.replace("%3D", "\0").split("&") if pair]
    return request_info.resolve(method, path, [(name, value.replace("\0", "=")) for name, _, value in pairs])


@pytest.mark.parametrize("case", RESOURCES, ids=lambda case: " ".join(case.split()[:2]))
def test_request_for_a_resource_is_read_as_kubernetes_reads_it(case: str) -> None:
    method, target, *expected = ("" if word == "-" else word for word in case.split())
    info = _resolve(method, target)
    assert info.is_resource
    assert info.path == target.partition("?")[0]
    fields = {name: getattr(info, name) for name in _FIELDS}
    assert fields == dict(zip(_FIELDS, expected, strict=True))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/apis",
        "/apis/apps",
        "/apis/apps/v1",
        "/version",
        "/logs/a/b/c",
    ],
)
def test_other_request_has_its_method_as_verb(path: str) -> None:
    assert request_info.resolve("POST", path, []) == RequestInfo(is_resource=False, path=path, verb="post")


@pytest.mark.parametrize("path", ["/api/v1/watch", "/api/v1/proxy/", "/apis/apps/v1/watch"])
def test_path_of_a_verb_without_a_resource_is_an_error(path: str) -> None:
    with pytest.raises(UnreadableRequestError):
        request_info.resolve("GET", path, [])


@pytest.mark.parametrize(
    ("selector", "name"),
    [
        ("metadata.name=web", "web"),
        ("metadata.name==web", "web"),
        ("metadata.name!=web", ""),
        (",metadata.name=web,,status.phase!=Running", "web"),
        ("metadata.namespace=x", ""),
        ("metadata.name=b,metadata.name=a", "a"),
        (r"metadata.name=a\,b\=c\\d", r"a,b=c\d"),
        (r"metadata.name=a\b", ""),
        ("metadata.name=a\\", ""),
        ("metadata.name=a=b", ""),
        ("metadata.name", ""),
        ("metadata.name=web,spec", ""),
        ("metadata.name=", ""),
        ("metadata.name=..", ""),
        ("metadata.name=a/b", ""),
        ("metadata.name=a%2Fb", ""),
    ],
)
def test_list_has_the_name_that_its_field_selector_asks_for(selector: str, name: str) -> None:
    info = request_info.resolve("GET", "/api/v1/namespaces/x/pods", [("fieldSelector", selector), ("watch", "1")])
    assert (info.verb, info.name) == ("watch", name)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("limit", "x"),
        ("limit", ""),
        ("limit", "1_0"),
        ("timeoutSeconds", "9223372036854775808"),
        ("labelSelector", "a=b,"),
    ],
)
def test_list_with_an_option_that_cannot_be_decoded_has_no_name(option: str, value: str) -> None:
    query = [("fieldSelector", "metadata.name=web"), (option, value)]
    assert request_info.resolve("GET", "/api/v1/pods", query).name == ""
    assert request_info.resolve("GET", "/api/v1/pods", [*query[:1], (option, "5"), query[1]]).name == "web"


@pytest.mark.parametrize(
    ("target", "reaches_cluster"),
    [
        ("/api/v1/namespaces/x/pods", False),
        ("/apis/apps/v1/namespaces/x/deployments/a/scale", False),
        ("/api/v1/pods", True),
        ("/api/v1/nodes/a", True),
        ("/api/v1/namespaces/x", True),
        ("/api/v1/namespaces/x/status", True),
        ("/version", True),
    ],
)
def test_namespaces_themselves_and_all_outside_one_reach_the_cluster(target: str, *, reaches_cluster: bool) -> None:
    assert _resolve("GET", target).reaches_cluster is reaches_cluster
