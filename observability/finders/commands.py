"""Passwords by where they stand in a command, an address or a table, with no name beside them: what may be one."""

import re
from collections.abc import Iterator

from observability.finders.belief import may_be_key, may_be_password
from observability.finders.detection import Detection

_Q = r"['\"]?"
# Each with what a text must hold before its pattern is tried: that is what keeps it cheap.
_PLACES = tuple(
    (told, re.compile(pattern, flags))
    for told, flags, pattern in (
        (
            "-u",
            0,
            rf"(?:^|\s)(?:-u|--user|--proxy-user)[ =]{{0,2}}{_Q}[^\s:'\",]{{1,64}}[:,](?P<value>[^\s'\"]{{4,200}})",
        ),
        ("-U", 0, rf"(?:^|\s)-U[ =]?{_Q}[^\s:'\"%]{{1,64}}[:%](?P<value>[^\s'\"]{{4,200}})"),
        ("sshpass", 0, rf"\bsshpass\s{{1,3}}-p\s{{0,3}}{_Q}(?P<value>[^\s'\"]{{4,200}})"),
        (
            " -p",
            re.IGNORECASE,
            rf"\b(?:my|maria)(?:sql|db)\w{{0,8}}\b[^\n|;]{{0,200}}?\s-p{_Q}(?P<value>[^\s'\"-][^\s'\"]{{3,200}})",
        ),
        (
            " -p",
            re.IGNORECASE,
            (
                r"\b(?:docker|podman|nerdctl|az|mongo\w{0,8}|oc|cf|skopeo|crane|buildah|helm|influx"
                r"|clickhouse\w{0,8}|7z|unrar|rar|plink|pscp)\b"
                rf"[^\n|;]{{0,160}}?\s-p(?:\s{{1,3}}|(?=['\"])){_Q}(?P<value>[^\s'\"-][^\s'\"]{{3,200}})"
            ),
        ),
        (" -p", 0, r"\b(?:7z|rar|unrar)\b[^\n|;]{0,100}?\s-p(?P<value>[^\s'\"-][^\s'\"]{3,200})"),
        (
            " -P",
            0,
            rf"\b(?:sqlcmd|bcp|zip|unzip|isql|tsql)\b[^\n|;]{{0,160}}?\s-P\s{{0,3}}{_Q}(?P<value>[^\s'\"]{{4,200}})",
        ),
        (
            " -a ",
            0,
            rf"\b(?:redis-cli|valkey-cli|keydb-cli)\b[^\n|;]{{0,100}}?\s-a\s{{1,3}}{_Q}(?P<value>[^\s'\"]{{4,200}})",
        ),
        ("ldap", 0, rf"\bldap\w{{3,10}}\b[^\n|;]{{0,160}}?\s-w\s{{0,3}}{_Q}(?P<value>[^\s'\"]{{4,200}})"),
        (
            "htpasswd",
            0,
            (
                rf"\bhtpasswd\b[^\n|;]{{0,40}}?\s-\w{{0,6}}b\w{{0,6}}\s{{1,3}}\S{{1,100}}\s{{1,3}}\S{{1,60}}\s{{1,3"
                rf"}}{_Q}(?P<value>[^\s'\"]{{4,200}})"
            ),
        ),
        ("net user", 0, r"\bnet user \S{1,60}\s{1,3}(?P<value>[^\s/'\"]{5,200})"),
        ("/user:", 0, r"/user:\S{1,64}\s{1,3}(?P<value>[^\s/'\"]{5,200})"),
        ("/p:", 0, rf"(?:^|\s)/p:{_Q}(?P<value>[^\s'\"]{{5,200}})"),
        (
            "echo ",
            0,
            (
                r"\becho\s{1,3}(?:-n\s)?['\"]?(?:[\w.-]{1,40}:)?(?P<value>[^\s'\"|]{5,200})['\"]?\s{0,3}\|\s{0,3}"
                r"(?:sudo\s{1,3}(?:-S|chpasswd|passwd)|passwd|chpasswd|cryptsetup|kinit|docker login"
                r"|podman login|helm registry|gh auth|sudo\b)"
            ),
        ),
        ("wpa_passphrase", 0, rf"\bwpa_passphrase\s{{1,3}}\S{{1,64}}\s{{1,3}}{_Q}(?P<value>[^\s'\"]{{8,64}})"),
        ("WIFI:", 0, r"\bWIFI:(?:[TSHR]:[^;\n]{0,64};){0,4}P:(?P<value>[^;\s]{4,64})"),
        ("requirepass", 0, rf"\brequirepass\s{{1,3}}{_Q}(?P<value>[^\s'\"]{{5,200}})"),
        ("masterauth", 0, rf"\bmasterauth\s{{1,3}}{_Q}(?P<value>[^\s'\"]{{5,200}})"),
        ("AUTH ", 0, rf"(?:^|[\s>\"'])AUTH\s(?:[\w-]{{1,40}}\s)?{_Q}(?P<value>[^\s'\"]{{6,200}})"),
        (
            "IDENTIFIED",
            re.IGNORECASE,
            r"\bidentified(?:\s+with\s+\w+)?\s+(?:by|as)\s+['\"]?(?P<value>[^\s'\";]{4,200})",
        ),
        ("identified by", 0, r"\bidentified by\s+['\"]?(?P<value>[^\s'\";]{4,200})"),
        (
            "SecureString",
            re.IGNORECASE,
            rf"\bSecureString\s{{1,3}}(?:-String\s{{1,3}})?{_Q}(?P<value>[^\s'\"$]{{5,200}})",
        ),
        (
            "(",
            0,
            (
                r"(?:[Aa]uth|[Cc]redentials?|[Ll]ogin|uthenticate|[Cc]onnect(?:ion)?|[Ss]ign_?[Ii]n"
                r"|[Dd]igest)\s{0,2}=?\s{0,2}\(\s{0,2}(?:[\w.]{1,40},\s{0,2})?"
                r"(?:\w{1,20}\s?=\s?)?['\"][^'\"\n]{1,64}['\"]\s{0,2},\s{0,2}(?:\w{1,20}\s?=\s?)?['\"]"
                r"(?P<value>[^\s'\"]{4,200})['\"]"
            ),
        ),
        ("://", 0, r"://[^\s/:@\"'<>]{0,100}+:(?P<value>[^\s/@\"'<>]{3,200}+)@"),
        (
            "://",
            0,
            (
                r"://[^\s/:@\"'<>]{1,64}+:(?P<value>[^\s\"'<>@:]{0,60}[^\s\"'<>]{2,60}?)@[\w.-]{1,80}(?::\d{2,5})?"
                r"(?:[/?,;\"'\s)]|$)"
            ),
        ),
        ("jdbc:oracle", 0, r"\bjdbc:oracle:\w{2,4}:[^\s/@]{1,64}/(?P<value>[^\s/@]{3,200}+)@"),
        (
            ":",
            0,
            (
                r"(?<![\w.*:/-])[\w.*-]{1,80}+:(?:\d{2,5}|\*):[\w*-]{1,64}:[\w*.-]{1,64}:(?P<value>"
                r"[^\s:\"']{5,120})(?![^\s\"'])"
            ),
        ),
    )
)
_KEYS = tuple(
    (told, re.compile(pattern, flags))
    for told, flags, pattern in (
        ('"auth"', 0, r"\"auth\"\s?:\s?\"(?P<value>[A-Za-z0-9+/=]{16,400})\""),
        (
            "=",
            0,
            (
                r"[?&](?:sig|[Ss]ignature|[Xx]-(?:[Aa]mz|[Gg]oog|[Oo]ss)-(?:[Ss]ignature"
                r"|[Ss]ecurity-[Tt]oken))=(?P<value>[^&\s\"'<>]{20,2000})"
            ),
        ),
        ("key=", re.IGNORECASE, r"[?&;](?:[\w-]{0,20}key)=(?P<value>[\w.~%-]{16,200})"),
        (
            "code=",
            re.IGNORECASE,
            r"[?&#](?:code|ticket|assertion|saml\w{0,12}|id_token|jwt|hash)=(?P<value>[\w.~%+/=-]{24,4000})",
        ),
        ("Signature=", 0, r"\bAWS4-HMAC-SHA256\b[^\n]{0,300}?Signature=(?P<value>[0-9a-f]{64})"),
        ("Digest ", 0, r"\bDigest [^\n]{0,600}?\bresponse=[\"']?(?P<value>[0-9A-Za-z]{16,64})"),
        ('"kty"', 0, r"\"(?:d|k|p|q|d[pq]|qi)\"\s?:\s?\"(?P<value>[\w-]{20,1000})\""),
        ("AC", 0, r"\bAC[0-9a-f]{32}['\"]?\s{0,3}[:,/]\s{0,3}['\"]?(?P<value>[0-9a-f]{32})(?![0-9a-f])"),
        (
            "0x",
            re.IGNORECASE,
            r"(?:from_?key|wallet|account|signer|private_?key\w{0,20})\s?\(\s?['\"](?P<value>(?:0x)?[0-9a-f]{64})['\"]",
        ),
        ("/IncomingWebhook/", 0, r"/IncomingWebhook/(?P<value>[0-9a-f]{32}(?:/[\w-]{36,100}){0,2})"),
        ("/hooks/", 0, r"/hooks/(?P<value>[a-z0-9]{26})(?!\w)"),
    )
)
# A sign between letters, in a word that has all that rules for passwords ask for.
_SIGN = re.compile(r"[!#$%^&*?~](?<=[A-Za-z0-9].)(?=[A-Za-z0-9])")
_WORD = re.compile(r"[\w.!#$%^&*?~+@-]++")
_BEFORE = frozenset("/=:&?#")
_BEHIND = frozenset("/=:&([{")
_ASKED_FOR = (re.compile(r"[a-z]{2}"), re.compile(r"[A-Z]"), re.compile(r"\d"))
_NO_PASSWORD = re.compile(
    r"^[-+.%$*]|%[0-9A-F]{2}|[@%*-]$|\*.*[._*]|[._*].*\*|&&|^[#$%&]|@\w|\w&\w+;|\$\d|#L\d", re.ASCII
)
_COOKIES = re.compile(r"\bcookies?[\"']?\s{0,2}[:=]\s{0,2}(?P<all>[^\n]{8,4000})", re.IGNORECASE)
_COOKIE = re.compile(r"(?<![\w.-])(?P<name>[\w.-]{1,60})(?:=|[\"']\s?:\s?[\"'])(?P<value>[^\s;,\"']{16,2000})")
_MEASURED = ("_ga", "_gid", "_gcl", "_fbp", "cookie", "consent")
_MANIFEST = re.compile(r"(?:^|\n)(?:data|stringData):\s*\n(?P<all>(?:[ \t]+[^\n]*\n?){1,60})")
_ENTRY = re.compile(r"^[ \t]+[\w.-]{1,80}:[ \t]+[\"']?(?P<value>[A-Za-z0-9+/_.!-]{8,4000}={0,2})", re.MULTILINE)
_TITLED = re.compile(
    r"(?:^|[;,|\t]|(?<=[:=] [\"'])|(?<==[\"']))[ \"']*(?:pass(?:wor[dt]|wd|phrase)?|passwort|kennwort|pwd|pw"
    r"|mdp|senha|contraseña"
    r"|wachtwoord|has[łl]o|heslo|пароль"
    r"|secret|token|api[_ -]?key)[ \"']*(?:[;,|\t]|$)",
    re.MULTILINE,
)
# Of a line, or of a value.
_BEGUN = re.compile(r"\n|[:=] ?[\"']|: ")
_IN_TITLE = re.compile(r"[\w \"'.;,|\t\r_-]{1,2000}")
_TITLES = (
    "pass",
    "kennwort",
    "pw",
    "mdp",
    "senha",
    "contrase",
    "wacht",
    "hasło",
    "haslo",
    "heslo",
    "парол",
    "secret",
    "token",
    "api",
)
_INSERTED = re.compile(
    r"\binsert into [\w.\"`\[\]]{1,80}\s?\((?P<names>[^()]{1,400})\)\s{0,4}values\s{0,4}\((?P<values>[^()\n]{1,1000})\)"
)
_EXPRESSION = re.compile(r"\w[(\[]|\w=\w|[)\]][:)]")
_MOST_ROWS = 200


