"""When a request is a dry run for certain."""

import json

import pytest

from worker.door.requests import dry_run, request_info

_PODS = "/api/v1/namespaces/x/pods"
_EVICTION = f"{_PODS}/a/eviction"
_OPTIONS = '{"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]}'
_ALL = ("All",)


def _is_dry_run(
    request: str, asked: tuple[str, ...] = (), *, body: str | bytes = "", content_type: str = "application/json"
) -> bool:
    method, path = request.split()
    query = [("dryRun", value) for value in asked]
    return dry_run.is_effective(
        request_info.resolve(method, path, query),
        method=method,
        query=query,
        body=body.encode() if isinstance(body, str) else body,
        content_type=content_type,
    )


@pytest.mark.parametrize(
    "request_line",
    [
        f"POST {_PODS}",
        f"PUT {_PODS}/a",
        f"PATCH {_PODS}/a",
        f"PATCH {_PODS}/a/status",
        "PUT /apis/apps/v1/namespaces/x/deployments/a/scale",
        f"PATCH {_PODS}/a/ephemeralcontainers",
        f"POST {_EVICTION}",
        f"DELETE {_PODS}/a",
        f"DELETE {_PODS}",
    ],
)
def test_query_makes_a_dry_run(request_line: str) -> None:
    assert _is_dry_run(request_line, _ALL)
    assert _is_dry_run(request_line, ("All", "All"))
    assert not _is_dry_run(request_line)
    assert not _is_dry_run(request_line, ("",))
    assert not _is_dry_run(request_line, ("all",))
    assert not _is_dry_run(request_line, ("All", "None"))


@pytest.mark.parametrize(
    "request_line",
    [
        "POST /api/v1/namespaces/x/serviceaccounts/a/token",
        f"POST {_PODS}/a/exec",
        f"GET {_PODS}/a/exec",
        f"POST {_PODS}/a/proxy",
        f"DELETE {_PODS}/a/proxy/admin",
        f"POST {_PODS}/a/binding",
        "PUT /api/v1/namespaces/x/finalize",
        "PUT /apis/certificates.k8s.io/v1/certificatesigningrequests/a/approval",
        "POST /apis/metrics.example/v1/namespaces/x/things",
        "POST /api/v1/watch/namespaces/x/pods",
        f"PUT {_PODS}/a/status/more",
        "POST /logs/x",
        "POST /apis/authentication.k8s.io/v1/tokenreviews",
    ],
)
def test_no_query_makes_a_dry_run_of_what_may_have_none(request_line: str) -> None:
    assert not _is_dry_run(request_line, _ALL)


@pytest.mark.parametrize("request_line", [f"DELETE {_PODS}/a", f"DELETE {_PODS}"])
def test_body_of_a_deletion_decides_and_its_query_does_not(request_line: str) -> None:
    assert _is_dry_run(request_line, body=_OPTIONS)
    assert _is_dry_run(request_line, body=_OPTIONS, content_type="")
    assert not _is_dry_run(request_line, _ALL, body="{}")
    assert not _is_dry_run(request_line, _ALL, body='{"dryRun": null}')
    assert not _is_dry_run(request_line, _ALL, body='{"dryRun": []}')
    assert not _is_dry_run(request_line, _ALL, body='{"DryRun": ["All"]}')


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ('{"dryRun": ["All"], "dryRun": []}', "application/json"),
        ('{"dryRun": "All"}', "application/json"),
        ('{"dryRun": ["All", "x"]}', "application/json"),
        ('[{"dryRun": ["All"]}]', "application/json"),
        ("dryRun: [All]", "application/yaml"),
        (_OPTIONS, "application/vnd.kubernetes.protobuf"),
        (b"\xff" + _OPTIONS.encode(), "application/json"),
        (_OPTIONS + _OPTIONS, "application/json"),
        ("[" * 100_000, "application/json"),
        (" ", "application/json"),
    ],
    ids=lambda value: repr(value[:30]),
)
def test_body_that_decides_nothing_for_certain_is_no_dry_run(body: str | bytes, content_type: str) -> None:
    assert not _is_dry_run(f"DELETE {_PODS}/a", _ALL, body=body, content_type=content_type)


def test_eviction_is_a_dry_run_by_its_query_or_its_body() -> None:
    body = json.dumps({"kind": "Eviction", "deleteOptions": {"dryRun": ["All"]}})
    assert _is_dry_run(f"POST {_EVICTION}", body=body)
    assert not _is_dry_run(f"POST {_EVICTION}", body='{"dryRun": ["All"]}')
    assert not _is_dry_run(f"POST {_EVICTION}", body='{"deleteOptions": []}')


def test_group_of_others_has_dry_runs_only_if_the_api_server_serves_it() -> None:
    info = request_info.resolve("POST", "/apis/example.com/v1/namespaces/x/widgets", [])
    for groups, expected in ((set(), False), ({("example.com", "v2")}, False), ({("example.com", "v1")}, True)):
        is_dry = dry_run.is_effective(
            info, method="POST", query=[("dryRun", "All")], body=b"", content_type="", local_groups=groups
        )
        assert is_dry is expected


@pytest.mark.parametrize(
    ("request_line", "asked", "path"),
    [
        ("POST /apis/example.com/v1/widgets", _ALL, "/apis/apiregistration.k8s.io/v1/apiservices/v1.example.com"),
        ("POST /apis/example.com/v1/widgets", (), ""),
        ("GET /apis/example.com/v1/widgets/a", _ALL, ""),
        ("POST /apis/apps/v1/deployments", _ALL, ""),
        ("POST /apis/known.example/v1/widgets", _ALL, ""),
        ("POST /version", _ALL, ""),
    ],
)
def test_api_service_is_asked_for_only_where_it_decides(request_line: str, asked: tuple[str, ...], path: str) -> None:
    method, target = request_line.split()
    query = [("dryRun", value) for value in asked]
    assert path == dry_run.undecided_by(
        request_info.resolve(method, target, query),
        method=method,
        query=query,
        body=b"",
        content_type="",
        local_groups={("known.example", "v1")},
    )


@pytest.mark.parametrize(
    ("answer", "is_local"),
    [
        ('{"kind": "APIService", "spec": {"group": "example.com"}}', True),
        ('{"kind": "APIService", "spec": {"service": null}}', True),
        ('{"kind": "APIService", "spec": {"service": {"name": "metrics-server"}}}', False),
        ('{"kind": "Status", "spec": {}}', False),
        ('{"kind": "APIService"}', False),
        ("[]", False),
        ("{", False),
    ],
)
def test_api_service_without_a_service_is_served_locally(answer: str, *, is_local: bool) -> None:
    assert dry_run.is_served_locally(answer.encode()) is is_local


def test_options_that_are_too_long_make_no_dry_run() -> None:
    info = request_info.resolve("DELETE", "/api/v1/namespaces/x/pods/a", ())
    for spaces, is_dry_run in ((0, True), (dry_run.MOST_OPTIONS_BYTES, False)):
        body = b'{"dryRun": ["All"]}' + b" " * spaces
        asked = dry_run.is_effective(info, method="DELETE", query=(), body=body, content_type="application/json")
        assert asked is is_dry_run
