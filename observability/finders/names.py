"""What passwords, keys and sessions are called, in two dozen languages, and what stands before such a name."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_AGAIN = (
    r"(?:[_-]?(?:\d{1,2}|value|text|string|raw|plain(?:text)?|b64|base64|hex|prod|live|staging|stage|dev|test"
    r"|old|new|current)"
    r"(?![a-z0-9]))?"
)
Before = Callable[[str, str, int], bool]
# What stands before a short name if it is one, and is no part of a word.
_OWNERS = (
    *("db", "user", "root", "admin", "key", "store", "my", "mysql", "pg", "smtp", "mail", "ftp", "ssh", "ldap"),
    *("sudo", "bind", "become", "_sa", "_enc", ".enc"),
)  # fmt: skip
_SORTS_OF_KEYS = (
    *("api", "app", "application", "access", "secret", "private", "signing", "signature", "encryption"),
    *("decryption", "account", "auth", "master", "service", "storage", "subscription", "webhook", "shared"),
    *("client", "consumer", "hmac", "aes", "session", "deploy", "admin", "root", "function", "functions", "write"),
    *("ingest", "ingestion", "server", "jwt", "cookie", "crypt", "vault", "integration", "instrumentation"),
    *("registration", "activation", "recovery", "backup", "unlock", "zugang", "zugangs", "bot", "wlan", "wifi"),
    *("netzwerk", "management", "project", "org", "team", "license", "licence"),
)  # fmt: skip
_NO_SECRET_KEYS = (
    *("public", "primary", "foreign", "sort", "partition", "cache", "host", "routing", "idempotency", "row", "s3"),
    *("object",),
)  # fmt: skip
_OF_PAGES = ("page", "next", "sync", "max", "min", "pad", "eos", "bos", "cursor", "continuation")


def _any(lower: str, text: str, start: int) -> bool:
    return True


def _apart(lower: str, text: str, start: int) -> bool:
    """No part of a word, or a part that a capital begins."""
    before = lower[start - 1 : start]
    if not before.isalpha() or (text[start].isupper() and text[start - 1].islower()):
        return True
    return lower.endswith(_OWNERS, max(0, start - 8), start)


def _alone(lower: str, text: str, start: int) -> bool:
    before = text[start - 1 : start]
    return not before.isalpha() or lower.endswith(("php", "connect."), max(0, start - 8), start)


def _of_a_key(lower: str, text: str, start: int) -> bool:
    before = text[start - 1 : start]
    end = start - (before in {"_", " ", ".", "-"})
    is_asked_for = before in {" ", "."} and lower.endswith(("licence", "license"), max(0, end - 8), end)
    return lower.endswith(_SORTS_OF_KEYS, max(0, end - 18), end) and not is_asked_for


def _of_any_key(lower: str, text: str, start: int) -> bool:
    before = text[start - 1 : start]
    return not before.isalpha() and not lower.endswith(_NO_SECRET_KEYS, max(0, start - 14), start - 1)


def _of_no_page(lower: str, text: str, start: int) -> bool:
    end = start - (text[start - 1 : start] in {"_", " ", "-"})
    return not lower.endswith(_OF_PAGES, max(0, end - 14), end)


def _of_no_path(lower: str, text: str, start: int) -> bool:
    return text[start - 1 : start] not in {":", "/"}


def _behind(*words: str) -> Before:
    return lambda lower, text, start: lower.endswith(words, max(0, start - 10), start)


# A name begins with what is looked for first; what it goes on with; what stands before it. All in small letters.
# The value of a password is believed if no program would write it.
_PASSWORDS = (
    ("passw", r"or[dt]|d", _any),
    ("pass", r"[ _-]?phrase|code|ord(?:et)?", _any),
    ("pass", "", _apart),
    ("passe", "", _behind("mot de ", "palavra ", "palavra-")),
    ("pwd", "", _apart),
    ("pswd", "", _apart),
    ("pw", "", _apart),
    ("psk", "", _apart),
    ("mdp", "", _apart),
    ("kennwort", "", _any),
    ("zugangscode", "", _any),
    ("zugangsdaten", "", _any),
    ("contrase", r"[ñn]a", _any),
    ("senha", "", _any),
    ("parola", r" d'ordine", _any),
    ("parol", r"[aăeă]?", _any),
    ("wacht", r"woord|zin", _any),
    ("hasł", r"o|em|a", _any),
    ("hasl", r"o|em|a", _apart),
    ("hesl", r"[oa]", _any),
    ("jelsz", r"[óo]|ava", _any),
    ("lozink", r"[aue]", _any),
    ("geslo", "", _any),
    ("ifre", r"(?:si|niz|m)?", _behind("ş", "s")),
    ("senord", r"(?:et)?", _any),
    ("adgangskode", r"n?", _any),
    ("kodeord", r"(?:et)?", _any),
    ("salas", r"ana|[õo]na", _any),
    ("slapta", r"[žz]odis", _any),
    ("kata ", r"sandi|laluan", _any),
    ("clave", "", _apart),
    ("wlan", r"[ _-]?(?:key|schlüssel)", _any),
    ("wifi", r"[ _-]?(?:key|schlüssel)", _any),
    ("wi-fi", r"[ _-]?(?:key|schlüssel)", _any),
    ("preshared", r"[ _-]?key", _any),
    ("pre-shared", r"[ _-]?key", _any),
)
_DECLINED = ("парол", "лозинк", "κωδικ", "συνθηματικ")
_PASSWORDS_ABROAD = (
    *("khẩu", "パスワード", "暗証番号", "合言葉", "密码", "密碼", "口令", "비밀번호"),
    *("암호", "كلمة المرور", "كلمة السر", "סיסמ", "पासवर्ड", "รหัสผ่าน", "رمز عبور"),
)  # fmt: skip
# Of these one is believed that looks like chance.
_KEYS = (
    ("secret", r"[_ .-]?access[_ .-]?key|[_ .-]?key[_ .-]?base", _any),
    ("secret", "", _of_no_path),
    ("token", "", _of_no_page),
    ("key", "", _of_a_key),
    ("key", "", _of_any_key),
    ("schlüssel", "", _any),
    ("cred", r"(?:entials?|s)?", _alone),
    ("authorization", "", _any),
    ("auth", "", _alone),
    ("sess", r"ion[_ .-]?(?:id|key|token)?|id", _any),
    ("sid", "", _alone),
    ("chiave", "", _any),
    ("chave", "", _apart),
    ("klucz", "", _any),
    ("dsn", "", _apart),
    ("otp", "", _apart),
    ("salt", "", _apart),
    ("bearer", "", _apart),
    ("_pat", "", _any),
)
_KEYS_ABROAD = ("clé", "ключ", "密钥", "密鑰", "キー")


@dataclass(frozen=True, slots=True)
class Name:
    """`begins` is looked for first; `stands` says whether it is one where it was found."""

    begins: str
    pattern: re.Pattern[str]
    stands: Before
    is_password: bool

    @property
    def is_of_any_key(self) -> bool:
        return self.stands is _of_any_key


def _names(listed: Sequence[tuple[str, str, Before]], *, is_password: bool) -> list[Name]:
    return [
        Name(begins, re.compile(f"{begins}(?:{rest}){_AGAIN}"), stands, is_password) for begins, rest, stands in listed
    ]


def _by_beginning(names: Sequence[Name]) -> dict[str, list[Name]]:
    found = dict[str, list[Name]]()
    for name in names:
        found.setdefault(name.begins, []).append(name)
    return found


PASSWORDS = _by_beginning(_names(_PASSWORDS, is_password=True))
KEYS = _by_beginning(_names(_KEYS, is_password=False))
# Of other scripts: looked for in texts that are not all ASCII.
NAMES_ABROAD = _by_beginning(
    [
        *_names([(each, r"\w{0,3}?", _any) for each in _DECLINED], is_password=True),
        *_names([(each, "", _any) for each in _PASSWORDS_ABROAD], is_password=True),
        *_names([(each, "", _any) for each in _KEYS_ABROAD], is_password=False),
    ]
)
