"""What the door remembers of discovery and OpenAPI, for whom, and when it serves that without asking."""

import gzip
import json

import pytest

from worker.door.requests import discovery, memory, request_info
from worker.door.requests.discovery import Resource
from worker.door.requests.memory import Answer, Key, Memory

_ACCEPT = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
_API = Key("mine", "/api", _ACCEPT)
_APIS = Key("mine", "/apis", _ACCEPT)
_OPENAPI = Key("mine", "/openapi/v3", "application/json")
_HASHED = Key("mine", "/openapi/v3/apis/apps/v1?hash=0AF1", "application/json")


class _Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def remembered(clock: _Clock) -> Memory:
    return Memory(clock=clock)


def _answer(*plurals: str, group: str = "", etag: str = '"1"') -> Answer:
    resources = [
        {"resource": plural, "responseKind": {"kind": plural.title()}, "scope": "Namespaced"} for plural in plurals
    ]
    items = [{"metadata": {"name": group}, "versions": [{"version": "v1", "resources": resources}]}]
    body = json.dumps({"kind": "APIGroupDiscoveryList", "items": items}).encode()
    return Answer((("content-type", "application/json"), ("etag", etag)), body)


def _keep(remembered: Memory, key: Key, answer: Answer) -> Answer:
    remembered.keep(key, answer, asked_at=remembered.clock())
    return answer


def test_discovery_is_served_unasked_to_a_command_of_which_it_knows_all_kinds(remembered: Memory) -> None:
    api = _keep(remembered, _API, _answer("pods"))
    apis = _keep(remembered, _APIS, _answer("deployments", group="apps"))
    assert remembered.fresh(_API, ("Pods", "deployments.apps")) is api
    assert remembered.fresh(_APIS, ("pods",)) is apis


@pytest.mark.parametrize("names", [None, (), ("widgets",), ("pods", "widgets"), ("all",)])
def test_other_commands_let_the_server_confirm_it(remembered: Memory, names: tuple[str, ...] | None) -> None:
    api = _keep(remembered, _API, _answer("pods"))
    assert remembered.fresh(_API, names) is None
    assert remembered.unconfirmed(_API) is api


def test_document_of_another_format_lends_no_names(remembered: Memory) -> None:
    _keep(remembered, _APIS, _answer("deployments"))
    _keep(remembered, _APIS._replace(accept="application/json"), _answer("deployments", "widgets"))
    assert remembered.fresh(_APIS, ("widgets",)) is None


@pytest.mark.parametrize(
    "key",
    [
        _API._replace(identity="yours"),
        _API._replace(target="/api?timeout=32s"),
        _API._replace(accept="*/*"),
        _API._replace(accept_encoding="gzip"),
    ],
)
def test_answer_is_for_one_identity_target_and_format(remembered: Memory, key: Key) -> None:
    _keep(remembered, _API, _answer("pods"))
    assert remembered.fresh(key, ("pods",)) is None
    assert remembered.unconfirmed(key) is None


def test_openapi_is_confirmed_unless_its_address_names_its_content(remembered: Memory) -> None:
    _keep(remembered, _API, _answer("pods"))
    _keep(remembered, _OPENAPI, _answer())
    hashed = _keep(remembered, _HASHED, _answer())
    assert remembered.fresh(_OPENAPI, ("pods",)) is None
    assert remembered.fresh(_HASHED, None) is hashed


def test_answer_without_etag_cannot_be_confirmed(remembered: Memory) -> None:
    api = _keep(remembered, _API, _answer("pods", etag=""))
    assert remembered.unconfirmed(_API) is None
    assert remembered.fresh(_API, ("pods",)) is api


def test_answer_is_forgotten_ten_minutes_after_the_server_confirmed_it(remembered: Memory, clock: _Clock) -> None:
    api = _keep(remembered, _API, _answer("pods"))
    clock.now += memory.LIFETIME_S - 1
    remembered.confirm(_API, api, asked_at=clock.now)
    clock.now += memory.LIFETIME_S - 1
    assert remembered.fresh(_API, ("pods",)) is api
    clock.now += 1
    assert remembered.fresh(_API, ("pods",)) is None
    assert remembered.unconfirmed(_API) is None


def test_confirmation_of_an_answer_that_was_replaced_changes_nothing(remembered: Memory, clock: _Clock) -> None:
    old = _keep(remembered, _API, _answer("pods"))
    _keep(remembered, _API, _answer("pods", "widgets"))
    clock.now += memory.LIFETIME_S
    remembered.confirm(_API, old, asked_at=clock.now)
    assert remembered.unconfirmed(_API) is None


