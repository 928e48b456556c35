"""Tells why an API server cannot be reached in the words of Go's programs, which users and hints know."""

import ssl

_UNKNOWN_AUTHORITY = "x509: certificate signed by unknown authority"
_BY_VERIFY_CODE = {
    9: "x509: certificate has expired or is not yet valid: it is not yet valid",
    10: "x509: certificate has expired or is not yet valid: it has expired",
    18: _UNKNOWN_AUTHORITY,
    19: _UNKNOWN_AUTHORITY,
    20: _UNKNOWN_AUTHORITY,
    21: _UNKNOWN_AUTHORITY,
    62: "x509: certificate is not valid for the name {name}",
    64: "x509: certificate is not valid for the address {name}",
}
"""Codes of X509_verify_cert(3) → Go's words."""
_PLAIN_HTTP = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"})
_ALERT = "ALERT_"


def of_handshake(error: Exception, name: str) -> str:
    """Returns why a TLS handshake failed with a server that should have this name."""
    if isinstance(error, ssl.SSLCertVerificationError):
        known = _BY_VERIFY_CODE.get(error.verify_code)
        words = known.format(name=name) if known else f"x509: {error.verify_message}"
        return f"tls: failed to verify certificate: {words}"
    if isinstance(error, ValueError):
        return "tls: the name of the server is not valid"
    if isinstance(error, TimeoutError):
        return "net/http: TLS handshake timeout"
    if isinstance(error, ssl.SSLError):
        return _of_tls(error)
    return of_broken_connection(error)


def of_broken_connection(error: Exception | None) -> str:
    """Returns why an open connection ended."""
    if isinstance(error, ssl.SSLError):
        return _of_tls(error)
    if isinstance(error, ConnectionResetError):
        return "read: connection reset by peer"
    if isinstance(error, TimeoutError):
        return "read: connection timed out"
    return "EOF"


def _of_tls(error: ssl.SSLError) -> str:
    reason = error.reason or ""
    if reason in _PLAIN_HTTP:
        return "http: server gave HTTP response to HTTPS client"
    if _ALERT in reason:
        return f"remote error: tls: {reason.partition(_ALERT)[2].replace('_', ' ').lower()}"
    return f"tls: {reason.replace('_', ' ').lower() or 'the connection broke'}"
