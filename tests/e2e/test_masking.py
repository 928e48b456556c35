"""Values of Secrets on a real cluster: the real CLIs print them, and no answer has them."""

import base64

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
PLAIN = f"[masked, {len(CANARY)} bytes]"
MARK = base64.b64encode(PLAIN.encode()).decode()
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


FORMS = {
    "get secret web -o yaml": MARK,
    "get secrets -o json": MARK,
    "get cm,secrets -o kyaml": MARK,
    "get secret/web cm/web -o yaml": MARK,
    "get secret web -o json | grep -A1 data": MARK,
    "get secret web -o jsonpath={.data.password}": MARK,
    "get secrets -o go-template='{{range .items}}{{.data.password | base64decode}}{{end}}'": PLAIN,
    "get secrets -o custom-columns=P:.data.password": MARK,
    "get secret web -v=9": MARK,
    "get secrets -v=9": "Opaque",
    "get --raw /api/v1/namespaces/NAMESPACE/secrets": MARK,
    "get --raw /api/v1/watch/namespaces/NAMESPACE/secrets/web?timeoutSeconds=1": MARK,
    "describe secret web": f"password:  {len(PLAIN)} bytes",
    "describe secret web -v=9": MARK,
    "apply view-last-applied secret web": MARK,
    "annotate secret web --list": MARK,
    "label secret web tier=front -o yaml": MARK,
    'patch secret web --type=merge -p \'{"metadata":{"labels":{"a":"b"}}}\' -o json': MARK,
    "set env deploy/web --list --resolve": PLAIN,
    "wait secret/web --for=jsonpath='{.data.password}'=x --timeout=1s": "timed out",
}


async def test_kubectl_shows_secrets_masked_in_every_form(user: User, system: System) -> None:
    await user.output("kubectl", "apply -f -", stdin=secret(CANARY))
    await user.output("kubectl", "create configmap web --from-literal=colour=blue")
    await user.output("kubectl", "create deployment web --image=registry.example/web")
    await user.output("kubectl", "set env deploy/web --from=secret/web")
    for form, seen in FORMS.items():
        response = await user.run("kubectl", form.replace("NAMESPACE", user.namespace))
        assert seen in f"{response.output}{response.error}", (form, response)
        if response.success and seen in {MARK, PLAIN} and seen in response.output:
            assert "do not write these marks back" in (response.hint or "")
        await assert_hidden(system, response)


async def test_writes_of_secrets_work_and_print_marks(user: User, system: System) -> None:
    """`apply` computes with masked values, and writes true ones all the same."""
    await user.output("kubectl", "apply -f -", stdin=secret(CANARY, tier="back"))
    for command in (
        "apply -f -",
        "apply -f - -o yaml",
        "apply -f - -o jsonpath={.data}",
        "apply -f - --server-side --force-conflicts",
    ):
        response = await user.run("kubectl", command, stdin=secret(CANARY, tier="front"))
        assert response.success, response
        await assert_hidden(system, response)
    shown = await user.output("kubectl", "get secret web -o yaml")
    refused = await user.failure("kubectl", "replace -f -", stdin=shown)
    assert "masks of Secrets must not be written back" in (refused.error or "")
    encoded = base64.b64encode(CANARY.encode()).decode()
    assert user.cluster.api.get(f"/api/v1/namespaces/{user.namespace}/secrets/web")["data"] == {"password": encoded}


async def test_apply_that_cannot_compute_its_patch_quotes_no_secret(user: User, system: System) -> None:
    await user.output("kubectl", "create -f -", stdin=secret(CANARY))
    await assert_hidden(system, await user.run("kubectl", "apply --overwrite=false -f -", stdin=secret("own")))
    await user.output("kubectl", "annotate secret web kubectl.kubernetes.io/last-applied-configuration=x")
    await assert_hidden(system, await user.run("kubectl", "apply -f -", stdin=secret("own")))


