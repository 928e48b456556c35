"""Values of Secrets, and a request's own credentials, stand in none of the answers in which one reads a job."""

import base64
import json

import pytest
import yaml

from tests.integration.end_to_end.system import System
from tests.support.caller import Caller
from tests.support.leaks import leaks
from tests.support.mcp_caller import MODES, call, mcp_client, text_of

CANARY = "canary-in-a-secret"
PLAIN = f"[masked, {len(CANARY)} bytes]"
MARK = base64.b64encode(PLAIN.encode()).decode()
MANIFEST = f"""\
apiVersion: v1
kind: Secret
metadata: {{name: NAME}}
data: {{a: {base64.b64encode(CANARY.encode()).decode()}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: NAME}}
data: {{a: shown}}
"""


async def answers(caller: Caller, job_id: str) -> str:
    """Everything that REST says of a job that has ended."""
    paths = ("", "/events", "/output?stream=stdout", "/output?stream=stderr")
    return "\n".join([(await caller.http.get(f"/jobs/{job_id}{path}")).text for path in paths])


@pytest.fixture
async def secret(caller: Caller, name: str) -> str:
    """A Secret and a ConfigMap of that name, as `apply` leaves them."""
    await caller.output("kubectl", "apply -f -", stdin=MANIFEST.replace("NAME", name))
    return name


FORMS = [
    "get secret NAME -o json",
    "get secrets -o yaml",
    "get cm,secret -o json",
    "get secret/NAME cm/NAME -oYAML --show-managed-fields",
    "get secrets -A -o json",
    "get -f - -o yaml",
    "apply -f - -o yaml",
    "apply view-last-applied secret NAME",
    "get secret NAME -o json | sed p",
]


@pytest.mark.parametrize("form", FORMS)
async def test_secret_is_shown_masked_in_every_answer(caller: Caller, secret: str, form: str) -> None:
    stdin = MANIFEST.replace("NAME", secret)
    response = await caller.run("kubectl", form.replace("NAME", secret), stdin=stdin)
    seen = await answers(caller, response.job_id)

    assert response.success, response
    assert MARK in response.output
    assert "do not write these marks back" in (response.hint or "")
    assert leaks(seen, CANARY) == []
    assert MARK in seen


@pytest.mark.parametrize("mode", MODES)
async def test_secret_is_shown_masked_over_mcp(system: System, caller: Caller, secret: str, mode: str) -> None:
    async with mcp_client(system.url, kubeconfig=caller.kubeconfig, mode=mode) as client:
        response = await call(client, "kubectl", command=f"get secret {secret} -o yaml")
        seen = [
            text_of(await client.call_tool("get_job", {"job_id": response.job_id})),
            text_of(await client.call_tool("read_output", {"job_id": response.job_id})),
            response.model_dump_json(),
        ]

    assert response.success
    assert all(MARK in text for text in seen)
    assert leaks("\n".join(seen), CANARY) == []


async def test_no_log_names_a_value(system: System, caller: Caller, secret: str) -> None:
    await caller.output("kubectl", f"get secret {secret} -o json | sort")
    await caller.run("kubectl", f"get secret {secret} missing -o yaml")

    assert [name for name, text in system.logs().items() if leaks(text, CANARY)] == []


async def test_other_objects_of_the_list_are_shown(caller: Caller, secret: str) -> None:
    found = yaml.safe_load(await caller.output("kubectl", f"get cm/{secret} secret/{secret} -o yaml"))
    assert [item["kind"] for item in found["items"]] == ["ConfigMap", "Secret"]
    assert found["items"][0]["data"] == {"a": "shown"}


async def test_watched_secrets_are_shown_masked_when_the_watch_ends(caller: Caller, secret: str) -> None:
    response = await caller.run("kubectl", f"get secret {secret} -w -o json --output-watch-events", timeout=5)

    assert response.success, response
    assert json.loads(response.output)["type"] == "ADDED"
    assert leaks(await answers(caller, response.job_id), CANARY) == []


PICKED = {
    "get secret NAME -o jsonpath={.data.a}": MARK,
    "get secret NAME -o go-template='{{.data.a | base64decode}}'": PLAIN,
    "get secrets -o custom-columns=A:.data.a": MARK,
    "get secrets --sort-by=.data.a -o yaml": MARK,
    "get secret NAME -v=8": MARK,
    "get --raw /api/v1/namespaces/default/secrets/NAME": MARK,
    "label secret NAME a=b -o yaml": MARK,
    "annotate secret NAME --list": MARK,
    "describe secret NAME": f"a:  {len(PLAIN)} bytes",
}


@pytest.mark.parametrize("form", PICKED)
async def test_form_that_picks_values_shows_marks(caller: Caller, secret: str, form: str) -> None:
    response = await caller.run("kubectl", form.replace("NAME", secret))
    seen = await answers(caller, response.job_id)

    assert response.success, response
    assert PICKED[form] in f"{response.output}{response.error}"
    assert leaks(seen, CANARY) == []


async def test_mask_is_not_written_back(caller: Caller, secret: str) -> None:
    shown = await caller.output("kubectl", f"get secret {secret} -o yaml")
    response = await caller.run("kubectl", "replace -f -", stdin=shown)

    assert not response.success
    assert "masks of Secrets must not be written back" in (response.error or "")


async def test_own_secret_that_reaches_no_cluster_is_shown(caller: Caller) -> None:
    output = await caller.output(
        "kubectl", f"create secret generic x --from-literal=a={CANARY} --dry-run=client -o yaml"
    )
    assert leaks(output, CANARY) == [CANARY]
