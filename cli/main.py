"""The `mcp-k8s` command. What a sub-command needs is imported when it runs, so that `--help` answers at once."""

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

FAILED_EXIT_CODE = 1

# Pretty tracebacks can show local variables, and those hold keys.
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="kubectl, helm, istioctl and argocd over MCP and REST, on a job queue.",
)
key = typer.Typer(no_args_is_help=True, help="Master keys.")
app.add_typer(key, name="key")


def _show_version(wanted: bool) -> None:
    if wanted:
        import shared

        print(f"mcp-k8s {shared.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """kubectl, helm, istioctl and argocd over MCP and REST, on a job queue."""


@app.command()
def up(
    kubeconfig: Annotated[
        str | None, typer.Option(help="Kubeconfig of requests that bring none; on loopback only.")
    ] = None,
    context: Annotated[str | None, typer.Option(help="The one context of it to use.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (K8S_MCP_HOST, 127.0.0.1).")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port to listen on, 0 for a free one (K8S_MCP_PORT, 9096).")
    ] = None,
    state_directory: Annotated[
        Path | None, typer.Option(help="Where master key and jobs are kept (~/.local/state/mcp-k8s).")
    ] = None,
) -> None:
    """Run a gateway, a worker and an embedded Valkey on this machine, in this terminal."""
    import asyncio

    from cli.errors import StartError
    from cli.up import UpOptions, run
    from shared.settings import BAD_SETTINGS_EXIT_CODE, SettingsError

    chosen = UpOptions(kubeconfig, context, host, port, state_directory)
    try:
        sys.exit(asyncio.run(run(chosen, os.environ)))
    except SettingsError as error:
        _fail(str(error), BAD_SETTINGS_EXIT_CODE)
    except (StartError, OSError) as error:
        _fail(f"error: {error}", FAILED_EXIT_CODE)


@app.command()
def gateway() -> None:
    """Run one gateway; its settings are environment variables."""
    from gateway.main import main

    main()


@app.command()
def worker() -> None:
    """Run one worker; its settings are environment variables."""
    from worker.main import main

    main()


@app.command()
def doctor(
    state_directory: Annotated[Path | None, typer.Option(help="The state directory that `up` would be given.")] = None,
) -> None:
    """Say what this machine has, what is missing, and what to do."""
    from cli.doctor import examine, is_usable, render

    checks = examine(os.environ, state_directory)
    print(render(checks))
    sys.exit(0 if is_usable(checks) else FAILED_EXIT_CODE)


@key.command()
def generate() -> None:
    """Print a new master key, for K8S_MCP_MASTER_KEYS."""
    from shared.sealing import MasterKeys

    print(MasterKeys.generate())


def _fail(text: str, exit_code: int) -> NoReturn:
    print(text, file=sys.stderr)
    sys.exit(exit_code)


if __name__ == "__main__":
    app()
