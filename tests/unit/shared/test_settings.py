import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.models import JobId
from shared.sealing.fernet_keys import DataKey, JobIdentity, MasterKeys, Purpose
from shared.settings import (
    CommonSettings,
    GatewaySettings,
    SandboxMode,
    SecurityMode,
    SettingsError,
    StoreSettings,
    WorkerSettings,
)
from tests.support.api_server import certificates

IDENTITY = JobIdentity(JobId("0" * 48), "anonymous")


@pytest.fixture(autouse=True)
def master_key(monkeypatch: pytest.MonkeyPatch) -> str:
    """An environment with nothing of ours but a master key."""
    for name in list(os.environ):
        if name.upper().startswith(("K8S_", "OTEL_")):
            monkeypatch.delenv(name)
    key = MasterKeys.generate()
    monkeypatch.setenv("K8S_MCP_MASTER_KEYS", key)
    return key


def refusal(settings: type[StoreSettings]) -> str:
    with pytest.raises(SettingsError) as caught:
        settings.load()
    return str(caught.value)


def test_gateway_defaults_are_those_of_the_design() -> None:
    settings = GatewaySettings.load()

    assert (settings.host, settings.port) == ("127.0.0.1", 9096)
    assert (settings.timeout, settings.max_timeout) == (300, 3_600)
    assert (settings.queue_wait_s, settings.retention_s, settings.max_wait_s) == (900, 3_600, 60)
    assert (settings.max_output, settings.max_body_bytes, settings.max_header_bytes) == (100_000, 8 << 20, 128 << 10)
    assert settings.output_budget_bytes < settings.embedded_memory_bytes
    assert (settings.mcp_wait, settings.security_mode) == (45, SecurityMode.STRICT)
    assert (settings.default_context, settings.default_namespace, settings.allow_loopback) == (None, None, False)


