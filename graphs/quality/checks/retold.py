"""Whether a text tells the prompt that it was written under."""

import re
from collections.abc import Iterator, Sequence

from graphs.quality.checks.pieces import quoted
from graphs.quality.findings import Finding
from graphs.quality.review_input import ReviewInput

_LARGEST = 1_000_000

_WORD = re.compile(r"\w+(?:[-'’]\w+)*")  # noqa: RUF001
_SENTENCE = re.compile(r"(?<=[.!?;。])\s+|\n+|(?<=。)")
# What is told on purpose: a fact for the readers, a sentence to end with, the rules of a game.
_TO_BE_TOLD = re.compile(
    r"\b(?:tell|say|mention|state|explain|inform|remind|point out|let \w+ know|introduce|greet"
    r"|announce|append|(?:sign|end|close|begin|start|open|finish)\w* (?:every|each|all|with"
    r"|by|off|your|the)|know|share|facts?|information|publicly?"
    r"|opening hours|answer questions about|disclaimer|format|template|"
    r"sag\w*|erwähn\w*|erklär\w*|nenn\w*|hinweis\w*|weise|informier\w*|erinner\w*|begrüß\w*"
    r"|beend\w*|beginn\w*|schließ\w*"
    r"|wissen|öffentlich\w*|fakten|öffnungszeiten|füge|"
    r"dis|dites|dire|mentionne\w*|explique\w*|informe\w*|rappelle\w*|indique\w*|précise\w*"
    r"|termine\w*|commence\w*|accueille\w*"
    r"|savoir|horaires|"
    r"di|diga|decir|menciona\w*|explica\w*|informa\w*|recuerda\w*|indica\w*|termina\w*|empieza\w*"
    r"|saluda\w*"
    r"|saber|horario)\b|伝え|説明|案内|告诉|说明|介绍",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"\b(?:never|not|don't|no|without|nie|niemals|nicht|kein\w*|ohne|jamais|pas|ne|sans|nunca|jamás|sin)\b"
    r"|しない|ないで|不要|不得|禁止",
    re.IGNORECASE,
)
_ONLY_IF = re.compile(
    r"\b(?:only (?:if|when|on|after|to)|nur (?:wenn|auf|falls|nach)|seulement (?:si|quand|sur)|solo (?:si|cuando))\b",
    re.IGNORECASE,
)
_CONFIDENTIAL = re.compile(
    r"confidential|do not (?:reveal|disclose|share|repeat|tell|show)|don't (?:reveal|disclose|share|repeat|tell|show)"
    r"|never (?:reveal|disclose|mention|tell|share|repeat|show)|keep (?:this|these|all of this|it|them)|internal|secret"
    r"|vertraulich|geheim|intern\b|verrate (?:nie|niemals|keine|nicht)|nicht verraten|confidentiel"
    r"|ne (?:révèle|divulgue|dis|mentionne|montre)|secrète?|interne|confidencial"
    r"|no (?:reveles|divulgues|menciones|compartas|muestres)|nunca (?:reveles|menciones)|interno"
    r"|機密|秘密|内緒|保密|机密",
    re.IGNORECASE,
)
# At the beginning of a line, it goes for the line.
_SECRET_LINE = re.compile(
    r"\s*[#*\-\d.) ]*(?:internal|secret|confidential|private|intern|geheim|vertraulich|interne|secrète?|confidentiel\w*"
    r"|interno|secreto|confidencial)\w*(?:\s+\w+){0,3}\s*\**:",
    re.IGNORECASE,
)
_PERSONA = re.compile(
    r"\s*(?:#[^\n]*\n\s*)?(?:you are|you're|du bist|sie sind|tu es|vous êtes|eres|usted es|sei|あなたは|你是)\b",
    re.IGNORECASE,
)
# What an order begins with, or whom it is for; the rest are facts.
_ORDER = re.compile(
    r"^\s*[#>*\-\d.) ]*(?:if|when|whenever|unless|only|first|never|always|do not|don't|please|under no|in no case"
    r"|answer|reply|respond|keep|use|write|offer|escalate|rank|reject|mark|ask|give|send"
    r"|redirect|route|praise|stay|be|avoid"
    r"|focus|limit|translate|treat|follow|ignore|pretend|act|speak|talk|check|verify|log"
    r"|forward|decline|refuse|report|assign"
    r"|prefer|push|sell|upsell|transfer|block|hide|flag|prioriti[sz]e|make|let|try|grant"
    r"|approve|deny|hand|steer|mention|tell"
    r"|wenn|falls|sobald|nur|zuerst|immer|nie|niemals|bitte|antworte\w*|biete\w*|schlage?\w*"
    r"|gib|geben sie|lobe\w*|sprich"
    r"|verrate\w*|nutze\w*|halte\w*|bleib\w*|vermeide\w*|leite\w*|lehne\w*|frage?|stelle"
    r"|schreib\w*|übersetze\w*|behandle\w*"
    r"|lenke\w*|empfiehl\w*|recommend|suggest|recommande\w*|recomienda\w*|gewähre\w*|erwähne\w*"
    r"|verwende\w*|duze\w*|sieze\w*|markiere\w*|nenne\w*"
    r"|si|quand|lorsque|toujours|jamais|ne|n['’]|réponds|répondez|renvoie\w*|propose\w*|utilise\w*"  # noqa: RUF001
    r"|garde\w*|reste\w*|évite\w*"
    r"|écris|donne\w*|refuse\w*|demande\w*|offre\w*|cuando|siempre|nunca|no|responde\w*|ofrece\w*"
    r"|usa|mantén|evita|escribe"
    r"|pide|deriva|rechaza|habla|da)\b"
    r"|\b(?:you|your|du|dich|dir|dein\w*|tu|toi|ton|ta|tes|vous|votre|vos|tú|usted|must|should|shall|soll\w*|darfst"
    r"|musst|dois|devez|debes?)\b|しない|ないで|ください|してはいけ|こと。|不要|不得|请",
    re.IGNORECASE,
)
_SAID = re.compile(
    r"```.*?(?:```|\Z)|\"[^\"\n]*\"|“[^”\n]*”|„[^“”\n]*[“”]|«[^»\n]*»|»[^«\n]*«|「[^」\n]*」|『[^』\n]*』", re.DOTALL
)
# Who says so tells what they are there for, and not how they are told to work.
_REFUSAL = re.compile(
    r"\b(?:can(?:'t|not)?|only|able to|allowed to|here to|unable to|happy to|help with|kann"
    r"|darf|nur|gern\w*|peux|puis|pouvons"
    r"|puedo|podemos|solo)\b[^.!?\n]{0,40}$",
    re.IGNORECASE,
)
# Runs of so many words are no accident; so many in all are a retelling, of what nobody called confidential as well.
_LONG_RUN = 8
_COUNTED_RUN = 6
_LONG_WORD = re.compile(r"\w{4,}")
_LONG_WORDS = 3
_SHORTEST_RUN = 4
_RETOLD, _RETOLD_OF_OPEN = 12, 20


