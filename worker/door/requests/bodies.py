"""Reads the bodies of requests that decide something. A body that two readers could read differently is not read."""

from shared import documents

_JSON = frozenset({"", "application/json"})
_YAML = frozenset({"application/yaml", "application/apply-patch+yaml"})


class UndecidableError(Exception):
    """The body cannot be read with certainty. The text says why."""


def read(body: bytes, content_type: str) -> dict[str, documents.Value]:
    """Returns the fields of an object in JSON or YAML; scalars of YAML are text. Raises `UndecidableError`."""
    if media_type(content_type) not in _JSON | _YAML:
        raise UndecidableError("its content type is neither JSON nor YAML")
    try:
        value = documents.load(body.decode())
    except UnicodeDecodeError:
        raise UndecidableError("it is not UTF-8") from None
    except documents.DocumentError as error:
        raise UndecidableError(str(error)) from None
    if not isinstance(value, dict):
        raise UndecidableError("it is not an object")
    return value


def media_type(content_type: str) -> str:
    """Returns the media type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()