def test_worker_defaults_are_those_of_the_design() -> None:
    settings = WorkerSettings.load()

    assert (settings.fast_slots, settings.slow_slots, settings.kill_grace_s) == (8, 8, 5)
    assert (settings.stored_output_bytes, settings.sandbox) == (10 << 20, SandboxMode.REQUIRE)
    assert (settings.local_output_bytes, settings.job_memory_bytes) == (1 << 20, 2 << 30)
    assert settings.drain_timeout_s >= settings.max_timeout


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        (CommonSettings, "K8S_MCP_REDIS_URL", "http://:hunter2@redis"),
        (CommonSettings, "K8S_MCP_REDIS_URL", "redis://:hunter2@redis:hunter2"),
        (CommonSettings, "K8S_MCP_REDIS_URL", "redis://:hunt/er2@redis:99999"),
        (CommonSettings, "K8S_MCP_MASTER_KEYS", "hunter2"),
        (CommonSettings, "K8S_MCP_MASTER_KEYS", f"{'A' * 43}=,hunter2"),
        (CommonSettings, "K8S_MCP_MASTER_KEYS", ", ,"),
        (CommonSettings, "K8S_MCP_MAX_OUTPUT", "999"),
        (WorkerSettings, "K8S_MCP_EGRESS_ALLOW", "10.0.0.1/8"),
        (WorkerSettings, "K8S_MCP_EGRESS_DENY", "registry.example,0x7f.1"),
        (WorkerSettings, "K8S_MCP_EGRESS_PROXY", "https://me:hunter2@proxy:3128"),
        (WorkerSettings, "K8S_MCP_EGRESS_PROXY", "http://me:hunter2@proxy"),
        (WorkerSettings, "K8S_MCP_OWN_SERVICES", "gateway"),
        (CommonSettings, "K8S_MCP_MAX_OUTPUT", "lots"),
        (CommonSettings, "K8S_MCP_MAX_TIMEOUT", "-17"),
        (CommonSettings, "K8S_MCP_MAX_TIMEOUT", "inf"),
        (CommonSettings, "K8S_MCP_MAX_TIMEOUT", "nan"),
        (CommonSettings, "K8S_MCP_RETENTION_S", "59"),
        (CommonSettings, "K8S_MCP_ALLOW_LOOPBACK", "perhaps"),
        (CommonSettings, "K8S_MCP_LOG_LEVEL", "chatty"),
        (GatewaySettings, "K8S_MCP_PORT", "65537"),
        (GatewaySettings, "K8S_MCP_TIMEOUT", "-17"),
        (GatewaySettings, "K8S_MCP_QUEUE_WAIT_S", "0"),
        (GatewaySettings, "K8S_MCP_QUEUE_LIMIT", "0"),
        (GatewaySettings, "K8S_MCP_MAX_WAIT_S", "601"),
        (GatewaySettings, "K8S_MCP_MAX_BODY_BYTES", "1023"),
        (GatewaySettings, "K8S_MCP_MAX_HEADER_BYTES", "8191"),
        (GatewaySettings, "K8S_MCP_BODY_TIMEOUT_S", "inf"),
        (GatewaySettings, "K8S_MCP_SECURITY_MODE", "lax"),
        (GatewaySettings, "K8S_MCP_MCP_WAIT", "-1"),
        (WorkerSettings, "K8S_MCP_FAST_SLOTS", "0"),
        (WorkerSettings, "K8S_MCP_SLOW_SLOTS", "1001"),
        (WorkerSettings, "K8S_MCP_DRAIN_TIMEOUT_S", "inf"),
        (WorkerSettings, "K8S_MCP_KILL_GRACE_S", "301"),
        (WorkerSettings, "K8S_MCP_STORED_OUTPUT_BYTES", "1"),
        (WorkerSettings, "K8S_MCP_LOCAL_OUTPUT_BYTES", "1"),
        (WorkerSettings, "K8S_MCP_EMBEDDED_MEMORY_BYTES", "-1"),
        (GatewaySettings, "K8S_MCP_OUTPUT_BUDGET_BYTES", "-1"),
        (WorkerSettings, "K8S_MCP_SANDBOX", "never"),
        (WorkerSettings, "K8S_MCP_JOB_FILE_BYTES", "1"),
        (WorkerSettings, "K8S_MCP_JOB_MEMORY_BYTES", "134217727"),
        (WorkerSettings, "K8S_MCP_GO_MEMORY_LIMIT", "much"),
    ],
)
def test_bad_value_is_refused_by_its_variable_and_without_the_value(
    monkeypatch: pytest.MonkeyPatch, settings: type[CommonSettings], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    text = refusal(settings)

    assert text.startswith(f"{name} ")
    assert "hunter2" not in text
    assert value not in text.removeprefix(name).split()


def test_every_bad_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8S_MCP_PORT", "http")
    monkeypatch.setenv("K8S_MCP_TIMEOUT", "soon")

    assert [line.split()[0] for line in refusal(GatewaySettings).splitlines()] == ["K8S_MCP_PORT", "K8S_MCP_TIMEOUT"]


@pytest.mark.parametrize("url", ["redis+sentinel://hunter2", "redis+sentinel://a:x/jobs", "sentinel://hunter2/jobs"])
def test_bad_address_of_sentinels_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("K8S_MCP_REDIS_URL", url)

    text = refusal(StoreSettings)

    assert text.startswith("K8S_MCP_REDIS_URL ")
    assert "redis+sentinel://" in text or "HOST:PORT" in text
    assert (len(text.splitlines()), "hunter2" in text) == (1, False)


def test_account_of_the_sentinels_comes_from_settings_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("hunter2\n")
    monkeypatch.setenv("K8S_MCP_REDIS_URL", "redis+sentinel://app:other@a,b/jobs")
    monkeypatch.setenv("K8S_MCP_REDIS_SENTINEL_USERNAME", "watcher")
    monkeypatch.setenv("K8S_MCP_REDIS_SENTINEL_PASSWORD_FILE", str(tmp_path / "password"))

    settings = StoreSettings.load()
    address = settings.redis_address()

    assert (address.options["username"], address.options["password"]) == ("app", "other")
    assert (address.sentinel_options["username"], address.sentinel_options["password"]) == ("watcher", "hunter2")
    assert "hunter2" not in repr(settings) + repr(address)


@pytest.mark.parametrize("url", ["redis://redis", "unix:///run/redis.sock", "redis+sentinel://a/jobs"])
def test_authority_without_tls_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str) -> None:
    """It would look as if connections were encrypted."""
    certificates.write(tmp_path)
    monkeypatch.setenv("K8S_MCP_REDIS_CA_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("K8S_MCP_REDIS_URL", url)

    assert refusal(StoreSettings) == (
        "K8S_MCP_REDIS_CA_FILE needs a K8S_MCP_REDIS_URL that starts with rediss:// or rediss+sentinel://"
    )


@pytest.mark.parametrize("url", ["rediss://redis", "rediss+sentinel://a/jobs"])
def test_authority_is_that_of_encrypted_connections(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str) -> None:
    certificates.write(tmp_path)
    monkeypatch.setenv("K8S_MCP_REDIS_CA_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("K8S_MCP_REDIS_URL", url)

    assert StoreSettings.load().redis_address().options["ssl_ca_certs"] == str(tmp_path / "ca.pem")


def test_missing_master_key_says_how_to_make_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("K8S_MCP_MASTER_KEYS")

    text = refusal(GatewaySettings)

    assert text.startswith("K8S_MCP_MASTER_KEYS ")
    assert "mcp-k8s key generate" in text


def test_secrets_do_not_show_in_text(monkeypatch: pytest.MonkeyPatch, master_key: str) -> None:
    monkeypatch.setenv("K8S_MCP_REDIS_URL", "redis://:hunter2@redis")

    text = repr(GatewaySettings.load())

    assert master_key not in text
    assert "hunter2" not in text


def test_first_master_key_wraps_and_all_unwrap(monkeypatch: pytest.MonkeyPatch, master_key: str) -> None:
    newest = MasterKeys.generate()
    wrapped = DataKey.generate(IDENTITY).wrap(MasterKeys([master_key]), Purpose.REQUEST_KEY)
    monkeypatch.setenv("K8S_MCP_MASTER_KEYS", f"{newest} , {master_key}")

    keys = GatewaySettings.load().load_master_keys()

    keys.unwrap(wrapped, IDENTITY, Purpose.REQUEST_KEY)
    fresh = DataKey.generate(IDENTITY).wrap(keys, Purpose.REQUEST_KEY)
    MasterKeys([newest]).unwrap(fresh, IDENTITY, Purpose.REQUEST_KEY)


@pytest.mark.parametrize("environment", [None, ""], ids=["unset", "empty"])
def test_secrets_come_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environment: str | None) -> None:
    key = MasterKeys.generate()
    for name, content in {"MASTER_KEYS": key, "REDIS_URL": "redis://:hunter2@redis"}.items():
        (tmp_path / name).write_text(f"{content}\n")
        monkeypatch.setenv(f"K8S_MCP_{name}_FILE", str(tmp_path / name))
        monkeypatch.delenv(f"K8S_MCP_{name}", raising=False)
        if environment is not None:
            monkeypatch.setenv(f"K8S_MCP_{name}", environment)

    settings = GatewaySettings.load()

    assert settings.master_keys.get_secret_value() == key
    assert settings.redis_url.get_secret_value() == "redis://:hunter2@redis"


def test_variable_wins_over_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, master_key: str) -> None:
    (tmp_path / "keys").write_text(MasterKeys.generate())
    monkeypatch.setenv("K8S_MCP_MASTER_KEYS_FILE", str(tmp_path / "keys"))

    assert GatewaySettings.load().master_keys.get_secret_value() == master_key


