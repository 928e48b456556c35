"""Makes a kubeconfig of this machine self-contained, because a gateway accepts only inline data.

Files that the kubeconfig names are read, relative to the kubeconfig's folder as in kubectl, and their content replaces
the paths. A credential program is run, and its output replaces the `exec` entry.
"""

import asyncio
import base64
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cli.errors import StartError
from cli.kubeconfig import exec_plugin
from cli.kubeconfig.exec_credential import Credential
from cli.kubeconfig.exec_plugin import ExecPlugin

MAX_FILE_BYTES = 1024 * 1024
CLUSTER_FILES = {"certificate-authority": "certificate-authority-data"}
USER_FILES = {"client-certificate": "client-certificate-data", "client-key": "client-key-data"}
TOKEN_FILE = "tokenFile"  # noqa: S105 - a field's name
PLUGIN, PROVIDER = "exec", "auth-provider"
DEFAULT_PATH = "~/.kube/config"
CURRENT = ""
"""A value of `only_context` that stands for the current context."""

Fields = dict[str, Any]
CredentialSource = Callable[[ExecPlugin], Awaitable[Credential]]


@dataclass(frozen=True, slots=True)
class LocalKubeconfig:
    """A kubeconfig that names no file. `plugin` is the credential program of its chosen context, if it has one."""

    config: Fields
    plugin: ExecPlugin | None = None

    def text(self, credential: Credential | None = None) -> str:
        """Returns the kubeconfig as YAML, with the credential in place of the program."""
        if credential is not None and self.plugin is not None:
            users = dict(_entries(self.config, "users", "user"))
            user = users[self.plugin.user]
            del user[PLUGIN]
            user.update(_as_fields(credential))
        return yaml.safe_dump(self.config, sort_keys=False)


def find(named: str | None, variables: Mapping[str, str]) -> str | None:
    """Returns the path to use: `named`, else KUBECONFIG, else ~/.kube/config if that exists, else None."""
    chosen = named or variables.get("KUBECONFIG")
    if chosen is None and not Path(DEFAULT_PATH).expanduser().exists():
        return None
    return chosen or DEFAULT_PATH


async def load(
    path: str,
    *,
    only_context: str | None = None,
    current_context: str | None = None,
    credential_of: CredentialSource = exec_plugin.run,
) -> str:
    """Returns the kubeconfig as YAML that names no file and no program. Parameters and errors are as in `read`."""
    local = await asyncio.to_thread(read, path, only_context=only_context, current_context=current_context)
    return local.text(await credential_of(local.plugin) if local.plugin is not None else None)


def read(path: str, *, only_context: str | None = None, current_context: str | None = None) -> LocalKubeconfig:
    """Reads a kubeconfig and inlines its files.

    `only_context` removes all other contexts and selects this one. `current_context` replaces the file's own.

    Raises `StartError`, whose text contains no secret, if the chosen context cannot be made self-contained. Entries
    that the chosen context does not need are left unchanged.
    """
    if os.pathsep in path and not Path(path).exists():
        raise StartError(
            "--kubeconfig takes one file; to merge several, run: kubectl config view --flatten --raw > FILE"
        )
    file = Path(path).expanduser()
    config = _parse(_read(file, "--kubeconfig"))
    if current_context is not None:
        config["current-context"] = current_context
    if only_context is not None:
        _keep_only(config, only_context or str(config.get("current-context") or ""))
    chosen = _chosen(config)
    plugin = None
    for name, cluster in _entries(config, "clusters", "cluster"):
        _inline(cluster, CLUSTER_FILES, folder=file.parent, is_needed=name == chosen.get("cluster"))
    for name, user in _entries(config, "users", "user"):
        is_needed = name == chosen.get("user")
        _inline(user, USER_FILES, folder=file.parent, is_needed=is_needed)
        _inline_token(user, folder=file.parent, is_needed=is_needed)
        if is_needed:
            plugin = _plugin(name, user, cluster=_chosen_cluster(config), folder=file.parent)
    if only_context is not None:
        _drop_extensions(config)
    return LocalKubeconfig(config, plugin)


def _parse(data: bytes) -> Fields:
    try:
        config = yaml.safe_load(data.decode())
    except (yaml.YAMLError, ValueError, RecursionError):
        raise StartError("--kubeconfig: the file is not valid YAML") from None
    if not isinstance(config, dict):
        raise StartError("--kubeconfig: the file is not a kubeconfig")
    return config


