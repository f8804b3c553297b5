import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from graphs.prompt import Prompt
from graphs.title.wording import clean_title, first_words, title_in, title_messages


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("A Trip to Lisbon", "A Trip to Lisbon"),
        ('"A Trip to Lisbon."', "A Trip to Lisbon"),
        ("**Title:** A Trip to Lisbon", "A Trip to Lisbon"),
        ("# A Trip  to\tLisbon\n\nIt is about a trip.", "A Trip to Lisbon"),
        ("<think>What is it about?\nA trip.</think>\nLisbon", "Lisbon"),
        ("„Reise nach Lissabon“", "Reise nach Lissabon"),
        ("タイトル\uff1a東京の天気。", "東京の天気"),
        ("What is a monad?", "What is a monad?"),
        ("## C++ and C#", "C++ and C#"),
        ("\n\n  \nLate", "Late"),
    ],
)
def test_a_title_is_found_in_what_a_model_says(said: str, title: str) -> None:
    assert clean_title(said) == title


@pytest.mark.parametrize(
    "said",
    [
        "",
        " \n ",
        "...",
        "---\n***",
        "<think>I never come to an end",
        "Sure! Here is a title for you",
        "Here's a title: Lisbon",
        "I'm sorry, but I cannot do that",
        "I cannot write a title",
        "User: Where is Lisbon?",
        "Lisbon is the capital of Portugal and its largest city by far",
        "one two three four five six seven eight nine ten eleven",
        "x" * 61,
    ],
)
def test_what_is_no_title_is_none(said: str) -> None:
    assert clean_title(said) is None


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("Where is Lisbon?", "Where is Lisbon?"),
        ("  Where\n is   Lisbon?  ", "Where is Lisbon?"),
        ("# Where is Lisbon?", "Where is Lisbon?"),
        (
            "one two three four five six seven eight nine ten eleven",
            "one two three four five six seven eight nine ten…",
        ),
        (
            "Please summarise the extraordinarily comprehensive documentation, thoroughly",
            "Please summarise the extraordinarily comprehensive…",
        ),
        ("東" * 80, "東" * 59 + "…"),
        ("x" * 80 + " and more", "x" * 59 + "…"),
    ],
)
def test_else_the_first_words_have_to_do(question: str, title: str) -> None:
    assert first_words([SystemMessage("Be brief."), HumanMessage(question), AIMessage("Yes.")]) == title
    assert len(title) <= 60


@pytest.mark.parametrize("question", ["", "  ", "?!", [{"type": "image", "url": "https://example.org/a.png"}]])
def test_without_words_there_is_no_title(question: str | list[str | dict[str, str]]) -> None:
    messages: list[BaseMessage] = [HumanMessage(content=question), AIMessage("Yes.")]
    assert first_words(messages) is None


def test_a_picture_without_words_leaves_the_title_to_what_is_said_next() -> None:
    picture = HumanMessage(content=[{"type": "image", "url": "https://example.org/a.png"}])
    assert first_words([picture, AIMessage("A cat."), HumanMessage("Which breed?")]) == "Which breed?"


def test_the_model_is_shown_the_first_question_and_answer_and_no_more_than_it_needs() -> None:
    messages = [HumanMessage("q" * 5000), AIMessage(""), AIMessage("a" * 5000), HumanMessage("later")]
    system, *examples, shown = title_messages(messages, Prompt("title/title", "1", "Write a title."))
    assert system.text == "Write a title."
    assert [message.type for message in examples] == ["human", "ai"] * 2
    begins = "Name the conversation that begins with:\n\n"
    assert shown.text == begins + "q" * 1000 + "\n\n---\n\n" + "a" * 500
    assert title_messages(messages[:1], Prompt("title/title", "1", "P"))[-1].text == begins + "q" * 1000


@pytest.mark.parametrize(
    ("said", "question", "title"),
    [
        ("Boiling Eggs", "How do I boil an egg?", "Boiling Eggs"),
        ("Capital of France", "What is the capital of France?", "Capital of France"),
        ("東京の天気予報", "東京は明日晴れますか", "東京の天気予報"),
        ("Small Talk", "Wie koche ich Spargel?", None),
        ("Docker Container Exit Code 137", "Wie koche ich Spargel?", None),
        ("天気予報", "Wie koche ich Spargel?", None),
        ("Hello!", "hi", None),
    ],
)
def test_a_title_has_to_do_with_the_conversation(said: str, question: str, title: str | None) -> None:
    assert title_in(said, [HumanMessage(question), AIMessage("Three minutes: first boil the water.")]) == title
