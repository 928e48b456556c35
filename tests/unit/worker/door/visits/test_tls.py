"""What the door offers in TLS, and which keys it takes."""

import ssl

import pytest

from worker.door.messages import Access
from worker.door.visits import tls

ACCESS = Access(pass_="p", principal="me", server="https://one.example")


def test_no_server_chooses_how_long_the_door_computes() -> None:
    exchanges = {cipher["kea"] for cipher in tls.context(ACCESS).get_ciphers()}
    assert exchanges == {"kx-any", "kx-ecdhe"}


def test_private_key_that_takes_long_is_refused() -> None:
    given = {"client_certificate": "c", "client_key": "k" * (tls.MOST_KEY_CHARACTERS + 1)}
    with pytest.raises(tls.CredentialError, match="more than"):
        tls.context(ACCESS.model_copy(update=given))


def test_servers_that_the_system_trusts_share_what_takes_long_to_load() -> None:
    other = ACCESS.model_copy(update={"server": "https://two.example", "principal": "other", "token": "t"})
    assert tls.context(ACCESS) is tls.context(other)


def test_context_that_trusts_something_else_is_not_shared() -> None:
    careless = ACCESS.model_copy(update={"skips_verification": True})
    assert tls.context(careless) is not tls.context(careless)
    assert tls.context(ACCESS).verify_mode is ssl.CERT_REQUIRED
    assert tls.context(careless).verify_mode is ssl.CERT_NONE
