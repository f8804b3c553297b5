"""A person's request: what of it asks for something, and whether an answer asks back. Pure."""

import re

# What ends a sentence, but for a short form with a number behind it: "max. 160 characters".
_SENTENCE = re.compile(
    r"(?<=[.!?:;])(?<!\bmax\.)(?<!\bmin\.)(?<!\bca\.)(?<!\bapprox\.)(?<!\bapp\.)(?<!\bmáx\.)(?<!\bmín\.)(?<!\binkl\.)(?<!\baprox\.)(?<!\benv\.)\s+|\n+|(?<=[。！？])",  # noqa: RUF001
    re.IGNORECASE,
)
TASK = re.compile(
    r"\b(?:functions?|scripts?|programs?|programme|endpoint|class(?:es)?|method|regex|pattern|validat\w+"
    r"|passwor[dt]\w*|field|column|database|parser?"
    r"|query|api|funktion|skript|programm|klasse|methode|feld|spalte|fonction|classe|champ|función|clase|campo"
    r"|component|module|code that|method)\b",
    re.IGNORECASE,
)
IN_PARTS = re.compile(
    r"\b(?:then|followed by|(?:start|begin|end|finish|close)s? with|finally|as well as|after that|afterwards|plus|also"
    r"|(?:and|und|et|y|e) (?:quote|cite|list|give|add|name|include|tell|explain|say|suggest|propose|attach|mark|show"
    r"|zitier\w*|nenne?|gib|liste|füge|erklär\w*|schlage?|zeige?|cite[zr]?|donne[zr]?|liste[zr]?|propose[zr]?|explique[zr]?"
    r"|cita|da|dame|enumera|propón|explica|indica|incluye)"
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
_LOOKED_AT = 3_000
_LONGEST_QUESTION = 400
_ASKS_BACK = re.compile(
    r"^\W*(?:(?:i'?m |i am |we are )?(?:very |so )?sorry|i (?:can't|cannot|can not|couldn't)"
    r"|unfortunately|i'?d need|could you|can you"
    r"|es tut mir|entschuldig\w*|leider|ich kann|kannst du|könnt\w*|désolée?|je (?:suis désolée?"
    r"|ne peux)|malheureusement"
    r"|pouvez-vous|peux-tu|lo siento|no puedo|lamentablemente|申し訳|すみません|抱歉|对不起)",
    re.IGNORECASE,
)
WRITING = re.compile(
    r"\b(?:give|list|name|write|tell|make|provide|suggest|answer|reply|respond|explain|describe|summari[sz]e|in"
    r"|using|keep|limit|use|draft|create|compose|tweet|haiku|poem|"
    r"nenne?|gib|liste|schreib\w*|erkläre?|beschreib\w*|fasse?|antworte|mit|erstelle?|formuliere?|verfasse?|"
    r"donne\w*|cite[zr]?|liste[zr]?|écri\w+|rédige\w*|explique\w*|décri\w+|résume\w*|réponds|répondez"
    r"|propose\w*|fais|faites|en|dans|"
    r"da|dame|dime|enumera|lista|escrib\w+|explica\w*|describ\w+|resum\w+|responde\w*|redacta\w*|propón|haz"
    r"|menciona\w*)\b",
    re.IGNORECASE,
)


def bounded(asked: str) -> str:
    """The beginning and the end of a request: what is wanted stands there, and a text to work with between."""
    return asked if len(asked) <= 2 * _LOOKED_AT else f"{asked[:_LOOKED_AT]}\n{asked[-_LOOKED_AT:]}"


def asks_back(text: str) -> bool:
    """Whether an answer is a question or says that there can be none: it has no length and no form to keep to."""
    plain = text.strip()
    return len(plain) <= _LONGEST_QUESTION and (plain.endswith(("?", "？")) or _ASKS_BACK.match(plain) is not None)  # noqa: RUF001


def sentences(asked: str) -> list[str]:
    request = unquoted(bounded(asked))
    if worked_on := _WORKED_ON.match(request):
        request = worked_on[0]
    return [each for each in _SENTENCE.split(request) if each.strip()]


def unquoted(asked: str) -> str:
    """Without what is quoted or shown: what stands in there asks for nothing."""
    plain = re.sub(r"```.*?(?:```|\Z)", " ", asked, flags=re.DOTALL)
    return re.sub(
        r"\"[^\"\n]*\"|“[^”\n]*”|„[^“”\n]*[“”]|«[^»\n]*»|»[^«\n]*«|`[^`\n]*`|「[^」\n]*」|『[^』\n]*』"
        r"|(?<!\w)'[^'\n]{2,80}'(?!\w)",
        "X",
        plain,
    )
