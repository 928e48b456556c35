"""Makes a kubeconfig of this machine self-contained: the files that it names are read here and put into it.

A gateway takes inline data only. Files are looked up as kubectl does, relative to the kubeconfig's own folder; a
token file is read once, so a token that is renewed there needs a new start. No program is run for credentials.
"""

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from cli.errors import StartError

MAX_FILE_BYTES = 1024 * 1024
CLUSTER_FILES = {"certificate-authority": "certificate-authority-data"}
USER_FILES = {"client-certificate": "client-certificate-data", "client-key": "client-key-data"}
TOKEN_FILE = "tokenFile"  # noqa: S105 - a field's name
PROGRAMS = ("exec", "auth-provider")

Fields = dict[str, Any]


def load(path: str, *, only_context: str | None = None, current_context: str | None = None) -> str:
    """The kubeconfig as YAML that names no file.

    With `only_context` it has that one only, and uses it; `current_context` is used instead of the file's own.

    What cannot be made self-contained is refused where the chosen context needs it, and left alone elsewhere.
    `StartError` repeats nothing secret.
    """
    if os.pathsep in path and not Path(path).exists():
        raise StartError(
            "--kubeconfig takes one file; make one of several with: kubectl config view --flatten --raw > FILE"
        )
    file = Path(path).expanduser()
    config = _parse(_read(file, "--kubeconfig"))
    if only_context is not None:
        _keep_only(config, only_context)
    elif current_context is not None:
        config["current-context"] = current_context
    chosen = _chosen(config)
    for name, cluster in _entries(config, "clusters", "cluster"):
        _inline(cluster, CLUSTER_FILES, folder=file.parent, is_needed=name == chosen.get("cluster"))
    for name, user in _entries(config, "users", "user"):
        is_needed = name == chosen.get("user")
        if is_needed:
            _refuse_programs(name, user)
        _inline(user, USER_FILES, folder=file.parent, is_needed=is_needed)
        _inline_token(user, folder=file.parent, is_needed=is_needed)
    return yaml.safe_dump(config, sort_keys=False)


def _parse(data: bytes) -> Fields:
    try:
        config = yaml.safe_load(data.decode())
    except (yaml.YAMLError, ValueError, RecursionError):
        raise StartError("--kubeconfig: the file is no YAML") from None
    if not isinstance(config, dict):
        raise StartError("--kubeconfig: the file is no kubeconfig")
    return config


def _entries(config: Fields, section: str, kind: str) -> Iterator[tuple[str, Fields]]:
    """Name and content of the section's well-formed entries; what is malformed is left to who judges the result."""
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
        raise StartError(f"--context: the kubeconfig has no context {context!r}; it has: {names}")
    config["current-context"] = context
    kept = {"contexts": context, "clusters": contexts[context].get("cluster"), "users": contexts[context].get("user")}
    for section, name in kept.items():
        entries = config.get(section)
        if isinstance(entries, list):
            config[section] = [entry for entry in entries if isinstance(entry, dict) and entry.get("name") == name]


def _refuse_programs(name: str, user: Fields) -> None:
    for field in PROGRAMS:
        if user.get(field):
            raise StartError(
                f"--kubeconfig: user {name!r} gets its credentials from a program ({field}), and mcp-k8s runs none. "
                "Make a token (kubectl create token SERVICE_ACCOUNT --duration=24h), add it (kubectl config "
                "set-credentials mcp --token=TOKEN; kubectl config set-context mcp --cluster=CLUSTER --user=mcp) "
                "and start with --context mcp"
            )


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
