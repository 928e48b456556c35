"""Settings of every process, from environment variables that start with `K8S_MCP_`.

A secret may come from a file instead: `K8S_MCP_MASTER_KEYS_FILE` names a file with the value of `K8S_MCP_MASTER_KEYS`.
An empty variable counts as unset, because compose files write unset variables so. Settings are read once at the start
and passed down. A value that is not valid ends the process before it serves.
"""

import os
import re
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from shared.network import destinations, redis_address
from shared.network.redis_address import RedisAddress
from shared.sealing.fernet_keys import MasterKeys

PREFIX = "K8S_MCP_"
PROXY_URL = re.compile(r"(?:http|socks5)://(?:[^\s/@:]+:[^\s/@]*@)?(?:[a-zA-Z0-9._-]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}/?")
BAD_SETTINGS_EXIT_CODE = 78
"""Exit code for settings that are not valid: EX_CONFIG of sysexits.h."""


class SettingsError(Exception):
    """A setting is not valid. The text names the variable and the allowed values, but never shows the value."""


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
            raise SettingsError(f"{PREFIX}{field_name.upper()}_FILE: the file is not text") from None

    def __call__(self) -> dict[str, Any]:
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}


class StoreSettings(BaseSettings):
    """The address of Redis. `mcp-k8s status` needs no other setting."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    redis_url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    """URL of Redis or Valkey 7 or later: `redis://`, `rediss://` or `unix://`; or behind Sentinel
    `redis+sentinel://USER:PASSWORD@HOST:26379,HOST:26379/SERVICE/0`, with `rediss+sentinel://` for TLS to servers and
    sentinels. User and password are those of the servers."""
    redis_sentinel_username: str = ""
    """User for the sentinels, if they have users."""
    redis_sentinel_password: SecretStr = SecretStr("")
    """Password for the sentinels, if they require one."""
    redis_ca_file: Path | None = None
    """File with the certificates, in PEM, of the authorities that `rediss://` and `rediss+sentinel://` trust besides
    those of the system."""

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
    def _redis_url_is_usable(cls, value: SecretStr) -> SecretStr:
        redis_address.parse(value.get_secret_value())
        return value

    @field_validator("redis_ca_file")
    @classmethod
    def _redis_ca_file_is_usable(cls, value: Path | None, given: ValidationInfo) -> Path | None:
        if value is not None:
            redis_address.check_ca_file(value)
            url = given.data.get("redis_url")
            if url is not None and not redis_address.uses_tls(url.get_secret_value()):
                raise ValueError("needs a K8S_MCP_REDIS_URL that starts with rediss:// or rediss+sentinel://")
        return value

    def redis_address(self) -> RedisAddress:
        """Returns the address of Redis, with everything that is needed to log in."""
        return redis_address.parse(
            self.redis_url.get_secret_value(),
            sentinel_username=self.redis_sentinel_username,
            sentinel_password=self.redis_sentinel_password.get_secret_value(),
            ca_file=self.redis_ca_file,
        )

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Reads the environment; `given` wins. Raises `SettingsError`, which names every variable that is not valid."""
        try:
            return cls(**given)
        except ValidationError as error:
            raise SettingsError(_explain(error)) from None


