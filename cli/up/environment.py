"""The environment that `up` gives to gateway and worker, and the settings that they will read from it.

What the user set stays; what is missing is filled in for one machine.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from shared.settings import PREFIX, GatewaySettings, SettingsError, WorkerSettings

PROJECT = Path(__file__).parents[2]
FETCHED_TOOLS = PROJECT / ".tools" / "bin"
"""Where `make tools` puts what PATH lacks."""
REDIS_URL = f"{PREFIX}REDIS_URL"
MASTER_KEYS = f"{PREFIX}MASTER_KEYS"
DEFAULT_KUBECONFIG_FILE = f"{PREFIX}DEFAULT_KUBECONFIG_FILE"
DEFAULT_CONTEXT = "K8S_CONTEXT"
SECURITY_CONFIG = f"{PREFIX}SECURITY_CONFIG"
OWN_SERVICES = f"{PREFIX}OWN_SERVICES"


def is_given(environment: Mapping[str, str], variable: str) -> bool:
    """Whether it, or the file that holds it, is set."""
    return bool(environment.get(variable) or environment.get(f"{variable}_FILE"))


def for_one_machine(environment: Mapping[str, str]) -> dict[str, str]:
    """The user's variables with what one machine needs: clusters on loopback, a sandbox where there is one."""
    own = {name: value for name, value in environment.items() if value or not name.startswith(PREFIX)}
    own.setdefault(f"{PREFIX}ALLOW_LOOPBACK", "true")
    own.setdefault(f"{PREFIX}SANDBOX", "prefer")
    if is_source_tree():
        own["PATH"] = os.pathsep.join(filter(None, (own.get("PATH"), str(FETCHED_TOOLS))))
    return own


def with_service(environment: Mapping[str, str], url: str) -> str:
    """What no command may reach: what the user names, and what listens at that URL."""
    return ",".join(filter(None, (environment.get(OWN_SERVICES), urlsplit(url).netloc)))


def for_children(environment: Mapping[str, str]) -> dict[str, str]:
    """With `python -P` a child does not look into the current folder: from a source tree it is told where to."""
    if not is_source_tree():
        return dict(environment)
    search_path = os.pathsep.join(filter(None, (str(PROJECT), environment.get("PYTHONPATH"))))
    return {**environment, "PYTHONPATH": search_path}


def is_source_tree() -> bool:
    """Whether this runs from a clone, and not from an installed package."""
    return (PROJECT / "pyproject.toml").is_file()


def load_settings(environment: Mapping[str, str]) -> tuple[GatewaySettings, WorkerSettings]:
    """What the children will read, read first: one explanation instead of two dead processes. `SettingsError`.

    Makes it the environment of this process, for that is what the settings are read from.
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
