"""Every error has its status, and no answer shows an exception's own text."""

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from pydantic import BaseModel

from gateway.http import problems
from gateway.jobs.delivery import ClientGoneError
from shared.errors import ErrorCode, ProductError, RequestError, UnavailableError

SECRET = "canary-secret"
JOB_ID = "0" * 48


class Body(BaseModel):
    number: int


def app() -> FastAPI:
    failing = FastAPI()
    problems.install(failing)

    @failing.get("/crash")
    async def crash() -> None:
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise RuntimeError(SECRET) from error

    @failing.get("/refuse")
    async def refuse() -> None:
        raise RequestError(ErrorCode.KUBECONFIG_INVALID, "It is none.") from ValueError(SECRET)

    @failing.get("/unavailable")
    async def unavailable() -> None:
        raise UnavailableError(ErrorCode.QUEUE_FULL, "Later.", retry_after_s=7, job_id=JOB_ID)

    @failing.get("/gone")
    async def gone() -> None:
        raise ClientGoneError

    @failing.post("/body")
    async def take(body: Body) -> int:
        return body.number

    return failing


@pytest.fixture
async def client() -> AsyncClient:
    return AsyncClient(transport=ASGITransport(app(), raise_app_exceptions=False), base_url="http://test")


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_error_is_mapped_to_a_status_of_an_error(code: ErrorCode) -> None:
    assert code in problems.STATUS, f"{code} is not in gateway.http.problems.STATUS"
    assert problems.of(ProductError(code, "detail")).status in range(400, 600)


def test_no_status_is_kept_for_an_error_that_is_gone() -> None:
    assert set(problems.STATUS) == set(ErrorCode)


@pytest.mark.parametrize("code", [code for code in ErrorCode if problems.STATUS[code] in (429, 503)])
def test_what_may_be_tried_later_says_when(code: ErrorCode) -> None:
    answer = problems.response(UnavailableError(code, "Later.", retry_after_s=3))
    assert answer.headers["Retry-After"] == "3"


def test_problem_has_the_members_of_the_rfc() -> None:
    problem = problems.of(RequestError(ErrorCode.COMMAND_EMPTY, "Say something."))
    assert problem.model_dump(exclude_none=True) == {
        "type": "urn:mcp-k8s:problem:command-empty",
        "title": "command empty",
        "status": 400,
        "detail": "Say something.",
    }


async def test_unknown_error_is_shown_as_a_reference(client: AsyncClient) -> None:
    answer = await client.get("/crash")
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == problems.CONTENT_TYPE
    assert answer.json()["type"] == "urn:mcp-k8s:problem:internal"
    assert SECRET not in answer.text


async def test_two_unknown_errors_have_two_references(client: AsyncClient) -> None:
    assert (await client.get("/crash")).json()["detail"] != (await client.get("/crash")).json()["detail"]


async def test_refusal_does_not_show_what_it_was_raised_from(client: AsyncClient) -> None:
    answer = await client.get("/refuse")
    assert (answer.status_code, answer.json()["detail"]) == (400, "It is none.")
    assert SECRET not in answer.text


async def test_unavailable_carries_the_job_and_when_to_ask_again(client: AsyncClient) -> None:
    answer = await client.get("/unavailable")
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()["job_id"]) == (429, "7", JOB_ID)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(f'{{"number": "{SECRET}"}}', id="wrong type"),
        pytest.param(f'{{"number": "{SECRET}"', id="not JSON"),
        pytest.param(f'"{SECRET}"', id="not an object"),
    ],
)
async def test_schema_error_names_the_field_and_not_its_value(client: AsyncClient, body: str) -> None:
    answer = await client.post("/body", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == problems.CONTENT_TYPE
    assert answer.json()["errors"]
    assert SECRET not in answer.text


async def test_unknown_route_is_a_problem(client: AsyncClient) -> None:
    answer = await client.get("/nowhere")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:mcp-k8s:problem:not-found")


async def test_wrong_method_is_a_problem_that_allows_the_right_ones(client: AsyncClient) -> None:
    answer = await client.delete("/body")
    assert (answer.status_code, answer.json()["type"]) == (405, "urn:mcp-k8s:problem:method-not-allowed")
    assert answer.headers["Allow"] == "POST"


async def test_client_that_has_gone_is_no_error_of_ours(client: AsyncClient) -> None:
    assert (await client.get("/gone")).status_code == problems.CLIENT_CLOSED_REQUEST
