"""What a text calls a password, a key or a session, and its value: what may be one."""

import re
from collections.abc import Iterator, Mapping, Sequence

from observability.finders.belief import may_be_key, may_be_password, may_be_said
from observability.finders.detection import Detection
from observability.finders.digits import Digits
from observability.finders.names import KEYS, NAMES_ABROAD, PASSWORDS, Name

Place = tuple[int, int]

_OPEN = r"[\"'`*(\[{]{0,3}"
# Within quotes it may hold what else would end it.
_VALUE = r"(?P<value>(?<=[\"'`])[^\s\"'`<>]{4,400}|[^\s\"'`<>,;&|（）。、，]{4,400})"  # noqa: RUF001
_KIND = (
    r"(?:(?:bearer|basic|token|apikey|key|bot|splunk|ssws|genie ?key|jwt|oauth|digest)\s{1,3}|base64:|secretstr\(|0x)?"
)
# From a name to its value, by the sign that comes next.
_ASSIGNED = re.compile(
    rf"[\"'`*)\]]{{0,3}}\s{{0,3}}(?::\s?(?:str|string)\s?=|:=|=>|===?|--?>?(?=\s)|->|→"
    rf"|[:=|\uff1a])(?:\s?[|>][-+]?(?=\s))?[*_]{{0,3}}\s{{0,8}}{_OPEN}{_KIND}{_VALUE}",
    re.IGNORECASE,
)
_IN_TAG = re.compile(
    rf"[^<>\n=]{{0,24}}(?:\s[^<>\n]{{1,80}})?>\s{{0,4}}(?:<string>|<!\[CDATA\[)?{_VALUE}", re.IGNORECASE
)
# A name that is a value itself, of an attribute or a member, and beside it what it names.
_CLOSED = (
    re.compile(r"\w{0,12}[\"'`]\]?\s{0,3}[,;>]?\s{0,8}[\"'`](?P<value>[^\s\"'`<>]{4,400})(?=[\"'`])"),
    re.compile(
        r"\w{0,12}[\"'](?:\s{1,3}[\w-]{1,16}=[\"'][^\"'<>\n]{0,40}[\"']){0,4}\s{1,3}(?:value"
        r"|content)\s?=\s?[\"'](?P<value>[^\s\"'<>]{4,400})",
        re.IGNORECASE,
    ),
    re.compile(
        r"\w{0,12}[\"'](?:\s{0,3},\s{0,12}[\"']\w{1,12}[\"']\s?:\s?[\"'][^\"'\n]{0,40}"
        r"[\"']){0,2}\s{0,3},\s{0,12}[\"']value[\"']\s?:\s?[\"']"
        r"(?P<value>[^\s\"'<>]{4,400})",
        re.IGNORECASE,
    ),
    re.compile(r"\w{0,12}[\"']\s?/?>\s{0,8}(?P<value>[^\s<>]{4,400})<"),
    re.compile(r"[\"'][\r\n]{2,4}(?P<value>\S{4,400})"),
)
_TAGGED = re.compile(rf":?\s{{0,2}}(?:</?\w{{1,8}}(?: [^<>]{{0,40}})?>[\s:]{{0,3}}){{1,4}}{_VALUE}")
_BELOW = re.compile(r"\w{0,12}[\"']?\r?\n[ \t]{1,24}value:[ \t]{1,4}[\"']?(?P<value>[^\s\"'<>]{4,400})")
_PLIST = re.compile(r"</key>\s{0,20}<string>(?P<value>[^<>\s]{4,400})")
_LONG = re.compile(r"[^\s\"'`<>,;&]{64,400}")
_CALLED = re.compile(rf"\(\s{{0,3}}(?:\w{{1,20}}\s?=\s?)?[\"'`]{_VALUE}", re.IGNORECASE)
_AFTER_BLANK = re.compile(rf"[ \t]{{1,8}}(?:=[ \t]{{1,3}})?{_OPEN}{_KIND}{_VALUE}", re.IGNORECASE)
_SAID = re.compile(
    r"(?:[ \t]{1,3}[^\s.,;:!?=\"'<>]{1,24}){0,6}?(?::|[ \t]{1,3}(?:is|was|ist|war|lautet|est|es|era|è|e'|é|är"
    r"|er|on|to|jest|je|това|\u0435|é:|це|это|="
    r"|este|là|la|adalah|olarak|yra|van|heißt|hei(?:ß|ss)t|bleibt|bleibe|remains|becomes|now"
    r"|neu)(?:[ \t]{1,2}(?:now|jetzt|maintenant|ahora|adesso|agora|nu|teraz|nyní|still|noch))?:?)"
    rf"\s{{1,4}}{_OPEN}{_VALUE}",
    re.IGNORECASE,
)
# In scripts without blanks, or with other letters, whatever words come between.
_OTHERWISE = re.compile(
    r"[\"']?[^\x21-\x7e\n]{0,30}[:=「\"'( -]{0,4}(?P<value>"
    r"[\x21\x23-\x26\x28-\x2b\x2d-\x3b\x3d\x3f-\x5f\x61-\x7e]{5,100})"
)
_SPELLED = re.compile(
    r"(?:seed|recovery|mnemonic|secret|backup)[ _-]?(?:phrase|words|seed)?[\"'`]{0,2}\s{0,3}(?::|=|is"
    r"|ist)\s{0,3}[\"'`]?"
    r"(?P<value>[a-z]{3,8}(?:[ ,]{1,2}[a-z]{3,8}){11,23})(?![a-z ])|(?:pass[ _-]?phrase"
    r"|passwor[dt])[\"'`]?\s{0,3}[:=]\s{0,3}"
    r"(?P<quote>[\"'`])(?P<words>[a-z0-9]{2,12}(?: [a-z0-9]{2,12}){3,11})(?P=quote)",
    re.IGNORECASE,
)
_PIECE = re.compile(r"(?=\S*[a-z])[A-Za-z0-9+/]{20,200}={0,2}")
# What a sentence that tells one has near.
_PROMISING = re.compile(r"[\d!@#$%^&*+?~=]")
_FARTHEST = 160
_MOST_WORDS = 5
_OPTION = re.compile(r"(?:^|\s)--?[\w-]*$")
_CODES = (
    *("passcode", "pin", "otp", "cvv", "cvc", "tan", "security code", "verification code", "login code"),
    *("one-time code", "2fa code", "auth code", "confirmation code", "sicherheitscode", "bestätigungscode"),
    *("einmalcode", "de verificación", "de verificacion", "de vérification", "de sécurité", "di verifica"),
    *("di sicurezza", "验证码", "認証コード", "인증번호", "код подтверждения"),
)  # fmt: skip
_OF_CODES = (
    "code",
    "pin",
    "otp",
    "cvv",
    "cvc",
    "tan",
    "verif",
    "segur",
    "sicur",
    "sécur",
    "验证",
    "認証",
    "인증",
    "код",
)
_CODE = re.compile(
    r"(?:[\"'`]{0,2}\s{0,2}[:=\uff1a]\s{0,2}[\"'`]{0,2}|\s{1,2}(?:is|ist|lautet|est|es|è|é|to)\s{1,2}|[はは是은는]\s{0,2})"
    r"(?P<value>\d{3}[ -]?\d{1,5})(?![\w.]\w)"
)