def placed(text: str, lower: str) -> Iterator[Detection]:
    """`lower` is the text in small letters, and just as long."""
    for pattern in [pattern for told, pattern in _PLACES if told in text]:
        yield from _believed(pattern, text)
    for pattern in [pattern for told, pattern in _KEYS if told in text]:
        found = (each for each in pattern.finditer(text) if may_be_key(each["value"], is_quoted=True))
        yield from (Detection("secret", *each.span("value"), "a key by its place") for each in found)
    yield from _hard_to_guess(text)
    if "cookie" in lower:
        yield from _in_cookies(text)
    if "kind: Secret" in text:
        yield from _in_manifest(text)
    title = _TITLED.search(lower) if "\n" in text and any(map(lower.__contains__, _TITLES)) else None
    if title is not None:
        yield from _in_table(text, lower, title)
    if "insert into" in lower:
        yield from _in_values(text, lower)


def _believed(pattern: re.Pattern[str], text: str) -> Iterator[Detection]:
    for found in pattern.finditer(text):
        if may_be_password(found["value"], is_quoted=False):
            yield Detection("secret", *found.span("value"), "a password by its place")


def _hard_to_guess(text: str) -> Iterator[Detection]:
    """What nobody writes but as a password, though nothing says that it is one."""
    if _SIGN.search(text) is None:
        return
    for found in _WORD.finditer(text):
        word = found[0].rstrip(".!?")
        if 8 <= len(word) <= 40 and _is_hard(word) and not _is_within(text, found):
            yield Detection("secret", found.start(), found.start() + len(word), "hard to guess")


