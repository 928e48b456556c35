"""The environment that `up` gives to the gateway and the worker, and the settings that they read from it.

Variables that the user set are kept. Missing ones get values that suit a single machine.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from shared.settings import PREFIX, GatewaySettings, SettingsError, WorkerSettings

PROJECT = Path(__file__).parents[2]
FETCHED_TOOLS = PROJECT / ".tools" / "bin"
"""Folder into which `make tools` puts the CLIs that are not on PATH, or too old there."""
REDIS_URL = f"{PREFIX}REDIS_URL"
MASTER_KEYS = f"{PREFIX}MASTER_KEYS"
DEFAULT_KUBECONFIG_FILE = f"{PREFIX}DEFAULT_KUBECONFIG_FILE"
DEFAULT_CONTEXT = "K8S_CONTEXT"
SECURITY_CONFIG = f"{PREFIX}SECURITY_CONFIG"
OWN_SERVICES = f"{PREFIX}OWN_SERVICES"


def is_given(environment: Mapping[str, str], variable: str) -> bool:
    """Returns whether the variable, or its `…_FILE` variant, is set."""
    return bool(environment.get(variable) or environment.get(f"{variable}_FILE"))


def for_one_machine(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns the user's variables, with defaults for one machine: loopback clusters allowed, the sandbox optional.

    In a source tree, fetched CLIs come before those on PATH, as in the Makefile.
    """
    own = {name: value for name, value in environment.items() if value or not name.startswith(PREFIX)}
    own.setdefault(f"{PREFIX}ALLOW_LOOPBACK", "true")
    own.setdefault(f"{PREFIX}SANDBOX", "prefer")
    if is_source_tree():
        own["PATH"] = os.pathsep.join(filter(None, (str(FETCHED_TOOLS), own.get("PATH"))))
    return own


def with_service(environment: Mapping[str, str], url: str) -> str:
    """Returns the services that no command may reach: the user's list and the service at `url`."""
    return ",".join(filter(None, (environment.get(OWN_SERVICES), urlsplit(url).netloc)))


def for_children(environment: Mapping[str, str]) -> dict[str, str]:
    """Adds PYTHONPATH in a source tree, because `python -P` ignores the current folder."""
    if not is_source_tree():
        return dict(environment)
    search_path = os.pathsep.join(filter(None, (str(PROJECT), environment.get("PYTHONPATH"))))
    return {**environment, "PYTHONPATH": search_path}


def is_source_tree() -> bool:
    """Returns whether this runs from a clone instead of an installed package."""
    return (PROJECT / "pyproject.toml").is_file()


def load_settings(environment: Mapping[str, str]) -> tuple[GatewaySettings, WorkerSettings]:
    """Reads the children's settings before they start, so that a bad value is explained once. Raises `SettingsError`.

    Settings are read from `os.environ`, so this replaces the environment of the current process.
    """
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)
    problems = []
    for settings in (GatewaySettings, WorkerSettings):
        try:
            settings.load()
        except SettingsError as error:
            problems += str(error).splitlines()
    if problems:
        raise SettingsError("\n".join(dict.fromkeys(problems)))
    return GatewaySettings.load(), WorkerSettings.load()
