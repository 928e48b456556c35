"""Finds credentials among a chart's values, which have no schema, by their keys or by the form of the value.

A credential under an unusual key is not found, and a harmless value under a key such as `authMode` is masked.
"""

import re
from collections.abc import Iterator

from shared.documents import Value
from worker.door.masking.budget import Budget
from worker.door.masking.marks import mark
from worker.door.masking.tree import Change, Container, children, item

CREDENTIAL = re.compile(
    r"passw|passphrase|(?<!by)(?<!com)pass\Z|pwd|secret|token|credential|auth(?!or)|bearer|dsn|conn(ection)?str(ing)?"
    r"|cookie|htpasswd"
)
"""Parts of a key that name a credential. The key is in lower case, without `-`, `_` and `.`."""
KEY = re.compile(r".(?<!topology)(?<!label)keys?")
"""End of a key that names a credential, such as `apiKey` or `private_key`, but not `key` alone."""
REFERENCE = re.compile(r"existing.*|.*(name|names|ref|refs|enabled|create|type|path|mountpath|file)")
"""Keys that say where a credential is, or whether there is one."""
PLAIN = frozenset({"", "~", "false", "null", "true"})
ITSELF = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@]*+:[^/\s@]++@"
    r"|(?<![\w-])(?=[\w-]++\.[\w-]++\.[\w-])[\w-]*?\beyJ[\w-]{8,}\."
)
"""Values that are credentials by their form: a private key, a URL with a password, a JSON Web Token.

Each alternative takes linear time, because callers choose the values and a search blocks the worker.
"""
_NAMED = re.compile(
    r"(?<![\w.-])(?P<name>-{0,2}[A-Za-z][\w.-]*+)(?P<between>[\"']?[ \t]*[=:][ \t]*[\"']?)(?P<value>[^\s\"']++)"
)
"""A value and its name within a text: `--password=x`, `PASSWORD=x`, `password: x`."""
_OPTION = re.compile(r"(?<![\w.-])(?P<name>--?[A-Za-z][\w.-]*+)(?P<between>[ \t]+)(?P<value>[^\s-]\S*+)")
"""An option and its value as two words: `--password x`."""
_NO_VALUES = ("$", "{{", "[masked")
"""Beginnings of references to a value, and of a mark."""


def changes(root: Value, budget: Budget) -> Iterator[Change]:
    """Yields changes of values that are credentials by their form, or by a key above or a `name` beside them.

    Raises `TooCostlyError`.
    """
    waiting: list[tuple[Container, str | int, Value, bool]] = [(*place, False) for place in children([root])]
    while waiting:
        container, key, value, is_below = waiting.pop()
        budget.look_at_text(f"{key}{value}" if isinstance(value, str) else str(key))
        is_credential = _is_credential(container, key, is_below=is_below)
        if isinstance(value, dict | list):
            waiting.extend((*place, is_credential) for place in children(value))
        elif _holds(value) and (is_credential or ITSELF.search(str(value)) or _follows_option(container, key)):
            yield Change(container, key, mark(value))
        elif isinstance(value, str) and (text := _without_named(value)) != value:
            yield Change(container, key, text)


def _is_credential(container: Container, key: str | int, *, is_below: bool) -> bool:
    if isinstance(container, list):
        return is_below
    name = _plain(str(key))
    if REFERENCE.fullmatch(name):
        return False
    named = item(container, "name") if name == "value" and "name" in container else ""
    return is_below or _names_credential(name) or _names_credential(_plain(str(named)))


def _follows_option(container: Container, key: str | int) -> bool:
    """Whether the element before in a list of arguments is an option that names a credential."""
    before = container[int(key) - 1] if isinstance(container, list) and int(key) else ""
    is_option = isinstance(before, str) and before.startswith("-") and "=" not in before
    return is_option and _is_named(_plain(str(before)))


def _without_named(text: str) -> str:
    """Masks the values that a text itself names as credentials."""
    return _OPTION.sub(_marked, _NAMED.sub(_marked, text))


def _marked(found: re.Match[str]) -> str:
    value = found["value"]
    if value.startswith(_NO_VALUES) or not _holds(value) or not _is_named(_plain(found["name"])):
        return found[0]
    return f"{found['name']}{found['between']}{mark(value)}"


def _is_named(name: str) -> bool:
    return not REFERENCE.fullmatch(name) and _names_credential(name)


def _names_credential(name: str) -> bool:
    return bool(CREDENTIAL.search(name)) or any(match.end() == len(name) for match in KEY.finditer(name))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _holds(value: Value) -> bool:
    return value is not None and not isinstance(value, bool) and str(value).lower() not in PLAIN
