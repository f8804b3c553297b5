"""Which of two forms of an answer a request's `Accept` asks for."""

import re
from collections.abc import Mapping

_QUALITY = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


def prefers_media_type(accept: str, wanted: str, otherwise: str) -> bool:
    """Whether `wanted` is named, and liked no less than `otherwise`. Both are media types, in lower case."""
    liked = _parse_accept(accept)
    other = (otherwise, f"{otherwise.partition('/')[0]}/*", "*/*")
    least = next((liked[each] for each in other if each in liked), 0.0)
    return 0 < liked.get(wanted, 0.0) >= least


def _parse_accept(accept: str) -> Mapping[str, float]:
    """Media ranges without their parameters, from 0 to 1; one whose `q` is none is not there."""
    liked = dict[str, float]()
    for said in accept.lower().split(","):
        name, *parameters = (part.strip() for part in said.split(";"))
        quality = next((value.removeprefix("q=") for value in parameters if value.startswith("q=")), "1")
        if _QUALITY.fullmatch(quality):
            liked[name] = max(float(quality), liked.get(name, 0.0))
    return liked
