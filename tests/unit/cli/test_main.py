from typer.testing import CliRunner

import shared
from cli.main import app
from shared.sealing.fernet_keys import MasterKeys

RUN = CliRunner()


def test_version_is_the_packages() -> None:
    assert RUN.invoke(app, ["--version"]).output == f"mcp-k8s {shared.__version__}\n"


def test_generated_keys_are_usable_and_differ() -> None:
    keys = [RUN.invoke(app, ["key", "generate"]).output.strip() for _ in range(2)]

    assert len(set(keys)) == 2
    MasterKeys(keys)


def test_port_beyond_its_range_is_refused() -> None:
    assert RUN.invoke(app, ["up", "--port", "70000"]).exit_code == 2