def test_forgotten_identity_has_no_answers_and_keeps_none_that_it_asked_for_before(
    remembered: Memory, clock: _Clock
) -> None:
    api = _keep(remembered, _API, _answer("pods"))
    other = _keep(remembered, _API._replace(identity="yours"), _answer("pods"))
    asked_at = clock.now
    clock.now += 1
    remembered.forget("mine")
    remembered.keep(_API, api, asked_at=asked_at)
    remembered.confirm(_API, api, asked_at=asked_at)
    assert remembered.fresh(_API, ("pods",)) is None
    assert remembered.fresh(_API._replace(identity="yours"), ("pods",)) is other
    clock.now += 1
    assert remembered.fresh(_API, ("pods",)) is None
    _keep(remembered, _API, api)
    assert remembered.fresh(_API, ("pods",)) is api


def test_discarded_answer_is_gone(remembered: Memory) -> None:
    _keep(remembered, _API, _answer("pods"))
    remembered.discard(_API)
    remembered.discard(_API)
    assert remembered.fresh(_API, ("pods",)) is None


def test_longest_unused_answers_make_room(clock: _Clock) -> None:
    size = _answer("pods").size_bytes + discovery.read_bytes(_answer("pods").body)
    remembered = Memory(clock=clock, most_bytes=2 * size)
    keys = [_API._replace(identity=str(number)) for number in range(3)]
    for key in keys[:2]:
        _keep(remembered, key, _answer("pods"))
    assert remembered.fresh(keys[0], ("pods",))
    _keep(remembered, keys[2], _answer("pods"))
    assert [remembered.fresh(key, ("pods",)) is not None for key in keys] == [True, False, True]


def test_answer_that_is_too_large_replaces_the_older_one_by_none(clock: _Clock) -> None:
    remembered = Memory(clock=clock, most_bytes=1000)
    _keep(remembered, _API, _answer("pods"))
    _keep(remembered, _API, Answer((), b"x" * 1001))
    assert remembered.unconfirmed(_API) is None


def test_resource_of_a_request_is_found_in_any_format(remembered: Memory) -> None:
    _keep(remembered, _APIS._replace(accept="*/*"), _answer("deployments", group="apps"))
    info = request_info.resolve("DELETE", "/apis/apps/v1/namespaces/x/deployments/a", [])
    assert remembered.resource("mine", info) == Resource("Deployments", is_namespaced=True)
    assert remembered.resource("yours", info) is None
    assert remembered.resource("mine", request_info.resolve("GET", "/api/v1/pods", [])) is None


@pytest.mark.parametrize(
    ("request_line", "may_be_kept"),
    [
        ("GET /api", True),
        ("GET /api/v1", True),
        ("GET /apis", True),
        ("GET /apis/apps/v1", True),
        ("GET /openapi/v2", True),
        ("GET /openapi/v3/apis/apps/v1", True),
        ("POST /api", False),
        ("HEAD /api", False),
        ("GET /version", False),
        ("GET /api/v1/pods", False),
        ("GET /apis/apps/v1/deployments", False),
        ("GET /openapi/v1", False),
    ],
)
def test_only_answers_about_the_server_itself_are_kept(request_line: str, *, may_be_kept: bool) -> None:
    assert memory.may_keep(*request_line.split()) is may_be_kept


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/a", True),
        ("/apis/apiregistration.k8s.io/v1/apiservices/a", True),
        ("/apis/example.com/v1/customresourcedefinitions/a", False),
        ("/api/v1/pods", False),
    ],
)
def test_definitions_and_api_services_change_kinds(path: str, *, changes: bool) -> None:
    assert memory.changes_kinds(request_info.resolve("PUT", path, [])) is changes


def test_packed_documents_count_with_what_is_read_from_them(clock: _Clock) -> None:
    remembered = Memory(clock=clock)
    packed = gzip.compress(b" " * 2_000_000 + _answer("pods").body)
    answer = Answer((("content-encoding", "gzip"),), packed)
    keys = [Key("mine", f"/apis/group-{number}/v1", _ACCEPT) for number in range(20)]
    for key in keys:
        _keep(remembered, key, answer)
    kept = [key for key in keys if remembered.fresh(key, ("pods",))]
    assert kept == keys[-len(kept) :]
    assert 0 < 4 * 2_000_000 * len(kept) < memory.MOST_BYTES
