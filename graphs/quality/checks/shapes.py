"""What a person asked of a text's form, read from their words. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from graphs.quality.checks.request import IN_PARTS, TASK, bounded, sentences, unquoted

Form = Literal[
    "json", "yaml", "csv", "xml", "html", "toml", "table", "bullets", "numbered", "code block", "code", "plain", "one word", "yes or no",  # noqa: E501
    "capitals", "small letters", "a number",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """What a text is to be. `only` tells that nothing else may stand beside it."""

    form: Form
    only: bool
    said: str


_NOT = re.compile(
    r"(?:\bnot?\b|\bwithout\b|\bdon'?t\b|\bnever\b|\bavoid\b|\bno need\b|\binstead of\b|\brather than\b"
    r"|\bnicht\b|\bkeine?n?\b|\bohne\b|\bstatt\b|\bpas\b|\bsans\b|\bplutôt que\b"
    r"|\bsin\b|\bnada de\b|\ben vez de\b)[^.!?\n]{0,25}$",
    re.IGNORECASE,
)

_ANSWER = (
    r"answer|reply|respond|output|return|give me|give|provide|print|antworte\w*|gib|liefere|ausgabe"
    r"|réponds|répondez|réponse|donne\w*|renvoie|responde\w*|devuelve|dame|da"
)
_DATA = (
    r"json(?!\s*-?\s*(?:l\b|lines|ld\b|schema))|yaml|csv|xml(?!\s*schema)|html(?!\s*(?:tags?|entit\w+|e-?mail))|toml"
)
# Where a format is what a program reads or writes.
_OF_PROGRAM = re.compile(
    r"\b(?:python|pandas|polars|dataframe|javascript|typescript|node(?:\.js)?|java|kotlin"
    r"|rust|golang|php|ruby|flask|fastapi|django"
    r"|express|spring|react|sql|postgres\w*|mysql|excel|jq|curl|bash|powershell|save[sd]?"
    r"|store[sd]?|load|read|parse|serializ\w+"
    r"|serialis\w+|export|import|send|upload|download|responses?|requests?|rest|api|speicher\w*"
    r"|lade|liest?|lesen|einles\w*|exportier\w*"
    r"|importier\w*|sende\w*|enregistr\w*|charg\w*|lire|exporte\w*|envoie\w*|guard\w*|carg\w*"
    r"|leer|exporta\w*|envía\w*)\b",
    re.IGNORECASE,
)
_OF_DATABASE = re.compile(
    r"\b(?:duplicates?|rows?|records?|sql|database|excel|word|latex|css|primary|foreign|joins?"
    r"|keys?|zeilen|datensätze|datenbank"
    r"|schlüssel|lignes|doublons|filas|registros)\b",
    re.IGNORECASE,
)
_AND_MORE = re.compile(
    r"^[^.!?\n]{0,20}\b(?:and|then|with|plus|followed|und|dann|mit|et|puis|avec|y|con)\b[^.!?\n]{0,30}\b(?:expla\w+"
    r"|why|reason\w*"
    r"|justif\w+|because|sentence\w*|example\w*|begründ\w*|erklär\w*|warum|satz|beispiel\w*"
    r"|expli\w+|pourquoi|raison\w*|phrase"
    r"|por qué|razón|frase|source|details?)\b",
    re.IGNORECASE,
)
# What follows "in one word" and asks for more of them.
_AND_WHY = re.compile(
    r"\W*(?:(?:and|und|et|y|but|aber|mais|pero|then|dann|please|bitte|also|if (?:so|yes|no|not)"
    r"|falls (?:ja|nein)|wenn (?:ja|nein)|si (?:oui|non|sí|no))[\s,]+)*"
    r"(?:(?:say|tell me|sag\w*|dis|di) )?(?:why|reasons?|explain|justify|elaborate|give (?:a |the "
    r"|your )?reasons?|warum|begründ\w*|erklär\w*"
    r"|erläuter\w*|pourquoi|explique\w*|justifie\w*|por qué|explica\w*|justifica\w*)\b",
    re.IGNORECASE,
)
_PARTLY = re.compile(
    r"^\s*(?:letters?\s+|words?\s+)?(?:for|in|at|on|when|where|whenever|only for|of the|für"
    r"|bei|wenn|pour|dans|quand|para|en|cuando)\b",
    re.IGNORECASE,
)
_OF_TITLE = re.compile(
    r"\b(?:titles?|headings?|headers?|names?|first|initials?|keywords?|constants?|warnings?"
    r"|variables?|titel|überschrift\w*|namen?"
    r"|titres?|noms?|títulos?|nombres?|difference|between|unterschied|différence|diferencia)\b",
    re.IGNORECASE,
)
_ONLY_DATA = re.compile(
    rf"\b(?:only|just|solely|nothing but|nur|ausschließlich|lediglich|uniquement|seulement|rien que|solo|sólo"
    rf"|solamente|únicamente)\s+(?:\w+\s+){{0,3}}?(?:in\s+|as\s+|als\s+|en\s+|valid\s+|gültiges\s+|du\s+|das\s+"
    rf"|the\s+|el\s+|le\s+)*(?P<a>{_DATA}|code)\b(?!\s+for\b)"
    rf"|\b(?P<b>{_DATA}|code)\s+(?:only|alone|uniquement|seulement|solamente|únicamente)(?=\s*(?:[.:,;!)]|$"
    rf"|please|bitte|s'il))"
    rf"|\b(?:nur|only|solo|sólo|uniquement)\s+(?:den|the|el|le)\s+(?P<c>code|código)\b",
    re.IGNORECASE,
)
_AS_DATA = re.compile(
    rf"\b(?:as|in|into|als|im|en|au|sous|como|to|nach|zu)\s+(?:a |an |un |une |eine?n? |valid |gültiges |the "
    rf"|das |format |formato )*(?P<form>{_DATA})(?:[ -]?(?:format|object|array|document|file|string|objekt"
    rf"|datei|formato))?(?![\w-])"
    rf"|\b(?:im format|au format|en formato|format:?)\s+(?P<named>{_DATA})\b",
    re.IGNORECASE,
)
SHOWING = re.compile(
    rf"^[\s,]*(?:(?:please|bitte|can you|could you|kannst du|peux-tu|puedes|and|und|et|y|then|por favor"
    rf"|s'il te plaît)[\s,]+)*(?:{_ANSWER}|show|list|write|compare|present|put|format|summari[sz]e|convert|make"
    rf"|create|generate|tabulate|display|organi[sz]e|arrange|explain|describe|translate|"
    r"zeig\w*|liste|schreib\w*|vergleich\w*|formatiere?|fasse?|erstell\w*|stelle?|mach\w*|nenne?|wandle?|"
    r"fais|faites|présente\w*|compare\w*|liste\w*|écris|mets|montre\w*|résume\w*|convertis|crée|cite\w*|"
    r"muestra\w*|compara\w*|lista\w*|escribe\w*|haz|crea|pon|presenta|resume|convierte|enumera)\b",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"\b(?:how|why|when|what|which|whether|should|(?:can|could|may) (?:i|we|one)|(?:kann|können) (?:ich|man"
    r"|wir)|puis-je|peut-on|puedo|se puede|wie|warum|wann|was|welche\w*|comment|pourquoi|quand|quel\w*|cómo"
    r"|por qué|cuándo|qué|cuál\w*)\b",
    re.IGNORECASE,
)
_IN_SHAPE_TOLD: tuple[tuple[Form, str], ...] = (
    (
        "table",
        (
            r"\b(?:(?:in|as|into|using|with) an? (?:\w+ ){0,2}table|(?:in|als|mit) (?:einer "
            r"|eine )?(?:\w+ )?(?:markdown-?)?tabelle|(?:dans|en|sous forme de|avec) (?:un )?tableau|(?:en"
            r"|como|con) (?:una )?tabla)\b"
        ),
    ),
    (
        "numbered",
        (
            r"\b(?:(?:as|in|with|using) an? (?:numbered|ordered) list|(?:as )?numbered (?:list|steps)"
            r"|nummerierten? liste|liste numérotée|lista numerada)\b"
        ),
    ),
    (
        "bullets",
        (
            r"\b(?:(?:as|in|with|using) (?:a )?(?:bullet(?:ed)?(?:[ -]?points?)?(?: list)?|bullets"
            r"|unordered list)|als (?:aufzählung|stichpunkte|liste mit punkten)|in stichpunkten"
            r"|(?:sous forme de |en )?liste à puces|en puces|con viñetas|en viñetas|lista con viñetas)\b"
        ),
    ),
    (
        "code block",
        (
            r"\b(?:in|as|within|into) an? (?:\w+ )?code ?block\b|\bin einem code-?block\b"
            r"|\bdans un bloc de code\b|\ben un bloque de código\b"
        ),
    ),
)
_IN_SHAPE: tuple[tuple[Form, re.Pattern[str]], ...] = tuple(
    (told, re.compile(pattern, re.IGNORECASE)) for told, pattern in _IN_SHAPE_TOLD
)
_SAID_SHAPES_TOLD: tuple[tuple[Form, str], ...] = (
    (
        "plain",
        (
            r"\b(?:no|without|don'?t use|avoid|not use) (?:any )?(?:markdown|formatting)\b"
            r"|\bplain text(?: only)?\b(?=[^\w]*(?:please|only|$|[.,!:;]))|\b(?:in|as|use) plain text\b"
            r"|\b(?:kein|ohne) markdown\b|\b(?:als|in|nur) (?:reiner |reinem |reinen |einfacher )?(?:klar"
            r"|rein)?text\b(?=[^\w]*(?:bitte|$|[.,!]))|\bsans markdown\b|\btexte brut\b|\bsin markdown\b"
            r"|\btexto plano\b"
        ),
    ),
    (
        "one word",
        (
            r"\b(?:(?:with|in|just|only|using|exactly)\s+(?:a |exactly )?(?:single|one|1) word"
            r"|one[- ]word answer|mit (?:nur )?(?:einem|1) (?:einzigen )?wort|in einem (?:einzigen )?wort"
            r"|nur ein (?:einziges )?wort|en un (?:seul )?mot|par un (?:seul )?mot|un seul mot|(?:con"
            r"|en) una (?:sola |única )?palabra|una sola palabra)\b"
        ),
    ),
    (
        "yes or no",
        (
            r"\b(?:(?:only|just|simply)\s+(?:with |by )?(?:a )?[\"“']?yes[\"”']? or [\"“']?no|(?:answer"
            r"|reply|respond)(?: only| just| simply)? (?:with )?(?:only )?[\"“']?yes[\"”']?(?: or "
            r"|/)[\"“']?no|yes or no only|nur (?:mit )?ja (?:oder|/) ?nein|(?:antworte"
            r"|antworten sie) (?:nur |bitte )*(?:mit )?(?:nur )?ja oder nein|(?:uniquement|seulement"
            r"|juste) par oui ou (?:par )?non|réponds?(?:ez)? (?:uniquement |seulement |juste "
            r"|simplement )?par oui ou (?:par )?non|(?:solo|sólo|solamente"
            r"|únicamente)? ?(?:con )?sí o no(?= *(?:[.:,!]|$)))\b"
        ),
    ),
    (
        "capitals",
        (
            r"\b(?:(?:in|only|use|using|all) (?:all )?(?:capitals?(?: letters)?|caps"
            r"|upper ?case(?: letters)?)|(?:in|nur(?: in)?|alles in"
            r"|durchgehend in) (?:lauter )?großbuchstaben|(?:en|uniquement en) (?:lettres )?(?:majuscules"
            r"|capitales)|(?:en|todo en|solo en) (?:letras )?mayúsculas)\b"
        ),
    ),
    (
        "small letters",
        (
            r"\b(?:(?:in|only|use|using|all) (?:all )?(?:lower ?case(?: letters)?|small letters)"
            r"|(?:in|nur(?: in)?|alles in) kleinbuchstaben|en minuscules|en (?:letras )?minúsculas)\b"
        ),
    ),
    (
        "a number",
        (
            r"\b(?:only|just) (?:with )?(?:the|a) number\b|\bnumber only\b|\bnur (?:mit )?(?:die|der"
            r"|eine) zahl\b|\bnur die zahl\b|\b(?:uniquement|seulement) (?:le|un) (?:nombre|chiffre)\b"
            r"|\b(?:solo|sólo|solamente) (?:con )?(?:el|un) número\b"
        ),
    ),
)
_SAID_SHAPES: tuple[tuple[Form, re.Pattern[str]], ...] = tuple(
    (told, re.compile(pattern, re.IGNORECASE)) for told, pattern in _SAID_SHAPES_TOLD
)
# Of something that is in a table, rather than something to be put there.
_EXPLAINING = re.compile(
    r"^\W*(?:please )?(?:explain|describe|erklär\w*|beschreib\w*|explique\w*|décri\w*|explica\w*"
    r"|describ\w*) (?:what|how|why|the|was|wie|warum|ce que|comment|qué|cómo)\b",
    re.IGNORECASE,
)
_MARKED = frozenset({"plain", "capitals", "small letters"})
_STRICTLY = re.compile(
    r"\b(?:only|just|simply|nothing|nur|ausschließlich|uniquement|seulement|juste|simplement"
    r"|solo|sólo|solamente|únicamente)\b",
    re.IGNORECASE,
)
_POLITE = re.compile(
    r"\s*(?:can|could|would|will) you\b|\s*(?:kannst|könn\w+) (?:du|sie)\b|\s*(?:peux-tu"
    r"|pouvez-vous|puedes|podrías?)\b",
    re.IGNORECASE,
)
_UNSPACED_SHAPES: tuple[tuple[Form, re.Pattern[str]], ...] = (
    ("json", re.compile(r"JSON(?! ?L)(?:だけ|のみ)|(?:只|仅)(?:用|以|返回|输出)\s*JSON", re.IGNORECASE)),
    ("code", re.compile(r"コード(?:だけ|のみ)|(?:只|仅)(?:要|给出|输出)代码")),
    ("table", re.compile(r"表(?:形式)?で(?:比較|まとめ|示し|教え|書い|出力)|用表格")),
    ("bullets", re.compile(r"箇条書きで")),
)


def shapes(asked: str) -> Iterator[Shape]:
    for form, pattern in _UNSPACED_SHAPES:
        if found := pattern.search(unquoted(bounded(asked))):
            yield Shape(form, only=form in {"json", "code"}, said=found[0])
    told = sentences(asked)
    for at, sentence in enumerate(told):
        if IN_PARTS.search(sentence):
            continue
        if not any(map(_AND_WHY.match, told[at + 1 :])):
            yield from _said_shapes(sentence)
        if TASK.search(sentence):
            continue
        only = _ONLY_DATA.search(sentence)
        if only is not None and not _NOT.search(sentence[: only.start()]) and not asks(sentence, only.start()):
            yield Shape(_form(only["a"] or only["b"] or only["c"]), only=True, said=only[0].strip())
        elif not asks(sentence, len(sentence)):
            yield from _wanted(sentence)


def _form(word: str) -> Form:
    plain = word.casefold()
    named: dict[str, Form] = {
        "json": "json",
        "yaml": "yaml",
        "csv": "csv",
        "xml": "xml",
        "html": "html",
        "toml": "toml",
    }
    return named.get(plain, "code")


def _said_shapes(sentence: str) -> Iterator[Shape]:
    for form, pattern in _SAID_SHAPES:
        found = pattern.search(sentence)
        if found is None or _NOT.search(sentence[: found.start()]) or TASK.search(sentence):
            continue
        before, after = sentence[: found.start()], sentence[found.end() :]
        if _AND_MORE.match(after) or (form in _MARKED and (_PARTLY.match(after) or _OF_TITLE.search(before))):
            continue
        if form not in _MARKED or not (asks(before, len(before)) or is_question(sentence)):
            yield Shape(form, only=form != "yes or no" or _STRICTLY.search(sentence) is not None, said=found[0].strip())


def is_question(sentence: str) -> bool:
    """Whether it asks for a fact, and for no form: "Is mail sent in plain text?"."""
    return sentence.rstrip().endswith("?") and not SHOWING.search(sentence) and not _POLITE.match(sentence)


def _wanted(sentence: str) -> Iterator[Shape]:
    data = _AS_DATA.search(sentence)
    if data and not _NOT.search(sentence[: data.start()]) and not _OF_PROGRAM.search(sentence):
        is_asked = SHOWING.search(sentence) is not None or (
            len(sentence) - data.end() < 40 and not _ASKING.search(sentence)
        )
        if is_asked:
            yield Shape(_form(data["form"] or data["named"]), only=False, said=data[0].strip())
    for form, pattern in _IN_SHAPE:
        found = pattern.search(sentence)
        if form == "table" and (_OF_DATABASE.search(sentence) or _EXPLAINING.search(sentence)):
            continue
        if found and SHOWING.search(sentence) and not _NOT.search(sentence[: found.start()]):
            yield Shape(form, only=False, said=found[0].strip())


def asks(sentence: str, end: int) -> bool:
    """Whether the sentence is a question about a thing: "how do I …", "when should I …"."""
    found = _ASKING.search(sentence[:end])
    return found is not None and not SHOWING.search(sentence)
