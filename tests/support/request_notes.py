"""Reads what workers that observe requests have logged of their commands' requests."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from tests.support.product import Product

_EVENT = b'"event": "api request"'


class RequestNote(BaseModel):
    """One request as the door has read it, and the command that sent it."""

    model_config = ConfigDict(frozen=True)

    job_id: str
    tool: str
    command: str
    """Words of the command's verb, without the tool."""
    command_class: str
    audit_id: str
    method: str
    verb: str
    is_resource: bool
    group: str
    version: str
    resource: str
    subresource: str
    namespace: str
    name: str
    path: str
    refused_by: str
    status: int | None


class RequestNotes:
    """The requests in the logs of one product's processes, also of those that have ended."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self._read_bytes: dict[Path, int] = {}
        self._notes: list[RequestNote] = []

    def all(self) -> list[RequestNote]:
        """Returns all requests logged so far. Each call keeps the places of the earlier ones."""
        for process in self.product.processes:
            self._notes += [RequestNote.model_validate(line) for line in self._new_lines(process.log)]
        return self._notes

    def _new_lines(self, path: Path) -> list[dict[str, Any]]:
        with path.open("rb") as log:
            log.seek(self._read_bytes.get(path, 0))
            whole, _, _ = log.read().rpartition(b"\n")
        if not whole:
            return []
        self._read_bytes[path] = self._read_bytes.get(path, 0) + len(whole) + 1
        return [json.loads(line) for line in whole.splitlines() if _EVENT in line]
