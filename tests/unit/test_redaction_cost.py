"""It is run over every span: no text may make it slow."""

import random
import time

import pytest

from observability.redaction import redact

SIZE = 64 * 1024
# Many times what it takes, and a small part of what anything superlinear would.
SECONDS = 1.5

REPEATED = (
    *("echo +" + "9" * 20, "password=" + "a" * 300 + "!", "://A00" + "a" * 43),
    *(
        "1",
        "0",
        "a",
        "A",
        "-",
        "@",
        '"',
        "'",
        " ",
        "\n",
        "\\",
        "%",
        "&",
        "+",
        "(",
        ".",
        ":",
        "/",
        "_",
        "=",
        "<",
        "é",
        "\uff10",
        "\u200b",
    ),
    *(
        "password=",
        "password ",
        "password'",
        "password is ",
        "Authorization: ",
        "token ",
        "_KEY=",
        "-----BEGIN PRIVATE KEY-----",
    ),
    *(
        "a@",
        "a.b@",
        "a (at) b ",
        "1 ",
        "1234 ",
        "+49",
        "12.34.",
        "1.2.3.4 ",
        "::1 ",
        "%40",
        "%25",
        "\\u0040",
        '\\"',
        "&#64;",
    ),
    *(
        "://a:",
        "://a:b@",
        "eyJa.eyJa.",
        "sk-a",
        "DE12 1234 ",
        "phone 1",
        "card ",
        "a;password;b\n1;2;3\n",
        "insert into a (b) values (",
    ),
)


@pytest.mark.parametrize("piece", REPEATED)
def test_no_text_takes_long(piece: str) -> None:
    assert _seconds((piece * (SIZE // len(piece) + 1))[:SIZE]) < SECONDS


@pytest.mark.parametrize(
    "of", ["0123456789", "0123456789 ", "0123456789abcdef", '1a.@:-% "=/\\', "abcdefgh_-.", "aA1+/"]
)
def test_nor_does_one_made_by_chance(of: str) -> None:
    assert _seconds("".join(random.Random(of).choices(of, k=SIZE))) < SECONDS


def _seconds(text: str) -> float:
    begun = time.process_time()
    redact(text)
    return time.process_time() - begun


def test_ordinary_text_is_given_back_as_it_is() -> None:
    text = "The museum opens at nine; in 2024 it had 12,408 visitors, a third more than the year before. " * 10
    assert redact(text) is text
