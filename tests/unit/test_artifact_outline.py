from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.kinds import KINDS, Kind
from artifacts.outline import Part, find_part, parts
from tests.waiting import assert_scales_linearly


def _texts(text: str, kind: Kind, language: str | None = None) -> dict[str, str]:
    return {part.name: text[part.start : part.end] for part in parts(text, kind, language)}


DOCUMENT = """\
---
title: not a heading
---
Before.

# One

Text.

```sh
# a comment
```

## One and a half ##

More.

Two
===

    # code

C# and more
---
- item
---
end
"""


def test_sections_of_markdown_go_to_the_next_heading_of_their_level() -> None:
    one_and_a_half = "## One and a half ##\n\nMore.\n\n"
    last = "C# and more\n---\n- item\n---\nend\n"
    assert _texts(DOCUMENT, "markdown") == {
        "One": "# One\n\nText.\n\n```sh\n# a comment\n```\n\n" + one_and_a_half,
        "One and a half": one_and_a_half,
        "Two": "Two\n===\n\n    # code\n\n" + last,
        "C# and more": last,
    }


PYTHON = '''\
import os

@cache
@other(
    1
)
def first(a):
    """def not_this(): ..."""
    def inner(): ...
    return a

class Shape:
    sides = 0

    @property
    def area(self) -> int:
        return 1

    class Part:
        async def draw(self): ...

if os.name:
    def last(): ...
'''


def test_python_has_functions_classes_and_methods_with_their_decorators() -> None:
    found = _texts(PYTHON, "code", "python")
    assert list(found) == ["first", "Shape", "Shape.area", "Shape.Part", "Shape.Part.draw", "last"]
    assert found["first"].startswith("@cache\n")
    assert found["first"].endswith("    return a\n")
    assert found["Shape.area"] == "    @property\n    def area(self) -> int:\n        return 1\n"
    assert found["last"] == "    def last(): ...\n"


def test_python_that_is_broken_is_read_by_its_indentation() -> None:
    broken = PYTHON.replace("import os", "import os (")
    assert {name: text for name, text in _texts(broken, "code", "Python").items() if name != "first"} == {
        name: text for name, text in _texts(PYTHON, "code", "python").items() if name != "first"
    }


def test_lines_of_python_are_counted_as_python_counts_them() -> None:
    text = "a = 1\rb = '\x0c'\r\ndef f():\n    return 1"
    assert parts(text, "code", "python") == (Part("f", text.index("def"), len(text)),)


TYPESCRIPT = """\
import x from "x";

export async function load(
  name: string,
): Promise<void> {
  if (name) {
    await x(name);
  }
}

export const twice = (n: number): number => {
  return n * 2;
};

export class Shape {
  static area(side: number): number {
    return side * side;
  }

  private name = "";
}

interface Named { name: string }
"""


def test_functions_and_classes_of_other_languages_are_found_by_their_indentation() -> None:
    found = _texts(TYPESCRIPT, "code", "typescript")
    assert list(found) == ["load", "twice", "Shape", "Shape.area", "Named"]
    assert found["load"] == TYPESCRIPT[TYPESCRIPT.index("export async") : TYPESCRIPT.index("\nexport const")]
    assert found["twice"] == TYPESCRIPT[TYPESCRIPT.index("export const") : TYPESCRIPT.index("\nexport class")]
    assert found["Shape.area"] == "  static area(side: number): number {\n    return side * side;\n  }\n"


