"""Random edits of any test module, as somebody makes them by hand: to a skeleton, or to a module made from one.

Names and numbers come from small pools, so that the edits of two sides meet often.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

SKELETON = '''\
"""Scores of Llama (``llama``), made up.

Nothing is downloaded.
"""

import math
from pathlib import Path

import pytest
from transformers import LlamaConfig, LlamaForCausalLM, LlamaModel
from transformers.testing_utils import slow, torch_device

MODEL_ID = "meta-llama/Llama-2-7b-hf"

# How close two scores come.
LIMIT = 0.5
SIZES = {
    "small": 1,
    "large": 2,
}


@pytest.fixture
def config():
    return dict(
        width=64,
        depth=2,
        name="llama",
    )


@pytest.fixture
def batch(config):
    """Two rows."""
    return [[1, 2], [3, config["width"]]]


def rounded(value, step=1):
    """The value without its last digits."""
    return math.floor(value / step) * step


def score(batch, limit=LIMIT):
    # Of each row the first counts.
    total = sum(row[0] for row in batch)
    return rounded(total, step=1) > limit


class TestLlama:
    def test_model_loading(self, config, tmp_path):
        assert config["width"] == 64
        assert Path(tmp_path).exists()

    def test_score(self, batch):
        """Above the limit."""
        assert score(batch, limit=LIMIT)
        assert not score([], limit=1)

    @pytest.mark.parametrize("size", SIZES)
    def test_sizes(self, size):
        value = SIZES[size]
        # Sizes are small.
        assert rounded(value, step=2) <= value

    @slow
    def test_llama_name(self):
        assert MODEL_ID.count("/") < 2
        assert LlamaModel.__name__ == "LlamaModel", torch_device

    def test_classes(self, config):
        for cls in (LlamaConfig, LlamaForCausalLM):
            assert cls.__name__
'''

WORDS = ("alpha", "beta", "gamma", "delta")
DECORATORS = ("@slow", '@pytest.mark.skip(reason="flaky")', '@pytest.mark.parametrize("size", [1, 2])')
COMMENTS = ("# Sizes are powers of two.", "# See the manual.", "# TODO: try more")
IMPORTS = {"transformers": ("PreTrainedModel", "GenerationConfig"), "pathlib": ("PurePath", "Path")}


@dataclass(frozen=True)
class Place:
    """A statement of a module: what it is called, and its lines, counted from 0."""

    kind: str
    """test, fixture, function, class, import, constant or line."""
    name: str
    scope: str
    """The class or function that it stands in, dotted."""
    top: int
    """Where the comments and blank lines above it start."""
    start: int
    """Its first line, decorators included."""
    head: int
    """The line of its ``def``, or of what else it starts with."""
    end: int
    """The line behind it."""
    column: int
    arguments: tuple[str, ...] = ()
    documented: bool = False
    """Whether it is a docstring."""

    @property
    def indent(self) -> str:
        """What stands before it in its line."""
        return " " * self.column


def places(text: str) -> list[Place]:
    """Every statement of a module, of its classes and of its functions, in order."""
    return list(_places(ast.parse(text).body, "", 0))


def _places(body: list[ast.stmt], scope: str, top: int) -> Iterator[Place]:
    for number, node in enumerate(body):
        kind, name = _named(node)
        start = _start(node)
        end = node.end_lineno or node.lineno
        arguments = tuple(one.arg for one in node.args.args) if isinstance(node, ast.FunctionDef) else ()
        documented = number == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        head = node.lineno - 1
        yield Place(kind, name, scope, top, start, head, end, node.col_offset, arguments, documented)
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from _places(node.body, f"{scope}{name}.", _start(node.body[0]))
        top = end


def _start(node: ast.stmt) -> int:
    """The first line of a statement, decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(one.lineno for one in decorators)]) - 1


def _named(node: ast.stmt) -> tuple[str, str]:
    match node:
        case ast.FunctionDef(name=name, decorator_list=decorators):
            fixture = any("fixture" in ast.unparse(one) for one in decorators)
            return "fixture" if fixture else "test" if name.startswith("test") else "function", name
        case ast.ClassDef(name=name):
            return "class", name
        case ast.Import() | ast.ImportFrom():
            return "import", ""
        case ast.Assign(targets=[ast.Name(id=name)]) if node.col_offset == 0:
            return "constant", name
    return "line", ""


