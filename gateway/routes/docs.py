"""The page that describes the API. The gateway serves all its files, so a browser contacts no other host."""

from importlib.resources import files

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

ASSETS = files("fastapi_offline") / "static"
POLICY = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data:; script-src 'self' 'unsafe-inline'; "
    "style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI starts from a script in the page. https://www.w3.org/TR/CSP3/"""

router = APIRouter()


def install(app: FastAPI) -> None:
    """Adds the page and its assets to the app."""
    app.include_router(router)
    app.mount("/docs/assets", StaticFiles(directory=str(ASSETS)))


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    """Returns Swagger UI. Its links are relative, so that it works behind an ingress path too."""
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title=request.app.title,
        swagger_js_url="docs/assets/swagger-ui-bundle.js",
        swagger_css_url="docs/assets/swagger-ui.css",
        swagger_favicon_url="docs/assets/favicon.png",
        # Without this, Swagger UI sends the description to a validator on the Internet.
        swagger_ui_parameters={"validatorUrl": None},
    )
    page.headers["Content-Security-Policy"] = POLICY
    return page
