"""What a person asked of a text's length, read from their words. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Literal

from graphs.quality.checks.request import IN_PARTS, TASK, WRITING, bounded, sentences, unquoted

Unit = Literal["words", "sentences", "paragraphs", "items", "lines", "characters"]

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
    + r")(?![\w])(?=(?P<after>[^.!?\n]{0,24}))",
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
_OF_CODE = re.compile(
    r"\s*(?:of|von|de|en|in)?\s*(?:code|python|javascript|bash|sql|java|css|html|c\+\+|rust|go|input|output)\b",
    re.IGNORECASE,
)
_FEWEST_CHARACTERS = 15
_MOST_WISHES = 10
_WITHIN_UNIT = re.compile(
    r"(?:sentences?|lines?|bullets?|points?|items?|paragraphs?|sätzen?|zeilen|punkten?|absätzen?|phrases|lignes"
    r"|puces|frases|líneas|puntos)\s+(?:of|with|mit|von|de|con|à)\s*$",
    re.IGNORECASE,
)
_OF_INPUT = re.compile(
    r"\b(?:this|these|that|the|following|first|last|dies\w*|der|die|das|den|folgende\w*|erste[nr]?|letzte[nr]?"
    r"|ce|cet|cette|ces|les|la|le|los|las|este|esta|estos|primer\w*|my|our|its|your|mein\w*)\s+(?:\w+\s+)?$",
    re.IGNORECASE,
)
_ARTICLE = {"a", "an", "un", "une", "ein", "eine", "einem", "einen", "einer", "uno", "una"}
# What is asked for besides, so that a length need not be that of the whole.
_GOES_ON = re.compile(
    r"\W*(?:(?:and )?then|after (?:that|this)|afterwards|next|finally|below (?:it|that)|underneath"
    r"|in addition|additionally"
    r"|also|besides|und dann|dann|danach|darunter|anschließend|außerdem|zusätzlich|abschließend|ensuite|puis|enfin"
    r"|après cela|en plus|luego|después|además|finalmente|por último|poi|dopo|inoltre|infine|depois|além disso)\b",
    re.IGNORECASE,
)
# Who asks how one writes a text of some length wants no text of that length.
_HOW_TO = re.compile(
    r"\W*(?:how (?:do|can|should|could|would|might) (?:i|we|you|one|people|students?)\b|how to\b"
    r"|wie (?:(?:kann|soll\w*|könnte|muss) (?:ich|man|wir)\b|\w+ (?:ich|man|wir)\b)"
    r"|comment (?:est-ce qu|puis-je|peut-on|on |\w+(?:er|re|ir)\b)|cómo (?:puedo|se|podría|\w+[aei]r\b|\w+o\b)"
    r"|come (?:posso|si)\b|como (?:posso|se)\b|is it (?:ok|okay|possible|better)|ist es|est-il|est-ce que|es posible)",
    re.IGNORECASE,
)
# Beside the lines that are meant stands a header.
_IN_ROWS = re.compile(r"\b(?:csv|tsv|tab(?:le|elle|leau|la)|spreadsheet|datensätze|rows|records)\b", re.IGNORECASE)
# Of each of those that are to be chosen.
_PICKED = re.compile(
    r"\b(?:which (?:parts?|lines?|sentences?|phrases?|passages?|words?|quotes?)"
    r"|welche (?:teile?|zeilen?|sätze|satz|stellen?|worte|zitate?)"
    r"|quelles? (?:parties?|lignes?|phrases?|passages?)|qué (?:partes?|líneas?|frases?|pasajes?))\b",
    re.IGNORECASE,
)
# Of something that the person has to write, or has written.
_OF_OWN = re.compile(
    r"\b(?:my|our|their|his|her|mein\w*|unser\w*|mon|ma|mes|notre|nos|mi|mis|nuestr\w+|the (?:journal|teacher|professor"
    r"|university|school|portal|editor|application|assignment|client"
    r"|boss))\s+(?:[\w-]+\s+){0,3}?(?:needs?|must|has|have"
    r"|requires?|allows?|wants?|accepts?|says|is|are|was|were|should|can|may|braucht|muss|müssen|soll"
    r"|darf|dürfen|hat|ist"
    r"|sind|verlangt|doit|doivent|a|est|fait|sont|demande|exige|debe|deben|tiene|tienen|es|son|pide|exige)\b"
    r"(?:\s+[\w-]+){0,4}\s*$",
    re.IGNORECASE,
)
# "Three tweets of 50 words" have more together.
_SEVERAL = re.compile(
    r"\b(?:[2-9]|\d{2,}|"
    + "|".join(re.escape(name) for name, value in sorted(_NUMBERS.items()) if value > 1)
    + r"|several|multiple|some|a few|mehrere|einige|plusieurs|quelques|varios|varias|algunos"
    r"|algunas)\s+(?:[\w-]+\s+){1,3}"
    r"?(?:(?:of|with|at|in|mit|von|zu|aus|à|de|avec|con|under)\s|[(:,])\s*(?:about |around |up to "
    r"|at most |max\.? |etwa |ca\. |höchstens )?$",
    re.IGNORECASE,
)
_SIGNS = {"≤": " at most ", "≥": " at least ", "<=": " at most ", ">=": " at least "}
_SIGN = re.compile("|".join(_SIGNS))
_AND_THING = re.compile(
    r"\b(?:and|und|sowie|plus|et|y)\s+(?:an?\s+|the\s+|eine?n?\s+|une?\s+|una?\s+)?(?!not|never|with|at\b"
    r"|max|min|under|less|fewer|more"
    r"|about|around|roughly|exactly|between|keep|use|limit|höchst|mindest|nicht|unter|etwa|circa|genau"
    r"|weniger|mehr|pas\b|moins|plus|au\b"
    r"|environ|no\b|menos|más|como|unas|unos|should|must|has|have|is\b|are\b|soll|darf|hat)[^\W\d]{4,}",
    re.IGNORECASE,
)
_OR_MORE = re.compile(
    r"\s*(?:or (?:two|three|so|more)|oder (?:zwei|drei|so|mehr)|ou deux|ou trois|o dos|o tres)\b"
    r"|[\s-]*(?:clave|clés?)\b",
    re.IGNORECASE,
)
# Something beside it: "100 words and three hashtags".
_AND_BESIDE = re.compile(
    r"\s{0,3}\+\s{0,3}\w|\s{0,3}(?:\([^()\n]*\)|\))?,?\s{0,3}(?:and|plus|und|sowie|et|ainsi que|y|followed by"
    r"|gefolgt von)\s+(?:also |then |auch )?(?:an?|\d+|"
    + "|".join(re.escape(name) for name in sorted(_NUMBERS))
    + r"|some|einige|quelques|algun\w+)\s+(?!(?:[\w-]+\s+)?(?:"
    + "|".join(names for unit, names in _UNITS if unit != "items")
    + r")\b)\w",
    re.IGNORECASE,
)
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
        re.compile(
            r"(?<![、,~～〜\-一二三四五\d])([1-9一二三四五])\s*(?:文|句话)(?P<most>以内|以下)?(?P<least>以上)?(?:で|概括|总结|回答)"  # noqa: RUF001
        ),
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
        for found in pattern.finditer(unquoted(asked)):
            number = _FIGURES.get(found[1]) or int(found[1])
            soft = number * _SOFT if unit == "characters" else 0.0
            if found["most"]:
                yield Length(unit, 0.0, number, found[0])
            elif found["least"]:
                yield Length(unit, number, _ENDLESS, found[0])
            else:
                yield Length(unit, number - soft, number + soft, found[0])


def lengths(asked: str) -> Iterator[Length]:
    """What is asked for; nothing where two wishes cannot both be for the whole."""
    found = [*islice(_unspaced_lengths(bounded(asked)), _MOST_WISHES), *islice(_spaced_lengths(asked), _MOST_WISHES)]
    for wish in found:
        others = [each for each in found if each.unit == wish.unit]
        if max(each.least for each in others) <= min(each.most for each in others):
            yield wish


def _spaced_lengths(asked: str) -> Iterator[Length]:
    told = sentences(asked)
    if any(_GOES_ON.match(each) for each in told[1:]) or any(map(_HOW_TO.match, told)) or _PICKED.search(asked):
        return
    for sentence in told:
        if TASK.search(sentence) or IN_PARTS.search(sentence):
            continue
        plain = " ".join(_SIGN.sub(lambda sign: _SIGNS[sign[0]], sentence).split())
        if _is_shared_out(plain):
            continue
        for found in _LIMIT.finditer(plain):
            wish = _length(found, plain)
            if wish is not None and not (wish.unit == "lines" and _IN_ROWS.search(plain)):
                yield wish


def _is_shared_out(sentence: str) -> bool:
    """Whether each of several things has a length of its own: "a title of 60 characters and a text of 100 words"."""
    found = list(islice(_LIMIT.finditer(sentence), _MOST_WISHES))
    between = (sentence[one.end() : other.start()] for one, other in pairwise(found) if not other["items"])
    return any(_AND_THING.search(each) for each in between)


def _length(found: re.Match[str], sentence: str) -> Length | None:
    unit: Unit = next(unit for unit, _ in _UNITS if found[unit])
    before = f"{sentence[: found.start()].rstrip()} " if found.start() else ""
    if _is_of_part(before, found["after"]) or _OF_OWN.search(before):
        return None
    if _OR_MORE.match(found["after"]) or (unit != "items" and _AND_BESIDE.match(sentence, found.end())):
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
    return Length(unit, least, most, found[0].strip())


def _is_of_part(before: str, after: str) -> bool:
    """Whether a number is that of each of several things, of a title, of code."""
    clause = before.rpartition(",")[2][-40:] if "," in before[-40:-14] else before[-40:]
    is_each = _EACH.search(after) or _EACH.search(clause) or _SEVERAL.search(before)
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
    if not before.strip() and sentence.rstrip().endswith("?"):
        return False
    if unit == "items":
        return (
            re.search(r"(?:^|\s)(?:" + WRITING.pattern + r")(?:[\s,-]+[^\s,.]+){0,5}[\s,-]*$", before, re.IGNORECASE)
            is not None
        )
    return WRITING.search(before) is not None or not before.strip() or sentence.strip().startswith(found[0][:3])


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