@dataclass
class Editor:
    """A text under edit; ``renames`` are those of names that other modules may use."""

    text: str
    pick: random.Random
    renames: dict[str, str] = field(default_factory=dict)
    retired: set[str] = field(default_factory=set)
    """Names that were renamed away, which may not come back."""

    @property
    def lines(self) -> list[str]:
        """The lines of the text, without their ends."""
        return self.text.split("\n")

    def any(self, *kinds: str, where: Callable[[Place], bool] = lambda place: True) -> Place:
        """A place of one of these kinds; raises IndexError where there is none."""
        return self.pick.choice([place for place in places(self.text) if place.kind in kinds and where(place)])

    def put(self, start: int, end: int, *new: str) -> None:
        """Replace the lines from start to end."""
        lines = self.lines
        lines[start:end] = new
        self.text = "\n".join(lines)

    def fresh(self, prefix: str = "") -> str:
        """A name that nothing here has, whether in small letters or in capitals."""
        taken = {word.lower() for word in (*re.findall(r"\w+", self.text), *self.retired)}
        return self.pick.choice(sorted({f"{prefix}{word}" for word in (*WORDS, *map("new_{}".format, WORDS))} - taken))

    def statement(self) -> str:
        """A line of a body."""
        word, number, other = self.pick.choice(WORDS), self.pick.randrange(4), self.pick.randrange(4)
        return self.pick.choice(
            (
                f"assert rounded({number}, step={other + 1}) < {number + other + 1}",
                f"{word} = {number}",
                f"assert score([[{number}]], limit={other}) in (True, False)",
                f"assert LIMIT < {number}  # {word}",
            )
        )

    def function(self, name: str, *arguments: str, indent: str = "", decorator: str = "") -> list[str]:
        """The lines of a function."""
        body = [self.statement() for _ in range(self.pick.randrange(1, 4))]
        if self.pick.random() < 0.3:
            body.insert(0, f'"""Shows {self.pick.choice(WORDS)}."""')
        head = [decorator] if decorator else []
        lines = [*head, f"def {name}({', '.join(arguments)}):", *(f"    {line}" for line in body)]
        return [f"{indent}{line}" for line in lines]

    # What is added, removed, renamed, moved.

    def add_test(self) -> None:
        """A new test in a class, above or below another."""
        place = self.any("test", where=lambda place: bool(place.scope))
        decorator = self.pick.choice(("", "", *DECORATORS[:2]))
        new = self.function(self.fresh("test_"), "self", *self._fixtures(), indent=place.indent, decorator=decorator)
        if self.pick.random() < 0.6:
            self.put(place.end, place.end, "", *new)
        else:
            self.put(place.start, place.start, *new, "")

    def add_last(self) -> None:
        """A test, a helper or a fixture at the end of the module."""
        prefix, decorator = self.pick.choice((("test_", ""), ("", ""), ("", "@pytest.fixture")))
        lines = self.function(self.fresh(prefix), *self._fixtures(), decorator=decorator)
        self.text = "\n".join([self.text.rstrip("\n"), "", "", *lines, ""])

    def add_helper(self) -> None:
        """A helper or a fixture above another."""
        place = self.any("function", "fixture", "class")
        lines = self.function(self.fresh(), decorator=self.pick.choice(("", "@pytest.fixture")))
        self.put(place.start, place.start, *lines, "", "")

    def remove_test(self) -> None:
        """One test less; the last of a class stays."""
        place = self.any("test")
        if sum(other.scope == place.scope and other.kind == "test" for other in places(self.text)) > 1:
            self.put(place.top, place.end)

    def rename(self) -> None:
        """Another name for a test, a fixture, a helper or a constant, wherever it stands."""
        place = self.any("test", "fixture", "function", "constant")
        if place.name in self.renames.values():
            return
        prefix = "test_llama_" if self.pick.random() < 0.3 else "test_"
        new = self.fresh(prefix) if place.kind == "test" else self.fresh()
        new = new.upper() if place.kind == "constant" else new
        if re.search(rf"\b{new}\b", self.text):
            return
        self.text = re.sub(rf"\b{place.name}\b", new, self.text)
        self.renames[place.name] = new
        self.retired.add(place.name)

    def move(self) -> None:
        """A test or a helper elsewhere among its siblings."""
        place = self.any("test", "function", where=lambda place: place.column in (0, 4))
        others = [one for one in places(self.text) if one.scope == place.scope and one.kind in ("test", "function")]
        target = self.pick.choice(others)
        lines = self.lines
        moved, gap = lines[place.start : place.end], [""] * (1 if place.column else 2)
        if target.start > place.start:
            self.put(target.end, target.end, *gap, *moved)
            self.put(place.top, place.end)
        elif target.start < place.start:
            self.put(place.top, place.end)
            self.put(target.start, target.start, *moved, *gap)

    def reorder(self) -> None:
        """All tests of a class in another order."""
        scope = self.any("test", where=lambda place: bool(place.scope)).scope
        tests = [place for place in places(self.text) if place.scope == scope and place.kind == "test"]
        lines = self.lines
        texts = [lines[place.start : place.end] for place in tests]
        self.pick.shuffle(texts)
        for place, new in reversed(list(zip(tests, texts, strict=True))):
            self.put(place.start, place.end, *new)

    # What is changed.

    def add_import(self) -> None:
        """A name more from a module, or a module more."""
        place = self.any("import")
        line = self.lines[place.start]
        found = re.fullmatch(r"from (\w+) import (.+)", line)
        names = IMPORTS.get(found[1], ()) if found else ()
        new = [name for name in names if found and name not in found[2]]
        if new and found:
            joined = sorted([*found[2].split(", "), self.pick.choice(new)])
            self.put(place.start, place.end, f"from {found[1]} import {', '.join(joined)}")
        else:
            name = self.pick.choice(("os", "re", "sys", "json"))
            if f"import {name}" not in self.text:
                self.put(place.start, place.start, f"import {name}")

    def remove_import(self) -> None:
        """An import that nothing uses, away."""
        place = self.any("import")
        found = re.fullmatch(r"(from \w+ import|import) (.+)", self.lines[place.start])
        names = found[2].split(", ") if found else []
        unused = [name for name in names if len(re.findall(rf"\b{name}\b", self.text)) == 1]
        if found and unused:
            rest = [name for name in names if name != self.pick.choice(unused)]
            self.put(place.start, place.end, *([f"{found[1]} {', '.join(rest)}"] if rest else []))

    def change_number(self) -> None:
        """Another number in a line: an assertion, a constant, a keyword of a fixture."""
        lines = self.lines
        at = self.pick.choice([number for number, line in enumerate(lines) if re.search(r"[= (\[]\d", line)])
        new = str(self.pick.randrange(2, 9))
        self.put(at, at + 1, re.sub(r"(?<=[= (\[])\d+", new, lines[at], count=1))

    def add_line(self) -> None:
        """A statement more in a function."""
        place = self.any("line", where=lambda place: place.scope.count(".") > 0)
        at = self.pick.choice((place.start, place.end)) if not place.documented else place.end
        self.put(at, at, place.indent + self.statement())

    def remove_line(self) -> None:
        """An assertion less."""
        place = self.any("line", where=lambda place: self.lines[place.start].strip().startswith("assert"))
        siblings = [one for one in places(self.text) if one.scope == place.scope]
        if len(siblings) > 1:
            self.put(place.start, place.end)

    def add_entry(self) -> None:
        """A keyword more in a fixture, or an entry more in a table, on a line of its own."""
        lines = self.lines
        found = [number for number, line in enumerate(lines) if re.fullmatch(r'\s+("?\w+"?[=:]) ?.+,', line)]
        at = self.pick.choice(found)
        word, number = self.fresh(), self.pick.randrange(9)
        indent = re.match(r"\s*", lines[at])
        assert indent is not None
        entry = f'"{word}": {number},' if '":' in lines[at] else f"{word}={number},"
        self.put(at + 1, at + 1, indent[0] + entry)

    def add_parameter(self) -> None:
        """A fixture more for a test, or a parameter with a default for a helper."""
        place = self.any("test", "function", where=lambda place: ")" in self.lines[place.head])
        new = "tmp_path" if place.kind == "test" else f"{self.pick.choice(WORDS)}={self.pick.randrange(4)}"
        if new.partition("=")[0] not in place.arguments:
            line = self.lines[place.head]
            new = f", {new}" if place.arguments else new
            self.put(place.head, place.head + 1, line.replace(")", f"{new})", 1))

    def add_decorator(self) -> None:
        """A decorator for a test."""
        place = self.any("test")
        self.put(place.start, place.start, place.indent + self.pick.choice(DECORATORS))

    def remove_decorator(self) -> None:
        """A test without one of its decorators."""
        place = self.any("test", where=lambda place: place.head > place.start)
        self.put(place.start, place.start + 1)

    def add_comment(self) -> None:
        """A comment above a statement, or behind one."""
        place = self.any("test", "fixture", "function", "constant", "line", where=lambda place: not place.documented)
        comment = self.pick.choice(COMMENTS)
        line = self.lines[place.end - 1]
        if place.kind == "line" and self.pick.random() < 0.4 and "#" not in line:
            self.put(place.end - 1, place.end, f"{line}  {comment}")
        else:
            self.put(place.start, place.start, place.indent + comment)

    def change_comment(self) -> None:
        """A comment of a line of its own, other or away."""
        lines = self.lines
        at = self.pick.choice([number for number, line in enumerate(lines) if line.strip().startswith("# ")])
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        self.put(at, at + 1, *([indent + self.pick.choice(COMMENTS)] if self.pick.random() < 0.7 else []))

    def change_docstring(self) -> None:
        """Other words in a docstring."""
        place = self.any("line", where=lambda place: place.documented and bool(place.scope))
        self.put(place.start, place.end, f'{place.indent}"""Tells {self.pick.choice(WORDS)} anew."""')

    def add_docstring(self) -> None:
        """A docstring for a function that has none."""
        scopes = {place.scope for place in places(self.text) if place.documented}
        place = self.any("test", "function", where=lambda place: f"{place.scope}{place.name}." not in scopes)
        indent = f"{place.indent}    "
        if self.lines[place.head].endswith(":"):
            self.put(place.head + 1, place.head + 1, f'{indent}"""Tells {self.pick.choice(WORDS)}."""')

    def add_constant(self) -> None:
        """A constant more, beside another."""
        place = self.any("constant")
        self.put(place.end, place.end, f"{self.fresh().upper()} = {self.pick.randrange(9)}")

    def _fixtures(self) -> list[str]:
        known = [place.name for place in places(self.text) if place.kind == "fixture"]
        return self.pick.sample(known, min(len(known), self.pick.randrange(2)))


KINDS = ("add_", "remove_", "change_", "rename", "move", "reorder")
EDITS: Mapping[str, Callable[[Editor], None]] = {
    name: value for name, value in vars(Editor).items() if callable(value) and name.startswith(KINDS)
}


def parses(text: str) -> bool:
    """Whether a module compiles."""
    try:
        compile(text, "module", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def stamp_of(text: str) -> list[str]:
    """The lines that hfcodemod reads, which nobody edits."""
    return [line for line in text.split("\n") if "hfcodemod:" in line]


def edited(
    text: str, pick: random.Random, count: int, *, renaming: bool = True, retired: set[str] | None = None
) -> Editor:
    """The text after so many edits of random kinds; those after which it would not compile are undone.

    ``retired`` are names that may not come back.
    """
    editor = Editor(text, pick, retired=set(retired or ()))
    kinds = [name for name in EDITS if renaming or name != "rename"]
    for _ in range(count):
        before = editor.text, dict(editor.renames), set(editor.retired)
        try:
            EDITS[pick.choice(kinds)](editor)
        except IndexError:
            continue
        if not parses(editor.text) or stamp_of(editor.text) != stamp_of(before[0]):
            editor.text, editor.renames, editor.retired = before
    return editor
