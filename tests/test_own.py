"""Own values: what new modules start with, what is unfilled, and that no change of a skeleton reaches them."""

from __future__ import annotations

import re
from textwrap import dedent

import pytest

from hfcodemod.merge import merge
from hfcodemod.own import is_released, settled, started, unfilled
from hfcodemod.stamp import Stamp, stamped

MARK = "# hfcodemod: own"


def text(source: str) -> str:
    """A source written inside a test, with `OWN` for the mark."""
    return dedent(source).lstrip("\n").replace("OWN", MARK)


def migrated(base: str, ours: str, theirs: str) -> str:
    """Ours as a migration leaves it; there is no conflict."""
    old, new = settled(base, ours, theirs)
    merged = merge(old, ours, new, by_name=True)
    assert merged.conflicts == ()
    return merged.source


STARTS = [
    pytest.param("X = 0.5  # OWN\n", "X = ...  # OWN\n", id="constant"),
    pytest.param("X = 0.5  # OWN = None\n", "X = None  # OWN = None\n", id="start"),
    pytest.param("X = 5  # OWN = '#'  # on a T4\n", "X = '#'  # OWN = '#'  # on a T4\n", id="start-and-remark"),
    pytest.param("X = 5  # noqa  # OWN\n", "X = ...  # noqa  # OWN\n", id="behind-another-comment"),
    pytest.param("# OWN\nX = 5\n", "# OWN\nX = ...\n", id="above"),
    pytest.param("# OWN\n# On a T4.\nX = 5\n", "# OWN\n# On a T4.\nX = ...\n", id="above-a-comment"),
    pytest.param("x: float = 0.5  # OWN\n", "x: float = ...  # OWN\n", id="annotated"),
    pytest.param("x: float  # OWN\n", "x: float  # OWN\n", id="annotated-only"),
    pytest.param("a, (b, *c) = 1, (2, 3)  # OWN\n", "a, (b, *c) = ..., (..., ...)  # OWN\n", id="tuple"),
    pytest.param("(a,) = f()  # OWN\n", "(a,) = ...,  # OWN\n", id="tuple-of-one"),
    pytest.param("a = b, c = 1, 2  # OWN\n", "a = b, c = ..., ...  # OWN\n", id="chained"),
    pytest.param("x = 1; y = 2  # OWN\n", "x = 1; y = ...  # OWN\n", id="two-on-a-line"),
    pytest.param("x = 1; y = 2;  # OWN\n", "x = 1; y = ...;  # OWN\n", id="semicolon"),
    pytest.param("X = {  # OWN\n    'a': 1,\n}\n", "X = ...  # OWN\n", id="first-line"),
    pytest.param("X = {\n    'a': 1,\n}  # OWN\n", "X = ...  # OWN\n", id="last-line"),
    pytest.param("X = [  # OWN\n    1]; y = 2\n", "X = ...  # OWN\ny = 2\n", id="first-line-then-another"),
    pytest.param("X = (\n    # OWN\n    1\n)\n", "X = ...  # OWN\n", id="in-parentheses"),
    pytest.param("X = (  # OWN (why)\n    (1)  # )\n)  # T4\n", "X = ...  # OWN (why)  # T4\n", id="parentheses"),
    pytest.param("X = \\\n    3  # OWN\n", "X = \\\n    ...  # OWN\n", id="backslash"),
    pytest.param("é = 'ü', f('ß')  # OWN\n", "é = ...  # OWN\n", id="not-ascii"),
    pytest.param("f(\n    a=1,  # OWN\n    b=2,\n)\n", "f(\n    a=...,  # OWN\n    b=2,\n)\n", id="keyword"),
    pytest.param("f(a=1,  # OWN\n  b=2)\n", "f(a=...,  # OWN\n  b=2)\n", id="keyword-on-the-first-line"),
    pytest.param("f(\n    # OWN\n    a=1, b=2)\n", "f(\n    # OWN\n    a=..., b=2)\n", id="keyword-below"),
    pytest.param(
        "f(\n    a={  # OWN\n        'x': 1})\n", "f(\n    a=...  # OWN\n    )\n", id="keyword-closed-at-once"
    ),
    pytest.param("f(\n    a={  # OWN\n    },  # T4\n)\n", "f(\n    a=...,  # OWN  # T4\n)\n", id="keyword-and-comment"),
    pytest.param("X = f(\n    a=(1),  # OWN\n)\n", "X = f(\n    a=...,  # OWN\n)\n", id="keyword-in-parentheses"),
    pytest.param("{\n    'a': 1,  # OWN\n    'b': 2,\n}\n", "{\n    'a': ...,  # OWN\n    'b': 2,\n}\n", id="entry"),
    pytest.param(
        "X = {'a': {  # OWN\n    'b': 1,\n}, **y}\n", "X = ...  # OWN\n", id="the-outermost-that-begins-on-the-line"
    ),
    pytest.param(
        "X = {\n    (1): {  # OWN = {}\n        'b': 1,\n    },\n}\n",
        "X = {\n    (1): {},  # OWN = {}\n}\n",
        id="nested",
    ),
    pytest.param("X = [\n    'a',  # OWN\n    'b',\n]\n", "X = ...  # OWN\n", id="element-means-the-whole"),
    pytest.param("X = ['# OWN',\n    '''\n# OWN\n''']\n", "X = ['# OWN',\n    '''\n# OWN\n''']\n", id="in-strings"),
    pytest.param("X = (\n    'a'  # OWN\n    'b'\n)\n", "X = ...  # OWN\n", id="between-strings"),
    pytest.param("x += 1  # OWN\n", "x += 1  # OWN\n", id="no-value-to-leave-open"),
    pytest.param("X = 5  # OWNED\n", "X = 5  # OWNED\n", id="another-word"),
    pytest.param("# OWN base=0123abcd\nX = 5\n", "# OWN base=0123abcd\nX = 5\n", id="stamp-of-a-model-named-own"),
    pytest.param("# OWN\n\nX = 5\n", "# OWN\n\nX = 5\n", id="not-directly-above"),
    pytest.param("X = 5\n# OWN\n", "X = 5\n# OWN\n", id="below-everything"),
    pytest.param("X = 5\n# OWN", "X = 5\n# OWN", id="below-everything-without-line-end"),
    pytest.param(
        "if a:\n    x = 1\nelse:  # OWN\n    x = 2\n", "if a:\n    x = 1\nelse:  # OWN\n    x = 2\n", id="else"
    ),
    pytest.param(
        "@skip('x')  # OWN\ndef f():\n\treturn 1\n", "@skip('x')  # OWN\ndef f():\n\treturn 1\n", id="decorator"
    ),
    pytest.param("@a\n@skip('x')  # OWN = None\ndef f(): ...\n", "@a\ndef f(): ...\n", id="begins-without-a-decorator"),
    pytest.param("@(a)  # OWN = b.c\nclass X: ...\n", "@b.c  # OWN = b.c\nclass X: ...\n", id="start-of-a-decorator"),
    pytest.param(
        "@skip(\n    reason='x',  # OWN\n)\ndef f(): ...\n",
        "@skip(\n    reason=...,  # OWN\n)\ndef f(): ...\n",
        id="keyword-of-a-decorator",
    ),
    pytest.param(
        "@parametrize('x', [\n    param(1, id='a'),  # OWN\n])\ndef f(): ...\n",
        "@parametrize('x', [\n    param(1, id='a'),  # OWN\n])\ndef f(): ...\n",
        id="element-of-a-decorator",
    ),
    pytest.param(
        "class A:  # OWN\n    async def f(self):\n\t    X = 1  # OWN = 2\n",
        "class A:  # OWN\n    async def f(self):\n\t    X = 2  # OWN = 2\n",
        id="inside-an-own-class",
    ),
    pytest.param(
        "try:\n    pass\nexcept E:\n    x = 1  # OWN\nmatch x:\n    case 1:\n        y = 1  # OWN\n",
        "try:\n    pass\nexcept E:\n    x = ...  # OWN\nmatch x:\n    case 1:\n        y = ...  # OWN\n",
        id="in-handlers-and-cases",
    ),
]


