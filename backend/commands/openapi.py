import json
from collections.abc import Sequence

from backend.app import create_app
from backend.settings import Settings


def run(arguments: Sequence[str]) -> int:
    print(json.dumps(create_app(Settings()).openapi(), indent=1, ensure_ascii=False))
    return 0
