"""Whether what stands behind a name may be its value, or is what a program or a sentence has there."""

import re

from observability.finders.likeness import is_documented, mixes

_STAND_INS = (
    *("example", "sample", "your", "placeholder", "change", "replace", "insert", "dummy", "fake", "redact", "todo"),
    *("demo", "masked", "hidden", "xxx", "votre", "deinpass"),
)
_PLACEHOLDER = re.compile(
    "|".join(f"{word}|{word.upper()}|{word.capitalize()}" for word in _STAND_INS) + r"|\*{3}|\.{3}|…|•"
)
_REFERENCE = re.compile(
    r"[<$({\[:!]|%[({]|%(?:25)?(?:7b|3c|24|5b)|%\w+%$|\\|\*|process\.|os\.|env\.|secrets?[.:/]|vault:|arn:"
    r"|projects/|var\.|self\.|settings\.|config\.|https?://"
    r"|file:|op://|data:|urn:|(?:none|null|true|false|undefined|required|optional|string|str|bytes|int)\b|[a-z]:[\\/]"
    r"|~?\.{0,2}(?:/[a-z0-9_.@-]{1,40})+/?$|.*(?:_key|_token|_secret|_password)$|[\w.]{1,60}\(|[\w.]{1,40}\[\d",
    re.IGNORECASE,
)
_INNER = re.compile(r"<|\$\{|\{\{|\}\}")
_NUMBER = re.compile(r"[\d.,:%+/-]+(?:[a-z]{1,4})?|v?\d[\d.]*\w{0,3}|\d{4}-\d\d-\d\d(?:T.*)?", re.IGNORECASE)
_METHOD = re.compile(
    r"(?:sha|md|aes|rsa|es|hs|rs|ps|utf|base|oauth|ed|cl|x|rc|p|http|ipv|ldap|int|uint|str|argon|kerberos|tls|s|o|step"
    r"|level|line|row|field|item|python|node)[-_]?\d{1,5}(?:[-_.]?(?:cbc|gcm|ctr|k_base|[a-z]{2,8}))?",
    re.IGNORECASE,
)
_CODE = re.compile(r"[A-Za-z_]+\d?|[A-Za-z_]+(?:[.(\[/:][A-Za-z_]+)+\d?\W*")
_WORDY = re.compile(r"[A-Za-z]+[-_.]?\d{1,4}[!?.]?|[A-Za-z]+(?:[-_./:][A-Za-z0-9]{1,12})+")
_TURN = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]|[A-Za-z]\d|\d[A-Za-z]")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{10,}={1,2}")
_SIGN = re.compile(r"[^\W_][!@#$%^&*+?~=][^\W_]")
_PHRASE = re.compile(r"[A-Za-z]{3,16}(?:[-.][A-Za-z]{3,16}){2,9}")
_OF_FORMS = re.compile(
    r"pass|secret|token|key|word|login|field|form|hash|reset|must|invalid|error|missing|not-|my-", re.IGNORECASE
)
# Of a program.
_ASSIGNMENT = re.compile(r"-?\w{1,40}=[\w.]*")
_CAMEL = re.compile(r"(?:[A-Z]{0,4}[a-z]++)++[A-Z]{0,3}")
_CAPITALS = re.compile(r"[A-Z]+")
# Of a seat, a gate, a plane.
_LABEL = re.compile(r"[A-Z0-9]{4,8}")
_COUNTED = re.compile(r"01234|12345|23456|98765|87654|(\d)\1{4}")


def may_be_password(value: str, *, is_quoted: bool) -> bool:
    if _is_none(value):
        return False
    if value.isdecimal():
        return len(value) >= 6 and _COUNTED.search(value) is None
    if _has_both(value):
        return len(value) >= 5 and (
            is_quoted or _CODE.fullmatch(value) is None or re.search("[A-Z]", value) is not None
        )
    return _is_wild(value) or (is_quoted and _PHRASE.fullmatch(value) is not None and not _OF_FORMS.search(value))


def may_be_key(value: str, *, is_quoted: bool) -> bool:
    if _is_none(value) or len(value) < 8:
        return False
    if not _has_both(value):
        return len(value) >= 16 and _is_wild(value)
    is_wordy = _CODE.fullmatch(value) is not None or _WORDY.fullmatch(value) is not None
    return not is_wordy or mixes(value) or (is_quoted and _is_hard(value))


def may_be_said(value: str, *, shortest: int) -> bool:
    """In a sentence."""
    if len(value) < shortest or _is_none(value):
        return False
    if _ASSIGNMENT.fullmatch(value):
        return False
    is_label = _LABEL.fullmatch(value) is not None
    return (_has_both(value) and not is_label and _CODE.fullmatch(value) is None) or (
        len(value) >= 8 and _is_wild(value)
    )


def _is_none(value: str) -> bool:
    return (
        len(value) < 4
        or _REFERENCE.match(value) is not None
        or _PLACEHOLDER.search(value) is not None
        or _INNER.search(value) is not None
        or (_NUMBER.fullmatch(value) is not None and not value.isdecimal())
        or _METHOD.fullmatch(value) is not None
        or is_documented(value)
    )


def _has_both(value: str) -> bool:
    return re.search(r"\d", value) is not None and re.search(r"[^\W\d_]", value) is not None


def _is_wild(value: str) -> bool:
    """Without digits, but no word: a sign within, or capitals where none are written."""
    if len(value) < 8 or not re.search("[a-z]", value) or _ASSIGNMENT.fullmatch(value):
        return False
    # The words of a name are longer than what chance puts between two capitals.
    if _CAMEL.fullmatch(value) and len(_CAPITALS.findall(value)) * 5 <= len(value):
        return False
    if _BASE64.fullmatch(value):
        return len(_TURN.findall(value)) >= 2
    return len(_TURN.findall(value)) >= 4 or (_SIGN.search(value) is not None and re.search("[A-Z]", value) is not None)


def _is_hard(value: str) -> bool:
    return re.search("[a-z]", value) is not None and re.search("[A-Z]", value) is not None
