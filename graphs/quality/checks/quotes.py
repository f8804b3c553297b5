"""Whether what is quoted from the given text stands there."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from itertools import islice

from graphs.quality.checks.pieces import quoted, tokens
from graphs.quality.checks.tongues import told
from graphs.quality.findings import Finding
from graphs.quality.review_input import ReviewInput

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
    r"|(?:pick|choose|find|select|name|show)\b.{0,40}\b(?:sentences?|lines?|passages?|phrases?|quotations?)"
    r"|(?:strongest|best|key|central|most \w+) (?:sentences?|lines?|passages?|phrases?)"
    r"|zitier\w*|zitate?|wörtlich\w*|welche (?:worte|wörter|sätze|stellen?)|was (?:sagt|sagen|schreibt|steht"
    r"|meint)|citez?|citations?|quels mots|quelles phrases|que dit|que disent|qu'écrit|textuellement"
    r"|citas?|citar|literalmente|qué dice|qué dicen|qué escribe|qué palabras)\b|引用|何と(?:言|書)|述べて|引用して|怎么说|说了什么",  # noqa: E501
    re.IGNORECASE,
)
_ATTRIBUTED = re.compile(
    r"\b(?:says?|said|saying|writes?|wrote|written|states?|stated|stating|reads|notes that|noted|claims?|claimed"
    r"|argues?|argued|explains?|adds?|added|according to|in the words of|words?:|quotes?|quoted|mentions?|"
    r"concludes?|admits?|insists?|the (?:text|memo|letter|contract|article|report|email|author|document|passage"
    r"|review|source|clause|paragraph)[^.\n]{0,30}|"
    r"sagt\w*|schreibt|schrieb|heißt es|steht|stehen|laut|zufolge|meint|betont|erklärt|wörtlich|zitat|im text|"
    r"dit|disait|écrit|écrivait|selon|d'après|affirme|ajoute|précise|explique|déclare|on lit|le texte|"
    r"dice|dijo|escribe|escribió|según|afirma|añade|explica|declara|señala|el texto)\b|述べ|書い|言っ|とある|によると|という|写道|说",  # noqa: E501
    re.IGNORECASE,
)
_AS_SUGGESTION = re.compile(
    r"\b(?:could|might|would|should|can|may|try|instead|rather|rewrite|rewritten|rephrase\w*|replace|better"
    r"|alternative\w*|suggest\w*|such as|for example|e\.g|like|imagine|change|"
    r"könnte\w*|würde\w*|stattdessen|besser|vorschlag|schlage|formulier\w*|etwa|zum beispiel|z\. ?b|lieber|wie wäre|"
    r"pourriez|pourrait|plutôt|par exemple|mieux|propose|podría\w*|mejor|por ejemplo|en lugar|propongo|"
    r"not|never|nowhere|nicht|nirgends|nie|jamais|nulle part|nunca|"
    r"prints?|outputs?|displays?|appears?|shows?|enters?|type|returns?|error|message|traceback"
    r"|exceptions?|console|terminal|logs?|raises?|throws?|crashes|fehlermeldung|konsole|terminal"
    r"|protokoll|wirft|lève|consola|lanza|gibt aus|ausgabe|affiche"
    r"|muestra|imprime|"
    r"titled|called|entitled|book|film|movie|novel|song|poem|series|titel|buch|film|roman|livre|libro|película"
    r"|in other words|that is|i\.e|roughly|basically|in effect|so to speak|paraphras\w*|reword\w*"
    r"|in short|as if|sort of"
    r"|sinngemäß|mit anderen worten|sozusagen|gewissermaßen|kurz gesagt|autrement dit|c'est-à-dire|en gros|es decir"
    r"|en otras palabras|o sea|in (?:english|german|french|spanish|italian|plain \w+)|auf (?:deutsch"
    r"|englisch|französisch)"
    r"|en (?:français|anglais|allemand|espagnol|inglés|francés|alemán|español)|button|menu|click|label"
    r"|heading|column|named|file|command|knopf|schaltfläche|menü|überschrift|bouton"
    r"|botón|menú|whether|rather than|as opposed to|unlike|anders als|statt"
    r"|means?|meaning|heißt so viel|bedeutet|signifie|significa|translat\w+|übersetz\w*|tradui\w*)\b|例えば|たとえば|意味",  # noqa: E501
    re.IGNORECASE,
)
# A person is told to say it.
_TO_BE_SAID = re.compile(
    r"(?:^\W*|[,;:—–-]\s*|\b(?:and|then|to|please|simply|just|also|you|could|und|dann|bitte|einfach|et|puis|à|de|y|luego"  # noqa: RUF001
    r"|a|para|e|poi)\s+)"
    r"(?:ask|say|write|reply|answer|respond|add|put|type|open with|begin with|start with|end with|close with|"
    r"frage?n?|sage?n?|schreibe?n?|antworte\w*|füge\w*|beginne\w*|"
    r"demande[zr]?|dis|dites|écri(?:s|vez|re)|répond(?:s|ez|re)|ajoute[zr]?|"
    r"pregunt\w+|diga|decir|escrib(?:e|a|ir)|respond(?:e|a|er)|añad(?:e|a|ir)|"
    r"chied\w+|scriv\w+|rispond\w+|pergunt\w+|escrev\w+|vraag|schrijf|zeg|antwoord)\b[^:.!?\"]{0,40}:\s*$",
    re.IGNORECASE,
)
_KNOWN_SAYING = re.compile(
    r"\b(?:famous\w*|well[- ]known|known for|proverb|saying|as they say|berühmt\w*|bekannt\w*|sprichwort"
    r"|dictionary|encyclop\w+|duden|wikipedia|bible|bibel|constitution|grundgesetz|the law|gesetz\w*|la loi|la ley|rfc"
    r"|documentation|docs|manual|maxim|motto|slogan|redewendung|célèbre\w*|proverbe|famos\w*|refrán|dicho)\b|ことわざ|有名",
    re.IGNORECASE,
)
_OTHER_SPEAKER = re.compile(
    r"\b(?!(?:The|It|He|She|They|This|That|Who|What|And|But|In|As|His|Her"
    r"|Their)\b)([A-Z][\w'-]+)\s+(?:\w+\s+)?(?:says?|said|wrote|writes|put it|observed|argued|remarked)\b"
)
_OTHER_SOURCE = re.compile(
    r"\b(?i:wie|comme(?: le)?|como|as|bei|chez|laut|selon|según|d'après|according to|compare|cf\.?|vgl\.?|recalls?"
    r"|echo(?:es|ing)?|erinnert an|rappelle|recuerda a)\s+(?:schon "
    r"|le |dit |écrit |dijo |dice |sagte? |der |die )*"
    r"(?!(?:The|Der|Die|Das|(?:Le|La)(?! [A-Z])|Les|El|Los|Autor\w*|Text\w*|Brief\w*|Vertrag\w*|Artikel\w*"
    r"|Bericht\w*)\b)([A-ZÄÖÜÉ][\w'-]+)"
)
# What a label before a quotation calls what somebody is to write, or to think of.
_TO_WRITE = re.compile(
    r"\b(?:tweet|post|mnemonic|draft|reply|replies|answers?|questions?|letter|e-?mail|message|note|minutes|summary|headline"
    r"|caption|slogan|toast|speech|intro\w*|opener|modern\w*|today|nowadays|translat\w*|version|variant|rewrit\w*|revised"
    r"|instead|proposal|suggest\w*|template|example|prompt|comment|feedback"
    r"|eselsbrücke|merksatz|entwurf|antwort\w*|frage\w*|brief|nachricht|zusammenfassung|überschrift|einstieg|rede|heute"
    r"|übersetz\w*|fassung|vorschlag|vorlage|beispiel|kommentar"
    r"|brouillon|réponses?|questions?|lettre|résumé|titre|accroche|moderne|aujourd'hui|traduction|proposition|exemple"
    r"|borrador|respuestas?|preguntas?|carta|resumen|titular|traducción|propuesta|ejemplo|hoy"
    r"|bozza|rispost\w+|domand\w+|lettera|riassunto|titolo|traduzione|proposta|esempio"
    r"|rascunho|respostas?|perguntas?|resumo|tradução)\b|回复|回覆|建议|草稿|问题|返信|返事|質問|例文|訳",
    re.IGNORECASE,
)
# What explains another quotation stands behind its end.
_CLOSING = ('"', "”", "“", "»", "«", "」", "』", "’", "'")  # noqa: RUF001
_CLAUSE = re.compile(r"[.!?;,]\s|\s[–—-]\s|\n|[。，；]")  # noqa: RUF001
# Nobody in particular, or other people than the text's.
_SAID_BY_OTHERS = re.compile(
    r"\b(?:anyone|anybody|someone|somebody|nobody|no one|jemand|niemand|quelqu'un|personne|alguien"
    r"|nadie|qualcuno|nessuno"
    r"|(?:will|would) (?:\w+ )?(?:argue|say|claim|object|reply|answer|ask|point out)|would have (?:said|written)"
    r"|i(?:['’]d| would) (?:\w+ )?(?:write|say|put|answer|reply)"  # noqa: RUF001
    r"|sagst du|du sagst|sagen sie|you say|hätte gesagt|aurait (?:dit|écrit)|habría dicho|avrebbe"
    r"|something like|so etwas wie|quelque chose comme|algo (?:así )?como|qualcosa come"
    r"|answer (?:is|would be)|antwort (?:ist|wäre)"
    r"|(?:other|older|modern|most|many|some) (?:\w+ ){0,2}?"
    r"(?:people|speakers|books?|\w+books|dictionaries|editions|authors)"
    r"|colloquially|umgangssprachlich|people (?:often |usually |also )?(?:say|call)|man sagt|on dit|se dice|si dice"
    r"|(?:let|have|make) (?:\w+ ){1,2}(?:say|ask|write|answer|reply)"
    r"|lass\w* (?:\w+ ){1,2}(?:sagen|fragen|schreiben)|(?:do|does|did)n['’]t)\b",  # noqa: RUF001
    re.IGNORECASE,
)
# What is said behind a quotation and takes it back.
_TAKEN_BACK = re.compile(
    r"^[^.!?\n]{0,80}(?:\?|\b(?:paraphras\w*|would|could|might|better|clearer|instead|does(?:n't"
    r"| not)|is not|isn't|never|nowhere"
    r"|no such|(?:my|own) (?:translation|words)|sinngemäß|nicht|nirgends|wäre|könnte|besser|(?:eigene )?übersetzung"
    r"|n'est pas|nulle part|serait|pourrait|mieux|traduction|no aparece|no está|sería|podría"
    r"|mejor|traducción)\b)|^\s*\?"
    r"|^\s*,?\s*(?:bedeutet|meint|heißt|gemeint|means|veut dire|signifie|significa|quiere decir|vuol dire)\b",
    re.IGNORECASE,
)
_WRITING = re.compile(
    r"\b(?:continue|write|story|dialogue?|scene|poem|draft|compose|rewrite|rephrase|improve"
    r"|polish|translat\w+|imagine|role-?play"
    r"|reply to|respond to|answer (?:this|the) (?:mail|e-?mail|letter)|schreib\w*|dialog"
    r"|szene|gedicht|geschichte|formulier\w*"
    r"|übersetz\w*|verbesser\w*|setze? .{0,30}fort|écri\w+|rédige\w*|histoire|dialogue|poème|tradui\w*|réécri\w*"
    r"|escrib\w+|redacta\w*|historia|diálogo|poema|traduc\w*|reescrib\w*|mejora\w*)\b|翻訳|書き直|翻译|改写",
    re.IGNORECASE,
)
_INVENTED = re.compile(
    r"\b(?:fiction\w*|invent\w*|made[- ]up|make up|fictitious|imaginary|imagined|fake|satir\w*|parod\w*"
    r"|erfunden\w*|erfinde\w*"
    r"|ausgedacht\w*|fiktiv\w*|fictive?s?|fictif\w*|imaginaire\w*|ficti[cv]i[oa]s?|imaginari[oa]s?)\b",
    re.IGNORECASE,
)
_DRAFT = re.compile(r"\b(?:here(?:'s| is| are)|hier (?:ist|sind|kommt)|voici|aquí)\b", re.IGNORECASE)
_LONG_QUOTE = 6
_MOST_QUOTES = 500
# Before a quotation, to tell whose it is.
_LONGEST_LEAD = 300
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
_INSERTED = re.compile(r"\[[^\[\]]{1,60}\]|\(sic\)|\[sic\]")
_BREAK_IN_SPEECH = re.compile(
    r"[,.!?…—–-][\"“”»«]\s{0,3},?\s{0,3}[^\"“”„»«\n.!?]{2,60}[,.:]\s{0,3}[\"“„»«‘']"  # noqa: RUF001
    r"|[\"“”»«]\s{0,3},\s{0,3}[^\"“”„»«\n.!?]{2,60}\s[\"“„»«]"
)
_PAGE = re.compile(
    r"^[ \t]*(?:(?:page|seite|página|pagina|strona|sida|side|p\.|s\.)[ \t]*)?[-–—]?[ \t]*\d{1,4}"  # noqa: RUF001
    r"(?:[ \t]*(?:of|von|de|sur|di|z|av|/)[ \t]*\d{1,4})?[ \t]*[-–—]?[ \t]*$|^[^\n]{0,100}\[Page \d+\][ \t]*$",  # noqa: RUF001
    re.IGNORECASE | re.MULTILINE,
)
_MARKDOWN = re.compile(r"[*_`~>#]+")


@dataclass(frozen=True, slots=True)
class _Quote:
    text: str
    start: int
    before: str
    after: str = ""
    # The line that leads to its own.
    intro: str = ""
    block: bool = False


def quotes_occur(review_input: ReviewInput) -> Iterator[Finding]:
    if (
        review_input.kind not in {"answer", "markdown"}
        or not review_input.context.strip()
        or len(review_input.text) > _LARGEST
    ):
        return
    known = _known(f"{review_input.context}\n{review_input.prompt}\n{review_input.system_prompt}")
    is_asked = _ASKED_FOR.search(review_input.prompt) is not None
    if _INVENTED.search(review_input.prompt) or (not is_asked and _WRITING.search(review_input.prompt)):
        # What is said in it is said by its own people.
        return
    spoken = told(review_input.context)
    for quote in islice(_quotes(review_input.text), _MOST_QUOTES):
        is_said = _is_attributed(quote, is_asked, review_input) and not _occurs(quote.text, known)
        if is_said and not _is_translated(quote.text, spoken):
            line = review_input.text.count("\n", 0, quote.start) + 1
            shown = quoted(quote.text.split("\n")[0])
            yield Finding("quotes_occur", "error", "These words do not stand in the text that was given.", shown, line)


def _known(text: str) -> str:
    """What was given, and the same without what readers skip: numbers of pages, marks of notes, addresses of links,
    tags, hyphens at the ends of lines.
    """
    unpaged = _PAGE.sub("", unescape(text))
    skipped = re.sub(r"\[\d{1,3}\]|[¹²³⁰-⁹]+|<[^<>\n]{1,200}>|\]\([^()\s]{0,300}\)", "", unpaged)
    joined = re.sub(r"\u00ad|(?<=\w)-[ \t]*\n\s*(?=\w)", "", skipped)
    # "We can choose," she cried, "between two."
    unbroken = _BREAK_IN_SPEECH.sub(" ", skipped)
    return "\0".join(dict.fromkeys(map(_plain, (text, skipped, joined, unbroken))))


def _is_translated(quote: str, spoken: str | None) -> bool:
    """Whether a quotation is in another language than the given text."""
    own = told(quote)
    return own is not None and spoken is not None and own != spoken


def _quotes(text: str) -> Iterator[_Quote]:
    plain = _CODE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    last = 0
    for found in _MARKS.finditer(plain):
        words = next(filter(None, found.groups()))
        start = found.start() + found[0].index(words)
        nearest = max(0, found.start() - _LONGEST_LEAD)
        ends = (plain.rfind(end, nearest, found.start()) for end in ("\n", ". ", "! ", "? ", "。"))
        begin = max(nearest, *ends, last - 1) + 1 if nearest else max(*ends, last - 1) + 1
        after_it = plain[found.end() : found.end() + 120]
        intro = _intro(plain, found.start())
        yield _Quote(text[start : start + len(words)], start, plain[begin : found.start()], after_it, intro)
        after = re.match(r"[,.]?[^.!?\n]{0,60}", plain[found.end() :])
        last = found.end() if after and after[0][:1] in {".", "!"} else last
    yield from _block_quotes(text)


def _intro(text: str, at: int) -> str:
    """The line above the one of that place, if it ends as what introduces."""
    before = text[max(0, at - 2 * _LONGEST_LEAD) : at].rpartition("\n")[0].rstrip()
    line = before.rpartition("\n")[2].strip("*_ ")
    return line if line.endswith(":") else ""


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


def _is_attributed(quote: _Quote, is_asked: bool, review_input: ReviewInput) -> bool:
    """Whether a quotation is said to come from the given text."""
    words = quote.text.split()
    if len(words) < _SHORTEST_WORDS and not _is_unspaced(quote.text):
        return False
    if len(quote.text) < _SHORTEST_LETTERS or (
        re.match(r"\*\*|note|tip|hinweis|warning", quote.text, re.IGNORECASE) and quote.block
    ):
        return False
    if (
        any(map(_TO_BE_SAID.search, (quote.before, quote.intro)))
        or _AS_SUGGESTION.search(quote.intro)
        or _SAID_BY_OTHERS.search(quote.before)
        or _AS_SUGGESTION.search(quote.before)
        or _KNOWN_SAYING.search(quote.before)
        or _TAKEN_BACK.search(quote.after)
    ):
        return False
    for source in (_OTHER_SPEAKER.search(quote.before), _OTHER_SOURCE.search(quote.before)):
        if source and source[1] not in review_input.context and source[1] not in review_input.prompt:
            return False
    if quote.block and not is_asked and _DRAFT.search(quote.before):
        return False
    is_long = len(words) >= _LONG_QUOTE or quote.block or _is_unspaced(quote.text)
    is_said = _ATTRIBUTED.search(quote.before) is not None and not _is_title(words)
    return is_said or (is_asked and is_long and not _is_to_be_written(quote, review_input))


def _is_to_be_written(quote: _Quote, review_input: ReviewInput) -> bool:
    """Whether what stands before a quotation calls it something new, or it is the whole answer, as a draft is."""
    lead = quote.before.rstrip(" *_")
    if not lead.strip():
        return quote.start <= 1 and len(quote.text) > len(review_input.text) / 2
    if not lead.endswith((":", "：")):  # noqa: RUF001
        return False
    label = _CLAUSE.split(lead[:-1])[-1]
    return label.endswith(_CLOSING) or _TO_WRITE.search(label) is not None


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
    for part in _OMITTED.split(_INSERTED.sub(" … ", quote)):
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
