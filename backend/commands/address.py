import argparse
import os
from ipaddress import IPv4Address

import httpx

from backend.settings import InvalidSettings, ServerSettings, read_settings

_ANY_ADDRESS = str(IPv4Address(0))


def add_address(parser: argparse.ArgumentParser) -> None:
    default = _default()
    parser.add_argument("--url", default=default, type=lambda url: url.rstrip("/"), help=f"the server ({default})")


def _default() -> str:
    """Where a server with the same settings listens."""
    try:
        server = read_settings(os.environ).server
    except InvalidSettings:
        server = ServerSettings()
    # Who listens everywhere listens here too.
    host = {_ANY_ADDRESS: "127.0.0.1"}.get(server.host, server.host)
    return f"http://{host}:{server.port}"


def describe_error(error: httpx.HTTPError, url: str) -> str:
    """What went wrong, for a person at a terminal. The body of an answer has to have been read."""
    if isinstance(error, httpx.HTTPStatusError):
        answer = error.response
        is_problem = answer.headers.get("content-type", "").startswith("application/problem+json")
        return str(answer.json()["detail"]) if is_problem else f"The server answered {answer.status_code}."
    return f"No server answers at {url}. Start one with: agenkit serve"
