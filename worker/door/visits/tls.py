"""TLS towards API servers, as Go's programs do it: what kubectl accepts, the door accepts."""

import ssl
from functools import cache
from pathlib import Path

from shared.network import certificate_paths
from worker.door.messages import Access, memory_file
from worker.launcher.channel import close_all

_SYSTEM_AUTHORITY = next((path for path in certificate_paths.BUNDLES if Path(path).exists()), None)

_CIPHERS = "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
"""Python's own list without finite-field Diffie-Hellman, which Go lacks: the server would choose how long it takes."""
MOST_KEY_CHARACTERS = 10_000
"""Longest private key: one of RSA with 8,192 bits has some 6,400. A longer one would let all visits wait."""


class CredentialError(Exception):
    """The authority or the client certificate of a kubeconfig cannot be used. The text says why, as Go does."""


def context(access: Access) -> ssl.SSLContext:
    """Returns the context for connections with this access. Raises `CredentialError`."""
    if access.authority or access.client_certificate or access.skips_verification:
        return _made(access)
    return _of_the_system()


@cache
def _of_the_system() -> ssl.SSLContext:
    """Returns the context for each server that an authority of the system must have certified.

    Its authorities take several milliseconds to load. Visits share nothing else by it, for no session is resumed.
    """
    return _made(Access(pass_="", principal="", server=""))


def _made(access: Access) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers(_CIPHERS)
    made.set_alpn_protocols(["http/1.1"])
    # Go trusts each certificate of the authority by itself, and takes certificates of kubeadm's age.
    made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    made.hostname_checks_common_name = False
    if access.skips_verification:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    else:
        _trust(made, access.authority)
    if access.client_certificate:
        _present(made, access)
    return made


def _trust(made: ssl.SSLContext, authority: str) -> None:
    try:
        if authority:
            # The library takes ASCII, and bundles have names in other letters as comments between the certificates.
            made.load_verify_locations(cadata=authority.encode("ascii", "replace").decode())
        elif _SYSTEM_AUTHORITY is not None:
            made.load_verify_locations(cafile=_SYSTEM_AUTHORITY)
    except (OSError, ValueError):  # an SSLError is an OSError
        raise CredentialError("unable to load root certificates: unable to parse bytes as PEM block") from None


def _present(made: ssl.SSLContext, access: Access) -> None:
    """Loads the client certificate. The library reads it from files only, so it gets two without a name."""
    if len(access.client_key) > MOST_KEY_CHARACTERS:
        raise CredentialError(f"tls: the private key has more than {MOST_KEY_CHARACTERS} characters")
    descriptors = [memory_file(text.encode()) for text in (access.client_certificate, access.client_key)]
    try:
        certificate, key = (f"/dev/fd/{descriptor}" for descriptor in descriptors)
        made.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        reason = "private key does not match public key" if _is_mismatch(error) else "failed to find any PEM data"
        raise CredentialError(f"tls: {reason} in the client certificate") from None
    finally:
        close_all(descriptors)


def _is_mismatch(error: Exception) -> bool:
    return isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH"


def _no_password() -> bytes:
    """Answers for OpenSSL, which would otherwise ask the terminal."""
    raise ValueError("the key is encrypted")
