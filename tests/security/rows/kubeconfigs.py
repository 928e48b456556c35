"""Hostile kubeconfigs: programs, files and servers in them, and texts that are made to hurt who reads them."""

import base64
import json
from collections.abc import Mapping
from typing import Any

_ALIASES = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MEBIBYTE = 1024 * 1024
ESCAPE = "\x1b]0;canary\x07"


def config(
    *,
    cluster: Mapping[str, Any] | None = None,
    user: Mapping[str, Any] | None = None,
    current: str = "x",
    **changes: Any,
) -> str:
    """One that could be used but for what is given; its server is the API server's."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": current,
            "clusters": [
                {"name": "c", "cluster": {"server": "@API@", "insecure-skip-tls-verify": True, **(cluster or {})}}
            ],
            "users": [{"name": "u", "user": user if user is not None else {"token": "x"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            **changes,
        }
    )


def named(context: str) -> str:
    """One whose current context has that name."""
    return config(contexts=[{"name": context, "context": {"cluster": "c"}}], current=context)


def executing(command: str, **fields: Any) -> dict[str, Any]:
    """A user whose credentials a program prints."""
    version = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": version, "command": command, "interactiveMode": "Never", **fields}}


PROGRAMS_FILES_AND_SERVERS: dict[str, str] = {
    "program": config(user=executing("@PROGRAM@")),
    "program-on-the-path": config(user=executing("kubectl-canary")),
    "program-with-arguments": config(user=executing("/bin/sh", args=["-c", "@PROGRAM@"])),
    "program-with-variables": config(user=executing("@PROGRAM@", env=[{"name": "A", "value": "B"}])),
    "program-beside-a-token": config(user={"token": "x", **executing("@PROGRAM@")}),
    "program-of-a-provider": config(user={"auth-provider": {"name": "gcp", "config": {"cmd-path": "@PROGRAM@"}}}),
    "provider-elsewhere": config(
        user={"auth-provider": {"name": "oidc", "config": {"idp-issuer-url": "http://@INSIDE@"}}}
    ),
    "token-file": config(user={"tokenFile": "@FOLDER@/token"}),
    "token-file-beside-a-token": config(user={"token": "x", "tokenFile": "@FOLDER@/token"}),
    "token-file-in-lower-case": config(user={"tokenfile": "@FOLDER@/token"}),
    "authority-file": config(cluster={"certificate-authority": "@FOLDER@/token"}),
    "certificate-files": config(user={"client-certificate": "@FOLDER@/token", "client-key": "@FOLDER@/token"}),
    "proxy": config(cluster={"proxy-url": "http://@ELSEWHERE@"}),
    "proxy-of-ours": config(cluster={"proxy-url": "socks5://@INSIDE@"}),
    "metadata": config(cluster={"server": "http://169.254.169.254"}),
    "metadata-by-number": config(cluster={"server": "http://2852039166"}),
    "metadata-by-hexadecimal": config(cluster={"server": "http://0xa9fea9fe/"}),
    "metadata-by-mapped-ipv6": config(cluster={"server": "http://[::ffff:169.254.169.254]"}),
    "metadata-by-name": config(cluster={"server": "http://metadata.google.internal"}),
    "metadata-behind-credentials": config(cluster={"server": "http://x@169.254.169.254"}),
    "metadata-behind-a-tab": config(cluster={"server": "\thttp://169.254.169.254"}),
    "file-as-a-server": config(cluster={"server": "file:///etc/passwd"}),
    "socket-as-a-server": config(cluster={"server": "unix:///var/run/docker.sock"}),
    "somebody-else": config(user={"token": "x", "as": "admin"}),
    "group-of-somebody-else": config(user={"token": "x", "as": "x", "as-groups": ["system:masters"]}),
    "unknown-field": config(user={"token": "x", "canary": "@PROGRAM@"}),
}
"""Refused by the gateway. The first lines of defence behind it are tried by hand: see `BELOW`."""

TEXTS: dict[str, str] = {
    "empty": "",
    "list": "[1, 2]",
    "word": "canary",
    "number": "1",
    "nothing": "null",
    "another-kind": "apiVersion: v1\nkind: Secret\n",
    "two-documents": f"{config()}\n---\n{config()}",
    "aliases": _ALIASES,
    "alias-of-itself": "a: &a [*a]\n",
    "merge": "x: &x {kind: Config}\ny: {<<: *x}\n",
    "python-object": "!!python/object/apply:os.system ['@PROGRAM@']\n",
    "python-name": "kind: !!python/name:os.system\n",
    "binary": "kind: !!binary Q29uZmln\n",
    "own-tag": "kind: !canary Config\n",
    "deep": "[" * 5_000 + "]" * 5_000,
    "deep-mapping": "{a: " * 5_000 + "1" + "}" * 5_000,
    "long-number": f"kind: {'9' * 100_000}",
    "duplicate-keys": config().replace('"kind": "Config"', '"kind": "Config", "kind": "Config"'),
    "duplicate-users": config(user=executing("@PROGRAM@")).replace(
        '"users": [', '"users": [{"name": "u", "user": {}}, '
    ),
    "context-that-is-not-there": config(current="nowhere"),
    "no-context": config(current=""),
    "context-with-a-line-break": config(current="a\nb", contexts=[{"name": "a\nb", "context": {"cluster": "c"}}]),
    "context-with-an-escape": config(current=ESCAPE, contexts=[{"name": ESCAPE, "context": {"cluster": "c"}}]),
    "names-with-escapes": config(current="y", contexts=[{"name": ESCAPE, "context": {}}]),
    "cluster-with-an-escape": config().replace('"name": "c"', json.dumps({"name": ESCAPE})[1:-1]),
    "token-with-a-line-break": config(user={"token": "x\nImpersonate-User: admin"}),
    "token-with-a-null": config(user={"token": "x\0"}),
    "namespace-with-a-flag": config(contexts=[{"name": "x", "context": {"cluster": "c", "namespace": {"a": 1}}}]),
    "authority-that-is-none": config(cluster={"certificate-authority-data": "%%%"}),
    "switch-that-is-a-text": config(cluster={"insecure-skip-tls-verify": "false"}),
    "clusters-that-are-a-mapping": config(clusters={"c": {"server": "@API@"}}),
    "server-that-is-a-list": config(cluster={"server": ["@API@"]}),
    "base64-of-base64": base64.b64encode(config().encode()).decode(),
    "large": "a: " + "x" * (3 * MEBIBYTE),
}

SENT_AS_THEY_ARE: dict[str, str] = {
    "no-base64": "%%%",
    "invalid-utf-8": base64.b64encode(b"kind: Config\nname: \xff\xfe").decode(),
    "utf-16": base64.b64encode("kind: Config\n".encode("utf-16")).decode(),
    "null-bytes": base64.b64encode(bytes(1_000)).decode(),
    "compressed": "H4sIAAAAAAAAA8vOTy5JzcwDAEWcqRAHAAAA",
}
"""In the header."""

BELOW: dict[str, tuple[str, str]] = {
    "program": (config(user=executing("@PROGRAM@")), "get pods"),
    "program-by-a-shell": (config(user=executing("/bin/sh", args=["-c", "@PROGRAM@"])), "get pods"),
    "program-of-the-job": (config(user=executing("./program.sh")), "get pods"),
    "token-file": (config(user={"tokenFile": "@FOLDER@/token"}), "get pods"),
    "authority-file": (
        config(cluster={"certificate-authority": "@FOLDER@/token", "insecure-skip-tls-verify": False}),
        "get pods",
    ),
    "certificate-files": (
        config(user={"client-certificate": "@FOLDER@/token", "client-key": "@FOLDER@/token"}),
        "get pods",
    ),
    "server-of-ours": (config(cluster={"server": "http://@INSIDE@"}), "get --raw /"),
    "proxy-of-ours": (config(cluster={"proxy-url": "http://@INSIDE@"}), "get --raw /"),
    "metadata": (config(cluster={"server": "http://169.254.169.254"}), "get --raw /"),
}
"""A file of the job that `--kubeconfig` names: no line of ours has looked at it, and the kernel is alone."""
