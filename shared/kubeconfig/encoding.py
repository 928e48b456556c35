"""From what a caller sent, base64 in most cases, to a kubeconfig's text. Whether it is one is not judged here."""

import base64
import binascii
import re

from shared.errors import ErrorCode, RequestError

MAX_BYTES = 1024 * 1024
"""A kubeconfig with a hundred clusters is a tenth of it."""
MAX_BASE64_CHARACTERS = 2 * MAX_BYTES
"""Four characters for three bytes, and room for line wraps."""
URL_SAFE = str.maketrans("-_", "+/", " \t\r\n")
BASE64_TEXT = re.compile(r"[A-Za-z0-9+/=_\s-]+")
"""No kubeconfig looks like that: each has a colon."""
SELF_CONTAINED = "kubectl config view --raw --minify --flatten"
"""Prints a kubeconfig that names no file and has one context: the current one, or that of `--context`."""
ENCODED = f"{SELF_CONTAINED} | base64 | tr -d '\\n'"
"""What the header and the body's field take. In this spelling it works with GNU's and with BSD's base64."""
HOW = f"send the output of `{ENCODED}`"


def decode(text: str, *, allow_yaml: bool) -> str:
    """The kubeconfig's text. Line wraps, the URL-safe alphabet and missing padding are taken, and raw text if allowed.

    `RequestError` KUBECONFIG_ENCODING, or KUBECONFIG_INVALID for the size.
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
        raise _encoding("is not base64 (raw YAML is taken in the body's field `kubeconfig` only)")
    return text


def _from_base64(text: str) -> str:
    decoded = _utf8(text)
    if decoded is None:
        raise _encoding("is not base64 of UTF-8 text")
    if BASE64_TEXT.fullmatch(decoded):
        raise _encoding("is base64 of base64, or of nothing that has a colon: encode it once")
    return decoded


def _utf8(text: str) -> str | None:
    """None instead of an exception: those of decoders carry the bytes."""
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
        f"The kubeconfig is larger than {MAX_BYTES} bytes: {HOW}, which holds the current context alone.",
    )
