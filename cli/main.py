"""The `mcp-k8s` command. Each sub-command imports its modules when it runs, so that `--help` is fast."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from cli.errors import StartError
from shared.tools import registry

if TYPE_CHECKING:
    from cli.remote.gateway_client import RemoteGateway
    from gateway.policy.rules import Rules

FAILED_EXIT_CODE = 1
DEFAULT_URL = "http://127.0.0.1:9096"
KubeconfigPath = Annotated[str | None, typer.Option(help="Your kubeconfig (KUBECONFIG, ~/.kube/config).")]
ContextName = Annotated[str | None, typer.Option(help="Context to use (default: the current one).")]
GatewayUrl = Annotated[str, typer.Option(envvar="K8S_MCP_URL", help="The gateway's address.")]

# Pretty tracebacks are off: they can show local variables, which contain keys.
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=f"{registry.listed('and')} over MCP and REST, on a job queue.",
)
key = typer.Typer(no_args_is_help=True, help="Master keys.")
app.add_typer(key, name="key")
policy = typer.Typer(no_args_is_help=True, help="What a gateway lets callers run.")
app.add_typer(policy, name="policy")


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
    """Options of every sub-command."""


@app.command()
def up(
    kubeconfig: Annotated[
        str | None, typer.Option(help="Kubeconfig for requests that send none; on loopback only.")
    ] = None,
    context: Annotated[str | None, typer.Option(help="Context of this kubeconfig to use.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (K8S_MCP_HOST, 127.0.0.1).")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port to listen on, 0 for a free one (K8S_MCP_PORT, 9096).")
    ] = None,
    state_directory: Annotated[
        Path | None, typer.Option(help="Where master key and jobs are kept (~/.local/state/mcp-k8s).")
    ] = None,
    for_bridges: Annotated[bool, typer.Option("--for-bridges", hidden=True)] = False,
) -> None:
    """Run a gateway, a worker and an embedded Valkey on this machine, in this terminal."""
    import asyncio

    from cli.up.start import UpOptions, run

    chosen = UpOptions(kubeconfig, context, host, port, state_directory, for_bridges)
    try:
        with _explained():
            sys.exit(asyncio.run(run(chosen, os.environ)))
    except OSError as error:
        _fail(f"error: {error}", FAILED_EXIT_CODE)


@app.command()
def gateway() -> None:
    """Run one gateway. Its settings are environment variables."""
    from gateway.main import main

    main()


@app.command()
def worker() -> None:
    """Run one worker. Its settings are environment variables."""
    from worker.main import main

    main()


@app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def run(
    tool: Annotated[str, typer.Argument(help=f"{registry.listed('or')}.")],
    arguments: Annotated[list[str], typer.Argument(help="The tool's arguments, as on a command line.")],
    url: GatewayUrl = DEFAULT_URL,
    kubeconfig: Annotated[
        str | None, typer.Option(help="Kubeconfig to send (KUBECONFIG, ~/.kube/config), with the files that it names.")
    ] = None,
    context: Annotated[str | None, typer.Option(help="Context of this kubeconfig to send.")] = None,
    file: Annotated[list[Path] | None, typer.Option(help="File that the command names; repeatable.")] = None,
    stdin: Annotated[bool, typer.Option("--stdin", help="Send standard input to the command.")] = False,
    timeout: Annotated[float | None, typer.Option(min=1, help="Time limit in seconds.")] = None,
) -> None:
    """Run a command on a gateway, with live output and the command's exit code. Ctrl-C cancels it.

    Put options before the tool: mcp-k8s run --url http://gateway:9096 kubectl get pods
    """
    from cli.remote.remote_run import RunOptions, run

    own = arguments[1:] if arguments[0] == "--" else arguments
    options = RunOptions(tool, own, kubeconfig, context, file or [], stdin, timeout)
    _with_gateway(url, lambda gateway: run(gateway, options, os.environ))


@app.command()
def cancel(job_id: Annotated[str, typer.Argument(help="The job's id.")], url: GatewayUrl = DEFAULT_URL) -> None:
    """Cancel a job, and print its state. A job that has ended is not changed."""

    def ask(gateway: "RemoteGateway") -> int:
        print(gateway.cancel(job_id)["state"])
        return 0

    _with_gateway(url, ask)


@app.command()
def jobs(
    url: GatewayUrl = DEFAULT_URL,
    state: Annotated[str | None, typer.Option(help="Only in this state: queued, running, succeeded, failed, …")] = None,
    tool: Annotated[str | None, typer.Option(help="Only jobs of this tool.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Largest number of jobs to list.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """List the jobs of a gateway, newest first."""
    from cli.remote.remote_jobs import show

    _with_gateway(url, lambda gateway: show(gateway, state=state, tool=tool, limit=limit, as_json=as_json))


@app.command()
def kubeconfig(
    kubeconfig: KubeconfigPath = None,
    context: ContextName = None,
    headers: Annotated[
        bool, typer.Option("--headers", help="Print headers as a JSON object, for Claude Code's headersHelper.")
    ] = False,
) -> None:
    """Print your kubeconfig as a value of X-Kubeconfig: one context, with its files and a cloud's short-lived token."""
    import asyncio

    from cli.remote.call_headers import CallHeaders, printed

    source = CallHeaders(os.environ, kubeconfig=kubeconfig, context=context)
    with _explained():
        print(asyncio.run(printed(source, as_json=headers)))