async def test_diff_shows_what_changes_besides_values(user: User, system: System) -> None:
    await user.output("kubectl", "apply -f -", stdin=secret(CANARY))
    changed = await user.run("kubectl", "diff -f -", stdin=secret(CHANGED, tier="front"))
    assert changed.exit_code == 1, changed
    assert "+    tier: front" in changed.output
    assert "were not compared" in (changed.error or "")
    await assert_hidden(system, changed)
    for command in ("diff -f - --server-side --force-conflicts", "diff -f - --show-secrets"):
        response = await user.run("kubectl", command, stdin=secret(CHANGED, tier="front"))
        assert "tier: front" in response.output, response
        await assert_hidden(system, response)
    for command in ("apply -f - --dry-run=server", "replace -f - --dry-run=server -o yaml"):
        response = await user.run("kubectl", command, stdin=secret(CHANGED))
        assert response.success, response
        assert "were not compared" in (response.error or "")
        await assert_hidden(system, response)
    for command in (
        "create secret generic other --from-literal=a=b --dry-run=server -o yaml",
        "patch secret web --dry-run=server -p '{}' -o yaml",
        "label secret web a=b --dry-run=server",
        "delete secret web --dry-run=server",
    ):
        response = await user.run("kubectl", command)
        assert response.success, response
        await assert_hidden(system, response)
    assert "web" in await user.output("kubectl", "get secret web -o name")


async def test_helm_shows_releases_masked(user: User, system: System) -> None:
    for number, options in enumerate(("", "-o json", "-o yaml")):
        response = await user.run(
            "helm", f"install web{number} ./web --set hookName=h{number} -f values.yaml {options}", files=chart()
        )
        assert response.success, response
        await assert_hidden(system, response)
    for command in (
        "get manifest web0",
        "get hooks web0",
        "get values web0",
        "get values web0 -o json --all",
        "get values web0 -o yaml",
        "get all web0",
        "get all web0 --template '{{.Release.Config}}'",
        "status web0 -o yaml",
        "status web0 -o json",
        "upgrade web0 ./web --reuse-values --dry-run=server",
    ):
        response = await user.run("helm", command, files=chart())
        assert response.success, (command, response)
        assert "[masked, " in response.output or MARK in response.output, (command, response)
        await assert_hidden(system, response)
    for command in ("get notes web0", "get metadata web0 -o json", "history web0 -o json", "status web0", "list"):
        response = await user.run("helm", command)
        assert response.success, response
        await assert_hidden(system, response)
    for command in (
        "upgrade web0 ./web --reuse-values",
        "rollback web0 1",
        "upgrade web0 ./web --reuse-values -o json",
    ):
        response = await user.run("helm", command, files=chart())
        assert response.success, (command, response)
        await assert_hidden(system, response)
    assert "prints values" in await user.refusal("helm", "upgrade web0 ./web --debug", files=chart())
    uninstalled = await user.run("helm", "uninstall web0")
    assert uninstalled.success, uninstalled


async def test_values_that_helm_showed_masked_are_not_installed(user: User, system: System) -> None:
    await user.output("helm", "install web ./web --set hookName=h -f values.yaml", files=chart())
    values = await user.output("helm", "get values web -o yaml")
    assert PLAIN in values
    failed = await user.failure("helm", "upgrade web ./web -f old.yaml", files=chart() | {"old.yaml": values})
    assert "masks of Secrets must not be written back" in (failed.error or "")
    await assert_hidden(system, failed)


async def test_error_that_quotes_a_secret_shows_no_values(user: User, system: System) -> None:
    """The API server repeats the object that a patch does not fit."""
    await user.output("kubectl", "apply -f -", stdin=secret(CANARY))
    for options in ("--type=merge", "--type=strategic"):
        failed = await user.failure("kubectl", f"""patch secret web -p '{{"data":{{"x":"!"}}}}' {options}""")
        assert "illegal base64 data" in (failed.error or "")
        await assert_hidden(system, failed)
    copied = """patch secret web --type=json -p '[{"op":"copy","from":"/data/password","path":"/metadata/labels/a"}]'"""
    refused = await user.failure("kubectl", copied)
    assert "copies, moves or tests" in (refused.error or "")


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