def no_prompt_leak(review_input: ReviewInput) -> Iterator[Finding]:
    if not review_input.system_prompt or len(review_input.text) > _LARGEST:
        return
    runs = [
        run
        for run in _shared(
            review_input.text, _guarded(review_input.system_prompt), f"{review_input.prompt}\n{review_input.context}"
        )
        if run[2] >= _COUNTED_RUN
        and len(_LONG_WORD.findall(review_input.text, run[0], run[1])) >= _LONG_WORDS
        and not _REFUSAL.search(review_input.text[max(0, run[0] - 60) : run[0]])
    ]
    if not runs:
        return
    longest, told = max(runs, key=lambda run: run[2]), sum(run[2] for run in runs)
    is_open = _CONFIDENTIAL.search(review_input.system_prompt) is None
    if told >= _RETOLD_OF_OPEN if is_open else longest[2] >= _LONG_RUN or told >= _RETOLD:
        message = "This repeats the instructions that the text was written under, which are not for its readers."
        start, end, _ = longest
        quote = review_input.text[start:end].split("\n")[0]
        line = review_input.text.count("\n", 0, start) + 1
        spans = [(begin, stop) for begin, stop, _ in runs]
        yield Finding("no_prompt_leak", "error", message, quoted(quote), line, spans=spans)


def _guarded(system: str) -> str:
    """The sentences of a prompt that are not meant to be told: its orders, and what it calls secret. Facts, what is to
    be said, and who speaks are for the readers.
    """
    kept = list[str]()
    for line in _SAID.sub(" \n ", system).split("\n"):
        is_secret, telling = _SECRET_LINE.match(line) is not None, False
        for each in _SENTENCE.split(line):
            told = _TO_BE_TOLD.search(each)
            is_told = told is not None and not _NEGATED.search(each[: told.start()]) and not _ONLY_IF.search(each)
            telling = is_told or (telling and not _is_guarded(each))
            if (
                is_secret
                or _SECRET_LINE.match(each)
                or (not telling and not _PERSONA.match(each) and _is_guarded(each))
            ):
                kept.append(each)
    return "\n".join(kept)


def _is_guarded(sentence: str) -> bool:
    return _ORDER.search(sentence) is not None or _CONFIDENTIAL.search(sentence) is not None


def _shared(text: str, guarded: str, known: str) -> Sequence[tuple[int, int, int]]:
    """Runs of words that the text has from what is guarded and not from what is known: start, end, number of words."""
    ours = [(found.start(), found.end(), _form(found[0])) for found in _WORD.finditer(text)]
    grams = _grams([_form(each) for each in _WORD.findall(guarded)]) - _grams(
        [_form(each) for each in _WORD.findall(known)]
    )
    runs, at = list[tuple[int, int, int]](), 0
    while at + _SHORTEST_RUN <= len(ours):
        end = at
        while (
            end + _SHORTEST_RUN <= len(ours) and tuple(word for _, _, word in ours[end : end + _SHORTEST_RUN]) in grams
        ):
            end += 1
        if end > at:
            last = end + _SHORTEST_RUN - 2
            runs.append((ours[at][0], ours[last][1], last - at + 1))
            at = last
        at += 1
    return runs


_FIRST_PERSON = {
    "i": "you", "my": "your", "am": "are", "me": "you", "mine": "yours", "myself": "yourself",
    "ich": "du", "mein": "dein", "meine": "deine", "bin": "bist", "je": "tu", "suis": "es", "mon": "ton", "mes": "tes", "ma": "ta",  # noqa: E501
}  # fmt: skip


def _form(word: str) -> str:
    """Told in the first person, an instruction is the same."""
    plain = word.casefold()
    return _FIRST_PERSON.get(plain, plain)


def _grams(words: Sequence[str]) -> set[tuple[str, ...]]:
    return {tuple(words[at : at + _SHORTEST_RUN]) for at in range(len(words) - _SHORTEST_RUN + 1)}
