"""Which language is spoken, and which was asked for."""

import re
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier  # type: ignore[import-untyped]  # it ships none

from graphs.quality.checks.names import NAMES, STEMS
from graphs.quality.checks.request import bounded

_SHORTEST = 20
_SURE = 0.9
_LOOKED_AT = 4_000

# The languages that are told apart. A text in another one is taken for its nearest, or for none.
_KNOWN = [
    "ar",
    "bg",
    "cs",
    "da",
    "de",
    "el",
    "en",
    "es",
    "et",
    "fa",
    "fi",
    "fr",
    "he",
    "hi",
    "hr",
    "hu",
    "id",
    "it",
    "ja",
    "ko",
    "lt",
    "lv",
    "nl",
    "no",
    "pl",
    "pt",
    "ro",
    "ru",
    "sk",
    "sl",
    "sv",
    "th",
    "tr",
    "uk",
    "vi",
    "zh",
]
# Told apart from them, and not judged: nearest to one of the above, or too rare for a model to be sure of.
_NEAREST = ["af", "lb"]
_UNJUDGED = ["be", "bn", "ca", "cy", "eu", "ga", "gl", "is", "la", "mk", "ms", "mt", "sq", "sr", "sw", "tl", "ur"]
# Too near to each other to be told apart in a few lines.
_NEAR = {
    "da": "no",
    "nb": "no",
    "nn": "no",
    "sk": "cs",
    "sl": "hr",
    "sr": "hr",
    "bs": "hr",
    "ms": "id",
    "gl": "pt",
    "lb": "de",
    "af": "nl",
}

_SPACED = "|".join(
    sorted(
        (re.escape(name) for name in NAMES if name.isascii() or (name[0].isalpha() and ord(name[0]) < 0x3000)),
        key=len,
        reverse=True,
    )
)
_UNSPACED = "|".join(re.escape(name) for name in NAMES if ord(name[0]) >= 0x3000)
_NAMED = re.compile(rf"(?<!\w)(?:{_SPACED})(?!\w)|(?:{_UNSPACED})", re.IGNORECASE)
_ORDERED = re.compile(
    rf"(?:\b(?:in|into|to|auf|ins|in die|en|al|em|in het|naar het|in lingua|vers l['’]|vers le|à l['’]"  # noqa: RUF001
    rf"|na)\s+(?:the |simple |plain |einfachem |die |das |l['’])?)(?P<name>{_SPACED})(?!\w)"  # noqa: RUF001
    rf"|(?P<cjk>{_UNSPACED})(?:で|に|语?回答|來?回答)",
    re.IGNORECASE,
)
_COMMANDS = re.compile(
    r"\b(?:answer|reply|respond|write|translate|summari[sz]e|explain|describe|say it|speak|give|tell|use"
    r"|antworte\w*|schreib\w*|übersetz\w*|fasse|erklär\w*|"
    r"réponds|répondez|écri\w+|tradui\w+|résume\w*|explique\w*|responde\w*|escrib\w+|traduc\w+|traduz\w+"
    r"|traduci\w*|resum\w+|explica\w*|rispond\w+|scriv\w+|antwoord\w*|vertaal\w*|schrijf)\b|訳|回答|答え|書いて|翻译",
    re.IGNORECASE,
)
_POLITE = r"(?:bitte|please|por favor|s'il (?:te|vous) plaît|per favore)"
_SET_OFF = re.compile(
    rf"(?:^|[.!?\n]\s*)(?:in|auf|en) (?:{_SPACED}),?(?: {_POLITE})?\s*[:,]|[.!?,]\s*(?:in|auf|en) (?:{_SPACED}),?(?: {_POLITE})\s*[.!]?\s*$",  # noqa: E501
    re.IGNORECASE,
)
_TRANSLATION = re.compile(
    r"\b(?:translat\w+|übersetz\w*|tradui\w*|traduc\w*|traduz\w*|vertaal\w*|vertaling|tradurre)\b|翻訳|訳し|翻译",
    re.IGNORECASE,
)
_SYSTEM_ORDER = re.compile(
    rf"(?:\b(?:answer|reply|respond|write|speak)\b[^.\n]{{0,20}}\bin (?P<en>{_SPACED})"
    rf"|\bantworte\w*[^.\n]{{0,20}}\bauf (?P<de>{_SPACED})|\brépond\w*[^.\n]{{0,20}}\ben (?P<fr>{_SPACED})"
    rf"|\bresponde\w*[^.\n]{{0,20}}\ben (?P<es>{_SPACED}))(?!\w)",
    re.IGNORECASE,
)

