"""Settings of every process, from environment variables that start with `K8S_MCP_`.

A secret may come from a file instead: `K8S_MCP_MASTER_KEYS_FILE` names one that holds what `K8S_MCP_MASTER_KEYS`
would. An empty variable counts as unset, as compose files write it. Read once at the start and passed down; a bad
value ends the process before it serves.
"""

import os
import re
from enum import StrEnum
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from redis.asyncio import ConnectionPool

from shared.network import destinations
from shared.sealing.fernet_keys import MasterKeys

PREFIX = "K8S_MCP_"
PROXY_URL = re.compile(r"(?:http|socks5)://(?:[^\s/@:]+:[^\s/@]*@)?(?:[a-zA-Z0-9._-]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}/?")
BAD_SETTINGS_EXIT_CODE = 78
"""EX_CONFIG of sysexits.h."""


class SettingsError(Exception):
    """A setting that does not fit; the text names the variable and what is allowed, never the value."""


class SecurityMode(StrEnum):
    READ_ONLY = "read-only"
    STRICT = "strict"
    PERMISSIVE = "permissive"


class _SecretFiles(PydanticBaseSettingsSource):
    """Reads secret fields from the files that `…_FILE` variables name."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        if not path or SecretStr not in (field.annotation, *getattr(field.annotation, "__args__", ())):
            return None, field_name, False
        try:
            return Path(path).read_text().strip(), field_name, False
        except OSError as error:
            raise SettingsError(f"{PREFIX}{field_name.upper()}_FILE: {error.strerror}") from error
        except UnicodeDecodeError:
            raise SettingsError(f"{PREFIX}{field_name.upper()}_FILE: holds something that is no text") from None

    def __call__(self) -> dict[str, Any]:
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}


class StoreSettings(BaseSettings):
    """Where the Redis is that all share: what it takes to look at a fleet."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    redis_url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    """Redis or Valkey ≥ 7: `redis://`, `rediss://` or `unix://`."""

    @classmethod
    def settings_customise_sources(  # noqa: PLR0917 - the signature is pydantic-settings'
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _SecretFiles(settings_cls)

    @field_validator("redis_url")
    @classmethod
    def _redis_url_has_a_scheme(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must start with redis://, rediss:// or unix://")
        try:
            urlsplit(value.get_secret_value()).port  # noqa: B018 - the property raises for what is no port
        except ValueError:
            raise ValueError("holds a host or port that is none; quote a password's special characters") from None
        try:
            pool = ConnectionPool.from_url(value.get_secret_value())
            pool.make_connection()  # type: ignore[no-untyped-call]  # connects to nothing yet
        except (TypeError, ValueError):  # an option in its query that there is not; the text may show a piece of it
            raise ValueError("cannot be used: check its host, port, path and options") from None
        return value

    @classmethod
    def load(cls, **given: Any) -> Self:
        """From the environment, but for what is given. `SettingsError` names every variable that does not fit."""
        try:
            return cls(**given)
        except ValidationError as error:
            raise SettingsError(_explain(error)) from None


class CommonSettings(StoreSettings):
    """What gateway and worker both need."""

    master_keys: SecretStr = Field(default=SecretStr(""))
    """Master keys, the one that seals first, separated by commas; `mcp-k8s key generate` makes one."""
    master_keys_file: Path | None = None
    """File that holds them instead; it is read again when it changes, so that `mcp-k8s key rotate` needs no restart."""
    max_output: int = Field(100_000, ge=1_000, le=10_000_000)
    """Characters of output and of error in a response: a terminal's scrollback, not a data transfer."""
    max_timeout: float = Field(3_600, gt=0, le=86_400)
    """Longest time limit in seconds that a request may ask for."""
    retention_s: int = Field(3_600, ge=60, le=604_800)
    """How long a finished job can be read."""
    allow_loopback: bool = False
    """Whether a kubeconfig may name a cluster on this machine (kind, minikube, k3d); `mcp-k8s up` allows it."""
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$")
    """debug, info, warning or error."""
    traces_endpoint: str = Field(
        "",
        validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    )
    """Collector that traces go to, an `http://` or `https://` URL; or `OTEL_EXPORTER_OTLP_ENDPOINT`, which gets
    `/v1/traces` appended. Empty: none are made. One that does not fit is a warning, for other programs read it too."""
    traces_protocol: str = Field(
        "http/protobuf",
        validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"),
    )
    """Or `OTEL_EXPORTER_OTLP_PROTOCOL`. With any other no traces are made, and a warning says so."""

    @field_validator("master_keys")
    @classmethod
    def _keys_are_usable(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value():
            raise ValueError("is not set; make one with: mcp-k8s key generate")
        try:
            MasterKeys(split_keys(value.get_secret_value()))
        except ValueError:
            raise ValueError("holds something that is no key; make one with: mcp-k8s key generate") from None
        return value

    @property
    def followed_key_file(self) -> Path | None:
        """The file that the master keys came from; None where the variable itself holds them, which wins."""
        return None if os.environ.get(f"{PREFIX}MASTER_KEYS") else self.master_keys_file

    def load_master_keys(self) -> MasterKeys:
        return MasterKeys(split_keys(self.master_keys.get_secret_value()))


class GatewaySettings(CommonSettings):
    """Settings of a gateway."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(9096, ge=0, le=65_535)
    """Port to listen on."""
    allow_anonymous: bool = False
    """Whether a gateway without authentication may listen beyond loopback."""
    allowed_hosts: str = ""
    """Host names, separated by commas, that a request may be addressed to or come from, besides IP addresses and
    localhost: a web page must not reach the gateway by DNS rebinding."""
    timeout: float = Field(300, gt=0, le=86_400)
    """Time limit in seconds of a command that names none."""
    queue_wait_s: int = Field(900, ge=1, le=86_400)
    """How long a job may wait for a worker before it expires."""
    queue_limit: int = Field(1_000, ge=1, le=100_000)
    """Queued jobs beyond which new ones are refused."""
    principal_job_limit: int = Field(0, ge=0, le=100_000)
    """Jobs of one caller that are queued or run, beyond which new ones are refused; 0 sets no limit: callers who do not
    authenticate are one caller."""
    max_wait_s: float = Field(60, ge=0, le=600)
    """Longest `wait` of a long poll: proxies cut connections that are silent for longer."""
    heartbeat_s: int = Field(15, ge=1, le=600)
    """Seconds between comments on an event stream on which nothing else happens: proxies cut what is silent."""
    max_body_bytes: int = Field(8 * 1024 * 1024, ge=1_024)
    """Largest request body."""
    max_header_bytes: int = Field(128 * 1024, ge=8_192)
    """Largest request headers together: a kubeconfig in base64 is 5–20 KiB."""
    body_timeout_s: float = Field(60, gt=0, le=3_600)
    """How long a client may take to send a request's body."""
    security_mode: SecurityMode = SecurityMode.STRICT
    """`read-only` runs only what changes nothing; `strict` also everyday writes, but no mass or irreversible deletion,
    none beyond a namespace, and nothing that shows credentials; `permissive` runs every verb that needs no terminal.
    What contains a command holds in each."""
    security_config: Path | None = None
    """File with rules and a namespace fence (docs/policy.md), read at the start and on SIGHUP."""
    mcp_wait: float = Field(45, ge=0, le=3_600)
    """How long an MCP call waits before it hands over the job's id: many clients give up at 60 s."""
    mcp_max_text: int = Field(40_000, ge=4_000, le=1_000_000)
    """Characters of an MCP result, cut at whole lines: known clients hide results above some 25,000 tokens."""
    gateway_drain_timeout_s: float = Field(20, ge=0, le=86_400)
    """Time that open requests get after SIGTERM; waiting ones are told the job's id at once."""
    default_kubeconfig_file: Path | None = None
    """Kubeconfig of requests that bring none; on loopback only."""
    default_context: str | None = Field(None, validation_alias=AliasChoices("K8S_CONTEXT"))
    """Context of requests that name none (`K8S_CONTEXT`)."""
    default_namespace: str | None = Field(None, validation_alias=AliasChoices("K8S_NAMESPACE"))
    """Namespace of commands that name none (`K8S_NAMESPACE`)."""

    @property
    def allowed_host_names(self) -> frozenset[str]:
        return frozenset(name.strip().lower() for name in self.allowed_hosts.split(",") if name.strip())


class SandboxMode(StrEnum):
    REQUIRE = "require"
    PREFER = "prefer"


class WorkerSettings(CommonSettings):
    """Settings of a worker."""

    fast_slots: int = Field(8, ge=1, le=1_000)
    """Reads that run at the same time."""
    slow_slots: int = Field(8, ge=1, le=1_000)
    """Writes and waiting reads that run at the same time."""
    drain_timeout_s: float = Field(3_660, ge=0, le=172_800)
    """Time running jobs get after SIGTERM: the longest time limit and a minute."""
    kill_grace_s: float = Field(5, ge=0, le=300)
    """Between SIGTERM and SIGKILL to a command's processes."""
    stored_output_bytes: int = Field(10 * 1024 * 1024, ge=1_024)
    """Output of one job that is stored; what comes after is read, counted and dropped."""
    sandbox: SandboxMode = SandboxMode.REQUIRE
    """`require` refuses to start without Landlock, `prefer` says so and runs without."""
    work_directory: Path | None = None
    """Where jobs get their private directories; by default a fresh one in the system's folder for temporary files."""
    tools_directory: Path | None = None
    """Where CLIs and text filters are looked for before PATH."""
    job_file_bytes: int = Field(256 * 1024 * 1024, ge=1_024)
    """What the files of one command may hold together, the caller's own included."""
    go_memory_limit: str = Field("200MiB", pattern=r"^\d+(B|KiB|MiB|GiB)$")
    """Heap of a CLI above which it collects garbage; below it collecting costs start-up time and gains nothing."""
    egress_allow: str = ""
    """Networks, addresses and names (`10.0.0.0/8`, `registry.example`, `*.example.com`), separated by commas, that
    commands may connect to; empty allows all that is not denied."""
    egress_deny: str = ""
    """The same for what commands may not connect to; it goes before what is allowed."""
    egress_proxy: SecretStr = SecretStr("")
    """Proxy that the workers themselves have to use: `http://` or `socks5://`, with user and password where it wants
    them. It is given addresses, for names are resolved and judged here."""
    metrics_port: int = Field(0, ge=0, le=65_535)
    """Port on which a worker tells /metrics, /livez and /readyz; 0: none. No command may reach it."""
    metrics_host: str = "127.0.0.1"
    """Address for that port."""
    own_services: str = ""
    """Services of ours besides Redis that no command may reach: the gateways as `host:port`, separated by commas;
    `mcp-k8s up` names its own."""

    @field_validator("egress_allow", "egress_deny")
    @classmethod
    def _destinations_are_some(cls, value: str) -> str:
        destinations.parse(value)
        return value

    @field_validator("own_services")
    @classmethod
    def _services_have_ports(cls, value: str) -> str:
        destinations.parse_services(value)
        return value

    @field_validator("egress_proxy")
    @classmethod
    def _proxy_has_host_and_port(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and not PROXY_URL.fullmatch(value.get_secret_value()):
            raise ValueError("must be http://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ where it needs one")
        return value


def split_keys(text: str) -> list[str]:
    """Master keys as variable and file hold them: separated by commas, lines that begin with `#` left out."""
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return [key.strip() for line in lines for key in line.split(",") if key.strip()]


def _explain(error: ValidationError) -> str:
    problems = error.errors(include_input=False, include_url=False)
    return "\n".join(
        f"{_variable(problem['loc'])} {problem['msg'].removeprefix('Value error, ')}" for problem in problems
    )


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else ""
    return name if name.startswith("K8S_") else f"{PREFIX}{name.upper()}"
