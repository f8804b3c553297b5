import re
from urllib.parse import quote


def attachment(name: str) -> str:
    """A `Content-Disposition`, with the name in both spellings: the first for clients that do not know the second."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
