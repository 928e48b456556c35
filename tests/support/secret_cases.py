"""Answers of an API server about Secrets, at random, with planted values that nobody may see."""

import base64
import gzip
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
PLANTED = "planted-canary-number-"
"""Beginning of each planted value. It is long enough to be told from other text in any alignment of base64."""
SECRETS = "/api/v1/namespaces/shop/secrets"
CONFIG_MAPS = "/api/v1/namespaces/shop/configmaps"
_WORDS = ("a", "tls.crt", "kind", "data", "items", 'quo"te', "back\\slash", "ünïcode", "password", "[{", "object", "")


@dataclass(frozen=True)
class Case:
    """A request, and what the server answers to it."""

    path: str
    accept: str
    body: bytes
    objects: int
    """Number of objects in the answer."""
    status: int = 200


def encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


class Cases:
    """Makes answers, one after the other, from one seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._values = 0

    def case(self) -> Case:
        """Any answer."""
        makers: tuple[Callable[[], Case], ...] = (
            self._single,
            self._list,
            self._table,
            self._metadata_list,
            self._watch,
            self._failure,
            self._config_maps,
        )
        return self._random.choice(makers)()

    def _single(self) -> Case:
        return self._case(f"{SECRETS}/web", {"kind": "Secret", "apiVersion": "v1", **self.secret()}, 1)

    def _list(self) -> Case:
        items = [self.secret() for _ in range(self._random.randint(0, 40))]
        whole = {"kind": "SecretList", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": items}
        if self._random.random() < 0.1:  # as servers write it that sort the keys
            whole = dict(sorted(whole.items()))
        return self._case(SECRETS, whole, len(items))

    def _table(self) -> Case:
        whole = self._random.random() < 0.5
        rows = [self._row(whole=whole) for _ in range(self._random.randint(0, 40))]
        columns = [{"name": "Name", "type": "string", "priority": 0}]
        table = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "columnDefinitions": columns, "rows": rows}
        path = SECRETS if self._random.random() < 0.8 else f"{SECRETS}/web"
        return self._case(path, table, len(rows), accept="application/json;as=Table;v=v1;g=meta.k8s.io")

    def _row(self, *, whole: bool) -> dict[str, Any]:
        secret = self.secret()
        return {"cells": ["web", "Opaque", 1, "1d"], "object": secret if whole else self._metadata_of(secret)}

    def _metadata_list(self) -> Case:
        items = [self._metadata_of(self.secret()) for _ in range(self._random.randint(0, 40))]
        whole = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "items": items}
        return self._case(SECRETS, whole, len(items), accept="application/json;as=PartialObjectMetadataList;v=v1")

    def _watch(self) -> Case:
        events = [self._event() for _ in range(self._random.randint(0, 40))]
        body = b"".join(self._written(event) + b"\n" for event in events)
        return Case(f"{SECRETS}?watch=true", "application/json", body, len(events))

    def _event(self) -> dict[str, Any]:
        secret = {"kind": "Secret", "apiVersion": "v1", **self.secret()}
        found: dict[str, Any] = self._random.choice(
            [
                secret,
                self._metadata_of(secret),
                {"kind": "Table", "rows": [{"cells": ["web"], "object": self._metadata_of(secret)}]},
                self._status(),
            ]
        )
        return {"type": self._random.choice(["ADDED", "MODIFIED", "DELETED", "ERROR"]), "object": found}

    def _failure(self) -> Case:
        case = self._case(f"{SECRETS}/web", self._status(), 1)
        return Case(case.path, case.accept, case.body, 1, status=422)

    def _config_maps(self) -> Case:
        items = [self._config_map() for _ in range(self._random.randint(0, 10))]
        whole = {"kind": "ConfigMapList", "apiVersion": "v1", "metadata": {}, "items": items}
        return self._case(CONFIG_MAPS, whole, len(items))

    def _config_map(self) -> dict[str, Any]:
        if self._random.random() < 0.5:
            return {"metadata": {"name": "web"}, "data": {self._word(): "shown"}}
        return {"metadata": {"name": "web.v1", "labels": {"owner": "helm"}}, "data": {"release": self.release()}}

    def secret(self) -> dict[str, Any]:
        """A Secret as it stands in a list, which tells no kind."""
        if self._random.random() < 0.1:
            release = base64.b64encode(self.release().encode()).decode()
            return {"metadata": {"name": "web.v1"}, "data": {"release": release}, "type": "helm.sh/release.v1"}
        data = {self._word(): encoded(self._value()) for _ in range(self._random.randint(0, 4))}
        texts = {self._word(): self._value() for _ in range(self._random.randint(0, 2))}
        metadata: dict[str, Any] = {"name": "web", "namespace": "shop", "labels": {"a": self._word()}}
        if self._random.random() < 0.5:
            whole = {"kind": "Secret", "apiVersion": "v1", "metadata": {}, "data": data, "stringData": texts}
            cut = self._random.random() < 0.1
            text = json.dumps(whole) + "\n"
            metadata["annotations"] = {APPLIED: text[:-3] if cut else text, "note": self._word()}
        return {"metadata": metadata, "data": data, "stringData": texts, "type": "Opaque"}

    def release(self) -> str:
        """A release as helm packs it."""
        release = {
            "name": "web",
            "info": {"status": "deployed", "description": f'Secret "web": Invalid value: "{self._value()}"'},
            "chart": {
                "metadata": {"name": "web", "version": "1"},
                "values": {"adminPass": self._value(), "replicas": 1},
                "templates": [{"name": "templates/a.yaml", "data": encoded(self._value())}],
            },
            "config": {
                "env": [{"name": "DB_PASS", "value": self._value()}],
                "args": [f"--password={self._value()}", "--api-token", self._value()],
                "connStr": self._value(),
            },
            "manifest": f"---\nkind: Secret\ndata:\n  a: {encoded(self._value())}\n---\nkind: Pod\n",
            "hooks": [{"manifest": f"kind: Secret\nstringData: {{a: {self._value()}}}\n"}],
            "version": 1,
        }
        return base64.b64encode(gzip.compress(json.dumps(release).encode())).decode()

    def _status(self) -> dict[str, Any]:
        quoted = json.dumps(json.dumps({"kind": "Secret", "data": {"a": encoded(self._value())}}))
        message = f'Secret "web" is invalid: patch: Invalid value: {quoted}: illegal base64 data at input byte 4'
        causes = [{"message": f"Invalid value: {quoted}", "field": "patch"}]
        return {"kind": "Status", "status": "Failure", "message": message, "details": {"causes": causes}, "code": 422}

    def _case(self, path: str, root: Any, objects: int, *, accept: str = "application/json") -> Case:
        return Case(path, accept, self._written(root), objects)

    def _written(self, root: Any) -> bytes:
        indent = 2 if self._random.random() < 0.1 else None
        return json.dumps(root, indent=indent, ensure_ascii=self._random.random() < 0.5).encode()

    @staticmethod
    def _metadata_of(secret: dict[str, Any]) -> dict[str, Any]:
        return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": secret["metadata"]}

    def _word(self) -> str:
        return self._random.choice(_WORDS)

    def _value(self) -> str:
        self._values += 1
        ends = ("", "\n", ' "quoted" \\', "é", "=" * 9)
        return f"{PLANTED}{self._values}{self._random.choice(ends)}".replace("\n", "-").replace('"', "'")
