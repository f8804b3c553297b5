import argparse
import os
import sys
from collections.abc import Sequence

from backend.settings import BadSettings, read_settings
from storage import migrations


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="agenkit migrate", description="Bring the database's schema up or down.")
    parser.add_argument("direction", choices=("up", "down", "history"))
    parser.add_argument("revision", nargs="?", help="where to; without it: up to the newest, down by one")
    asked = parser.parse_args(arguments)
    try:
        url = read_settings(os.environ).storage.database
    except BadSettings as error:
        print(f"These settings cannot be:\n{error}", file=sys.stderr)
        return 2
    match asked.direction:
        case "up":
            migrations.upgrade(url, asked.revision or "head")
        case "down":
            migrations.downgrade(url, asked.revision or "-1")
        case _:
            for revision in migrations.history():
                print(f"{revision.id}  {revision.says}")
            return 0
    print(f"The schema is at {migrations.current(url) or 'nothing'}.")
    return 0