_BLANKS = " \t\n"
_WAYS: dict[str, tuple[re.Pattern[str], ...]] = {
    **dict.fromkeys("\"'`", (_ASSIGNED, *_CLOSED, _BELOW)),
    **dict.fromkeys("=|\uff1a→*)]-", (_ASSIGNED,)),
    ":": (_ASSIGNED, _TAGGED),
    "<": (_PLIST, _TAGGED),
    ">": (_IN_TAG,),
    "(": (_CALLED,),
}


def named(text: str, lower: str, digits: Digits) -> Iterator[Detection]:
    """`lower` is the text in small letters, and just as long."""
    yield from _of(PASSWORDS, text, lower)
    if digits.some:
        # What looks like chance has one.
        yield from _of(KEYS, text, lower)
        yield from _codes(text, lower)
    if not text.isascii():
        yield from _of(NAMES_ABROAD, text, lower)
    if "phrase" in lower or "mnemonic" in lower:
        for found in _SPELLED.finditer(text):
            yield Detection("secret", *found.span("value" if found["value"] else "words"), "words of a key")


def _of(names: Mapping[str, Sequence[Name]], text: str, lower: str) -> Iterator[Detection]:
    for begins in [each for each in names if each in lower]:
        for name in names[begins]:
            yield from _values(name, text, lower)


