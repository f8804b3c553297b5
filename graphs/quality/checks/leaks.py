"""What a text must not tell: secrets, data of persons, the prompt it was written under."""

import re
from collections.abc import Iterator, Sequence

from graphs.quality.checks.pieces import quoted
from graphs.quality.findings import Finding
from graphs.quality.subject import Subject
from observability.redaction import Hit, hits

# Enough to find a secret by, too little to use it.
_SHOWN = 4
_LARGEST = 1_000_000

_WORD = re.compile(r"\w+(?:[-'’]\w+)*")  # noqa: RUF001
_SENTENCE = re.compile(r"(?<=[.!?;。])\s+|\n+|(?<=。)")
_TO_BE_TOLD = re.compile(
    r"\b(?:tell (?:visitors|customers|users|them|people|guests)|(?:they|users|customers|visitors|you) (?:may"
    r"|can) (?:know|share|tell|mention)|facts"
    r"|information for|public(?:ly)?|opening hours|answer questions about|sag(?:e|en)? (?:den|dem) (?:Kunden"
    r"|Besuchern|Gästen)"
    r"|dürfen (?:sie|alle) wissen|öffentlich|dis(?:-| )?leur|informe[rz]? (?:les|los|a los)|pueden saber"
    r"|puedes decir)\b",
    re.IGNORECASE,
)
_CONFIDENTIAL = re.compile(
    r"confidential|do not (?:reveal|disclose|share|repeat|tell)|don't (?:reveal|disclose|share)|never (?:reveal"
    r"|disclose|mention|tell|share|repeat)"
    r"|keep (?:this|these|all of this)|internal|secret|vertraulich|geheim|intern\b|verrate (?:nie|niemals|keine"
    r"|nicht)|nicht verraten|confidentiel"
    r"|ne (?:révèle|divulgue|dis|mentionne)|secrète?|interne|confidencial|no (?:reveles|divulgues|menciones"
    r"|compartas)|nunca (?:reveles|menciones)|interno"
    r"|機密|秘密|内緒|保密|机密",
    re.IGNORECASE,
)
_PERSONA = re.compile(
    r"\s*(?:#[^\n]*\n\s*)?(?:you are|you're|du bist|sie sind|tu es|vous êtes|eres|usted es|sei|あなたは|你是)\b",
    re.IGNORECASE,
)
# Runs of so many words are no accident; so many in all are a retelling.
_LONG_RUN = 8
_SHORTEST_RUN = 4
_RETOLD = 12


def no_secret(subject: Subject) -> Iterator[Finding]:
    for hit in _news(subject):
        if hit.kind == "secret":
            message = f"This looks like a real secret ({hit.name}); show a placeholder or read it from the environment."
            yield _at("no_secret", message, subject.text, hit)


def no_personal_data(subject: Subject) -> Iterator[Finding]:
    for hit in _news(subject):
        if hit.kind != "secret" and hit.name != "e-mail address of a role":
            message = (
                f"This may belong to a person ({hit.name}) and was not given; use one that is reserved for examples."
            )
            yield _at("no_personal_data", message, subject.text, hit)


def _news(subject: Subject) -> Sequence[Hit]:
    """What is found in the text and in nothing that its author was given."""
    if len(subject.text) > _LARGEST:
        return ()
    found = hits(subject.text)
    if not found:
        return ()
    known = "\0".join(map(_plain, (subject.asked, subject.given, subject.system)))
    return [hit for hit in found if _plain(subject.text[hit.start : hit.end]) not in known]


def _plain(text: str) -> str:
    return re.sub(r"[\s()/.\-]", "", text).casefold()


def _at(by: str, message: str, text: str, hit: Hit) -> Finding:
    shown = text[hit.start : min(hit.start + _SHOWN, hit.end)]
    return Finding(by, "error", message, quoted(shown.split("\n")[0]), text.count("\n", 0, hit.start) + 1)


def no_prompt_leak(subject: Subject) -> Iterator[Finding]:
    if not subject.system or len(subject.text) > _LARGEST:
        return
    runs = _shared(subject.text, _guarded(subject.system), f"{subject.asked}\n{subject.given}")
    if not runs:
        return
    longest = max(runs, key=lambda run: run[2])
    if longest[2] >= _LONG_RUN or sum(run[2] for run in runs) >= _RETOLD:
        message = "This repeats the instructions that the text was written under, which are not for its readers."
        start, end, _ = longest
        quote = subject.text[start:end].split("\n")[0]
        yield Finding("no_prompt_leak", "error", message, quoted(quote), subject.text.count("\n", 0, start) + 1)


def _guarded(system: str) -> str:
    """The sentences of a prompt that are not meant to be told."""
    sentences = [each for each in _SENTENCE.split(system) if each.strip()]
    if _CONFIDENTIAL.search(system):
        return "\n".join(
            each
            for each in sentences
            if not re.match(r".*\btell (?:visitors|customers|users|guests)\b", each, re.IGNORECASE)
        )
    kept, telling = list[str](), False
    for each in sentences:
        telling = _TO_BE_TOLD.search(each) is not None or (telling and not _PERSONA.match(each) and not _orders(each))
        if not telling and not _PERSONA.match(each):
            kept.append(each)
    return "\n".join(kept)


def _orders(sentence: str) -> bool:
    return (
        re.match(
            r"\s*(?:\d+[.)]|[-*])?\s*(?:never|always|do not|don't|keep|answer|reply|write|nie|niemals|antworte"
            r"|ne |réponds|no |nunca|responde)\b",
            sentence,
            re.IGNORECASE,
        )
        is not None
    )


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