@pytest.mark.parametrize(("source", "expected"), STARTS)
def test_what_a_new_module_starts_with(source: str, expected: str) -> None:
    source, expected = (side.replace("# OWN", MARK) for side in (source, expected))
    assert started(source) == expected
    assert started(expected) == expected


REFUSED = [
    pytest.param("x = 1\ny = 2  # OWN = 1 +\n", 2, "the start of an own value does not parse: '1 +'", id="no-value"),
    pytest.param("x = 1  # OWN =\n", 1, "the start of an own value does not parse: ''", id="empty"),
    pytest.param("def f():  # OWN = None\n    pass\n", 1, "a start is for a value", id="function"),
    pytest.param("assert x == 1  # OWN = None\n", 1, "a start is for a value", id="assert"),
]


@pytest.mark.parametrize(("source", "line", "said"), REFUSED)
def test_a_start_that_cannot_be(source: str, line: int, said: str) -> None:
    with pytest.raises(SyntaxError, match=re.escape(said)) as caught:
        started(source.replace("# OWN", MARK))
    assert caught.value.lineno == line


@pytest.mark.parametrize("source", [f"x = (  {MARK}\n", f"x = 1  {MARK}\0\n"], ids=["brackets", "null-byte"])
def test_a_source_that_does_not_parse(source: str) -> None:
    for call in (started, unfilled, lambda side: settled(side, "", ""), lambda side: settled("", side, "")):
        with pytest.raises(SyntaxError):
            call(source)