_LINES = re.compile(r"\n+|(?<=[.!?:])\s+")
_MOST_LINES = 30
_QUOTATION = re.compile(
    r"\"[^\"\n]*\"|“[^”\n]*”|„[^“”\n]*[“”]|«[^»\n]*»|»[^«\n]*«|「[^」\n]*」|『[^』\n]*』|(?<!\w)'[^'\n]{3,}'(?!\w)|‘[^’\n]*’"  # noqa: RUF001
)
_NO_WORDS = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|\S+@\S+|[\w.-]*[/\\_][\w./\\-]*|\b\w*\d\w*\b|\b[A-Z]{2,}\b", re.DOTALL
)
# Names: capitals behind a small word. In German every noun has one, so that they are kept if nothing else remains.
_NAME = re.compile(
    r"(?<=[a-zà-ÿ,] )[A-ZÀ-Þ][\w'’-]+(?: (?:of|the|de|la|and|&) [A-ZÀ-Þ][\w'’-]+"  # noqa: RUF001
    r"| [A-ZÀ-Þ][\w'’-]+)+"  # noqa: RUF001
)


def told(text: str, *, shortest: int = _SHORTEST) -> str | None:
    """The language of prose, `None` where it cannot be told."""
    plain = " ".join(_NAME.sub(" ", _NO_WORDS.sub(" ", text[:_LOOKED_AT])).split())
    letters = [each for each in plain if each.isalpha()]
    scripts = _script(letters)
    if len(letters) < (shortest if scripts is None else shortest / 3):
        return None
    if scripts is not None:
        return scripts
    return _likeliest(plain)


def _likeliest(plain: str) -> str | None:
    """The language that a model is sure of, those that are near to each other taken together."""
    shares = dict[str, float]()
    for code, share in _identifier().rank(plain):
        near = _NEAR.get(code, code)
        shares[near] = shares.get(near, 0.0) + float(share)
    best = max(shares, key=lambda code: shares[code])
    judged = sum(share for code, share in shares.items() if code not in _UNJUDGED)
    return best if best not in _UNJUDGED and shares[best] >= _SURE * judged else None


def _script(letters: list[str]) -> str | None:
    """The language that letters alone tell."""
    if not letters:
        return None
    kana = sum("\u3040" <= each <= "\u30ff" for each in letters)
    han = sum("\u3400" <= each <= "\u9fff" for each in letters)
    hangul = sum("\uac00" <= each <= "\ud7af" for each in letters)
    most = len(letters) * 0.5
    if kana + han > most:
        return "ja" if kana > (kana + han) * 0.08 else "zh"
    return "ko" if hangul > most else None


def unquoted(text: str) -> str:
    return _QUOTATION.sub(" ", text)


def expected(asked: str, given: str = "", system: str = "") -> frozenset[str]:
    """The languages that an answer may be in; empty where anything may be.

    What is named with a command binds; a language that is only mentioned is allowed beside that of the question.
    """
    asked, system = bounded(asked), bounded(system)
    request = unquoted(_NO_WORDS.sub(" ", asked))
    ordered = {_code(found["name"] or found["cjk"]) for found in _ORDERED.finditer(request)}
    # "German/English" is no path.
    plain = f"{request}\n{unquoted(asked.replace('/', ' '))}"
    mentioned = {_code(found[0]) for found in _NAMED.finditer(plain)}
    mentioned |= {code for code, stem in STEMS.items() if stem.search(plain)}
    if ordered and (_COMMANDS.search(request) or _SET_OFF.search(request)):
        return frozenset(ordered if ordered == mentioned or _TRANSLATION.search(request) else ordered | mentioned)
    if _TRANSLATION.search(request):
        return frozenset()
    own = told(request)
    by_system = {_code(name) for found in _SYSTEM_ORDER.finditer(system) for name in found.groups() if name}
    if by_system:
        return frozenset(by_system | mentioned)
    if own is None or _is_led(asked):
        return frozenset()
    parts = (told(unquoted(line)) for line in _LINES.split(asked)[:_MOST_LINES])
    return frozenset({own, *mentioned, *filter(None, [told(given), *parts])})


def _is_led(asked: str) -> bool:
    """Whether a few words, too few to tell their language, lead to a longer text to work with."""
    lead, sign, rest = asked.partition(":") if ":" in asked.split("\n", maxsplit=1)[0] else asked.partition("\n")
    return bool(sign) and told(lead) is None and len(rest) > 2 * len(lead)


def _code(name: str) -> str:
    return NAMES[name.casefold()]


@cache
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages([*_KNOWN, *_NEAREST, *_UNJUDGED])
    return identifier