class CommonSettings(StoreSettings):
    """Settings of both gateway and worker."""

    master_keys: SecretStr = Field(default=SecretStr(""))
    """Master keys, separated by commas. The first one seals, all open. `mcp-k8s key generate` makes one."""
    master_keys_file: Path | None = None
    """File with the master keys. It is read again when it changes, so that `mcp-k8s key rotate` needs no restart."""
    max_output: int = Field(100_000, ge=1_000, le=10_000_000)
    """Largest number of characters of output, and of error, in a response."""
    max_timeout: float = Field(3_600, gt=0, le=86_400)
    """Longest time limit that a request may ask for, in seconds."""
    retention_s: int = Field(3_600, ge=60, le=604_800)
    """Seconds that a finished job can be read."""
    embedded_memory_bytes: int = Field(1024**3, ge=0)
    """Bytes of memory that the embedded server of `mcp-k8s up` may use (`maxmemory`). Beyond it, the server refuses new
    jobs and output, and evicts nothing. 0 means no limit. Keep it above `K8S_MCP_OUTPUT_BUDGET_BYTES`."""
    allow_loopback: bool = False
    """Whether a kubeconfig may use a cluster on a loopback address (kind, minikube, k3d), and a command an Argo CD
    server there. `mcp-k8s up` sets it."""
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$")
    """Lowest level that is logged: `debug`, `info`, `warning` or `error`."""
    traces_endpoint: str = Field(
        "",
        validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    )
    """Collector for traces, an `http://` or `https://` URL. `OTEL_EXPORTER_OTLP_ENDPOINT` works too, and gets
    `/v1/traces` appended. If it is empty, no traces are made. A value that is not valid only causes a warning, because
    other programs read the variable too."""
    traces_protocol: str = Field(
        "http/protobuf",
        validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"),
    )
    """Protocol of traces; `OTEL_EXPORTER_OTLP_PROTOCOL` works too. Other values cause a warning and turn traces off."""

    @field_validator("master_keys")
    @classmethod
    def _keys_are_usable(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value():
            raise ValueError("is not set; make one with: mcp-k8s key generate")
        try:
            MasterKeys(split_keys(value.get_secret_value()))
        except ValueError:
            raise ValueError("contains something that is not a key; make one with: mcp-k8s key generate") from None
        return value

    @property
    def followed_key_file(self) -> Path | None:
        """The file that the master keys came from, or None if they came from the variable, which wins."""
        return None if os.environ.get(f"{PREFIX}MASTER_KEYS") else self.master_keys_file

    def load_master_keys(self) -> MasterKeys:
        return MasterKeys(split_keys(self.master_keys.get_secret_value()))


class GatewaySettings(CommonSettings):
    """Settings of the gateway."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(9096, ge=0, le=65_535)
    """Port to listen on."""
    allow_anonymous: bool = False
    """Whether a gateway without authentication may listen beyond loopback."""
    allowed_hosts: str = ""
    """Host names, separated by commas, that are allowed in the Host and Origin headers besides IP addresses and
    localhost. This prevents web pages from reaching the gateway by DNS rebinding."""
    timeout: float = Field(300, gt=0, le=86_400)
    """Default time limit of a command, in seconds."""
    queue_wait_s: int = Field(900, ge=1, le=86_400)
    """Seconds that a job may wait for a worker before it expires."""
    queue_limit: int = Field(1_000, ge=1, le=100_000)
    """Largest number of queued jobs. Beyond it, new jobs are refused."""
    output_budget_bytes: int = Field(512 * 1024**2, ge=0)
    """Largest number of bytes that the sealed requests, outputs and results of all jobs take in Redis together. Beyond
    it, new jobs are refused until results expire. 0 means no limit. Redis needs more than that: running jobs print on,
    each up to `K8S_MCP_STORED_OUTPUT_BYTES`."""
    principal_job_limit: int = Field(0, ge=0, le=100_000)
    """Largest number of queued and running jobs of one caller. Beyond it, the caller's new jobs are refused. 0 means no
    limit. All callers without authentication count as one."""
    max_wait_s: float = Field(60, ge=0, le=600)
    """Longest `wait` of a long poll, in seconds, because proxies cut connections that are silent for longer."""
    heartbeat_s: int = Field(15, ge=1, le=600)
    """Seconds between comments on an idle event stream, because proxies cut silent connections."""
    max_body_bytes: int = Field(8 * 1024 * 1024, ge=1_024)
    """Largest request body, in bytes."""
    max_header_bytes: int = Field(128 * 1024, ge=8_192)
    """Largest size of all request headers together, in bytes. A kubeconfig in base64 has 5–20 KiB."""
    body_timeout_s: float = Field(60, gt=0, le=3_600)
    """Seconds that a client may take to send a request's body."""
    security_mode: SecurityMode = SecurityMode.STRICT
    """Commands that are allowed. `read-only` allows commands that change nothing. `strict` also allows everyday writes,
    but no mass or irreversible deletion, and no command that shows credentials or makes them.
    `permissive` allows every verb that needs no terminal. The sandbox and the egress rules apply in all modes."""
    security_config: Path | None = None
    """File with policy rules and a namespace fence (docs/policy.md). It is read at the start and on SIGHUP."""
    refuse_early: bool = True
    """Whether a command is refused before it runs, where its words show that its requests would be refused. Without
    this, it runs until one of them is."""
    mcp_wait: float = Field(45, ge=0, le=3_600)
    """Seconds that an MCP call waits before it returns the job's id, because many clients give up after 60 s."""
    mcp_max_text: int = Field(40_000, ge=4_000, le=1_000_000)
    """Largest number of characters in an MCP result, which is cut at whole lines. Known clients hide results above some
    25,000 tokens."""
    gateway_drain_timeout_s: float = Field(20, ge=0, le=86_400)
    """Seconds that open requests get after SIGTERM. Requests that wait for a job get its id at once."""
    default_kubeconfig_file: Path | None = None
    """Kubeconfig for requests without one. It is allowed only on a loopback address."""
    default_context: str | None = Field(None, validation_alias=AliasChoices("K8S_CONTEXT"))
    """Default context of requests."""
    default_namespace: str | None = Field(None, validation_alias=AliasChoices("K8S_NAMESPACE"))
    """Default namespace of commands."""

    @property
    def allowed_host_names(self) -> frozenset[str]:
        return frozenset(name.strip().lower() for name in self.allowed_hosts.split(",") if name.strip())


class SandboxMode(StrEnum):
    REQUIRE = "require"
    PREFER = "prefer"


class WorkerSettings(CommonSettings):
    """Settings of the worker."""

    fast_slots: int = Field(8, ge=1, le=1_000)
    """Number of reads that run at the same time."""
    slow_slots: int = Field(8, ge=1, le=1_000)
    """Number of writes, and of reads that wait, that run at the same time."""
    drain_timeout_s: float = Field(3_660, ge=0, le=172_800)
    """Seconds that running jobs get after SIGTERM: the longest time limit and a minute."""
    kill_grace_s: float = Field(5, ge=0, le=300)
    """Seconds between SIGTERM and SIGKILL to a command's processes."""
    stored_output_bytes: int = Field(10 * 1024 * 1024, ge=1_024)
    """Bytes of a job's output that are stored. Output beyond that is read, counted and dropped."""
    local_output_bytes: int = Field(1024 * 1024, ge=1_024)
    """The same for a command that touches no cluster, such as `helm template`."""
    sandbox: SandboxMode = SandboxMode.REQUIRE
    """With `require` the worker does not start without Landlock. With `prefer` it logs that and runs without."""
    work_directory: Path | None = None
    """Folder for the private directories of jobs. By default a new folder in the system's temporary folder."""
    tools_directory: Path | None = None
    """Folder in which CLIs and text filters are looked for before PATH."""
    job_file_bytes: int = Field(256 * 1024 * 1024, ge=1_024)
    """Largest size of all files of one command together, in bytes, including those that the caller sent."""
    job_memory_bytes: int = Field(2 * 1024**3, ge=128 * 1024**2)
    """Bytes of memory that the processes of one command may use together. A command that uses more is ended. To show a
    list as JSON, kubectl needs some 15 times its size. Only Linux workers enforce this."""
    go_memory_limit: str = Field("200MiB", pattern=r"^\d+(B|KiB|MiB|GiB)$")
    """Heap size above which a CLI collects garbage. Below it, garbage collection only makes the start slower."""
    allow_loopback_fetches: bool = False
    """Whether commands may fetch charts and URLs from loopback addresses, such as a registry beside the worker.
    `mcp-k8s up` does not set it: programs that listen there often ask nobody who they are."""
    egress_allow: str = ""
    """Networks, addresses and names that commands may connect to, separated by commas (`10.0.0.0/8`,
    `registry.example`, `*.example.com`). If it is empty, all destinations that are not denied are allowed."""
    egress_deny: str = ""
    """Destinations that commands may not connect to, in the same format. It wins over the allowed destinations."""
    egress_proxy: SecretStr = SecretStr("")
    """Proxy that workers use for all connections of commands: `http://` or `socks5://`, optionally with user and
    password. The proxy gets addresses, because workers resolve and check names themselves."""
    observe_requests: bool = False
    """Whether each request of a command to its API server is logged, to compare the door's judgement with the policy's.
    The lines contain names of objects as the command gives them."""
    metrics_port: int = Field(0, ge=0, le=65_535)
    """Port on which a worker serves /metrics, /livez and /readyz; 0 means none. No command may reach it."""
    metrics_host: str = "127.0.0.1"
    """Address on which the worker's metrics port listens."""
    own_services: str = ""
    """Services besides Redis that no command may reach, such as the gateways, as `host:port` separated by commas.
    `mcp-k8s up` adds its own gateway."""

    @field_validator("egress_allow", "egress_deny")
    @classmethod
    def _destinations_are_valid(cls, value: str) -> str:
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
            raise ValueError("must be http://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ if it needs them")
        return value


def split_keys(text: str) -> list[str]:
    """Splits master keys at commas and lines. Lines that begin with `#` are comments."""
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
