import pytest

from worker.door.masking import chart_values, yaml_text
from worker.door.masking.budget import Budget

MASKED = [
    "password: hunter2",
    "adminPassword: 12345678",
    "db: {root-passwd: hunter2}",
    "auth: {existing: 1, user: {x: hunter2}}",
    "secrets: [a, hunter2]",
    "accessToken: hunter2",
    "api_key: hunter2",
    "tls.keys: hunter2",
    "env: [{name: DB_PASSWORD, value: hunter2}]",
    "url: postgres://me:hunter2@db/x",
    "ca: |\n  -----BEGIN RSA PRIVATE KEY-----\n  hunter2",
    "x: eyJhbGciOiJ9.eyJzdWIiOiI.hunter2",
    "x: Bearer-eyJhbGciOiJ9.eyJzdWIiOiI.hunter2",
    "x: 1.eyJ-eyJhbGciOiJ9.eyJzdWIiOiI.hunter2",
    '{"clientSecret": "hunter2"}',
    "pass: hunter2",
    "adminPass: hunter2",
    "MYSQL_PASS: hunter2",
    "env: [{name: DB_PASS, value: hunter2}]",
    "connStr: host=db hunter2",
    "bearer: hunter2",
    "args: [--password=hunter2, -v]",
    "args: [--db-pass, hunter2]",
    "command: serve --redis-password hunter2 --port 80",
    "java: -Xmx1g -Ddb.password=hunter2",
    "env: [PORT=80, API_TOKEN=hunter2]",
    "config: |\n  port: 80\n  password: 'hunter2'",
    """config: '{"clientSecret": "hunter2"}'""",
    "dsn: host=db password=hunter2",
]
SHOWN = [
    "replicas: 3",
    "image: {tag: '1'}",
    "tolerations: [{key: a, operator: Exists}]",
    "topologyKey: zone",
    "secretName: web-tls",
    "existingSecret: web",
    "existingSecretPasswordKey: pw",
    "imagePullSecrets: [{name: registry}]",
    "secret: {enabled: true, create: false, name: web}",
    "password: ''",
    "token: null",
    "author: me",
    "env: [{name: COLOUR, value: blue}]",
    "url: https://example.com:8443/x",
    "bypass: all",
    "ssl: {passthrough: tcp}",
    "args: [--passthrough=tcp, --password-file=/run/x, --password=$(PASSWORD)]",
    "args: [--secret-name, web]",
    "note: keep it secret",
    "key: value=1",
]


@pytest.mark.parametrize("text", MASKED)
def test_value_that_is_named_or_looks_like_a_credential_is_masked(text: str) -> None:
    masked = yaml_text.mask(f"{text}\n", lambda root: chart_values.changes(root, Budget()), Budget())
    assert "[masked, " in masked
    assert "hunter2" not in masked
    assert "12345678" not in masked


@pytest.mark.parametrize("text", SHOWN)
def test_other_values_are_shown(text: str) -> None:
    assert yaml_text.mask(f"{text}\n", lambda root: chart_values.changes(root, Budget()), Budget()) == f"{text}\n"


@pytest.mark.parametrize("part", ["eyJ-", "eyJ", "eyJa.", "a=", "--a ", "://", "://a:", "-----BEGIN A", "-"])
@pytest.mark.timeout(60)
def test_value_made_of_beginnings_of_credentials_is_read_once(part: str) -> None:
    """Where each beginning were followed to the end of the text, this would take hours."""
    assert not list(chart_values.changes({"x": part * 200_000}, Budget(values=1_000_000)))