def _entries(config: Fields, section: str, kind: str) -> Iterator[tuple[str, Fields]]:
    """Yields name and content of each well-formed entry. Malformed entries are judged by the gateway."""
    found = config.get(section)
    for entry in found if isinstance(found, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get(kind), dict):
            yield str(entry.get("name")), entry[kind]


def _chosen(config: Fields) -> Fields:
    contexts = dict(_entries(config, "contexts", "context"))
    return contexts.get(str(config.get("current-context")), {})


def _keep_only(config: Fields, context: str) -> None:
    contexts = dict(_entries(config, "contexts", "context"))
    if context not in contexts:
        names = ", ".join(contexts) or "none"
        if not context:
            raise StartError(f"--kubeconfig: no current context is set; choose one with --context; contexts: {names}")
        raise StartError(f"--context: the kubeconfig has no context {context!r}; contexts: {names}")
    config["current-context"] = context
    kept = {"contexts": context, "clusters": contexts[context].get("cluster"), "users": contexts[context].get("user")}
    for section, name in kept.items():
        entries = config.get(section)
        if isinstance(entries, list):
            config[section] = [entry for entry in entries if isinstance(entry, dict) and entry.get("name") == name]


def _plugin(name: str, user: Fields, *, cluster: Fields, folder: Path) -> ExecPlugin | None:
    if user.get(PROVIDER):
        raise StartError(
            f"--kubeconfig: user {name!r} gets its credentials from an auth-provider, which kubectl no longer "
            "supports. Renew the kubeconfig with its cloud's CLI, or make a token (kubectl create token "
            "SERVICE_ACCOUNT --duration=24h), add it (kubectl config set-credentials mcp --token=TOKEN; kubectl config "
            "set-context mcp --cluster=CLUSTER --user=mcp) and start with --context mcp"
        )
    fields = user.get(PLUGIN)
    if not fields:
        return None
    if not isinstance(fields, dict):
        raise StartError(f"--kubeconfig: the entry `exec` of user {name!r} is not a mapping")
    return exec_plugin.read(name, fields, cluster=cluster, folder=folder)


def _chosen_cluster(config: Fields) -> Fields:
    return dict(_entries(config, "clusters", "cluster")).get(str(_chosen(config).get("cluster")), {})


def _drop_extensions(config: Fields) -> None:
    """Removes data that other programs, such as minikube, keep in a kubeconfig. No worker reads it."""
    config.pop("preferences", None)
    config.pop("extensions", None)
    for section, kind in (("clusters", "cluster"), ("contexts", "context"), ("users", "user")):
        for _, fields in _entries(config, section, kind):
            fields.pop("extensions", None)


def _as_fields(credential: Credential) -> Fields:
    pem = {"client-certificate-data": credential.certificate, "client-key-data": credential.key}
    data = {name: base64.b64encode(text.encode()).decode() for name, text in pem.items() if text is not None}
    return data if credential.token is None else {"token": credential.token, **data}


def _inline(entry: Fields, files: dict[str, str], *, folder: Path, is_needed: bool) -> None:
    for field, data_field in files.items():
        if entry.get(data_field):  # wins over the file, as in kubectl
            entry.pop(field, None)
        elif (data := _read_named(entry, field, folder=folder, is_needed=is_needed)) is not None:
            del entry[field]
            entry[data_field] = base64.b64encode(data).decode()


def _inline_token(user: Fields, *, folder: Path, is_needed: bool) -> None:
    data = _read_named(user, TOKEN_FILE, folder=folder, is_needed=is_needed)
    if data is not None:
        del user[TOKEN_FILE]
        user["token"] = data.decode("utf-8", "replace").strip()  # wins over `token`, as in kubectl


def _read_named(entry: Fields, field: str, *, folder: Path, is_needed: bool) -> bytes | None:
    name = entry.get(field)
    if not name or not isinstance(name, str):
        return None
    try:
        return _read(folder / name, f"--kubeconfig: {field}")
    except StartError:
        if is_needed:
            raise
        return None


def _read(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise StartError(f"{what} {path}: {error.strerror}") from error
    if len(data) > MAX_FILE_BYTES:
        raise StartError(f"{what} {path}: is larger than {MAX_FILE_BYTES} bytes")
    return data
