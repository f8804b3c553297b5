import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.kinds import KINDS, InvalidText, Kind, check_text, extension, file_name, language_of, media_type


def test_every_kind_has_a_media_type_and_an_extension() -> None:
    assert {kind: (media_type(kind), extension(kind)) for kind in KINDS} == {
        "markdown": ("text/markdown", "md"),
        "code": ("text/plain", "txt"),
        "html": ("text/html", "html"),
        "svg": ("image/svg+xml", "svg"),
        "mermaid": ("text/vnd.mermaid", "mmd"),
        "json": ("application/json", "json"),
        "csv": ("text/csv", "csv"),
    }


@pytest.mark.parametrize(
    ("language", "media", "end"),
    [
        ("python", "text/x-python", "py"),
        ("Python", "text/x-python", "py"),
        ("py", "text/x-python", "py"),
        ("c++", "text/x-c++", "cpp"),
        ("C#", "text/x-csharp", "cs"),
        ("bash", "text/x-sh", "sh"),
        ("typescript", "text/x-typescript", "ts"),
        ("elvish", "text/plain", "txt"),
    ],
)
def test_code_is_of_its_languages_type(language: str, media: str, end: str) -> None:
    assert (media_type("code", language), extension("code", language)) == (media, end)


@pytest.mark.parametrize("language", ["html", "svg", "xml", "javascript", "css", "vue"])
def test_code_is_never_of_a_type_that_a_browser_runs(language: str) -> None:
    assert media_type("code", language) == "text/plain"


def test_the_language_of_another_kind_changes_nothing() -> None:
    assert (media_type("json", "python"), extension("json", "python")) == ("application/json", "json")


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("main.py", "python"),
        ("a.b.TS", "typescript"),
        ("Dockerfile", "dockerfile"),
        ("notes.markdown", "markdown"),
        ("README", None),
        ("py", None),
        ("photo.jpeg", None),
        ("", None),
    ],
)
def test_a_name_tells_its_language(name: str, language: str | None) -> None:
    assert language_of(name) == language


@pytest.mark.parametrize(
    ("name", "kind", "language", "safe"),
    [
        ("Report", "markdown", None, "Report.md"),
        ("Report.md", "markdown", None, "Report.md"),
        ("Report.markdown", "markdown", None, "Report.markdown"),
        ("Q3 v1.2", "markdown", None, "Q3 v1.2.md"),
        ("main.rs", "code", None, "main.rs"),
        ("main.h", "code", "c", "main.h"),
        ("main", "code", "python", "main.py"),
        ("main.js", "code", "python", "main.js.py"),
        ("Dockerfile", "code", "dockerfile", "Dockerfile"),
        ("../../etc/passwd", "code", None, "etc passwd.txt"),
        ("..\\a:b*c?.html", "html", None, "a b c.html"),
        ("a\x00b\nc\u202egpj.csv", "csv", None, "ab cgpj.csv"),
        ("...", "json", None, "untitled.json"),
        ("", "svg", None, "untitled.svg"),
        ("CON", "mermaid", None, "_CON.mmd"),
        ("com1.json", "json", None, "_com1.json"),
        ("console", "json", None, "console.json"),
        ("Überblick für 東京, 👩‍💻", "markdown", None, "Überblick für 東京, 👩‍💻.md"),
    ],
)
def test_a_file_name_is_safe_and_says_its_kind(name: str, kind: Kind, language: str | None, safe: str) -> None:
    assert file_name(name, kind, language) == safe


def test_a_long_name_is_cut_before_its_extension() -> None:
    assert file_name("a" * 300, "markdown") == "a" * 117 + ".md"
    assert file_name("a" * 300 + ".md", "markdown") == "a" * 117 + ".md"
    assert file_name("東" * 120, "markdown") == "東" * 84 + ".md"


@settings(max_examples=200, deadline=None)
@given(st.text(), st.sampled_from(KINDS), st.sampled_from([None, "python", "c++", "elvish"]))
def test_every_name_becomes_one_that_a_file_system_takes(name: str, kind: Kind, language: str | None) -> None:
    safe = file_name(name, kind, language)
    assert 0 < len(safe) <= 120
    assert len(safe.encode()) <= 255
    assert not set(safe) & set('/\\<>:"|?*\0\n\r')
    assert safe[0] not in ". "
    assert safe[-1] not in ". "
    assert file_name(safe, kind, language) == safe


def test_a_text_is_left_as_it_is() -> None:
    text = "a\tb\r\nc\fd\u2028é👩‍💻\x7f"
    assert check_text(text) is text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\x00", "line 1, column 1 holds the control character U+0000, which no text may hold"),
        ("one\ntwo\x1b[0m", "line 2, column 4 holds the control character U+001B, which no text may hold"),
        ("one\r\n\ud83d", "line 2, column 1 holds half a character U+D83D, which no text may hold"),
    ],
)
def test_what_no_text_may_hold_is_named_with_its_place(text: str, told: str) -> None:
    with pytest.raises(InvalidText) as refused:
        check_text(text)
    assert str(refused.value) == told