@pytest.mark.parametrize(
    ("language", "text", "names"),
    [
        ("go", "func main() {\n\tf()\n}\n\nfunc (s *Server) Run(a int) error {\n}\n", ["main", "Run"]),
        ("rust", "#[test]\npub(crate) fn f() {\n}\npub struct S;\nimpl S {\n    fn g(&self) {\n    }\n}\n", []),
        ("c", "static int *f(int a)\n{\n}\nint main(int argc, char **argv) {\n  if (a) {\n  }\n}\n", ["main"]),
        ("java", "public class A {\n    public int f(int a) throws X {\n    }\n}\n", ["A", "A.f"]),
        ("ruby", "module M\n  def self.f(x)\n    1\n  end\n  def ok?\n  end\nend\n", ["M", "M.self.f", "M.ok?"]),
        ("kotlin", "fun <T> f(a: T) = 1\ndata class P(val x: Int)\n", ["f", "P"]),
        ("shell", "run() {\n  ls\n}\nfunction stop {\n}\n", ["run", "stop"]),
        ("csharp", "namespace N\n{\n    class A\n    {\n    }\n}\n", ["N", "N.A"]),
    ],
)
def test_declarations_of_many_languages_are_known(language: str, text: str, names: list[str]) -> None:
    expected = names or ["f", "S", "S", "S.g"]
    found = parts(text, "code", language)
    assert [part.name for part in found] == expected
    assert max(part.end for part in found) == len(text)


@pytest.mark.parametrize("kind", ["html", "svg", "mermaid", "json", "csv"])
def test_other_kinds_have_no_parts(kind: Kind) -> None:
    assert parts("# One\ndef f(): ...\n", kind, None) == ()


def test_a_part_is_found_by_its_name_in_any_case_or_by_its_last_words() -> None:
    by_name = {part.name: part for part in parts(PYTHON, "code", "python")}
    assert find_part(PYTHON, "code", "python", "Shape.area") == by_name["Shape.area"]
    assert find_part(PYTHON, "code", "python", "shape.AREA()") == by_name["Shape.area"]
    assert find_part(PYTHON, "code", "python", "draw") == by_name["Shape.Part.draw"]
    assert find_part(PYTHON, "code", "python", "raw") is None
    assert find_part(PYTHON, "code", "python", "") is None
    assert find_part("# 1. Setup\n", "markdown", None, "## setup") == Part("1. Setup", 0, 11)


def test_a_name_that_several_parts_have_finds_none() -> None:
    text = "class A:\n    def f(self): ...\n\nclass B:\n    def f(self): ...\n"
    assert find_part(text, "code", "python", "f") is None
    assert find_part("# A\n# A\n", "markdown", None, "A") is None


PIECES = ["# A\n", "A\n", "===\n", "---\n", "```\n", "def f():\n", "    def g(self):\n", "class A:\n", "    x\n", "}\n"]
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from([*PIECES, "@d\n", "{\n", "f() {\n", "\t", "\r", "\ud800", "\x00", "\x0c\n"])).map("".join),
)


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.sampled_from(KINDS), st.sampled_from([None, "python", "go"]))
def test_parts_lie_within_any_text_in_their_order(text: str, kind: Kind, language: str | None) -> None:
    found = parts(text, kind, language)
    assert all(0 <= part.start < part.end <= len(text) for part in found)
    assert [part.start for part in found] == sorted(part.start for part in found)
    assert all(part.start == 0 or text[part.start - 1] in "\r\n" for part in found)
    # Of two parts one holds the other, or they do not touch.
    assert all(
        other.start >= one.end or other.end <= one.end for at, one in enumerate(found) for other in found[at + 1 :]
    )


@pytest.mark.parametrize(
    "text_of",
    [
        lambda n: "(" * n,
        lambda n: "-" * n + "1",
        lambda n: "x = " + "[" * (n // 800),
        lambda n: "a" + ".a" * (n // 2),
        lambda n: "\n".join(" " * depth + "if x:" for depth in range(n // 800)),
        lambda n: "if x: pass\n" + "elif x: pass\n" * (n // 32),
        lambda n: "class A:\n" * (n // 5),
        lambda n: ("a " * 99 + "\n") * (n // 50),
        lambda n: ("*&" * 99 + "\n") * (n // 50),
        lambda n: ("f(" * 99 + "\n") * (n // 50),
        lambda n: "def f(): ...\n" * (n // 10),
    ],
)
@pytest.mark.parametrize("language", ["python", "c"])
def test_no_text_is_too_much(text_of: Callable[[int], str], language: str) -> None:
    assert_scales_linearly(lambda size: parts(text_of(size), "code", language), 25_000)
