import argparse
import sys
from collections.abc import Sequence

import httpx

from backend.commands.address import add_address, describe_error


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="agenkit agents", description="List the agents of a running server.")
    add_address(parser)
    asked = parser.parse_args(arguments)
    try:
        answer = httpx.get(f"{asked.url}/api/v1/agents?limit=100").raise_for_status()
    except httpx.HTTPError as error:
        print(describe_error(error, asked.url), file=sys.stderr)
        return 1
    for agent in answer.json()["items"]:
        state = "" if agent["available"] else f"  (unavailable: {agent['unavailableReason']})"
        print(f"{agent['id']:<16} {agent['version']:<8} {agent['description']}{state}")
    return 0
