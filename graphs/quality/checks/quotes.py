"""Whether what is quoted from the given text stands there."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graphs.quality.checks.pieces import quoted, tokens
from graphs.quality.findings import Finding
from graphs.quality.subject import Subject

_LARGEST = 300_000
# Fewer words or letters are a term, or a name.
_SHORTEST_WORDS = 3
_SHORTEST_LETTERS = 10

_MARKS = re.compile(
    r"\"([^\"\n]{3,600})\"|“([^“”\n]{3,600})”|„([^“”„\n]{3,600})[“”]|«\s?([^«»\n]{3,600}?)\s?»"
    r"|‘([^‘’\n]{12,300})’(?!\w)|(?<!\w)'([^'\n]{12,300})'(?!\w)"  # noqa: RUF001
    r"|»([^«»\n]{3,600})«|「([^「」\n]{3,600})」|『([^『』\n]{3,600})』"
)
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_ASKED_FOR = re.compile(
    r"\b(?:quot\w+|cit(?:e|es|ing|ation|ations)|verbatim|word for word|exact words|which (?:words|sentences?"
    r"|passages?|lines?|phrases?)|what (?:does|do|did) .{1,80}? (?:say|write|think|claim|state|argue|mean)"
    r"|zitier\w*|zitate?|wörtlich\w*|welche (?:worte|wörter|sätze|stellen?)|was (?:sagt|sagen|schreibt|steht"
    r"|meint)|citez?|citations?|quels mots|quelles phrases|que dit|que disent|qu'écrit|textuellement"
    r"|citas?|citar|literalmente|qué dice|qué dicen|qué escribe|qué palabras)\b|引用|何と(?:言|書)|述べて|引用して|怎么说|说了什么",  # noqa: E501
    re.IGNORECASE,
)
_ATTRIBUTED = re.compile(
    r"\b(?:says?|said|saying|writes?|wrote|written|states?|stated|stating|reads|notes?|noted|claims?|claimed"
    r"|argues?|argued|explains?|adds?|added|according to|in the words of|words?:|quotes?|quoted|mentions?|"
    r"concludes?|admits?|insists?|the (?:text|memo|letter|contract|article|report|email|author|document|passage"
    r"|review|source|clause|paragraph)[^.\n]{0,30}|"
    r"sagt\w*|schreibt|schrieb|heißt es|steht|stehen|laut|zufolge|meint|betont|erklärt|nennt|wörtlich|zitat|im text|"
    r"dit|disait|écrit|écrivait|selon|d'après|affirme|note|ajoute|précise|explique|déclare|on lit|le texte|"
    r"dice|dijo|escribe|escribió|según|afirma|añade|explica|declara|señala|el texto)\b|述べ|書い|言っ|とある|によると|という|写道|说",  # noqa: E501
    re.IGNORECASE,
)
_AS_SUGGESTION = re.compile(
    r"\b(?:could|might|would|should|can|may|try|instead|rather|rewrite|rewritten|rephrase\w*|replace|better"
    r"|alternative\w*|suggest\w*|such as|for example|e\.g|like|imagine|change|"
    r"könnte\w*|würde\w*|stattdessen|besser|vorschlag|schlage|formulier\w*|etwa|zum beispiel|z\. ?b|lieber|wie wäre|"
    r"pourriez|pourrait|plutôt|par exemple|mieux|propose|podría\w*|mejor|por ejemplo|en lugar|propongo|"
    r"not|never|nowhere|nicht|nirgends|nie|jamais|nulle part|nunca|"
    r"prints?|outputs?|displays?|appears?|shows?|enters?|type|returns?|error|message|gibt aus|ausgabe|affiche"
    r"|muestra|imprime|"
    r"titled|called|entitled|book|film|movie|novel|song|poem|series|titel|buch|film|roman|livre|libro|película"
    r"|means?|meaning|heißt so viel|bedeutet|signifie|significa|translat\w+|übersetz\w*|tradui\w*)\b|例えば|たとえば|意味",  # noqa: E501
    re.IGNORECASE,
)
_KNOWN_SAYING = re.compile(
    r"\b(?:famous\w*|well[- ]known|known for|proverb|saying|as they say|berühmt\w*|bekannt\w*|sprichwort"
    r"|célèbre\w*|proverbe|famos\w*|refrán|dicho)\b|ことわざ|有名",
    re.IGNORECASE,
)
_OTHER_SPEAKER = re.compile(
    r"\b(?!(?:The|It|He|She|They|This|That|Who|What|And|But|In|As|His|Her"
    r"|Their)\b)([A-Z][\w'-]+)\s+(?:\w+\s+)?(?:says?|said|wrote|writes|put it|observed|argued|remarked)\b"
)
_SIGNS = str.maketrans(
    {
        "“": '"',
        "”": '"',
        "„": '"',
        "«": '"',
        "»": '"',
        "‘": "'",  # noqa: RUF001
        "’": "'",  # noqa: RUF001
        "‚": "'",  # noqa: RUF001
        "–": "-",  # noqa: RUF001
        "—": "-",
        "「": '"',
        "」": '"',
        "『": '"',
        "』": '"',
    }
)
_OMITTED = re.compile(r"\s*(?:\[\s?(?:\.\.\.|…)\s?\]|\(\s?(?:\.\.\.|…)\s?\)|\.\.\.|…)\s*")
_INSERTED = re.compile(r"\[[^\[\]]{2,60}\]|\(sic\)|\[sic\]")
_LETTER = re.compile(r"\[(\w)\]")
_MARKDOWN = re.compile(r"[*_`~>#]+")


@dataclass(frozen=True, slots=True)
class _Quote:
    text: str
    start: int
    before: str
    block: bool = False


def quotes_occur(subject: Subject) -> Iterator[Finding]:
    if subject.kind not in {"answer", "markdown"} or not subject.given.strip() or len(subject.text) > _LARGEST:
        return
    known = _plain(f"{subject.given}\n{subject.asked}\n{subject.system}")
    is_asked = _ASKED_FOR.search(subject.asked) is not None
    for quote in _quotes(subject.text):
        if _is_attributed(quote, is_asked, subject) and not _occurs(quote.text, known):
            line = subject.text.count("\n", 0, quote.start) + 1
            shown = quoted(quote.text.split("\n")[0])
            yield Finding("quotes_occur", "error", "These words do not stand in the text that was given.", shown, line)


def _quotes(text: str) -> Iterator[_Quote]:
    plain = _CODE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    last = 0
    for found in _MARKS.finditer(plain):
        words = next(filter(None, found.groups()))
        start = found.start() + found[0].index(words)
        begin = (
            max(
                plain.rfind("\n", 0, found.start()),
                *(plain.rfind(end, 0, found.start()) for end in (". ", "! ", "? ", "。")),
                last - 1,
            )
            + 1
        )
        yield _Quote(text[start : start + len(words)], start, plain[begin : found.start()])
        after = re.match(r"[,.]?[^.!?\n]{0,60}", plain[found.end() :])
        last = found.end() if after and after[0][:1] in {".", "!"} else last
    yield from _block_quotes(text)


def _block_quotes(text: str) -> Iterator[_Quote]:
    lines = text.split("\n")
    for token in tokens(text):
        if token.type != "blockquote_open" or token.level or token.map is None:
            continue
        start, end = token.map
        held = "\n".join(re.sub(r"^\s*>\s?", "", line) for line in lines[start:end]).strip()
        offset = (
            sum(len(line) + 1 for line in lines[:start])
            + len(lines[start])
            - len(re.sub(r"^\s*>\s?", "", lines[start]))
        )
        before = next((line for line in reversed(lines[:start]) if line.strip()), "")
        if held and lines[start:end] and text[offset : offset + 5].strip():
            yield _Quote(held, offset, before, block=True)


def _is_attributed(quote: _Quote, is_asked: bool, subject: Subject) -> bool:
    """Whether a quotation is said to come from the given text."""
    words = quote.text.split()
    if len(words) < _SHORTEST_WORDS and not _is_unspaced(quote.text):
        return False
    if len(quote.text) < _SHORTEST_LETTERS or (
        re.match(r"\*\*|note|tip|hinweis|warning", quote.text, re.IGNORECASE) and quote.block
    ):
        return False
    if _AS_SUGGESTION.search(quote.before) or _KNOWN_SAYING.search(quote.before):
        return False
    speaker = _OTHER_SPEAKER.search(quote.before)
    if speaker and speaker[1] not in subject.given:
        return False
    if not (is_asked or _ATTRIBUTED.search(quote.before)):
        return False
    return is_asked or not _is_title(words)


def _is_unspaced(text: str) -> bool:
    return sum("\u3040" <= each <= "\u9fff" for each in text) > len(text) / 2


def _is_title(words: Sequence[str]) -> bool:
    long = [word for word in words if len(word) > 3]
    return len(words) <= 8 and bool(long) and all(word[:1].isupper() for word in long)


def _occurs(quote: str, known: str) -> bool:
    """Whether the words stand there, blanks, marks, emphasis and the case of letters aside; parts around an omission
    have to follow one another.
    """
    at = 0
    for part in _OMITTED.split(_INSERTED.sub(" … ", _LETTER.sub(r"\1", quote))):
        plain = _plain(part)
        if not plain:
            continue
        found = known.find(plain, at)
        if found < 0:
            return False
        at = found + len(plain)
    return True


def _plain(text: str) -> str:
    """Letters and figures with single blanks, so that no sign makes a difference."""
    shown = _MARKDOWN.sub("", unicodedata.normalize("NFKC", text).translate(_SIGNS)).casefold()
    spaced = re.sub(r"[^\w]+", " ", shown)
    return re.sub(r"(?<=[\u3040-\u9fff]) (?=[\u3040-\u9fff])", "", spaced).strip()
