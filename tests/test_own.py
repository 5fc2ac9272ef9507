"""Own values: what new modules start with, what is unfilled, and that no change of a skeleton reaches them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from textwrap import dedent

import pytest
from conftest import Run

from hfcodemod.merge import merge
from hfcodemod.own import is_released, settled, started, unfilled
from hfcodemod.stamp import Stamp, stamped

MARK = "# hfcodemod: own"
ROOT = Path(__file__).parents[1]


def text(source: str) -> str:
    """A source written inside a test, with `# OWN` for the mark."""
    return dedent(source).lstrip("\n").replace("# OWN", MARK)


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
    pytest.param("a, = 1,  # OWN\n", "a, = ...,  # OWN\n", id="ends-with-a-comma"),
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


SKELETON = text('''
    """{title}: expected scores of the model."""

    import pytest
    import torch

    CHECKPOINT = "{checkpoint}"
    SCORE = 0.5  # OWN
    SCORES = {  # OWN = {}
        "cuda": {"float16": 0.5, "float32": 0.75},
        "cpu": {"float32": 0.75},
    }
    # What the model is asked.
    PROMPTS = [
        "Hello",  # OWN
    ]


    class Test{prefix}:
        TOLERANCE: float = 1e-3  # OWN = 1e-4
        BATCH = 2

        @pytest.mark.slow
        def test_score(self, model, tokenizer):
            batch = tokenizer(PROMPTS, padding=True)
            score = evaluate(
                model,
                batch=batch,
                # The first that reproduces.
                seed=7,  # OWN = 0
                steps=10,
                limits={
                    "low": 0.1,
                    "high": 0.9,  # OWN
                },
            )
            assert score == pytest.approx(SCORE, abs=self.TOLERANCE)

        def test_logits(self, model):
            logits = model(torch.ones(1, 7)).logits
            torch.testing.assert_close(
                logits.mean(),
                torch.tensor(0.25),
                atol=1e-4,  # OWN
                rtol=1e-4,
            )
            torch.testing.assert_close(
                logits.std(),
                torch.tensor(0.25),
                atol=1e-3,  # OWN
                rtol=1e-4,
            )

        @pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")  # OWN
        @pytest.mark.parametrize("dtype", ["float16"])
        def test_scores(self, model, dtype):
            assert SCORES["cuda"][dtype] == model.score(dtype)
''')
RETUNED = {
    "SCORE = 0.5 ": "SCORE = 0.625 ",
    '{"float16": 0.5, "float32": 0.75}': '{"float16": 0.625, "bfloat16": 0.5}',
    "own = {}": "own = None",
    '"Hello",': '"Hello there",',
    "TOLERANCE: float = 1e-3": "TOLERANCE: float = 2e-3",
    "own = 1e-4": "own = 3e-4",
    "seed=7": "seed=8",
    "# The first that reproduces.": "# Any.",
    '"high": 0.9': '"high": 0.95',
    "atol=1e-4": "atol=5e-4",
    "atol=1e-3": "atol=5e-3",
    '"no GPU"': '"needs a GPU"',
}
BESIDE = {
    'CHECKPOINT = "{checkpoint}"': 'CHECKPOINT = "{checkpoint}"\nREVISION = "main"',
    "    BATCH = 2\n": "    BATCH = 4\n    WORKERS = 1\n",
    "            batch=batch,\n": "            batch=batch.to(model.device),\n",
    "            steps=10,\n            limits={\n": "            steps=20,\n            limits={\n",
    '"low": 0.1,': '"low": 0.2,\n                "middle": 0.5,',
    "assert score ==": "assert 0 < score\n        assert score ==",
    "rtol=1e-4,\n        )\n        torch": "rtol=2e-4,\n        )\n        torch",
    "torch.tensor(0.25),\n            atol=1e-3": "torch.tensor(0.5),\n            atol=1e-3",
    "logits = model(torch.ones(1, 7)).logits\n": (
        "logits = model(torch.ones(1, 7)).logits\n"
        "        torch.testing.assert_close(\n"
        "            logits.amax(),\n"
        "            torch.tensor(1.0),\n"
        "            rtol=1e-4,\n"
        "        )\n"
    ),
    '["float16"])\n    def test_scores(self, model, dtype)': (
        '["float16", "float32"])\n    def test_scores(self, dtype, model)'
    ),
}
NAMES = ["bert", "bloom", "falcon", "gemma", "gpt2", "llama", "mistral", "mixtral", "olmo", "opt", "phi", "qwen2"]


def replaced(source: str, *tables: dict[str, str]) -> str:
    """The source with each of the texts, which it holds, replaced by another."""
    for table in tables:
        for old, new in table.items():
            assert old in source, old
            source = source.replace(old, new, 1)
    return source


def rendered(skeleton: str, name: str) -> str:
    names = {"{title}": name.upper(), "{checkpoint}": f"org/{name}-7b", "{prefix}": name.capitalize()}
    for old, new in names.items():
        skeleton = skeleton.replace(old, new)
    return skeleton


def filled(module: str, n: int) -> str:
    """A module in which somebody has measured, and said what belongs to it."""
    own = {
        "SCORE = ...": f"SCORE = 0.{n}25",
        "SCORES = {}  #": f'SCORES = {{\n    "cuda": {{"float16": 0.{n}}},  # T4\n    "xpu": {{}},\n}}  #',
        "PROMPTS = ...": f'PROMPTS = [\n    # Of the paper.\n    "Question {n}:",\n    """Two\nlines.""",\n]',
        "TOLERANCE: float = 1e-4": f"TOLERANCE: float = {n}e-2",
        "            # The first that reproduces.\n            seed=0,": (
            f"            # {n} was tried on three machines.\n            seed={n},"
        ),
        '"high": ...,': f'"high": 0.{n}9,  # measured',
        "atol=...": f"atol={n}e-5",
        "            atol=...,": f"            atol=(\n                {n}e-6\n            ),",
        '"no GPU"': f'"GPU {n} only"',
        "    def test_logits": f'    @pytest.mark.skip(reason="issue {n}")  {MARK}\n    def test_logits',
    }
    return replaced(module, own)


@pytest.mark.parametrize("changes", [[RETUNED], [BESIDE], [BESIDE, RETUNED]], ids=["retuned", "beside", "both"])
@pytest.mark.parametrize("n", range(len(NAMES)), ids=NAMES)
def test_twelve_modules_keep_their_own_values(n: int, changes: list[dict[str, str]]) -> None:
    base = started(rendered(SKELETON, NAMES[n]))
    ours = filled(base, n)
    theirs = rendered(replaced(SKELETON, *changes), NAMES[n])
    beside = [BESIDE] if BESIDE in changes else []
    expected = filled(started(rendered(replaced(SKELETON, *beside), NAMES[n])), n)
    assert migrated(base, ours, theirs) == expected
    assert migrated(base, ours, started(theirs)) == expected
    assert unfilled(expected) == []


def test_a_retuned_skeleton_renders_alike() -> None:
    values = {old: new for old, new in RETUNED.items() if "own" not in old and "GPU" not in old and "#" not in old}
    base = rendered(SKELETON, "olmo")
    assert started(replaced(base, values)) == started(base) != base


MERGED = [
    pytest.param(
        ["X = 1  # OWN\n", "X = 1\n", "Y = 0\nX = 2  # OWN\n"], "Y = 0\nX = 1\n", id="mark-that-ours-took-away"
    ),
    pytest.param(["X = 1\n", "X = 3  # T4\n", "X = ...  # OWN\n"], "X = 3  # T4  # OWN\n", id="mark-comes-later"),
    pytest.param(
        ["X = 1\n", "# T4\nX = 3\n", "# OWN = None\nX = 2\n"], "# OWN = None\n# T4\nX = 3\n", id="mark-comes-above"
    ),
    pytest.param(
        ["def f():\n    return 1\n", "def f():\n    return 3\n", "def f():  # OWN\n    return 2\n"],
        "# OWN\ndef f():\n    return 3\n",
        id="mark-comes-to-a-function",
    ),
    pytest.param(["X = 1\n", "X = 3  # OWN\n", "X = 2\n"], "X = 3  # OWN\n", id="marked-by-hand"),
    pytest.param(
        ["A = 1\n\nX = 1  # OWN\n\n\nB = 1\n", "A = 1\n\n\nB = 1\n", "A = 2\n\nX = 2  # OWN\n\n\nB = 2\n"],
        "A = 2\n\n\nB = 2\n",
        id="deleted-statement",
    ),
    pytest.param(
        ["A = 1\n\nX = 1  # OWN\n\nB = 1\n", "A = 1\n\n\nB = 1\n", "A = 2\n\nX = 2  # OWN\n\n# Why.\nB = 2\n"],
        "A = 2\n\n\n# Why.\nB = 2\n",
        id="deleted-between-blank-lines",
    ),
    pytest.param(
        [
            "f(\n    a=1,\n    # T4\n    x=1,  # OWN\n    b=1,\n)\n",
            "f(\n    a=1,\n    b=1,\n)\n",
            "f(\n    a=2,\n    # L4\n    x=2,  # OWN\n    b=2,\n)\n",
        ],
        "f(\n    a=2,\n    b=2,\n)\n",
        id="deleted-keyword",
    ),
    pytest.param(
        ["def f():\n    X = 1  # OWN\n", "def f():\n    pass\n", "def f():\n    X = 1  # OWN\n"],
        "def f():\n    pass\n",
        id="deleted-only-statement",
    ),
    pytest.param(
        [
            "@a\n@skip('x')  # OWN\ndef f(): ...\n",
            "@a\ndef f(): ...\n",
            "@b\n@skip('y')  # OWN\nasync def f(): ...\n",
        ],
        "@b\nasync def f(): ...\n",
        id="deleted-decorator",
    ),
    pytest.param(
        ["def f(): ...\n", "@skip('x')  # OWN\ndef f(): ...\n", "def f(a): ...\n"],
        "@skip('x')  # OWN\ndef f(a): ...\n",
        id="added-decorator",
    ),
    pytest.param(
        ["@a\n@b\ndef f(): ...\n", "@skip('x')  # OWN\n@a\n@b\ndef f(): ...\n", "@c\n@a\ndef f(a): ...\n"],
        "@c\n@skip('x')  # OWN\n@a\ndef f(a): ...\n",
        id="added-outer-decorator",
    ),
    pytest.param(
        ["X = 1\n\nY = 1\n", "X = 1\n\n# T4\nA = 3  # OWN\nB = 3  # OWN\n\nY = 1\n", "X = 2\n\nY = 2\n"],
        "X = 2\n\n# T4\nA = 3  # OWN\nB = 3  # OWN\n\nY = 2\n",
        id="added-statements",
    ),
    pytest.param(
        ["X = 1\n\nY = 1\n", "X = 1\n\nA = 3  # OWN\nY = 1\n", "X = 1\n\n# Why.\nY = 1\n"],
        "X = 1\n\nA = 3  # OWN\n# Why.\nY = 1\n",
        id="added-below-a-blank-line",
    ),
    pytest.param(
        ["Y = 1\n", "A = 3  # OWN\nB = 3  # OWN\nY = 1\n", "Y = 2\n"],
        "A = 3  # OWN\nB = 3  # OWN\nY = 2\n",
        id="added-on-top",
    ),
    pytest.param(
        ["f(\n    y,\n    b=1,\n)\n", "f(\n    y,\n    x=3,  # OWN\n    b=1,\n)\n", "f(\n    y2,\n    b=2,\n)\n"],
        "f(\n    y2,\n    x=3,  # OWN\n    b=2,\n)\n",
        id="added-keyword",
    ),
    pytest.param(
        ["X = {\n    'a': 1,\n}\n", "X = {\n    'x': {},  # OWN\n    'a': 1,\n}\n", "X = {\n    'a': 2,\n}\n"],
        "X = {\n    'x': {},  # OWN\n    'a': 2,\n}\n",
        id="added-entry",
    ),
    pytest.param(
        ["X = {\n    'a': 1,  # OWN\n}\n", "X = {\n    'b': 3,  # OWN\n}\n", "X = {\n    'a': 2,  # OWN\n}\nY = 2\n"],
        "X = {\n    'b': 3,  # OWN\n}\nY = 2\n",
        id="another-entry",
    ),
    pytest.param(
        [
            "f(\n)\ndef g(): ...\n",
            "f(\n    x=3,  # OWN\n)\nX = 3  # OWN\n@skip('x')  # OWN\ndef g(): ...\n",
            "f(\n)\ndef g(a): ...\n",
        ],
        "f(\n    x=3,  # OWN\n)\nX = 3  # OWN\n@skip('x')  # OWN\ndef g(a): ...\n",
        id="added-where-nothing-was",
    ),
    pytest.param(
        ["X = 1\nZ = 1\n", "X = 1\nA = 3  # OWN\nZ = 1\n", "X = 2\nA = 1  # OWN\nZ = 2\n"],
        "X = 2\nA = 3  # OWN\nZ = 2\n",
        id="both-added",
    ),
    pytest.param(
        ["X = 1\n", "Y = 1\nX = 1\n", "X = 1\nA = 1  # OWN\n"], "Y = 1\nX = 1\nA = ...  # OWN\n", id="new-in-theirs"
    ),
    pytest.param(
        [
            "def f():\n    x = 1  # OWN\n    g(x)\n",
            "def f():\n    x = [  # OWN\n        3,\n    ]\n    g(x)\n",
            "def f():\n    with a:\n        x = 2  # OWN\n        g(x, 2)\n",
        ],
        "def f():\n    with a:\n        x = [  # OWN\n            3,\n        ]\n        g(x, 2)\n",
        id="another-indentation",
    ),
    pytest.param(
        [
            "def f():\n    x = 1  # OWN\n    g(x)\n",
            'def f():\n    x = h(  # OWN\n        """\n    a""",\n\n    )\n    g(x)\n',
            "def f():\n    if a:\n        x = 2  # OWN\n        g(x)\n",
        ],
        'def f():\n    if a:\n        x = h(  # OWN\n            """\n    a""",\n\n        )\n        g(x)\n',
        id="another-indentation-and-a-string",
    ),
    pytest.param(
        [
            "with a:  # OWN\n    x = 1  # OWN\ny = 1\n",
            "with b:  # OWN\n    x = 3\n    z = 3\ny = 1\n",
            "with c:  # OWN\n    x = 2  # OWN\ny = 2\n",
        ],
        "with b:  # OWN\n    x = 3\n    z = 3\ny = 2\n",
        id="with",
    ),
    pytest.param(
        ["x = 1\ny = 1\n", "with b:  # OWN\n    x = 1\ny = 1\n", "x = 1\ny = 2\n"],
        "with b:  # OWN\n    x = 1\ny = 2\n",
        id="added-with",
    ),
    pytest.param(
        ["def f():\n    x = 1  # OWN\nY = 1\n", "Y = 1\n", "def f():\n    x = ...  # OWN\nY = 2\n"],
        "Y = 2\n",
        id="function-that-ours-deleted",
    ),
    pytest.param(
        ["def f():  # OWN\n    return 1\n\n\nX = 1\n", "X = 1\n", "def f():  # OWN\n    return 2\n\n\nX = 2\n"],
        "X = 2\n",
        id="own-function-that-ours-deleted",
    ),
    pytest.param(
        ["X = 1  # OWN\nY = 1\nZ = 1\n", "X = 1  # OWN\nY = 3\nZ = 1\n", "Y = 1\nZ = 1\n"],
        "Y = 3\nZ = 1\n",
        id="theirs-deleted-what-ours-left",
    ),
    pytest.param(
        ["X = 1; Y = 1  # OWN\n", "X = 1; Y = 3  # OWN\n", "X = 2; Y = 2  # OWN\n"],
        "X = 2; Y = 3  # OWN\n",
        id="semicolon",
    ),
    pytest.param(
        ["f(\n    x=1  # OWN\n)\n", "f(\n    x=3  # OWN\n)\n", "f(\n    x=2,  # OWN\n    a=1,\n)\n"],
        "f(\n    x=3,  # OWN\n    a=1,\n)\n",
        id="comma",
    ),
    pytest.param(
        ["f(\n    x=1  # OWN\n    , a=1)\n", "f(\n    x=3  # OWN\n    , a=1)\n", "f(\n    x=2  # OWN\n    , a=2)\n"],
        "f(\n    x=3  # OWN\n    , a=2)\n",
        id="comma-on-the-next-line",
    ),
    pytest.param(
        [
            "def f():\n    assert a == 1  # OWN\n    assert b == 1  # OWN\n",
            "def f():\n    assert a == 3  # OWN\n    assert b == 4  # OWN\n",
            "def f():\n    assert c\n    assert a == 2  # OWN\n    assert d\n    assert b == 2  # OWN\n",
        ],
        "def f():\n    assert c\n    assert a == 3  # OWN\n    assert d\n    assert b == 4  # OWN\n",
        id="asserts",
    ),
    pytest.param(
        [
            "X = [\n    param(1, x=1),\n    param(\n        2,\n        x=1,  # OWN\n    ),\n]\n",
            "X = [\n    param(1, x=1),\n    param(\n        2,\n        x=3,  # OWN\n    ),\n]\n",
            "X = [\n    param(0, x=1),\n    param(1, x=1),\n    param(\n        2,\n        x=2,  # OWN\n    ),\n]\n",
        ],
        "X = [\n    param(0, x=1),\n    param(1, x=1),\n    param(\n        2,\n        x=3,  # OWN\n    ),\n]\n",
        id="keyword-in-a-list",
    ),
    pytest.param(
        [
            "X = [\n    ('a', dict(\n        x=1,  # OWN\n    )),\n    ('b', dict(\n        x=1,  # OWN\n    )),\n]\n",
            "X = [\n    ('a', dict(\n        x=3,  # OWN\n    )),\n    ('b', dict(\n        x=4,  # OWN\n    )),\n]\n",
            "X = [\n    ('b', dict(\n        x=2,  # OWN\n    )),\n    ('a', dict(\n        x=2,  # OWN\n    )),\n]\n",
        ],
        "X = [\n    ('b', dict(\n        x=4,  # OWN\n    )),\n    ('a', dict(\n        x=3,  # OWN\n    )),\n]\n",
        id="elements-in-another-order",
    ),
    pytest.param(
        [
            "def a():\n    x = 1  # OWN\n\n\ndef b():\n    x = 1  # OWN\n",
            "def b():\n    x = 4  # OWN\n\n\ndef a():\n    x = 3  # OWN\n",
            "def a():\n    x = 2  # OWN\n\n\ndef b(y):\n    x = 2  # OWN\n",
        ],
        "def b(y):\n    x = 4  # OWN\n\n\ndef a():\n    x = 3  # OWN\n",
        id="functions-in-another-order",
    ),
]


@pytest.mark.parametrize(("sides", "expected"), MERGED)
def test_a_merge_with_own_items(sides: list[str], expected: str) -> None:
    base, ours, theirs = (side.replace("# OWN", MARK) for side in sides)
    assert migrated(base, ours, theirs) == expected.replace("# OWN", MARK)


SETTLED = [
    pytest.param(
        ["f(a, x=1,  # OWN\n  b=1)\n", "f(a, b=1)\n", "f(a, x=2,  # OWN\n  b=2)\n"],
        ("f(a,\n  b=1)\n", "f(a,\n  b=2)\n"),
        id="keyword-on-a-shared-line",
    ),
    pytest.param(
        ["f(a, b=1,\n  # OWN\n  x=1)\n", "f(a, b=1)\n", "f(a, b=2,\n  # OWN\n  x=2)\n"],
        ("f(a, b=1,\n  )\n", "f(a, b=2,\n  )\n"),
        id="last-keyword",
    ),
    pytest.param(
        ["f(\n  # OWN\n  x=1)\n", "f()\n", "f(\n  # OWN\n  x=2)\n"], ("f(\n  )\n", "f(\n  )\n"), id="only-keyword"
    ),
    pytest.param(
        ["X = {\n  # OWN\n  'x': 1, 'y': 1}\n", "X = {'y': 1}\n", "X = {\n  # OWN\n  'x': 2, 'y': 2}\n"],
        ("X = {\n  'y': 1}\n", "X = {\n  'y': 2}\n"),
        id="entry-on-a-shared-line",
    ),
    pytest.param(
        ["f(x=1, a=1)\n", "f(\n    x=3,  # OWN\n    a=1,\n)\n", "f(x=2, a=2)\n"],
        ("f(x=3, a=1)\n", "f(x=3, a=2)\n"),
        id="another-layout",
    ),
    pytest.param(
        ["X = 1; Y = 1  # OWN\n", "X = 1\n", "X = 1; Y = 2  # OWN\n"],
        ("X = 1; Y = ...  # OWN\n", "X = 1; Y = ...  # OWN\n"),
        id="deleted-behind-a-semicolon",
    ),
    pytest.param(
        ["f(a)\n", "f(\n    a,\n    x=3,  # OWN\n)\n", "f(b)\n"], ("f(a)\n", "f(b)\n"), id="no-line-for-what-is-added"
    ),
    pytest.param(
        ["f(\n    a=1\n)\n", "f(\n    a=1,\n    x=3,  # OWN\n)\n", "f(\n    a=2\n)\n"],
        ("f(\n    a=1\n)\n", "f(\n    a=2\n)\n"),
        id="no-comma-before-what-is-added",
    ),
    pytest.param(
        ["f(\n    a=1,\n)\n", "f(\n    a=1,\n    x=3  # OWN\n)\n", "f(\n    a=2,\n)\n"],
        ("f(\n    a=1,\n)\n", "f(\n    a=2,\n)\n"),
        id="no-comma-behind-what-is-added",
    ),
    pytest.param(["f()\n", "f(\n    x=3,  # OWN\n)\n", "f()\n"], ("f()\n", "f()\n"), id="nothing-beside-what-is-added"),
    pytest.param(
        [
            "def f():\n    a = 1\n",
            "if b:\n    def f():\n        a = 1\n        x = 3  # OWN\n",
            "def f():\n    a = 2\n",
        ],
        ("def f():\n    a = 1\n", "def f():\n    a = 2\n"),
        id="added-at-another-indentation",
    ),
    pytest.param(
        ["a = 1", "a = 1\nx = 3  # OWN\n", "a = 2"], ("a = 1", "a = 2"), id="added-where-there-is-no-line-end"
    ),
    pytest.param(
        ["a = 1\nb = 1\n", "a = 1; c = 1\nx = 3  # OWN\ny = 3  # OWN\nb = 1; d = 1\n", "a = 2\nb = 1\n"],
        ("a = 1\nx = 3  # OWN\ny = 3  # OWN\nb = 1\n", "a = 2\nx = 3  # OWN\ny = 3  # OWN\nb = 1\n"),
        id="added-beside-a-shared-line",
    ),
    pytest.param(
        ["b = 1\n", "x = 3  # OWN\nb = 1; d = 1\n", "b = 2\n"],
        ("x = 3  # OWN\nb = 1\n", "x = 3  # OWN\nb = 2\n"),
        id="added-above-a-shared-line",
    ),
    pytest.param(
        ["a = 1\n", "def f():\n    x = 3  # OWN\n", "def f():\n    x = 2  # OWN\n"],
        ("a = 1\n", "def f():\n    x = 3  # OWN\n"),
        id="both-added-the-function",
    ),
    pytest.param(
        ["X = 1  # OWN\n", "X = 3  # OWN\n", ""], ("X = 1  # OWN\n", ""), id="theirs-deleted-what-ours-changed"
    ),
    pytest.param(
        [
            "def f():\n    assert a(1, 2) == 1  # OWN\n    assert b == 1  # OWN\n",
            "def f():\n    assert a(1, 2) == 3  # OWN\n    assert b == 4  # OWN\n",
            "def f():\n    assert b == 2  # OWN\n    assert [c for c in d if c.shape != (1, 2)], 'no'\n",
        ],
        (
            "def f():\n    assert a(1, 2) == 1  # OWN\n    assert b == 4  # OWN\n",
            "def f():\n    assert b == 4  # OWN\n    assert [c for c in d if c.shape != (1, 2)], 'no'\n",
        ),
        id="assert-that-theirs-replaced",
    ),
    pytest.param(["X = 1\n", "X = '# OWN'\n", "X = 2\n"], ("X = 1\n", "X = 2\n"), id="in-a-string"),
]


@pytest.mark.parametrize(("sides", "expected"), SETTLED)
def test_what_base_and_theirs_become(sides: list[str], expected: tuple[str, str]) -> None:
    base, ours, theirs = (side.replace("# OWN", MARK) for side in sides)
    assert settled(base, ours, theirs) == tuple(side.replace("# OWN", MARK) for side in expected)


def test_a_changed_value_that_the_skeleton_gave_up_is_a_conflict() -> None:
    base, ours, theirs = f"A = 1\nX = ...  {MARK}\n", f"A = 1\nX = 3  {MARK}\n", "A = 2\n"
    old, new = settled(base, ours, theirs)
    merged = merge(old, ours, new, by_name=True)
    assert len(merged.conflicts) == 1
    assert f"X = 3  {MARK}\n" in merged.source


def test_the_example_of_the_page() -> None:
    page = (ROOT / "docs" / "how-to" / "own-values.md").read_text(encoding="utf-8")
    example = page.split("```")[1].removeprefix("python\n")
    expected = text("""
        SCORE = None  # OWN = None
        SCORES = ...  # OWN


        class TestLlama:
            def test_score(self, model):
                torch.testing.assert_close(
                    model.score(),
                    SCORE,
                    # Measured on a T4.
                    atol=1e-4,  # OWN = 1e-4
                )
    """)
    assert started(example) == expected
    assert unfilled(expected) == [(2, "SCORES")]


def test_from_skeleton_to_migrated_module(hfcodemod: Run, tmp_path: Path) -> None:
    suite = Path(shutil.copytree(ROOT / "fixtures" / "foreign", tmp_path / "suite"))
    skeleton, module = suite / "scores" / "test_llama.py", suite / "scores" / "test_mistral.py"

    def edit(path: Path, *changes: tuple[str, str]) -> None:
        path.write_text(replaced(path.read_text(encoding="utf-8"), dict(changes)), encoding="utf-8")

    arguments = 'dict(at_least=0.0, at_most=1.0)),\n        ("hella'
    own = f'dict(\n            at_least=0.0,  {MARK} = 0.5\n            at_most=1.0,\n        )),\n        ("hella'
    edit(skeleton, ("_TOLERANCE = 0.05\n", f"_TOLERANCE = 0.05  {MARK}\n"), (arguments, own))
    assert hfcodemod("add", "mistral", "--skeleton", "scores", cwd=suite).returncode == 0
    assert f"\nMISTRAL_TOLERANCE = ...  {MARK}\n" in module.read_text(encoding="utf-8")
    edit(module, ("_TOLERANCE = ...", "_TOLERANCE = 0.25"), ("at_least=0.5, ", "at_least=0.125,"))
    before = module.read_text(encoding="utf-8")
    edit(skeleton, ("_TOLERANCE = 0.05", "_TOLERANCE = 0.1"), ("at_least=0.0,  ", "at_least=0.2,  "))
    assert hfcodemod("migrate-all", cwd=suite).returncode == 0
    assert module.read_text(encoding="utf-8") == before
    edit(skeleton, ("            at_most=1.0,\n", "            at_most=0.75,\n"))
    assert hfcodemod("migrate-all", cwd=suite).returncode == 0
    lines = [line for line in module.read_text(encoding="utf-8").splitlines() if " base=" not in line]
    expected = before.replace("            at_most=1.0,\n", "            at_most=0.75,\n")
    assert lines == [line for line in expected.splitlines() if " base=" not in line]