@pytest.mark.parametrize("kind", ["missing", "folder", "binary"])
def test_unreadable_file_is_refused_by_its_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary").write_bytes(b"\xff\xfehunter2")
    monkeypatch.setenv("K8S_MCP_MASTER_KEYS_FILE", str(tmp_path / kind))

    text = refusal(GatewaySettings)

    assert text.startswith("K8S_MCP_MASTER_KEYS_FILE: ")
    assert "hunter2" not in text


def test_file_with_a_bad_secret_does_not_show_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("hunter2")
    monkeypatch.delenv("K8S_MCP_MASTER_KEYS")
    monkeypatch.setenv("K8S_MCP_MASTER_KEYS_FILE", str(tmp_path / "keys"))

    text = refusal(GatewaySettings)

    assert text.startswith("K8S_MCP_MASTER_KEYS ")
    assert "hunter2" not in text


def test_only_secrets_come_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "host").write_text("0.0.0.0")
    monkeypatch.setenv("K8S_MCP_HOST_FILE", str(tmp_path / "host"))

    assert GatewaySettings.load().host == "127.0.0.1"


def test_names_of_the_first_generation_keep_their_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8S_CONTEXT", "staging")
    monkeypatch.setenv("K8S_NAMESPACE", "web")
    monkeypatch.setenv("K8S_MCP_TIMEOUT", "120")
    monkeypatch.setenv("K8S_MCP_MAX_OUTPUT", "5000")
    monkeypatch.setenv("K8S_MCP_SECURITY_MODE", "permissive")

    settings = GatewaySettings.load()

    assert (settings.default_context, settings.default_namespace) == ("staging", "web")
    assert (settings.timeout, settings.max_output) == (120, 5_000)
    assert settings.security_mode is SecurityMode.PERMISSIVE


def test_variables_of_other_programs_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DEFAULT_CONTEXT", "DEFAULT_NAMESPACE", "PORT", "HOST", "TIMEOUT", "REDIS_URL"):
        monkeypatch.setenv(name, "12345")

    settings = GatewaySettings.load()

    assert (settings.default_context, settings.default_namespace) == (None, None)
    assert (settings.host, settings.port, settings.timeout) == ("127.0.0.1", 9096, 300)
    assert settings.redis_url.get_secret_value() == "redis://127.0.0.1:6379/0"


def test_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("K8S_MCP_HOST", "K8S_MCP_PORT", "K8S_CONTEXT", "K8S_MCP_SECURITY_CONFIG"):
        monkeypatch.setenv(name, "")

    settings = GatewaySettings.load()

    assert (settings.host, settings.port, settings.default_context) == ("127.0.0.1", 9096, None)
    assert settings.security_config is None


def test_settings_do_not_change() -> None:
    settings = GatewaySettings.load()

    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]  # that is the point


def test_allowed_hosts_are_names_in_lower_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8S_MCP_ALLOWED_HOSTS", "mcp.example.com, Gateway ,,")

    assert GatewaySettings.load().allowed_host_names == {"mcp.example.com", "gateway"}


@pytest.mark.parametrize(
    ("given", "endpoint"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, "http://collector:4318"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c/v1/traces"}, "https://c/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, "http://c"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://a", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://b"}, "http://a"),
    ],
    ids=["base", "traces", "empty", "both"],
)
def test_collector_of_traces_is_named_as_elsewhere(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], endpoint: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    assert GatewaySettings.load().traces_endpoint == endpoint
    assert WorkerSettings.load().traces_endpoint == endpoint
