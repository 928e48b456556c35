"""Decodes the text of a kubeconfig from what a caller sent, mostly base64. The content is not checked here."""

import base64
import binascii
import re

from shared.errors import ErrorCode, RequestError

MAX_BYTES = 1024 * 1024
"""Largest kubeconfig in bytes. A kubeconfig with a hundred clusters has about a tenth of that."""
MAX_BASE64_CHARACTERS = 2 * MAX_BYTES
"""Longest base64 text: four characters for three bytes, and room for line wraps."""
URL_SAFE = str.maketrans("-_", "+/", " \t\r\n")
BASE64_TEXT = re.compile(r"[A-Za-z0-9+/=_\s-]+")
"""Text that may be base64. A kubeconfig in plain text never matches, because it contains a colon."""
SELF_CONTAINED = "kubectl config view --raw --minify --flatten"
"""Command that prints a self-contained kubeconfig with one context: the current context, or the one in `--context`."""
ENCODED = f"{SELF_CONTAINED} | base64 | tr -d '\\n'"
"""Command whose output the header and the body's field accept. It works with GNU's and with BSD's base64."""
HOW = f"send the output of `{ENCODED}`"


def decode(text: str, *, allow_yaml: bool) -> str:
    """Returns the kubeconfig's text. Line wraps, the URL-safe alphabet and missing padding are accepted.

    Raises `RequestError` with KUBECONFIG_ENCODING, or with KUBECONFIG_INVALID if the kubeconfig is too large.
    """
    if len(text) > MAX_BASE64_CHARACTERS:
        raise _too_large()
    decoded = _from_base64(text) if BASE64_TEXT.fullmatch(text) else _raw(text, allow_yaml=allow_yaml)
    if len(decoded.encode(errors="replace")) > MAX_BYTES:
        raise _too_large()
    return decoded.removeprefix("\N{BYTE ORDER MARK}")


def _raw(text: str, *, allow_yaml: bool) -> str:
    if ":" not in text:
        raise _encoding("is neither base64 nor YAML")
    if not allow_yaml:
        raise _encoding("is not base64 (raw YAML is accepted only in the body's field `kubeconfig`)")
    return text


def _from_base64(text: str) -> str:
    decoded = _utf8(text)
    if decoded is None:
        raise _encoding("is not base64 of UTF-8 text")
    if BASE64_TEXT.fullmatch(decoded):
        raise _encoding("is base64 of base64, or its text has no colon: encode the kubeconfig once")
    return decoded


def _utf8(text: str) -> str | None:
    """Returns None instead of raising, because decoders' exceptions contain the bytes."""
    compact = text.translate(URL_SAFE).rstrip("=")
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _encoding(problem: str) -> RequestError:
    return RequestError(ErrorCode.KUBECONFIG_ENCODING, f"The kubeconfig {problem}: {HOW}.")


def _too_large() -> RequestError:
    return RequestError(
        ErrorCode.KUBECONFIG_INVALID,
        f"The kubeconfig is larger than {MAX_BYTES} bytes: {HOW}, which contains only the current context.",
    )
