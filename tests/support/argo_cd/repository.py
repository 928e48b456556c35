"""A git repository on disk that holds an application's manifests."""

import os
import subprocess
from pathlib import Path

import yaml

IDENTITY = {
    "GIT_AUTHOR_NAME": "tests",
    "GIT_AUTHOR_EMAIL": "tests@example.com",
    "GIT_COMMITTER_NAME": "tests",
    "GIT_COMMITTER_EMAIL": "tests@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


class Repository:
    """One branch, `main`, and a folder `web` with a Deployment and a ConfigMap."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self._git("init", "--quiet", "--initial-branch=main")
        self.commit(replicas=1, colour="blue")

    @property
    def url(self) -> str:
        return f"file://{self.path}"

    def commit(self, *, replicas: int, colour: str) -> None:
        """A new revision of the application."""
        self.add("web", yaml.safe_dump_all((_deployment(replicas), _config_map(colour))))

    def add(self, folder: str, manifests: str) -> None:
        """A revision in which that folder holds these, and the others what they held."""
        (self.path / folder).mkdir(exist_ok=True)
        (self.path / folder / "all.yaml").write_text(manifests)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", folder)

    def _git(self, *arguments: str) -> None:
        subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env={"PATH": os.environ["PATH"], "HOME": str(self.path), **IDENTITY},
            check=True,
            capture_output=True,
        )


def _deployment(replicas: int) -> dict[str, object]:
    labels = {"app": "web"}
    container = {"name": "web", "image": "registry.example/web:1"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def _config_map(colour: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}, "data": {"colour": colour}}
