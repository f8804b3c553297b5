"""What a model is asked for a title, and what is made of its answer. Pure."""

import re
from collections.abc import Sequence
from itertools import accumulate, pairwise

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from graphs.prompt import Prompt

# Past these a line is no title, but an answer or a thought.
_MAX_WORDS = 10
_MAX_CHARACTERS = 60
_SHOWN_OF_A_QUESTION = 1000
_SHOWN_OF_AN_ANSWER = 500

_MIN_LENGTH = 3
_STEM = 4
_WORD = re.compile(r"\w+")
_FIRST_IDEOGRAPH = "\u2e80"

_EXAMPLES = (
    ("How do I get a red wine stain out of a white shirt?", "Removing a Red Wine Stain"),
    ("my docker container keeps restarting, exit code 137", "Docker Container Exit Code 137"),
)

_THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
_LABEL = re.compile(r"^(?:title|titel|titre|título|titolo|标题|タイトル)\s*[:\uff1a]\s*", re.IGNORECASE)
_HASHES = "# "
_AROUND = " \t*_`~\"'“”„‘’«»「」"  # noqa: RUF001  # quotation marks of several languages
_BEHIND = ".:;,!\u3002\uff1a"
# How a weak model begins when it says something else than a title.
_NO_TITLE = re.compile(
    r"(?:sure|certainly|here(?:'s| is| are)|i(?:'m|'ll| am| can| cannot)?|sorry|as an ai)\b|(?:user|assistant)\s*:"
)
_SPACE = re.compile(r"\s+")


def title_messages(messages: Sequence[BaseMessage], prompt: Prompt) -> list[BaseMessage]:
    """The first question and the first answer are enough, and short. Small models learn from examples alone."""
    question, answer = _conversation_text(messages)
    shown = "\n\n---\n\n".join(filter(None, [question, answer]))
    examples = (message for begun, title in _EXAMPLES for message in (_naming_prompt(begun), AIMessage(title)))
    return [prompt.message(), *examples, _naming_prompt(shown)]


def _naming_prompt(shown: str) -> HumanMessage:
    return HumanMessage(f"Name the conversation that begins with:\n\n{shown}")


def _conversation_text(messages: Sequence[BaseMessage]) -> tuple[str, str]:
    question, answer = _text_of(messages, HumanMessage), _text_of(messages, AIMessage)
    return question[:_SHOWN_OF_A_QUESTION], answer[:_SHOWN_OF_AN_ANSWER]


def title_in(said: str, messages: Sequence[BaseMessage]) -> str | None:
    """The title in what a model said; `None` where there is none that has to do with the conversation."""
    title = clean_title(said)
    return title if title and _is_about(title, " ".join(_conversation_text(messages)).lower()) else None


def _is_about(title: str, talk: str) -> bool:
    """Whether one of its words, or the beginning of one, is in the talk: what a small model makes up has none."""
    words = [word[:_STEM] for word in _WORD.findall(title.lower()) if len(word) >= _MIN_LENGTH]
    # Scripts without spaces: two signs that stand together are as good as a word.
    signs = [pair for pair in map("".join, pairwise(title)) if all(sign >= _FIRST_IDEOGRAPH for sign in pair)]
    return any(part in talk for part in (*words, *signs))


def clean_title(said: str) -> str | None:
    """The line in what a model said that could be a title; `None` where there is none."""
    lines = [line.lstrip(_HASHES).strip(_AROUND) for line in _THOUGHT.sub("", said).splitlines()]
    first = next(filter(None, lines), "")
    title = _SPACE.sub(" ", _LABEL.sub("", first).strip(_AROUND).rstrip(_BEHIND).strip(_AROUND))
    if len(title) > _MAX_CHARACTERS or len(title.split()) > _MAX_WORDS or not any(map(str.isalnum, title)):
        return None
    return None if _NO_TITLE.match(title.lower()) else title


def first_words(messages: Sequence[BaseMessage]) -> str | None:
    """The beginning of the first question; `None` where it has no words."""
    text = _SPACE.sub(" ", _text_of(messages, HumanMessage)).lstrip(_HASHES).strip(_AROUND)
    if not any(map(str.isalnum, text)):
        return None
    words = text.split(" ")
    lengths = accumulate(len(word) + 1 for word in words)
    fitting = sum(length <= _MAX_CHARACTERS for length in lengths)
    # A language without spaces, or one endless word, is cut where it has to be.
    begun = " ".join(words[: min(fitting, _MAX_WORDS)]) or text[: _MAX_CHARACTERS - 1]
    return begun if begun == text else begun.rstrip(_BEHIND + "?") + "…"


def _text_of(messages: Sequence[BaseMessage], kind: type[BaseMessage]) -> str:
    said = (message.text.strip() for message in messages if isinstance(message, kind))
    return next(filter(None, said), "")
