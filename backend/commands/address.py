import argparse
import os

import httpx

from backend.settings import BadSettings, ServerSettings, read_settings


def add_address(parser: argparse.ArgumentParser) -> None:
    default = _default()
    parser.add_argument("--url", default=default, type=lambda url: url.rstrip("/"), help=f"the server ({default})")


def _default() -> str:
    """Where a server with the same settings listens."""
    try:
        server = read_settings(os.environ).server
    except BadSettings:
        server = ServerSettings()
    host = "127.0.0.1" if server.host == "0.0.0.0" else server.host
    return f"http://{host}:{server.port}"


def told(error: httpx.HTTPError, url: str) -> str:
    """What went wrong, for a person at a terminal. The body of an answer has to have been read."""
    if isinstance(error, httpx.HTTPStatusError):
        answer = error.response
        is_problem = answer.headers.get("content-type", "").startswith("application/problem+json")
        return str(answer.json()["detail"]) if is_problem else f"The server answered {answer.status_code}."
    return f"No server answers at {url}. Start one with: agenkit serve"