@app.command()
def mcp_stdio(
    url: Annotated[
        str | None, typer.Option(envvar="K8S_MCP_URL", help="The gateway's address (default: a gateway of its own).")
    ] = None,
    kubeconfig: KubeconfigPath = None,
    context: ContextName = None,
) -> None:
    """Run an MCP server on standard input and output that sends your kubeconfig to a gateway with each call.

    Without --url it starts a gateway and a worker, once for all bridges of this machine. They end with the last bridge.
    """
    import asyncio

    from cli.bridge.stdio import BridgeOptions, run

    with _explained():
        asyncio.run(run(BridgeOptions(url, kubeconfig, context), os.environ))


@app.command()
def doctor(
    state_directory: Annotated[Path | None, typer.Option(help="The state directory of `up`.")] = None,
) -> None:
    """Report what this machine has, what is missing, and what to do about it."""
    from cli.doctor.report import examine, is_usable, render

    checks = examine(os.environ, state_directory)
    print(render(checks))
    sys.exit(0 if is_usable(checks) else FAILED_EXIT_CODE)


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Show queued and running jobs, live workers and the state of Redis (K8S_MCP_REDIS_URL).

    Exits with 0, with 3 if there is a warning, or with 1 if Redis is not available.
    """
    import asyncio

    from cli.remote import fleet_status, fleet_table
    from shared.redis import redis_connection
    from shared.settings import StoreSettings

    try:
        with _explained():
            found = asyncio.run(fleet_status.read(StoreSettings.load().redis_address()))
    except redis_connection.UNAVAILABLE as error:
        _fail(f"error: {redis_connection.reason(error)}", FAILED_EXIT_CODE)
    print(found.model_dump_json() if as_json else fleet_table.render(found))
    sys.exit(fleet_status.ATTENTION_EXIT_CODE if found.warnings else 0)


@policy.command(context_settings={"ignore_unknown_options": True})
def explain(
    command: Annotated[
        list[str], typer.Argument(help="A command with its tool; quoted if it has `--` or an option of `explain`.")
    ],
    mode: Annotated[
        str, typer.Option(envvar="K8S_MCP_SECURITY_MODE", help="read-only, strict or permissive.")
    ] = "strict",
    config: Annotated[
        Path | None, typer.Option(envvar="K8S_MCP_SECURITY_CONFIG", help="File with rules and a namespace fence.")
    ] = None,
    default_namespace: Annotated[
        str, typer.Option(envvar="K8S_NAMESPACE", help="Namespace of a command that names none.")
    ] = "default",
) -> None:
    """Show the class of a command, whether it may run, and the rule that decides."""
    import shlex

    from cli.policy.explanation import explain
    from gateway.policy.policy import Policy
    from shared.settings import BAD_SETTINGS_EXIT_CODE, SecurityMode

    if mode not in list(SecurityMode):
        _fail(f"error: {mode!r} is not a mode; the modes are {', '.join(SecurityMode)}", BAD_SETTINGS_EXIT_CODE)
    policy = Policy(SecurityMode(mode), _rules(config)) if config else Policy(SecurityMode(mode))
    words = command[0] if len(command) == 1 else shlex.join(command)
    text, is_allowed = explain(words, policy, namespace=default_namespace)
    print(text)
    sys.exit(0 if is_allowed else FAILED_EXIT_CODE)


@policy.command()
def check(file: Annotated[Path, typer.Argument(help="A file for K8S_MCP_SECURITY_CONFIG.")]) -> None:
    """Check a file of rules: show its rules, or the line of its first error."""
    from cli.policy.explanation import summary

    print(summary(_rules(file)))


@policy.command()
def table() -> None:
    """Print the class of each verb, and the rules that change it."""
    from cli.policy.explanation import table

    print(table())


@key.command()
def generate() -> None:
    """Print a new master key, for K8S_MCP_MASTER_KEYS."""
    from shared.sealing.fernet_keys import MasterKeys

    print(MasterKeys.generate())


@key.command()
def rotate(
    step: Annotated[str, typer.Argument(help="prepare, switch or finish, in this order.")],
    path: Annotated[
        Path, typer.Argument(envvar="K8S_MCP_MASTER_KEYS_FILE", help="The file that gateways and workers read.")
    ],
    at_once: Annotated[
        bool, typer.Option("--at-once", help="Do not wait for processes that may still need the previous step's keys.")
    ] = False,
) -> None:
    """Rotate the master key in its file while gateways and workers run. Prints when the next step is possible."""
    from cli.keys import key_rotation
    from shared.settings import BAD_SETTINGS_EXIT_CODE

    if step not in list(key_rotation.Step):
        _fail(f"error: {step!r} is not a step; the steps are {', '.join(key_rotation.Step)}", BAD_SETTINGS_EXIT_CODE)
    with _explained():
        print(key_rotation.rotate(path, key_rotation.Step(step), at_once=at_once))


@key.command()
def provision(
    secrets_folder: Annotated[Path, typer.Argument(help="Folder for master keys and the URL of Redis.")],
    redis_folder: Annotated[Path, typer.Argument(help="Folder for Redis' file of users.")],
    redis_host: Annotated[
        str, typer.Option(help="Host name of Redis; with sentinels, of the first primary.")
    ] = "redis",
    sentinels: Annotated[str, typer.Option(help="Host names of the sentinels, separated by commas.")] = "",
) -> None:
    """Create the master key and the Redis password of a new installation. Existing ones are kept."""
    from cli.keys import installation

    with _explained():
        installation.provision(
            secrets_folder, redis_folder, redis_host, sentinels=[name for name in sentinels.split(",") if name]
        )


@app.command()
def probe() -> None:
    """Check whether the gateway of these settings can take jobs, for a health check."""
    from cli import gateway_probe
    from shared.settings import GatewaySettings

    with _explained():
        settings = GatewaySettings.load()
    if gateway_probe.get(gateway_probe.GatewayAddress(settings.host, settings.port), "/readyz") is None:
        _fail("error: the gateway is not ready", FAILED_EXIT_CODE)


def _with_gateway(url: str, use: "Callable[[RemoteGateway], int]") -> NoReturn:
    from cli.remote.gateway_client import RemoteGateway

    with closing(RemoteGateway(url)) as gateway, _explained():
        sys.exit(use(gateway))


def _rules(path: Path) -> "Rules":
    from gateway.policy import rule_file

    with _explained():
        return rule_file.load(path).rules


@contextmanager
def _explained() -> Iterator[None]:
    """Ends the process with one line of text if the block raises `SettingsError` or `StartError`."""
    try:
        yield
    except StartError as error:
        _fail(f"error: {error}", FAILED_EXIT_CODE)
    except Exception as error:
        from shared.settings import BAD_SETTINGS_EXIT_CODE, SettingsError

        if not isinstance(error, SettingsError):
            raise
        _fail(str(error), BAD_SETTINGS_EXIT_CODE)


def _fail(text: str, exit_code: int) -> NoReturn:
    print(text, file=sys.stderr)
    sys.exit(exit_code)


if __name__ == "__main__":
    app()