def _values(name: Name, text: str, lower: str) -> Iterator[Detection]:
    at = 0
    for called in name.pattern.finditer(lower):
        if called.start() < at or not name.stands(lower, text, called.start()):
            continue
        place = _value_of(called, text, is_password=name.is_password)
        if place is not None and (not name.is_of_any_key or _PIECE.fullmatch(text, *place)):
            at = place[1]
            yield Detection("secret", *place, f"value of {called[0]!r}")
        elif (run := _LONG.match(text, called.end())) is not None:
            # Whatever that is, the names within it have no values of their own.
            at = run.end()


def _codes(text: str, lower: str) -> Iterator[Detection]:
    if not any(map(lower.__contains__, _OF_CODES)):
        return
    for code in _CODES:
        at = lower.find(code)
        while at >= 0:
            end = at + len(code)
            found = _CODE.match(text, end)
            if found is not None and not lower[at - 1 : at].isalpha() and len(set(found["value"])) > 1:
                yield Detection("secret", *found.span("value"), "code")
            at = lower.find(code, end)


def _value_of(name: re.Match[str], text: str, *, is_password: bool) -> Place | None:
    """By the sign that comes next."""
    end = name.end()
    following = text[end : end + 1]
    if following in _BLANKS and following:
        is_in_tag = following == " " and "<" in text[max(0, name.start() - 24) : name.start()]
        found = _first(text, end, is_password, (_IN_TAG,)) if is_in_tag else None
        return found or _after_blank(name, text, is_password=is_password)
    # One colon before and one behind it are those of a path, such as `arn:…:secret:…`.
    if following == ":" == text[name.start() - 1 : name.start()]:
        return None
    ways = _WAYS.get(following, ())
    if following > "\u2e7f" or not name[0].isascii():
        ways = (*ways, _OTHERWISE)
    return _first(text, end, is_password, ways)


def _after_blank(name: re.Match[str], text: str, *, is_password: bool) -> Place | None:
    end = name.end()
    found = _first(text, end, is_password, (_ASSIGNED,))
    if text[end] == "\n":
        return found or _first(text, end, is_password, (_BELOW,))
    if found is not None:
        return found
    before = text[name.start() - 1 : name.start()]
    if before and before not in " \t\n" and _OPTION.search(text[max(0, name.start() - 24) : name.start()]):
        return _first(text, end, is_password, (_AFTER_BLANK,))
    if _PROMISING.search(text, end, end + _FARTHEST) is None:
        return None
    found = _said(text, end, is_password)
    if found is None and not name[0].isascii():
        found = _first(text, end, is_password, (_OTHERWISE,))
    return found


def _first(text: str, at: int, is_password: bool, patterns: tuple[re.Pattern[str], ...]) -> Place | None:
    believed = may_be_password if is_password else may_be_key
    for pattern in patterns:
        found = pattern.match(text, at)
        if found is not None:
            start, end = _place(found)
            if believed(
                text[start:end], is_quoted=text[start - 1] in "\"'`" and text[start - 1] == text[end : end + 1]
            ):
                return start, end
    return None


def _said(text: str, at: int, is_password: bool) -> Place | None:
    """In a sentence, where words follow more often than values: what was no value may have been a word before it."""
    shortest = 6 if is_password else 8
    found, pattern = _AFTER_BLANK.match(text, at), _SAID
    for _ in range(_MOST_WORDS):
        if found is not None:
            start, end = _place(found)
            if may_be_said(text[start:end], shortest=shortest):
                return start, end
            at = max(at, start - 1) if found.re is pattern else at
        found = pattern.match(text, at)
        if found is None:
            return None
    return None


def _place(found: re.Match[str]) -> Place:
    start = found.start("value")
    return start, start + len(found["value"].rstrip(".:)]}*\\"))