def _is_hard(word: str) -> bool:
    asked_for = _SIGN.search(word) is not None and all(each.search(word) for each in _ASKED_FOR)
    return asked_for and _NO_PASSWORD.search(word) is None


def _is_within(text: str, found: re.Match[str]) -> bool:
    """Whether it is a part of an address or of an expression."""
    return text[found.start() - 1 : found.start()] in _BEFORE or text[found.end() : found.end() + 1] in _BEHIND


def _in_cookies(text: str) -> Iterator[Detection]:
    for header in _COOKIES.finditer(text):
        for found in _COOKIE.finditer(text, *header.span("all")):
            if not found["name"].startswith(_MEASURED) and may_be_key(found["value"], is_quoted=False):
                yield Detection("secret", *found.span("value"), "cookie")


def _in_manifest(text: str) -> Iterator[Detection]:
    for entries in _MANIFEST.finditer(text):
        for found in _ENTRY.finditer(text, *entries.span("all")):
            yield Detection("secret", *found.span("value"), "value of a Secret")


def _in_table(text: str, lower: str, title: re.Match[str]) -> Iterator[Detection]:
    """Of a table whose title names a column so, what stands in it."""
    begun = _BEGUN.finditer(text, max(0, title.start() - 2_000), title.start())
    start = max((each.end() for each in begun), default=0)
    rows = text[start : start + 100_000].split("\n", _MOST_ROWS + 1)[: _MOST_ROWS + 1]
    names = lower[start : start + len(rows[0])]
    sign = next((each for each in ";\t|," if each in names), None)
    if sign is None or _IN_TITLE.fullmatch(names) is None:
        return
    columns = [at for at, cell in enumerate(names.split(sign)) if _TITLED.fullmatch(cell.strip(" \"'\r"))]
    start += len(rows[0]) + 1
    for row in rows[1:]:
        yield from _in_row(row, start, sign, names.count(sign), columns)
        start += len(row) + 1


def _in_values(text: str, lower: str) -> Iterator[Detection]:
    """Of rows that are put into a database, what stands in a column of that name."""
    for found in _INSERTED.finditer(lower):
        names = found["names"].split(",")
        columns = [at for at, name in enumerate(names) if _TITLED.fullmatch(name.strip(" \"'`[]"))]
        start, end = found.span("values")
        if columns:
            yield from _in_row(text[start:end], start, ",", len(names) - 1, columns)


def _in_row(row: str, start: int, sign: str, signs: int, columns: list[int]) -> Iterator[Detection]:
    if row.count(sign) != signs:
        return
    cells, at = row.split(sign), start
    for column, cell in enumerate(cells):
        value = cell.strip(" \"'\r")
        if column in columns and may_be_password(value, is_quoted=True) and not _EXPRESSION.search(value):
            place = at + cell.index(value)
            yield Detection("secret", place, place + len(value), "a password in a table")
        at += len(cell) + 1
