"""Whether a value looks like a real secret, or like what stands in its place."""

import math
import re
from collections import Counter

# Parts of what documentation prints everywhere: that of Stripe, Telegram, Google, Azure's emulators, the RFCs.
_DOCUMENTED = (
    *("4eC39HqLyjWDarj", "BQokikJOvBiI2HlWg", "ABC-DEF1234ghIkl", "D-9tSrke72PouQMnMX", "Eby8vdM02xNOcqFlqUwJPLl"),
    *("C2y6yDjf5/R+ob0N8A7Cgv30", "2YotnFZFEjr1zCsicMWpAA", "tGzv3JOkF0XG5Qx2TlKWIA", "mF_9.B5f-4.1JqM"),
    *("QWxhZGRpbjpvcGVu", "ac0974bec39a17e36ba4", "JBSWY3DPEHPK3PXP", "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4"),
    *("wJalrXUtnFEMI/K7MDENG", "dXNlcjpwYXNz", "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"),
)
_STAND_INS = ("example", "your", "placeholder", "changeme", "redacted", "xxxx", "dummy", "fake", "insert", "replace")
# Within what is random a word may stand by chance, but hardly in letters of one size.
_STAND_IN = re.compile(
    "|".join(f"{word}|{word.upper()}|{word.capitalize()}" for word in (*_STAND_INS, "abcdef"))
    + r"|0000|123456789|\.\.\."
)
_TURN = re.compile(r"[A-Za-z]\d|\d[A-Za-z]|[a-z][A-Z]")


def is_documented(value: str) -> bool:
    return any(part in value for part in _DOCUMENTED)


def is_placeholder(value: str) -> bool:
    """Whether a value in the form of a key is one that anybody sees to be none."""
    body = re.sub(r"^(?:[A-Za-z0-9]{2,12}[_-]){1,3}", "", value) or value
    if _STAND_IN.search(value) or is_documented(value) or len(set(body)) < min(8, len(body)):
        return True
    return not re.search(r"\d", value) and len(re.findall(r"[a-z][A-Z]", body)) < 4


def mixes(value: str) -> bool:
    """Whether digits stand among letters, or capitals among small ones, more often than in words."""
    return len(_TURN.findall(value)) >= 4


def entropy(value: str) -> float:
    size = len(value)
    return -sum(count / size * math.log2(count / size) for count in Counter(value).values())
