"""Dry runs on Secrets, which the door answers itself where values are masked."""

import json
from typing import Any

import pytest

from shared.effects import Effects, Limit, SecretValues
from tests.support.asking import HIDDEN, LIVE, MARK, MASKED, asking
from tests.support.door import Answered, Client
from tests.support.faulty_server import answers
from tests.support.secret_cases import SECRETS, encoded
from worker.door.client.client import Door

pytestmark = pytest.mark.asyncio(loop_scope="module")

READ = Effects(limit=Limit.READ)
NOT_FOUND = answers.refuses(404, "NotFound", message='secrets "web" not found')


async def dry_run(client: Client, method: str, body: Any, *, media_type: str = "application/json") -> Answered:
    path = SECRETS if method == "POST" else f"{SECRETS}/web"
    content = json.dumps(body).encode()
    headers = {"Content-Type": media_type, "Content-Length": str(len(content))}
    return await client.ask(method, f"{path}?dryRun=All", body=content, headers=headers)


@pytest.mark.parametrize("effects", [READ, MASKED], ids=["read", "write"])
async def test_dry_run_on_a_secret_compares_no_values(door: Door, effects: Effects) -> None:
    patch = {"metadata": {"labels": {"new": "x"}}, "data": {"password": encoded("guess"), "other": encoded("12")}}
    async with asking(door, answers.responds(HIDDEN), effects=effects) as (server, client):
        answered = await dry_run(client, "PATCH", patch, media_type="application/strategic-merge-patch+json")
        assert [request.method for request in server.requests] == ["GET"]
    body = json.loads(answered.body)
    assert body["metadata"]["labels"] == {"a": "b", "new": "x"}
    assert body["data"] == {"password": MARK, "other": encoded("[masked, 2 bytes]")}
    assert "were not compared" in answered.headers["warning"]


async def test_dry_run_that_replaces_a_secret_keeps_the_identity_of_the_live_one(door: Door) -> None:
    sent = {"kind": "Secret", "metadata": {"name": "web", "labels": {}}, "stringData": {"password": "guess", "b": "1"}}
    async with asking(door, answers.responds(HIDDEN), effects=READ) as (_, client):
        body = json.loads((await dry_run(client, "PUT", sent)).body)
    assert (body["metadata"]["uid"], body["metadata"]["labels"]) == ("7", {})
    assert body["data"] == {"password": MARK, "b": encoded("[masked, 1 bytes]")}
    assert "stringData" not in body


async def test_dry_run_that_removes_a_value_shows_that(door: Door) -> None:
    async with asking(door, answers.responds(HIDDEN), effects=READ) as (_, client):
        patch = {"data": {"password": None}, "metadata": {"labels": None}}
        body = json.loads((await dry_run(client, "PATCH", patch, media_type="application/merge-patch+json")).body)
    assert "data" not in body or body["data"] == {}
    assert "labels" not in body["metadata"]


async def test_dry_run_that_creates_a_secret_shows_it_masked(door: Door) -> None:
    async with asking(door, NOT_FOUND, effects=READ) as (_, client):
        answered = await dry_run(client, "POST", LIVE)
        applied = await dry_run(client, "PATCH", LIVE, media_type="application/apply-patch+yaml")
        patched = await dry_run(client, "PATCH", {}, media_type="application/merge-patch+json")
    assert (answered.status, json.loads(answered.body)["data"]) == (201, {"password": MARK})
    assert (applied.status, json.loads(applied.body)["data"]) == (201, {"password": MARK})
    assert patched.status == 404


async def test_dry_run_that_creates_what_exists_is_a_conflict(door: Door) -> None:
    async with asking(door, answers.responds(HIDDEN), effects=READ) as (_, client):
        answered = await dry_run(client, "POST", LIVE)
    assert (answered.status, json.loads(answered.body)["reason"]) == (409, "AlreadyExists")


async def test_dry_run_with_shown_values_is_the_servers(door: Door) -> None:
    shown = Effects(limit=Limit.READ, secrets=SecretValues.SHOWN)
    async with asking(door, answers.responds(HIDDEN), effects=shown) as (server, client):
        answered = await dry_run(client, "PATCH", {}, media_type="application/merge-patch+json")
        assert [request.method for request in server.requests] == ["PATCH"]
    assert answered.body == HIDDEN
