"""Values of Secrets on a real cluster: the real CLIs print them, and no answer has them."""

import base64
import json

import httpx
import yaml

from shared.models import CommandResponse
from tests.e2e import manifests
from tests.e2e.test_argocd import TRUST
from tests.e2e.user import User
from tests.integration.end_to_end.system import System
from tests.support.argo_cd import ArgoCd
from tests.support.leaks import leaks

CANARY, CHANGED = "canary-of-a-secret", "changed-canary-of-it"
MARK = f"[masked, {len(CANARY)} bytes]"
ANSWERS = ("", "/events", "/output?stream=stdout", "/output?stream=stderr")
SECRET_TEMPLATE = """\
apiVersion: v1
kind: Secret
metadata:
  name: {{ .Release.Name }}
  annotations: {{ .Values.hook | toYaml | nindent 4 }}
stringData:
  password: {{ .Values.password }}
"""


def secret(value: str, **labels: str) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "web", "labels": labels},
            "data": {"password": base64.b64encode(value.encode()).decode()},
        }
    )


def chart() -> dict[str, str]:
    hook = {"helm.sh/hook": "post-install"}
    files = manifests.chart(password=CANARY, hook={})
    return files | {
        "web/templates/secret.yaml": SECRET_TEMPLATE,
        "web/templates/hook.yaml": SECRET_TEMPLATE.replace(".Release.Name", ".Values.hookName").replace(
            ".Values.hook |", ".Values.hookAnnotations |"
        ),
        "web/values.yaml": files["web/values.yaml"] + yaml.safe_dump({"hookName": "hooked", "hookAnnotations": hook}),
    }


async def assert_hidden(system: System, response: CommandResponse) -> str:
    """Nowhere among the answers in which the job can be read; what they all say."""
    async with httpx.AsyncClient(base_url=system.url, timeout=60, trust_env=False) as http:
        read = [(await http.get(f"/jobs/{response.job_id}{path}")).text for path in ANSWERS]
    seen = "\n".join((response.model_dump_json(), *read))
    assert leaks(seen, CANARY, CHANGED) == []
    return seen


async def test_kubectl_shows_secrets_masked_as_a_whole(user: User, system: System) -> None:
    await user.output("kubectl", "apply -f -", stdin=secret(CANARY))
    await user.output("kubectl", "create configmap web --from-literal=colour=blue")
    for form in ("secret web -o yaml", "secrets -o json", "cm,secrets -o kyaml", "secret/web cm/web -o yaml"):
        response = await user.run("kubectl", f"get {form}")
        assert response.success, response
        assert MARK in response.output
        assert "do not write these marks back" in (response.hint or "")
        await assert_hidden(system, response)
    filtered = await user.run("kubectl", "get secret web -o json | grep -A1 data")
    assert MARK in filtered.output
    await assert_hidden(system, filtered)
    applied = await user.run("kubectl", "apply -f - -o yaml", stdin=secret(CANARY, tier="front"))
    assert MARK in applied.output
    await assert_hidden(system, applied)
    assert "`get -o json|yaml`, masked" in await user.refusal("kubectl", "get secret web -o jsonpath='{.data}'")


async def test_diff_shows_that_a_secret_changes_and_not_what(user: User, system: System) -> None:
    await user.output("kubectl", "apply -f -", stdin=secret(CANARY))
    changed = await user.run("kubectl", "diff -f -", stdin=secret(CHANGED, tier="front"))
    assert changed.exit_code == 1, changed
    assert "+    tier: front" in changed.output
    assert "*** (before)" in changed.output
    seen = await assert_hidden(system, changed)
    assert "last-applied-configuration" in seen


async def test_helm_shows_releases_masked(user: User, system: System) -> None:
    values = ["-f values.yaml", "-f values.yaml -o json", "-f values.yaml --dry-run=client", "-f values.yaml --debug"]
    for number, options in enumerate(values):
        response = await user.run(
            "helm", f"install web{number} ./web --set hookName=h{number} {options}", files=chart()
        )
        assert response.success, response
        await assert_hidden(system, response)
    for command in (
        "get manifest web0",
        "get hooks web0",
        "get values web0",
        "get values web0 -o json --all",
        "get all web0",
        "status web0 -o yaml",
        "status web0 -o json",
        "upgrade web0 ./web -f values.yaml --dry-run=server",
        "template web0 ./web -f values.yaml",
    ):
        response = await user.run("helm", command, files=chart())
        assert response.success, response
        assert MARK in response.output, command
        await assert_hidden(system, response)
    for command in ("get notes web0", "get metadata web0 -o json", "history web0 -o json", "status web0", "list"):
        await assert_hidden(system, await user.run("helm", command))
    blob = json.loads(await user.output("kubectl", "get secrets -l owner=helm,name=web0 -o json"))
    assert [entry["data"]["release"].startswith("[masked, ") for entry in blob["items"]] == [True]


async def test_error_that_quotes_a_secret_shows_no_values(user: User, system: System) -> None:
    """The API server repeats the object that a patch does not fit."""
    await user.output("kubectl", "apply -f -", stdin=secret(CANARY))
    for options in ("--type=merge", "--type=merge --dry-run=server", "--type=strategic"):
        failed = await user.failure("kubectl", f"""patch secret web -p '{{"data":{{"x":"!"}}}}' {options}""")
        assert "illegal base64 data" in (failed.error or "")
        await assert_hidden(system, failed)
    copied = """patch secret web --type=json --dry-run=server -p '[{"op":"copy","from":"/data","path":"/type"}]'"""
    assert "a JSON patch can copy" in await user.refusal("kubectl", copied)
    assert "selects values" in await user.refusal("kubectl", "annotate secret web --list --dry-run=client")


async def test_release_that_failed_on_a_secret_shows_no_values(user: User, system: System) -> None:
    files, options = chart(), "-f values.yaml --server-side=false"
    await user.output("helm", f"install web ./web {options}", files=files)
    broken = {"web/templates/secret.yaml": SECRET_TEMPLATE + 'data: {x: "!"}\n'}
    failed = await user.failure("helm", f"upgrade web ./web {options}", files=files | broken)
    assert "illegal base64 data" in (failed.error or "")
    await assert_hidden(system, failed)
    for command in ("history web", "history web -o json", "history web -o yaml", "status web", "status web -o yaml"):
        response = await user.run("helm", command)
        assert "[masked" in response.output, response
        await assert_hidden(system, response)


async def test_argo_cd_hides_values_of_secrets_itself(user: User, system: System, argo_cd: ArgoCd) -> None:
    """What it shows is not masked here: that it needs no mask is what must hold."""
    name = user.namespace
    argo_cd.repository.add(name, secret(CANARY))
    argo_user = user.with_argo_cd(argo_cd.server, argo_cd.token)
    await argo_user.output(
        "argocd",
        f"app create {name} --repo {argo_cd.repository.url} --path {name} --dest-server {argo_cd.cluster_url} "
        f"--dest-namespace {name} {TRUST}",
    )
    for command in ("app diff NAME", "app sync NAME --timeout 90", "app manifests NAME", "app get NAME -o yaml"):
        response = await argo_user.run("argocd", f"{command.replace('NAME', name)} {TRUST}")
        assert response.exit_code in (0, 1), response
        await assert_hidden(system, response)
    for command in ("app manifests NAME --source live", "app get-resource NAME --kind Secret", "app resources NAME"):
        response = await argo_user.run("argocd", f"{command.replace('NAME', name)} {TRUST}")
        assert "web" in response.output, response
        await assert_hidden(system, response)
