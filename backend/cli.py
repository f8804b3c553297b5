"""`agenkit`: each command is a module in `commands`, loaded when it is called; a chat need not load the service."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

COMMANDS: Mapping[str, str] = {
    "serve": "run the server",
    "chat": "talk to an agent of a running server",
    "agents": "list the agents of a running server",
    "migrate": "bring the database's schema up or down",
    "settings": "print every setting with its default",
    "openapi": "print the API's description",
    "calibrate": "compare the judge with people who scored the same texts",
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="agenkit", description="Agents over AG-UI.")
    parser.add_argument("command", choices=COMMANDS, metavar="command", help=_command_list())
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    given = sys.argv[1:] if arguments is None else list(arguments)
    if not given:
        parser.print_help()
        return 2
    asked = parser.parse_args(given)
    try:
        code: int = import_module(f"backend.commands.{asked.command}").run(asked.rest)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read us has seen enough: `agenkit agents | head`. Nothing is left to be written at the end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _command_list() -> str:
    return "; ".join(f"{name}: {what}" for name, what in COMMANDS.items())
