"""What is masked in the answer to a request, by what the request asks for."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from shared.documents import Value
from shared.effects import EffectRule, Effects, SecretValues
from worker.door.http.request_head import Head
from worker.door.http.server_connection import AnswerHead
from worker.door.masking import accepted, messages, secret_objects, stored_releases
from worker.door.masking.budget import Budget, is_readable
from worker.door.masking.splitting import ObjectSplitter
from worker.door.masking.tree import Change, MaskingError, children
from worker.door.requests import kinds, rule_match
from worker.door.requests.request_info import RequestInfo

_OF_LISTS = frozenset({"list", "deletecollection"})
_FAILED = "Status"


@dataclass(frozen=True, slots=True)
class AnswerMask:
    """Masks the answer to one request for Secrets, or for ConfigMaps, in which helm may keep its releases."""

    info: RequestInfo
    rules: tuple[EffectRule, ...] = ()
    """The operator's rules that show values."""

    @property
    def is_of_secrets(self) -> bool:
        """Whether each object in the answer is a Secret."""
        return (self.info.group, self.info.resource) == kinds.SECRETS

    @property
    def is_of_watch(self) -> bool:
        """Whether the answer may have no end."""
        return self.info.verb == "watch"

    def headers(self, head: Head) -> dict[str, str]:
        """Returns headers with which the server answers in a form that can be masked."""
        return {"Accept": accepted.in_json(head.all("accept")), "Accept-Encoding": ""}

    def concerns(self, head: AnswerHead) -> bool:
        """Whether an answer may have values: not if it has no body."""
        return head.has_body and not (head.has_length and head.header("content-length") == "0")

    def splitter(self) -> ObjectSplitter:
        """Returns what splits the answer into objects."""
        return ObjectSplitter(opens_lists=self.info.verb in _OF_LISTS)

    def masked(self, content: bytes) -> bytes:
        """Returns an object, an element of a list or a watch event with its values masked. Raises `MaskingError`."""
        if not self.is_of_secrets and not stored_releases.may_be_in(content):
            return content
        root = read(content)
        made = [change.make() for change in tuple(self._changes(root)) if change.text != change.before]
        return json.dumps(root, separators=(",", ":")).encode() if made else content

    def mask(self, root: Value) -> None:
        """Masks an object in its place."""
        for change in tuple(self._changes(root)):
            change.make()

    def _changes(self, root: Value) -> Iterator[Change]:
        budget = Budget()
        for found in _objects(root):
            if found.get("kind") == _FAILED:
                yield from messages.of_status(found)
            elif not self._is_shown(found):
                yield from self._changes_of_object(found, budget)

    def _changes_of_object(self, found: dict[str, Value], budget: Budget) -> Iterator[Change]:
        if not self.is_of_secrets:
            return stored_releases.changes_of_config_map(found, budget)
        return stored_releases.with_opened(found, secret_objects.changes_of_secret(found), budget)

    def _is_shown(self, found: dict[str, Value]) -> bool:
        metadata = found.get("metadata")
        namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
        place = namespace if isinstance(namespace, str) and namespace else self.info.namespace
        return is_shown(self.rules, self.info, namespace=place)


def of(effects: Effects, info: RequestInfo) -> AnswerMask | None:
    """Returns what masks the answer to a request; None if it passes as it is."""
    if effects.secrets is SecretValues.SHOWN or not info.is_resource:
        return None
    if (info.group, info.resource) not in {kinds.SECRETS, kinds.CONFIG_MAPS}:
        return None
    rules = showing(effects)
    is_all_shown = bool(info.namespace) and is_shown(rules, info, namespace=info.namespace)
    return None if is_all_shown else AnswerMask(info, rules)


def showing(effects: Effects) -> tuple[EffectRule, ...]:
    """Returns the operator's rules that show values."""
    return tuple(rule for rule in effects.rules if rule.shows_secrets)


def is_shown(rules: tuple[EffectRule, ...], info: RequestInfo, *, namespace: str) -> bool:
    """Whether a rule of the operator shows the values of the Secrets in a namespace."""
    group, resource = kinds.SECRETS
    asked = replace(info, group=group, resource=resource, namespace=namespace)
    return any(rule_match.applies(rule, asked, kind=secret_objects.KIND, is_namespaced=True) for rule in rules)


def _objects(root: Value) -> Iterator[dict[str, Value]]:
    """Yields the objects in an answer, or in a part of it: in a watch event, a table, one of its rows, or a list."""
    waiting = [root]
    while waiting:
        value = waiting.pop()
        if not isinstance(value, dict):
            continue
        if "object" in value and not value.keys().isdisjoint({"cells", "type"}):
            waiting.append(value["object"])
        elif isinstance(value.get("rows"), list) or isinstance(value.get("items"), list):
            waiting.extend(child for _, _, child in children(value.get("rows") or value.get("items")))
        else:
            yield value


def read(content: bytes) -> Value:
    """Returns the value that a text of JSON is. Raises `MaskingError`."""
    if not is_readable(content):
        raise MaskingError("it has an object of more parts than can be read at once")
    try:
        value: Value = json.loads(content)
    except (ValueError, RecursionError):
        pass
    else:
        return value
    # Not raised in the except block: the parser's exception contains the text and would become the context.
    raise MaskingError("it is not JSON that can be read")
