"""What a formatter does is no edit, and what it does not do is one."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from golden import GOLDEN
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from hfcodemod.layout import relaid, same_layout_apart

MODULES = sorted(GOLDEN.glob("test_hf_*.py"))
FORMATTERS = {
    "ruff-79": "ruff format --isolated --line-length 79",
    "ruff-88": "ruff format --isolated --line-length 88",
    "ruff-120": "ruff format --isolated --line-length 120",
    "black": "black -q",
}
LAYOUT = {
    "nothing": ("", ""),
    "blank lines": ("x = 1\ny = 2\n", "\n\nx = 1\n\n\ny = 2\n\n"),
    "no final newline": ("x = 1\n", "x = 1"),
    "lines of a call": ("f(a, b)\n", "f(\n    a,\n    b,\n)\n"),
    "redundant parentheses": ("if (a):\n    return_ = (not b)\n", "if a:\n    return_ = not b\n"),
    "a class without bases": ("class A():\n    x = 1\n", "class A:\n    x = 1\n"),
    "a line continued": ("x = a + \\\n    b\n", "x = (\n    a\n    + b\n)\n"),
    "statements on one line": ("a = 1; b = 2;  # c\n", "a = 1\nb = 2  # c\n"),
    "a body on one line": ("if a: b  # c\nelse: c\n", "if a:\n    b  # c\nelse:\n    c\n"),
    "indentation": ("def f():\n  if x:\n    # c\n    y\n", "def f():\n\tif x:\n\t\t# c\n\t\ty\n"),
    "quotes": ("x = 'a'\n", 'x = "a"\n'),
    "quotes with escapes": ("x = 'a\"b\\'c'\n", 'x = "a\\"b\'c"\n'),
    "large prefixes": ("x = U'a', B'b', R'c', RB'd', bR'e'\n", 'x = "a", b"b", r"c", br"d", rb"e"\n'),
    "large digits": ("x = 0XabcL if 0 else 1E+5, 1J\n".replace("L", ""), "x = 0xABC if 0 else 1e5, 1j\n"),
    "a bare point": ("x = 1., .5, 1.e5\n", "x = 1.0, 0.5, 1.0e5\n"),
    "escapes": ("x = '\\xAB\\uABCD\\U0001F600\\N{em dash}'\n", 'x = "\\xab\\uabcd\\U0001f600\\N{EM DASH}"\n'),
    "strings joined": ("x = ('a'\n     'b')  # c\n", 'x = "ab"  # c\n'),
    "f-strings joined": ("x = f'{a}' 'b{' f'{ c }' f'd'\n", 'x = f"{a}b{{{c}d"\n'),
    "an f-string after a string": ("x = 'a' f'{b}'  # c\n", 'x = f"a{b}"  # c\n'),
    "a docstring indented": (
        'def f():\n  """A.\n\n    B\n      C   \n  """\n',
        'def f():\n    """A.\n\n      B\n        C\n    """\n',
    ),
    "a docstring's ends": ("'''  A \"b\"'''\n", '"""A "b"\n"""\n'),
    "a docstring with tabs": ('def f():\n\t"""A.\n\n\tB\n\t"""\n', 'def f():\n    """A.\n\n    B\n    """\n'),
    "a docstring behind letters": ('x\ndef é(): """  A """\n', 'x\ndef é():\n    """A"""\n'),
    "a docstring of spaces and tabs": (
        'def f():\n\t"""A.\n\n\tB\n        C\n\t"""\n\tx\n',
        'def f():\n    """A.\n\n    B\n    C\n    """\n    x\n',
    ),
    "a docstring's blank line": ('"""A.\n\n    B  \n  \n    C"""\nx\n', '"""A.\n\n  B\n\n  C"""\nx\n'),
    "a first string in any block": ('if x:\n  """A\n  b"""\n', 'if x:\n    """A\n    b"""\n'),
    "context managers in parentheses": (
        "with open(a) as b, c:\n    d\n",
        "with (\n    open(a) as b,\n    c,\n):\n    d\n",
    ),
    "space in a comment": ("x = 1 #noqa  \n", "x = 1  # noqa\n"),
    "a comment as deep as it was": ("if x:\n  y\n  # c\nz\n", "if x:\n    y\n    # c\n\nz\n"),
    "a comment of other spaces": ("if x:\n\ty\n        # c\nz\n", "if x:\n    y\n    # c\nz\n"),
    "a comment that stands too far out": (
        "if x:\n    if y:\n        z\n# c\n    a\n",
        "if x:\n    if y:\n        z\n    # c\n    a\n",
    ),
    "a comment below one that is further out": (
        "if x:\n    y\n# c\n    # d\nz\n",
        "if x:\n    y\n# c\n# d\nz\n",
    ),
    "a comment between depths": ("if x:\n    y\n  # c\nz\n", "if x:\n    y\n# c\nz\n"),
    "comments in brackets": ("f(a, # b\n  # c\n  d)  # e\n", "f(\n    a,  # b\n    # c\n    d,\n)  # e\n"),
    "a comment behind a bracket that closes": ("x = [a, b]  # c\n", "x = [\n    a,\n    b,\n]  # c\n"),
}
EDITS = {
    "a name": ("x = 1\n", "y = 1\n"),
    "a value": ("x = 1\n", "x = 2\n"),
    "a type of a value": ("x = 1\n", "x = 1.0\n"),
    "a truth": ("x = 1\n", "x = True\n"),
    "another notation of a number": ("x = 16\n", "x = 0x10\n"),
    "an underscore in a number": ("x = 1_000\n", "x = 1000\n"),
    "an underscore before a point": ("x = 1_0.0\n", "x = 10.0\n"),
    "a sign of an exponent": ("x = 1e-5\n", "x = 1e5\n"),
    "a space in a string": ("x = 'a b'\n", "x = 'ab'\n"),
    "a line end in a string": ("x = '''a\nb'''\n", "x = '''a b'''\n"),
    "a line end that is written out": ("x = '''a\nb'''\n", "x = 'a\\nb'\n"),
    "a string that is no docstring indented": ("x = '''a\n b'''\n", "x = '''a\n  b'''\n"),
    "a string after the docstring indented": ("'''a'''\n'''b\n c'''\n", "'''a'''\n'''b\n  c'''\n"),
    "a character that is written out": ("x = 'é'\n", "x = '\\xe9'\n"),
    "a raw string": ("x = r'\\d'\n", "x = '\\\\d'\n"),
    "a raw string without need": ("x = r'a'\n", "x = 'a'\n"),
    "bytes": ("x = b'a'\n", "x = 'a'\n"),
    "a case in a string": ("x = 'A'\n", "x = 'a'\n"),
    "a string split in two values": ("x = ['ab']\n", "x = ['a', 'b']\n"),
    "strings joined to another": ("x = ['a' 'b', 'c']\n", "x = ['a', 'b' 'c']\n"),
    "an f-string's text": ("x = f'{a} b'\n", "x = f'{a} c'\n"),
    "an f-string's space": ("x = f'{a} b'\n", "x = f'{a}b'\n"),
    "an f-string's name": ("x = f'{a}'\n", "x = f'{b}'\n"),
    "an f-string's format": ("x = f'{a!r}'\n", "x = f'{a}'\n"),
    "an f-string without a value": ("x = f'a'\n", "x = 'a'\n"),
    "braces": ("x = '{{a}}'\n", "x = '{a}'\n"),
    "a docstring's words": ('"""A b."""\n', '"""A c."""\n'),
    "a docstring's word joined": ('"""A b."""\n', '"""Ab."""\n'),
    "a docstring's relative indentation": ('"""A.\n\nB\nC\n"""\n', '"""A.\n\nB\n  C\n"""\n'),
    "a docstring's line": ('"""A.\n\nB\nC\n"""\n', '"""A.\n\nB C\n"""\n'),
    "a docstring's first line": ('"""\nA."""\n', '"""A."""\n'),
    "a docstring's blank line": ('"""A.\n\nB"""\n', '"""A.\nB"""\n'),
    "a docstring's notation": ('"""\\xe9"""\n', '"""é"""\n'),
    "a docstring removed": ('"""A."""\nx = 1\n', "x = 1\n"),
    "parentheses that mean something": ("x = a - (b - c)\n", "x = a - b - c\n"),
    "a tuple": ("x = (a,)\n", "x = (a)\n"),
    "one argument of two": ("f((a, b))\n", "f(a, b)\n"),
    "a list for a tuple": ("x = [a, b]\n", "x = (a, b)\n"),
    "a managed tuple": ("with (a, b) as c:\n    d\n", "with a, b as c:\n    d\n"),
    "a block's end": ("if x:\n    y\n    z\n", "if x:\n    y\nz\n"),
    "elif": ("if a:\n    b\nelif c:\n    d\n", "if a:\n    b\nelse:\n    if c:\n        d\n"),
    "not in": ("x = a not in b\n", "x = not a in b\n"),
    "letters that are the same to Python": ("ﬁ = 1\n", "fi = 1\n"),
    "operands changed": ("x = a + b\n", "x = b + a\n"),
    "statements changed": ("a()\nb()\n", "b()\na()\n"),
    "a statement repeated": ("a\n", "a\na\n"),
    "a decorator called": ("@a\ndef f(): b\n", "@a()\ndef f(): b\n"),
    "an annotated name in parentheses": ("x: int = 1\n", "(x): int = 1\n"),
    "an import renamed to itself": ("import a\n", "import a as a\n"),
    "a comment added": ("x = 1\n", "x = 1  # noqa\n"),
    "a comment's words": ("x = 1  # a b\n", "x = 1  # a c\n"),
    "a comment's space": ("x = 1  # a b\n", "x = 1  # ab\n"),
    "a comment's case": ("x = 1  # a\n", "x = 1  # A\n"),
    "a comment that became a string": ("x = 1  # a\n", "x = 1\n'# a'\n"),
    "a comment at the next statement": ("x = 1  # c\ny = 2\n", "x = 1\ny = 2  # c\n"),
    "a comment above the next statement": ("# c\nx = 1\ny = 2\n", "x = 1\n# c\ny = 2\n"),
    "a comment that went above": ("x = 1  # c\n", "# c\nx = 1\n"),
    "a comment that went below": ("x = 1  # c\ny = 2\n", "x = 1\n# c\ny = 2\n"),
    "a comment at the next argument": ("f(\n    a,  # c\n    b,\n)\n", "f(\n    a,\n    b,  # c\n)\n"),
    "a comment at the next string": ("x = (\n    'a'  # c\n    'b'\n)\n", "x = (\n    'a'\n    'b'  # c\n)\n"),
    "a comment above an argument": ("f(\n    a,  # c\n    b,\n)\n", "f(\n    a,\n    # c\n    b,\n)\n"),
    "a comment that left its block": ("if x:\n    y\n    # c\nz\n", "if x:\n    y\n# c\nz\n"),
    "a comment that left its block for the next": (
        "if x:\n    if y:\n        z\n        # c\na\n",
        "if x:\n    if y:\n        z\n    # c\na\n",
    ),
    "a comment that left two blocks": (
        "if x:\n    if y:\n        z\n    # c\na\n",
        "if x:\n    if y:\n        z\n# c\na\n",
    ),
    "a comment that left its block behind brackets": (
        "f([{}])\nif x:\n    y\n    # c\nz\n",
        "f([{}])\nif x:\n    y\n# c\nz\n",
    ),
    "a comment that left its class": ("class A:\n    def f(): x\n    # c\n", "class A:\n    def f(): x\n# c\n"),
    "a comment at else": ("if x:\n    y  # c\nelse:\n    z\n", "if x:\n    y\nelse:  # c\n    z\n"),
    "a comment at the decorator": ("@a  # c\ndef f():\n    b\n", "@a\ndef f():  # c\n    b\n"),
    "comments changed": ("# a\n# b\n", "# b\n# a\n"),
    "what does not parse": ("x = (\n", "x = ( \n"),
    "a null byte": ("x = '\0'\n", 'x = "\0"\n'),
}


@pytest.mark.parametrize(("one", "other"), LAYOUT.values(), ids=LAYOUT)
def test_layout(one: str, other: str) -> None:
    ast.parse(one), ast.parse(other)
    assert same_layout_apart(one, other)
    assert same_layout_apart(other, one)
    assert (relaid(one, other, ""), relaid(other, one, "")) == (one, other)


@pytest.mark.parametrize(("one", "other"), EDITS.values(), ids=EDITS)
def test_edit(one: str, other: str) -> None:
    assert same_layout_apart(one, one)
    assert not same_layout_apart(one, other)
    assert not same_layout_apart(other, one)


def test_a_deep_expression_is_compared_or_counts_as_edited() -> None:
    assert same_layout_apart("x = " + "-" * 50 + "a\n", "x = (" + "-" * 50 + "a)\n")
    assert not same_layout_apart("x = " + "-" * 100_000 + "a\n", "x = (" + "-" * 100_000 + "a)\n")


def formatter(command: str) -> list[str]:
    name, *words = command.split()
    return [str(Path(sys.executable).with_name(name)), *words]


def formatted(command: str, source: str) -> str:
    return subprocess.run([*formatter(command), "-"], input=source, capture_output=True, text=True, check=True).stdout


def replaced(source: str, old: str, new: str) -> str:
    assert old in source
    return source.replace(old, new)


HAND_EDITS: dict[str, Callable[[str], str]] = {
    "a value": lambda source: replaced(source, "torch.manual_seed(0)\n", "torch.manual_seed(7)\n"),
    "a comment": lambda source: replaced(source, "import pytest\n", "import pytest  # why\n"),
    "an import": lambda source: replaced(source, "import torch\n", "import torch\nimport  mine\n"),
    "a test": lambda source: f"{source}\n\ndef test_mine( ):\n    assert [ 1, ]\n",
}


@pytest.mark.parametrize("name", FORMATTERS)
def test_a_formatted_module_is_unedited_and_an_edited_one_keeps_just_the_edit(name: str, tmp_path: Path) -> None:
    shutil.copytree(GOLDEN, tmp_path / "formatted", ignore=lambda *_: {"__pycache__"})
    subprocess.run([*formatter(FORMATTERS[name]), str(tmp_path / "formatted")], capture_output=True, check=True)
    for path in MODULES:
        source = path.read_text(encoding="utf-8")
        other = (tmp_path / "formatted" / path.name).read_text(encoding="utf-8")
        assert (other == source) == (name == "ruff-120"), path.name
        assert same_layout_apart(source, other), path.name
        assert same_layout_apart(other, source), path.name
        assert (relaid(source, other, ""), relaid(other, source, "")) == (source, other), path.name
        edited, expected = other, source
        for edit in HAND_EDITS.values():
            edited, expected = edit(edited), edit(expected)
        assert not same_layout_apart(source, edited), path.name
        assert relaid(source, edited, "") == expected, path.name


@pytest.mark.parametrize("edit", HAND_EDITS.values(), ids=HAND_EDITS)
def test_an_edit_of_a_formatted_module_is_kept(edit: Callable[[str], str]) -> None:
    source = (GOLDEN / "test_hf_gemma3.py").read_text(encoding="utf-8")
    other = formatted(FORMATTERS["ruff-79"], source)
    assert relaid(source, edit(other), "") == edit(source)
    assert relaid(other, edit(source), "") == edit(other)


BASE = '''"""A.

  More.
