import argparse

import httpx

_DEFAULT = "http://127.0.0.1:8000"


def add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", default=_DEFAULT, type=lambda url: url.rstrip("/"), help=f"the server ({_DEFAULT})")


def told(error: httpx.HTTPError, url: str) -> str:
    """What went wrong, for a person at a terminal. The body of an answer has to have been read."""
    if isinstance(error, httpx.HTTPStatusError):
        answer = error.response
        is_problem = answer.headers.get("content-type", "").startswith("application/problem+json")
        return str(answer.json()["detail"]) if is_problem else f"The server answered {answer.status_code}."
    return f"No server answers at {url}. Start one with: agenkit serve"
