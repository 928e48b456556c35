"""What a visit's server and credential make of a request, and which of them make none."""

import pytest

from worker.door.http.errors import BadRequestError, ServerError
from worker.door.messages import Access
from worker.door.visits.route import Route


def route(server: str = "https://one.example", **access: str) -> Route:
    return Route(Access.model_validate({"pass_": "p", "principal": "me", "server": server, **access}), "identity")


@pytest.mark.parametrize("token", ["a\r\nImpersonate-User: admin", "a\r\n\r\nDELETE / HTTP/1.1", "a\0", "\u2028"])
def test_token_that_would_be_more_than_a_header_makes_no_request(token: str) -> None:
    with pytest.raises(ServerError, match='invalid header field value for "Authorization"'):
        route(token=token).check()


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/namespaces/shop/secrets",
        "/k8s/clusters/c-1/apis/apps/v1/namespaces/shop",
        "/api",
        "/%61pi/v1/namespaces",
        "/api/v1/namespaces/shop/services/web/proxy",
    ],
)
def test_server_inside_an_api_is_refused(path: str) -> None:
    with pytest.raises(BadRequestError, match="leads into an API"):
        route(f"https://one.example{path}").check()


@pytest.mark.parametrize("path", ["", "/", "/k8s/clusters/c-1", "/apiserver/"])
def test_server_may_have_a_path(path: str) -> None:
    route(f"https://one.example{path}").check()