"""

import os, sys


# Above.
@once
class A(B):
    """Doc."""

    x = {"a": 1, "b": 2}  # two

    @slow
    def f(self, a, b=None):
        """Deep.

        More.
        """
        if a:
            # Why.
            return g(a, "x" "y")
        with c as d:
            del d

    def g(self): return 1

    """Not deep.

    More."""


def f(a, *b):
    for c in b: print(c)


LAST = [1, 2]

# The end.
'''


RELAID = {
    "a statement of a method": (
        BASE.replace("g(a, ", "g(\n                a, ")
        .replace("del d", "del  d, a")
        .replace("import os,", "import os ,"),
        BASE.replace("del d", "del  d, a"),
    ),
    "a header": (
        BASE.replace("class A(B)", "class A( B, C )").replace('{"a": 1', "{'a' : 1"),
        BASE.replace("class A(B)", "class A( B, C )"),
    ),
    "a header in other layout": (
        BASE.replace("(self, a, b=None)", "(\n        self, a, b = None\n    )").replace("del d", "del e"),
        BASE.replace("del d", "del e"),
    ),
    "a docstring that is indented": (
        BASE.replace("\n        More.\n        ", "\n  More.\n").replace("del d", "del e"),
        BASE.replace("del d", "del e"),
    ),
    "a string that is no docstring": (
        BASE.replace('\n    More."', '\n  More."').replace("(self): return", "( self ): return"),
        BASE.replace('\n    More."', '\n  More."'),
    ),
    "a docstring that is none any more": (
        BASE.replace('        """Deep.\n\n        More', '        a  = b\n        """Deep.\n\n      More'),
        BASE.replace('        """Deep.\n\n        More', '        a  = b\n        """Deep.\n\n      More'),
    ),
    "a body that left its line": (
        BASE.replace("def g(self): return 1", "def g(self) :\n        return 2"),
        BASE.replace("def g(self): return 1", "def g(self) :\n        return 2"),
    ),
    "a comment at the end": (
        BASE.replace("\n# The end.", "\n\n#The end.\n").replace("del d", "del e"),
        BASE.replace("del d", "del e"),
    ),
    "a comment at the end that says more": (
        BASE.replace("\n# The end.", "\n\n# The very end.\n").replace("del d", "del  d"),
        BASE.replace("\n# The end.", "\n\n# The very end.\n"),
    ),
    "a comment above": (
        BASE.replace("# Above.", "# Below.").replace("class A(B):", "class A( B ):"),
        BASE.replace("# Above.", "# Below."),
    ),
    "blank lines beside a new neighbour": (
        BASE.replace("\n\ndef f(a, *b):", "\nNEW = 1\n\n\n\ndef f(a,*b):"),
        BASE.replace("\n\ndef f(a, *b):", "\nNEW = 1\n\n\n\ndef f(a, *b):"),
    ),
    "an item that moved to the end of the file": (
        BASE.replace("LAST = [1, 2]\n\n", "") + "LAST = [1,2]\n\ndef g(): pass",
        BASE.replace("LAST = [1, 2]\n\n", "") + "LAST = [1, 2]\n\ndef g(): pass",
    ),
    "the last line without its end": (
        BASE.replace("import os, sys", "import  os, re").replace("LAST = [1, 2]\n\n# The end.\n", "LAST = [1,2]"),
        BASE.replace("import os, sys", "import  os, re").replace("LAST = [1, 2]\n\n# The end.\n", "LAST = [1, 2]"),
    ),
}


@pytest.mark.parametrize(("ours", "expected"), RELAID.values(), ids=RELAID)
def test_relaid(ours: str, expected: str) -> None:
    assert relaid(BASE, ours, "") == expected


def test_an_edited_block_keeps_an_indentation_of_its_own() -> None:
    ours = "class A:\n  x = [1,2]\n  y = 4\n\n\nz  = 0\n"
    expected = ours.replace("z  = 0", "z = 0")
    assert relaid("class A:\n    x = [1, 2]\n    y = 3\n\n\nz = 0\n", ours, "") == expected


def test_relaid_takes_what_parses() -> None:
    for sides in ((BASE, "x = (\n"), ("x = (\n", BASE)):
        with pytest.raises(SyntaxError):
            relaid(*sides, "")


LINES = st.lists(st.integers(0, BASE.count("\n") - 1), max_size=3)
STYLES = st.fixed_dictionaries(
    {
        "line-length": st.sampled_from([20, 40, 79, 200]),
        "indent-width": st.sampled_from([2, 4, 8]),
        "format.indent-style": st.sampled_from(["'space'", "'tab'"]),
        "format.quote-style": st.sampled_from(["'single'", "'double'", "'preserve'"]),
        "format.skip-magic-trailing-comma": st.sampled_from(["true", "false"]),
        "preview": st.sampled_from(["true", "false"]),
    }
)


@given(style=STYLES, dropped=LINES, doubled=LINES, module=st.sampled_from([BASE, MODULES[0].read_text()]))
@settings(max_examples=40)
def test_any_style_is_layout_and_any_edit_is_kept(
    style: dict[str, str], dropped: list[int], doubled: list[int], module: str
) -> None:
    options = " ".join(f"--config {key}={value}" for key, value in style.items())
    other = formatted(f"ruff format --isolated {options}", module)
    assert same_layout_apart(module, other)
    lines = other.splitlines(keepends=True)
    edited = "".join(line * (1 + (i in doubled)) for i, line in enumerate(lines) if i not in dropped)
    try:
        tree = ast.parse(edited)
    except SyntaxError:
        reject()
    mixed = relaid(module, edited, "")
    assert same_layout_apart(mixed, edited)
    assert relaid(module, mixed, "") == mixed
    assert relaid(edited, mixed, "") == edited
    if ast.dump(tree) != ast.dump(ast.parse(other)):
        assert not same_layout_apart(module, edited)


def test_relaid_leaves_alone_what_theirs_left_alone() -> None:
    base = "def one():\n    return 'a'\n\n\ndef two():\n    return 'b'\n"
    ours = base.replace("'", '"')
    theirs = base.replace("'b'", "'c'")
    assert relaid(base, ours, theirs) == "def one():\n    return \"a\"\n\n\ndef two():\n    return 'b'\n"
