import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

from backend.settings import InvalidSettings, read_settings
from storage import migrations
from storage.checkpoints import create_checkpoint_tables
from storage.database import StorageFailed
from storage.settings import StorageSettings


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="agenkit migrate", description="Bring the database's schema up or down.")
    parser.add_argument("direction", choices=("up", "down", "history"))
    parser.add_argument("revision", nargs="?", help="where to; without it: up to the newest, down by one")
    asked = parser.parse_args(arguments)
    try:
        storage = read_settings(os.environ).storage
    except InvalidSettings as error:
        print(f"These settings cannot be:\n{error}", file=sys.stderr)
        return 2
    try:
        return _migrate(storage, asked.direction, asked.revision)
    except (StorageFailed, migrations.UnknownRevision) as error:
        print(error, file=sys.stderr)
        return 1


def _migrate(storage: StorageSettings, direction: str, revision: str | None) -> int:
    url = storage.database
    match direction:
        case "up":
            migrations.upgrade(url, revision or "head")
            asyncio.run(create_checkpoint_tables(storage))
        case "down":
            migrations.downgrade(url, revision or "-1")
        case _:
            for known in migrations.history():
                print(f"{known.id}  {known.description}")
            return 0
    print(f"The schema is at {migrations.current(url) or 'nothing'}.")
    return 0
