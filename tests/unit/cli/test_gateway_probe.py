import pytest

from cli.gateway_probe import GatewayAddress, get


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:9096"),
        ("0.0.0.0", "http://127.0.0.1:9096"),
        ("::", "http://[::1]:9096"),
        ("localhost", "http://localhost:9096"),
    ],
)
def test_url_is_one_that_this_machine_reaches(host: str, url: str) -> None:
    assert GatewayAddress(host, 9096).url == url


def test_nobody_there_is_no_answer() -> None:
    assert get(GatewayAddress("127.0.0.1", 1), "/health") is None
