"""How a receiver knows that a webhook is ours: Standard Webhooks, symmetric. Pure."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from hashlib import sha256

_PREFIX = "whsec_"


def parse_secret(secret: str) -> bytes:
    """The key in a `whsec_…` secret. Raises `ValueError`, which does not repeat it."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(_PREFIX) or not 24 <= len(key) <= 64:
        raise ValueError("expected whsec_ and 24 to 64 bytes in base64, as of `openssl rand -base64 32`")
    return key


def sign(key: bytes, message_id: str, timestamp: int, body: str) -> Mapping[str, str]:
    """The headers that a message is sent with. `timestamp` is in seconds, and of this attempt."""
    signature = hmac.digest(key, f"{message_id}.{timestamp}.{body}".encode(), sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }
