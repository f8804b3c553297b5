"""What a person asked of a text's language, length and form, read from their words."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

Unit = Literal["words", "sentences", "paragraphs", "items", "lines", "characters"]

_SENTENCE = re.compile(r"(?<=[.!?:;])\s+|\n+|(?<=[。！？])")  # noqa: RUF001
_TASK = re.compile(
    r"\b(?:functions?|scripts?|programs?|programme|endpoint|class(?:es)?|method|regex|pattern|validat\w+"
    r"|passwor[dt]\w*|field|column|database|parser?"
    r"|query|api|funktion|skript|programm|klasse|methode|feld|spalte|fonction|classe|champ|función|clase|campo"
    r"|component|module|code that|method)\b",
    re.IGNORECASE,
)
_NOT = re.compile(
    r"(?:\bnot?\b|\bwithout\b|\bdon'?t\b|\bnever\b|\bavoid\b|\bno need\b|\binstead of\b|\brather than\b"
    r"|\bnicht\b|\bkeine?n?\b|\bohne\b|\bstatt\b|\bpas\b|\bsans\b|\bplutôt que\b"
    r"|\bsin\b|\bnada de\b|\ben vez de\b)[^.!?\n]{0,25}$",
    re.IGNORECASE,
)

_NUMBERS = {
    name: value
    for value, names in enumerate(
        (
            "zero null", "one a an single ein eine einem einen einer un une uno una", "two zwei deux dos", "three drei trois tres",  # noqa: E501
            "four vier quatre cuatro", "five fünf cinq cinco", "six sechs seis", "seven sieben sept siete", "eight acht huit ocho",  # noqa: E501
            "nine neun neuf nueve", "ten zehn dix diez", "eleven elf onze once", "twelve zwölf douze doce", "thirteen dreizehn treize trece",  # noqa: E501
            "fourteen vierzehn quatorze catorce", "fifteen fünfzehn quinze quince", "sixteen sechzehn seize dieciséis",
            "seventeen siebzehn dix-sept diecisiete", "eighteen achtzehn dix-huit dieciocho", "nineteen neunzehn dix-neuf diecinueve",  # noqa: E501
            "twenty zwanzig vingt veinte",
        )
    )
    for name in names.split()
} | {
    "thirty": 30, "dreißig": 30, "trente": 30, "treinta": 30, "forty": 40, "vierzig": 40, "quarante": 40, "cuarenta": 40,  # noqa: E501
    "fifty": 50, "fünfzig": 50, "cinquante": 50, "cincuenta": 50, "sixty": 60, "sechzig": 60, "soixante": 60, "sesenta": 60,  # noqa: E501
    "eighty": 80, "achtzig": 80, "hundred": 100, "hundert": 100, "cent": 100, "cien": 100, "einhundert": 100,
}  # fmt: skip
_UNITS: tuple[tuple[Unit, str], ...] = (
    ("words", r"words?|wörtern?|worte?n?|wort|mots?|palabras?"),
    ("sentences", r"sentences?|sätzen?|satz|phrases?|frases?|oraciones|oración"),
    ("paragraphs", r"paragraphs?|absätzen?|absatz|paragraphes?|párrafos?"),
    (
        "items",
        (
            r"bullet[ -]?points?|bullets?|(?:key |main )?points?|items?|tips?|ideas?|reasons?|examples?|steps?"
            r"|facts?|suggestions?|names|titles|options|"
            r"entries|benefits|advantages|stichpunkten?|aufzählungspunkten?|punkten?|tipps?|ideen|gründen?"
            r"|beispielen?|schritten?|vorschlägen?|namen|"
            r"(?:points?|puces?)(?: clés?)?|idées?|conseils?|raisons?|exemples?|étapes?|puntos?|viñetas|consejos?"
            r"|razones|ejemplos?|pasos?|nombres"
        ),
    ),
    ("lines", r"lines?|zeilen?|lignes?|líneas?"),
    ("characters", r"characters?|chars?|zeichen|caractères?|caracteres"),
)
_NUMBER = (
    r"(?P<n>\d{1,3}(?:[.,]\d{3})+|\d{1,6}|" + "|".join(sorted(map(re.escape, _NUMBERS), key=len, reverse=True)) + r")"
)
_TO = (
    r"(?:\s*(?:-|–|—|to|bis|à|a|and|und|et|y|or|oder|ou|o)\s*(?P<m>\d{1,6}|"  # noqa: RUF001
    + "|".join(sorted(map(re.escape, _NUMBERS), key=len, reverse=True))
    + r"))?"
)
_MOST = (
    r"at most|(?:a )?max(?:imum)?(?: of)?|no more than|not more than|up to|within|no longer than"
    r"|not longer than|not exceed(?:ing)?|limit(?:ed)? to|"
    r"höchstens|maximal|max\.|bis zu|nicht (?:mehr|länger) als|au plus|au maximum|maximum|pas plus de|jusqu'à"
    r"|como máximo|máximo(?: de)?|no más de|hasta|a lo sumo"
)
_UNDER = r"under|fewer than|less than|below|shorter than|unter|weniger als|kürzer als|moins de|menos de"
_LEAST = (
    r"at least|no fewer than|not less than|min(?:imum)?(?: of)?|mindestens|wenigstens|minimum|au moins"
    r"|pas moins de|al menos|por lo menos|mínimo(?: de)?|como mínimo"
)
_OVER = r"more than|over|longer than|mehr als|über|länger als|plus de|más de"
_EXACTLY = r"exactly|precisely|genau|exakt|exactement|précisément|exactamente"
_ABOUT = (
    r"about|around|roughly|approximately|approx\.?|some|circa|ca\.?|etwa|ungefähr|rund|gegen|environ"
    r"|à peu près|unos|unas|alrededor de|aproximadamente|~"
)
_LIMIT = re.compile(
    rf"(?:\b(?P<most>{_MOST})|\b(?P<under>{_UNDER})|\b(?P<least>{_LEAST})|\b(?P<over>{_OVER})"
    rf"|\b(?P<exact>{_EXACTLY})|(?<!\w)(?P<about>{_ABOUT}))?\s*"
    rf"(?<![\w-]){_NUMBER}(?![\w]){_TO}[\s-]+(?P<adjective>(?:short|brief|kurzen?|courtes?|quick|simple|single"
    rf"|rhyming|full|good|whole|concrete|practical|different|new|"
    rf"einzigen|konkrete|verschiedene|seule?|sola|solo|breves?|cortas?)\s+)?(?:"
    + "|".join(f"(?P<{unit}>{names})" for unit, names in _UNITS)
    + r")(?![\w])(?P<after>[^.!?\n]{0,24})",
    re.IGNORECASE,
)
_EACH = re.compile(
    r"\b(?:each|per|every|apiece|je|jeweils|pro|jede[rsn]?|chacune?|chaque|par|cada|por)\b", re.IGNORECASE
)
_AFTER_LIMIT = re.compile(
    r"\s*(?:max(?:imum)?\b|or (?:less|fewer)|at (?:the )?most|maximal|höchstens|oder weniger|au maximum|au plus"
    r"|maximum|ou moins|como máximo|máximo|o menos)",
    re.IGNORECASE,
)
_AFTER_LEAST = re.compile(
    r"\s*(?:or more|at least|minimum|oder mehr|mindestens|au moins|ou plus|o más|como mínimo|mínimo)", re.IGNORECASE
)
# What is only a part of what is wanted, or one of several parts.
_OF_PART = re.compile(
    r"\b(?:with|and|plus|including|mit|und|samt|inklusive|avec|et|con|y)\s+(?:an?\s+|one\s+"
    r"|the\s+|eine[mnr]?\s+|une?\s+|una?\s+)?"
    r"(?:[\w-]+\s+){0,2}(?:titles?|headings?|headlines?|subjects?(?: lines?)?|summary|captions?"
    r"|intro\w*|conclusion|abstract|hook"
    r"|descriptions?|titel|überschrift|betreff\w*|zusammenfassung|einleitung|titre|objet"
    r"|résumé|título|asunto|resumen)\s+"
    r"(?:of|with|in|under|that has|von|mit|in|unter|de|à|con)?\s*$"
    r"|\b(?:titles?|headings?|headlines?|subject lines?|words?|names?|lines?|überschriften?"
    r"|betreff\w*|wörter|titres?)\s+"
    r"(?:that (?:have|are)|of|with|von|mit|aus|de|à|avec)\s*$",
    re.IGNORECASE,
)
_IN_PARTS = re.compile(
    r"\b(?:then|followed by|(?:start|begin|end|finish|close)s? with|finally|as well as|after that|afterwards|plus|also"
    r"|dann|danach|anschließend|gefolgt von|beginne|beende|abschließend|sowie|außerdem|puis"
    r"|ensuite|suivi|commence|termine|enfin"
    r"|luego|después|seguido|empieza|termina|finalmente|además)\b",
    re.IGNORECASE,
)
# What follows is a text to work with, and asks for nothing.
_WORKED_ON = re.compile(
    r"^[^:\n]*\b(?:translat\w+|proofread|correct|rewrite|rephrase|summari[sz]e|shorten|classify"
    r"|improve|explain|what does|review"
    r"|übersetz\w*|korrigier\w*|fasse?|kürze?|verbesser\w*|tradui\w*|corrige\w*|résume\w*"
    r"|réécri\w*|traduc\w*|resum\w*|mejora)\b"
    r"[^:\n]*[:\n]",
    re.IGNORECASE,
)
_OF_CODE = re.compile(
    r"\s*(?:of|von|de|en|in)?\s*(?:code|python|javascript|bash|sql|java|css|html|c\+\+|rust|go|input|output)\b",
    re.IGNORECASE,
)
_FEWEST_CHARACTERS = 15
_LOOKED_AT = 3_000
_MOST_WISHES = 10
_LONGEST_QUESTION = 400
_ASKS_BACK = re.compile(
    r"^\W*(?:(?:i'?m |i am |we are )?(?:very |so )?sorry|i (?:can't|cannot|can not|couldn't)"
    r"|unfortunately|i'?d need|could you|can you"
    r"|es tut mir|entschuldig\w*|leider|ich kann|kannst du|könnt\w*|désolée?|je (?:suis désolée?"
    r"|ne peux)|malheureusement"
    r"|pouvez-vous|peux-tu|lo siento|no puedo|lamentablemente|申し訳|すみません|抱歉|对不起)",
    re.IGNORECASE,
)
_WITHIN_UNIT = re.compile(
    r"(?:sentences?|lines?|bullets?|points?|items?|paragraphs?|sätzen?|zeilen|punkten?|absätzen?|phrases|lignes"
    r"|puces|frases|líneas|puntos)\s+(?:of|with|mit|von|de|con|à)\s*$",
    re.IGNORECASE,
)
_WRITING = re.compile(
    r"\b(?:give|list|name|write|tell|make|provide|suggest|answer|reply|respond|explain|describe|summari[sz]e|in"
    r"|using|keep|limit|use|draft|create|compose|tweet|haiku|poem|"
    r"nenne?|gib|liste|schreib\w*|erkläre?|beschreib\w*|fasse?|antworte|mit|erstelle?|formuliere?|verfasse?|"
    r"donne\w*|cite[zr]?|liste[zr]?|écri\w+|rédige\w*|explique\w*|décri\w+|résume\w*|réponds|répondez"
    r"|propose\w*|fais|faites|en|dans|"
    r"da|dame|dime|enumera|lista|escrib\w+|explica\w*|describ\w+|resum\w+|responde\w*|redacta\w*|propón|haz"
    r"|menciona\w*)\b",
    re.IGNORECASE,
)
_OF_INPUT = re.compile(
    r"\b(?:this|these|that|the|following|first|last|dies\w*|der|die|das|den|folgende\w*|erste[nr]?|letzte[nr]?"
    r"|ce|cet|cette|ces|les|la|le|los|las|este|esta|estos|primer\w*|my|our|its|your|mein\w*)\s+(?:\w+\s+)?$",
    re.IGNORECASE,
)
_ARTICLE = {"a", "an", "un", "une", "ein", "eine", "einem", "einen", "einer", "uno", "una"}
_SOFT, _SOFT_BELOW, _VERY_SOFT = 0.1, 0.25, 0.25
_ENDLESS = float("inf")


@dataclass(frozen=True, slots=True)
class Length:
    """How many of a unit there may be. `said` are the person's words."""

    unit: Unit
    least: float
    most: float
    said: str


# Japanese and Chinese have no blanks, and their limits stand behind the number.
_UNSPACED: tuple[tuple[Unit, re.Pattern[str]], ...] = (
    ("characters", re.compile(r"(\d{1,5})\s*(?:文字|字)(?P<most>以内|以下|まで|未満|以内)?(?P<least>以上)?")),
    (
        "sentences",
        re.compile(r"([1-9一二三四五])\s*(?:文|句话)(?P<most>以内|以下)?(?P<least>以上)?(?:で|概括|总结|回答)"),
    ),
    (
        "items",
        re.compile(
            r"([1-9一二三四五])\s*(?:つ|個|点|个)(?P<most>以内|以下)?(?P<least>以上)?(?:の|で|、)?(?:箇条書き|理由|例|アイデア|方法|建议)"
        ),
    ),
)
_FIGURES = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5}


def _unspaced_lengths(asked: str) -> Iterator[Length]:
    for unit, pattern in _UNSPACED:
        for found in pattern.finditer(_unquoted(asked)):
            number = _FIGURES.get(found[1]) or int(found[1])
            soft = number * _SOFT if unit == "characters" else 0.0
            if found["most"]:
                yield Length(unit, 0.0, number, found[0])
            elif found["least"]:
                yield Length(unit, number, _ENDLESS, found[0])
            else:
                yield Length(unit, number - soft, number + soft, found[0])


def bounded(asked: str) -> str:
    """The beginning and the end of a request: what is wanted stands there, and a text to work with between."""
    return asked if len(asked) <= 2 * _LOOKED_AT else f"{asked[:_LOOKED_AT]}\n{asked[-_LOOKED_AT:]}"


def asks_back(text: str) -> bool:
    """Whether an answer is a question or says that there can be none: it has no length and no form to keep to."""
    plain = text.strip()
    return len(plain) <= _LONGEST_QUESTION and (plain.endswith(("?", "？")) or _ASKS_BACK.match(plain) is not None)  # noqa: RUF001


def lengths(asked: str) -> Iterator[Length]:
    """What is asked for; nothing where two wishes cannot both be for the whole."""
    found = [*islice(_unspaced_lengths(bounded(asked)), _MOST_WISHES), *islice(_spaced_lengths(asked), _MOST_WISHES)]
    for wish in found:
        others = [each for each in found if each.unit == wish.unit]
        if max(each.least for each in others) <= min(each.most for each in others):
            yield wish


def _spaced_lengths(asked: str) -> Iterator[Length]:
    for sentence in _sentences(asked):
        if _TASK.search(sentence) or _IN_PARTS.search(sentence):
            continue
        for found in _LIMIT.finditer(sentence):
            if (wish := _length(found, sentence)) is not None:
                yield wish


def _sentences(asked: str) -> list[str]:
    request = _unquoted(bounded(asked))
    if worked_on := _WORKED_ON.match(request):
        request = worked_on[0]
    return [each for each in _SENTENCE.split(request) if each.strip()]


def _unquoted(asked: str) -> str:
    """Without what is quoted or shown: what stands in there asks for nothing."""
    plain = re.sub(r"```.*?(?:```|\Z)", " ", asked, flags=re.DOTALL)
    return re.sub(
        r"\"[^\"\n]*\"|“[^”\n]*”|„[^“”\n]*[“”]|«[^»\n]*»|»[^«\n]*«|`[^`\n]*`|「[^」\n]*」|『[^』\n]*』"
        r"|(?<!\w)'[^'\n]{2,80}'(?!\w)",
        "X",
        plain,
    )


def _length(found: re.Match[str], sentence: str) -> Length | None:
    unit: Unit = next(unit for unit, _ in _UNITS if found[unit])
    before = f"{sentence[: found.start()].rstrip()} " if found.start() else ""
    if _is_of_part(before, found["after"]):
        return None
    bounded = any(found[each] for each in ("most", "under", "least", "over", "exact", "about"))
    after = found["after"]
    bounds_after = _AFTER_LIMIT.match(after), _AFTER_LEAST.match(after)
    is_bare = not bounded and not any(bounds_after)
    if is_bare and (_OF_INPUT.search(before) or not _is_wished(found, unit, before, sentence)):
        return None
    number = _value(found["n"])
    if (unit == "characters" and number < _FEWEST_CHARACTERS) or (unit == "words" and number == 1):
        # Those of a story; and one word is a form, which is told as such.
        return None
    if found["n"].casefold() in _ARTICLE and not _is_one(found, before):
        return None
    least, most = _bounds(found, number, unit)
    if bounds_after[0]:
        least, most = 0.0, number
    elif bounds_after[1]:
        least, most = number, _ENDLESS
    return Length(unit, least, most, f"{found[0][: len(found[0]) - len(after)].strip()}")


def _is_of_part(before: str, after: str) -> bool:
    """Whether a number is that of each of several things, of a title, of code."""
    is_each = _EACH.search(after) or _EACH.search(before[-12:])
    is_within = _WITHIN_UNIT.search(before) or _OF_PART.search(before) or _OF_CODE.match(after)
    return (is_each or is_within) is not None


def _is_one(found: re.Match[str], before: str) -> bool:
    """Whether an article counts: "in a sentence" does, "a point" does not."""
    return bool(found["adjective"]) or (
        not found["items"] and re.search(r"\b(?:in|en|dans)\s*$", before, re.IGNORECASE) is not None
    )


def _is_wished(found: re.Match[str], unit: Unit, before: str, sentence: str) -> bool:
    """Whether a bare number is what is wanted: "name three reasons", "in 50 words", "a 200-word summary"."""
    if re.search(
        r"\b(?:how|why|when|does|do|did|is|are|can|wie|warum|pourquoi|comment|por qué|cómo)\b[^,:]*$",
        before,
        re.IGNORECASE,
    ) and not re.search(r"\b(?:in|mit|en)\s*$", before, re.IGNORECASE):
        return False
    if unit == "items":
        return (
            re.search(r"(?:^|\s)(?:" + _WRITING.pattern + r")(?:[\s,-]+[^\s,.]+){0,5}[\s,-]*$", before, re.IGNORECASE)
            is not None
        )
    return _WRITING.search(before) is not None or not before.strip() or sentence.strip().startswith(found[0][:3])


def _value(number: str) -> int:
    plain = re.sub(r"[.,]", "", number).casefold()
    return int(plain) if plain.isdigit() else _NUMBERS[plain]


def _bounds(found: re.Match[str], number: int, unit: Unit) -> tuple[float, float]:
    """What is said to bind does; a bare number of words or characters has a tenth of room above and a quarter below,
    after "about" a quarter.
    """
    below, above = (_SOFT_BELOW, _SOFT) if unit in {"words", "characters"} else (0.0, 0.0)
    if found["m"]:
        ends = sorted((number, _value(found["m"])))
        return ends[0] * (1 - below), ends[1] * (1 + above)
    about = max(number * _VERY_SOFT, 2.0 if unit == "words" else 1.0)
    bounds: dict[str, tuple[float, float]] = {
        "most": (0.0, number),
        "under": (0.0, number - 1),
        "least": (number, _ENDLESS),
        "over": (number + 1, _ENDLESS),
        "exact": (number, number),
        "about": (number - about, number + about),
    }
    said = next((each for each in bounds if found[each]), None)
    return bounds[said] if said else (number * (1 - below), number * (1 + above))


Form = Literal[
    "json", "yaml", "csv", "xml", "html", "toml", "table", "bullets", "numbered", "code block", "code", "plain", "one word", "yes or no",  # noqa: E501
    "capitals", "small letters", "a number",
]  # fmt: skip
Without = Literal["table", "list", "code", "emoji", "headings", "bold"]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a text is to be. `only` tells that nothing else may stand beside it."""

    form: Form
    only: bool
    said: str


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
_SHOWING = re.compile(
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
_WITHOUT_TOLD: tuple[tuple[Without, str], ...] = (
    (
        "table",
        (
            r"(?:no|without(?: any| a)?|not (?:in |as )?an?|don'?t use (?:a |any )?|avoid) (?:\w+ )?tables?"
            r"|(?:keine|ohne|nicht (?:als|in einer)) tabellen?|(?:sans|pas de) tableaux?|(?:sin|no uses) tablas?"
        ),
    ),
    (
        "list",
        (
            r"(?:no|without(?: any| a)?|not (?:as |in )?an?|don'?t use (?:a |any )?"
            r"|avoid) (?:bullet(?:ed)?[ -]?(?:points?|lists?)|bullets|lists?|list)(?: or \w+)?|(?:keine|ohne"
            r"|nicht als) (?:aufzählung(?:en)?|listen?|stichpunkte)|(?:sans|pas de) (?:listes?|puces)"
            r"|sin (?:listas?|viñetas)"
        ),
    ),
    ("code", r"(?:no|without(?: any)?) code(?! ?block)|(?:kein|ohne) code|(?:sans|pas de) code|sin código"),
    (
        "emoji",
        (
            r"(?:no|without(?: any)?|don'?t use(?: any)?|avoid) emojis?|(?:keine|ohne) emojis?|(?:sans"
            r"|pas d'?)\s?[eé]mojis?|sin emojis?"
        ),
    ),
    (
        "headings",
        (
            r"(?:no|without(?: any)?|don'?t use(?: any)?) (?:headings|headers)|(?:keine"
            r"|ohne) überschriften|sans titres|sin (?:títulos|encabezados)"
        ),
    ),
    ("bold", r"(?:no|without(?: any)?) bold|(?:kein|ohne) fettdruck|sans gras|sin negritas?"),
)
_WITHOUT: tuple[tuple[Without, re.Pattern[str]], ...] = tuple(
    (told, re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)) for told, pattern in _WITHOUT_TOLD
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
        if found := pattern.search(_unquoted(bounded(asked))):
            yield Shape(form, only=form in {"json", "code"}, said=found[0])
    for sentence in _sentences(asked):
        if _IN_PARTS.search(sentence):
            continue
        yield from _said_shapes(sentence)
        if _TASK.search(sentence):
            continue
        only = _ONLY_DATA.search(sentence)
        if only is not None and not _NOT.search(sentence[: only.start()]) and not _asks(sentence, only.start()):
            yield Shape(_form(only["a"] or only["b"] or only["c"]), only=True, said=only[0].strip())
        elif not _asks(sentence, len(sentence)):
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
        if found is None or _NOT.search(sentence[: found.start()]) or _TASK.search(sentence):
            continue
        before, after = sentence[: found.start()], sentence[found.end() :]
        if _AND_MORE.match(after) or (form in _MARKED and (_PARTLY.match(after) or _OF_TITLE.search(before))):
            continue
        if form not in _MARKED or not (_asks(before, len(before)) or _is_question(sentence)):
            yield Shape(form, only=form != "yes or no" or _STRICTLY.search(sentence) is not None, said=found[0].strip())


def _is_question(sentence: str) -> bool:
    """Whether it asks for a fact, and for no form: "Is mail sent in plain text?"."""
    return sentence.rstrip().endswith("?") and not _SHOWING.search(sentence) and not _POLITE.match(sentence)


def _wanted(sentence: str) -> Iterator[Shape]:
    data = _AS_DATA.search(sentence)
    if data and not _NOT.search(sentence[: data.start()]) and not _OF_PROGRAM.search(sentence):
        is_asked = _SHOWING.search(sentence) is not None or (
            len(sentence) - data.end() < 40 and not _ASKING.search(sentence)
        )
        if is_asked:
            yield Shape(_form(data["form"] or data["named"]), only=False, said=data[0].strip())
    for form, pattern in _IN_SHAPE:
        found = pattern.search(sentence)
        if form == "table" and (_OF_DATABASE.search(sentence) or _EXPLAINING.search(sentence)):
            continue
        if found and _SHOWING.search(sentence) and not _NOT.search(sentence[: found.start()]):
            yield Shape(form, only=False, said=found[0].strip())


def _asks(sentence: str, end: int) -> bool:
    """Whether the sentence is a question about a thing: "how do I …", "when should I …"."""
    found = _ASKING.search(sentence[:end])
    return found is not None and not _SHOWING.search(sentence)


def unwanted(asked: str) -> Iterator[tuple[Without, str]]:
    for sentence in _sentences(asked):
        if _TASK.search(sentence) or _is_question(sentence) or _asks(sentence, len(sentence)):
            continue
        for what, pattern in _WITHOUT:
            found = pattern.search(sentence)
            if found and _is_order(sentence[: found.start()]) and not _GOES_ON.match(sentence[found.end() :]):
                yield what, found[0]


def _is_order(before: str) -> bool:
    """Whether what stands before "no lists" makes it a wish, and not what something lacks."""
    plain = before.strip()
    return (
        not plain
        or plain[-1] in ",;:(–—-"  # noqa: RUF001
        or _SHOWING.search(before) is not None
        or _WRITING.search(before) is not None
        or re.search(r"\b(?:but|and|please|with|use|aber|und|bitte|mais|et|pero|y|por favor)\W*$", plain, re.IGNORECASE)
        is not None
    )


_GOES_ON = re.compile(
    r"\s*(?:comprehensions?|blocks?|elements?|tags?|columns?|joins?|views?|snippets?|in the|im|dans|en el)\b",
    re.IGNORECASE,
)
