"""The API's description at /docs: Swagger UI from our own files, nothing from elsewhere."""

import base64
import hashlib
import importlib.resources
import re

from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import FileResponse, HTMLResponse, JSONResponse

from app.backend.core.errors import NotFound

router = APIRouter(include_in_schema=False)

_FILES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


@router.get("/docs")
async def show_documentation(request: Request) -> HTMLResponse:
    """Show the description in the browser."""
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=request.app.title,
        swagger_js_url="/docs/assets/swagger-ui-bundle.js",
        swagger_css_url="/docs/assets/swagger-ui.css",
        swagger_favicon_url="/docs/assets/favicon.png",
    )
    page.headers["Content-Security-Policy"] = _policy(bytes(page.body).decode())
    return page


@router.get("/docs/assets/{name}")
async def get_asset(name: str) -> FileResponse:
    """Return a file of Swagger UI."""
    if name not in _FILES:
        raise NotFound("file", name)
    folder = importlib.resources.files("fastapi_offline") / "static"
    return FileResponse(
        str(folder / name),
        media_type=_FILES[name],
        headers={"Cache-Control": "private, max-age=86400"},
    )


@router.get("/openapi.json")
async def get_description(request: Request) -> JSONResponse:
    """Return the OpenAPI document."""
    return JSONResponse(request.app.openapi())


def _policy(page: str) -> str:
    hashes = (
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        for script in _INLINE.findall(page)
    )
    scripts = " ".join(f"'sha256-{value}'" for value in hashes)
    return f"default-src 'self'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
