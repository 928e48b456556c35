"""A command's kubeconfig has the caller's names and no credential."""

import json

import pytest

from shared.kubeconfig import cluster_access
from tests.support import kubeconfigs
from worker.door.client import access
from worker.door.client.address import DoorAddress
from worker.output import replacing
from worker.run import given_kubeconfig

REBUILT = cluster_access.rebuild(kubeconfigs.text(), context=None, allow_loopback=False).kubeconfig
URL = "http://127.0.0.1:5000/pass"


def test_door_is_the_server_under_the_callers_names() -> None:
    given = json.loads(given_kubeconfig.through_the_door(REBUILT, URL))
    assert given["clusters"] == [{"name": "canary-cluster", "cluster": {"server": URL}}]
    assert given["users"] == [{"name": "canary-user", "user": {}}]
    assert given["contexts"][0]["context"]["namespace"] == "canary-namespace"


def test_local_command_sees_the_real_address_and_no_credential() -> None:
    given = given_kubeconfig.for_local_use(REBUILT)
    assert json.loads(given)["clusters"][0]["cluster"]["server"] == kubeconfigs.SERVER
    assert "canary-token" not in given


def test_access_holds_what_the_command_does_not_get() -> None:
    found = access.of(REBUILT, "anonymous")
    assert (found.server, found.token, found.authority) == (kubeconfigs.SERVER, "canary-token", "canary-authority")
    assert "canary" not in repr(found).replace("canary-host", "")


def test_two_visits_have_different_passes() -> None:
    assert access.of(REBUILT, "anonymous").pass_ != access.of(REBUILT, "anonymous").pass_


@pytest.mark.parametrize(
    ("server", "place"),
    [
        ("https://api.example/k8s/clusters/c-1/", b"api.example:443"),
        ("https://[2001:db8::1]:6443", b"[2001:db8::1]:6443"),
        ("http://10.0.0.1", b"10.0.0.1:80"),
    ],
)
def test_printed_address_of_the_door_becomes_that_of_the_server(server: str, place: bytes) -> None:
    door = DoorAddress(5000, access.of(REBUILT, "anonymous").model_copy(update={"server": server}))
    shown = door.replaced_by_server
    assert shown[door.url.encode()] == server.rstrip("/").encode()
    assert shown[b"127.0.0.1:5000"] == place


def test_address_is_replaced_as_kubectl_names_files_and_as_queries_encode_it() -> None:
    door = DoorAddress(
        5000, access.of(REBUILT, "anonymous").model_copy(update={"server": "https://api.example:6443/a"})
    )
    files = f"/discovery/127.0.0.1_5000/{door.access.pass_}/v1 127.0.0.1_5000 127.0.0.1%3A5000%2F{door.access.pass_}"
    shown = replacing.replaced(files.encode(), door.replaced_by_server).decode()
    assert shown == "/discovery/api.example_6443/a/v1 api.example_6443 api.example%3A6443%2F[redacted]"


def test_no_cli_escapes_a_character_of_a_pass() -> None:
    assert access.of(REBUILT, "anonymous").pass_.isalnum()
