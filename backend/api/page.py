"""The page, as it was built into frontend/dist. Its routes run in threads, since they look at files."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse
from starlette.responses import Response

from backend.errors import NotFound

router = APIRouter(include_in_schema=False)

_DIST_DIR = Path(__file__).parents[2] / "frontend" / "dist"
_NOT_BUILT = "<!doctype html><title>Agenkit</title><p>The page has not been built: <code>make page</code>.</p>"
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        # Previews of artifacts, which bring a sandbox of their own.
        "frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@router.get("/")
def get_chat_page() -> Response:
    return _page("index.html")


@router.get("/docs")
def get_docs_page() -> Response:
    return _page("docs.html")


@router.get("/assets/{name}")
def get_asset(name: str) -> Response:
    # Names hold a digest of their content, so that a browser may keep them.
    # Of a folder's names, since some names cannot even be asked for.
    if name not in {file.name for file in (_DIST_DIR / "assets").glob("*")}:
        raise NotFound("Asset not found.")
    file = _DIST_DIR / "assets" / name
    return FileResponse(file, headers={**_HEADERS, "Cache-Control": "public, max-age=31536000, immutable"})


def _page(name: str) -> Response:
    file = _DIST_DIR / name
    if not file.is_file():
        return HTMLResponse(_NOT_BUILT, 503)
    return FileResponse(file, headers={**_HEADERS, "Cache-Control": "no-cache"})
