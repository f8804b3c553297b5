from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observability.redaction import detect, redact

# In two parts, so that no scanner takes them for what they look like.
GITHUB = "gh" + "p_" + "ECr3vYc3SrZn8gNAD3n5tRZ8nW3DfDXMrR6T"
OPENAI = "sk-" + "proj-" + "sG16DCdRk9SWYJdojPNfmLnGHmIfCOnJxCEV1143"
CARD = "4735 1078 " + "1285 7305"
IBAN = "DE18 9001 " + "0577 0042 6248 84"


def _kinds(text: str) -> Sequence[str]:
    return [hit.kind for hit in detect(text)]


@pytest.mark.parametrize(
    ("text", "kind", "marked"),
    [
        (f"token {GITHUB}.", "secret", "token [secret]."),
        (f"OPENAI_API_KEY={OPENAI}", "secret", "OPENAI_API_KEY=[secret]"),
        ("postgres://shop:VN6QjWCwZy212aJ@db:5432/shop", "secret", "postgres://shop:[secret]@db:5432/shop"),
        ('SECRET_KEY = "1mhdTiE4kpp7Ej6Tm7HoHRRR"', "secret", 'SECRET_KEY = "[secret]"'),
        ("Authorization: Bearer 7fQ2LmNpR4tVx9zBcKeHjWs3", "secret", "Authorization: Bearer [secret]"),
        ("write to lena.vogt@posteo.de now", "email", "write to [email] now"),
        ("call +49 151 27384910 now", "phone", "call [phone] now"),
        ("ruf 06 47 19 83 52 an", "phone", "ruf [phone] an"),
        (f"card {CARD} ok", "card", "card [card] ok"),
        (f"auf {IBAN} bitte", "iban", "auf [iban] bitte"),
        ("from 84.142.37.91 at", "ip", "from [ip] at"),
        ("from 2a02:8109:9c40:1b2c::42 at", "ip", "from [ip] at"),
    ],
)
def test_what_is_nobodys_business_is_marked(text: str, kind: str, marked: str) -> None:
    assert (_kinds(text), redact(text)) == ([kind], marked)


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE and sk-... and ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "postgres://user:password@localhost:5432/app postgres://${USER}:${PASSWORD}@db/app",
        'api_key = os.environ["API_KEY"]; TOKEN_URL = "https://auth.example.com/oauth2/v2.0/token"',
        "jane@example.com, max@beispiel.test, git@github.com, icon@2x.png, @octo-team",
        "4111 1111 1111 1111, 0000 0000 0000 0001, 4369 1678 0205 5927",
        "DE89 3704 0044 0532 0130 00 and DE12 3456 7890 1234 5678 91",
        "203.0.113.24, 198.51.100.0/24, 2001:db8::1, 127.0.0.1, ::1, 8.8.8.8, version 1.2.3.4, v4.17.21.9",
        "+1 415 555 0123, 020 7946 0018, 123-456-7890, 04.10.1957, 40.208.000.000.000 km, ISBN 978-0-13-235088-4",
        "commit 11bd71901bbe5b1630ceea73d27597364c9af683, 123e4567-e89b-12d3-a456-426614174000",
        "max_tokens = 4096; tokenizer = 'cl100k_base'; primary_key: customer_id_2024",
    ],
)
def test_lookalikes_are_left_alone(text: str) -> None:
    assert (detect(text), redact(text)) == ([], text)


def test_private_addresses_are_hits_only_if_asked_for() -> None:
    text = "from 10.0.3.17 and 127.0.0.1"
    assert (redact(text), redact(text, private_addresses=True)) == (text, "from [ip] and 127.0.0.1")


def test_a_mark_may_say_more() -> None:
    assert redact(f"x {GITHUB}", lambda hit: f"<{hit.name}>") == "x <GitHub token>"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from([GITHUB, OPENAI, CARD, IBAN, "a.b@posteo.de", "84.142.37.91", "key=", "://", "+49 "]),
            st.text(max_size=8),
        )
    ).map(" ".join)
)
def test_hits_are_in_order_and_apart_and_within_the_text(text: str) -> None:
    found = detect(text)
    ends = [0, *(hit.end for hit in found)]
    assert all(end <= hit.start < hit.end for end, hit in zip(ends, found, strict=False))
    assert ends[-1] <= len(text)