def test_unfilled() -> None:
    source = text("""
        class TestOlmo:
            SCORES = {
                "cuda": {
                    "f16": 0.5,
                    "f32": ...,
                },  # OWN
                "cpu": {
                    "f32": ...,  # OWN
                    "f16": 0.5,  # OWN
                },
            }
            PAIR, OTHER = ..., ...  # OWN
            FIRST = scores[..., 0]  # OWN

            @skip(
                reason=...,  # OWN
            )
            def test_it(self):
                assert_close(
                    x,
                    y,
                    atol=...,  # OWN
                    rtol=...,
                )

        OPEN = (...)  # OWN
        NOT_OURS = ...
    """)
    assert unfilled(source) == [
        (5, "TestOlmo.SCORES['cuda']"),
        (8, "TestOlmo.SCORES['cpu']['f32']"),
        (12, "TestOlmo.PAIR, OTHER"),
        (16, "TestOlmo.test_it.reason"),
        (22, "TestOlmo.test_it.atol"),
        (26, "OPEN"),
    ]
    assert unfilled("X = ...\n") == []


RELEASED = [
    pytest.param('"""Text."""\n\n# OWN\n\nimport os\n', True, id="below-the-docstring"),
    pytest.param('"""Text."""\n\n# OWN\nimport os\n', True, id="above-imports"),
    pytest.param('"""Text."""\n# A comment.\n\n# OWN\n\nX = 1\n', True, id="below-a-comment"),
    pytest.param("# OWN\n\nX = 1\n", True, id="on-top"),
    pytest.param("#!/usr/bin/env python\n# OWN\n\nX = 1\n", True, id="below-the-first-line"),
    pytest.param("# OWN", True, id="nothing-else"),
    pytest.param('"""Text."""\n\n# OWN\nX = 1\n', False, id="of-a-statement"),
    pytest.param("import os\n\n# OWN\n\nX = 1\n", False, id="too-low"),
    pytest.param("import os  # OWN\n", False, id="not-alone"),
    pytest.param('"""\n# OWN\n"""\n', False, id="in-a-string"),
    pytest.param('"""Text."""\n\n# OWN = None\n\nimport os\n', False, id="with-a-start"),
    pytest.param("import os\n", False, id="no-mark"),
]


@pytest.mark.parametrize(("source", "expected"), RELEASED)
def test_a_file_that_is_released(source: str, expected: bool) -> None:
    assert is_released(source.replace("# OWN", MARK)) is expected


def test_a_file_with_a_stamp_is_managed() -> None:
    source = f"{MARK}\n\nX = 1\n"
    assert is_released(source)
    assert not is_released(stamped(source, Stamp("olmo", base="0123abcd")))
