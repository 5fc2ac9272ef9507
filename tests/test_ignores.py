"""Comments that ignore findings: their form, the lines that they speak of, and those without effect."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from hfcodemod.findings import Finding
from hfcodemod.ignores import Ignore, ignores_in, without_ignored

PATH = Path("test_x.py")
FORM = "write `# hfcodemod: ignore[HF101] reason`"
COMMENT = "# hfcodemod: ignore[HF101] why"

COVERED = [
    pytest.param(f"x = 1  {COMMENT}\ny = 2\n", [1], id="end-of-line"),
    pytest.param(f"x = 1  # noqa  {COMMENT}  # more\n", [1], id="between-other-comments"),
    pytest.param("x = 1  #hfcodemod:ignore[HF101] why\n", [1], id="without-spaces"),
    pytest.param(f"é = 'ß'  {COMMENT}\n", [1], id="not-ascii"),
    pytest.param(f"{COMMENT}\n# more\n\nx = 1\n", [1, 2, 3], id="blank-line-below"),
    pytest.param(f"{COMMENT}\nx = 1\ny = 2\n", [1, 2], id="line-above"),
    pytest.param(f"# more\n{COMMENT}\n# more\nx = 1\ny = 2\n", [2, 3, 4], id="among-comments"),
    pytest.param(f"class X:\n    {COMMENT}\n    def f(self):\n        pass\n", [2, 3], id="def"),
    pytest.param(f"{COMMENT}\nasync def f(): pass\n", [1, 2], id="def-on-one-line"),
    pytest.param(
        f"{COMMENT}\n@a\n@b(\n    1,\n)\nclass X(\n    Y,\n):\n    z = 1\n", [1, 2, 3, 4, 5, 6, 7, 8], id="decorators"
    ),
    pytest.param(f"@a\n{COMMENT}\ndef f():\n    pass\n", [2, 3], id="below-a-decorator"),
    pytest.param(f"{COMMENT}\n# hfcodemod: olmo base=0123abcd\n\nx = 1\n", [2], id="above-the-stamp"),
    pytest.param(f"# hfcodemod: olmo base=0123abcd\n{COMMENT}\nx = 1\n", [1], id="below-the-stamp"),
    pytest.param(f"{COMMENT}\ndef f(:\n    pass\n", [1, 2], id="does-not-parse"),
    pytest.param(f"x = 1\n{COMMENT}", [2, 3], id="below-everything"),
    pytest.param(f"x = '{COMMENT}'\n", [], id="in-a-string"),
    pytest.param("x = 1  # hfcodemod: ignored[HF101] why\n", [], id="another-word"),
    pytest.param("# hfcodemod: ignore-me base=0123abcd\n", [], id="stamp-of-a-model-of-that-name"),
]


@pytest.mark.parametrize(("text", "lines"), COVERED)
def test_the_lines_that_a_comment_speaks_of(text: str, lines: list[int]) -> None:
    found, malformed = ignores_in(text, PATH)
    assert malformed == []
    assert [number for ignore in found for number in ignore.lines] == lines
    assert {ignore.code for ignore in found} == ({"HF101"} if lines else set())


@pytest.mark.parametrize(
    ("comment", "message", "remedy"),
    [
        ("ignore", "the comment ignores no code", FORM),
        ("ignore all of it", "the comment ignores no code", FORM),
        ("ignore: HF101 why", "the comment ignores no code", FORM),
        ("ignore[] why", "the comment ignores no code", FORM),
        ("ignore[ , ] why", "the comment ignores no code", FORM),
        ("ignore[HF101 why", "the comment ignores no code", FORM),
        ("ignore[HF101]", "the comment gives no reason", FORM),
        ("ignore[HF101]  # why", "the comment gives no reason", FORM),
        ("ignore[HF101 HF102] why", "the comment ignores HF101 HF102, which is no code", "did you mean HF101?"),
        ("ignore[HF1011] why", "the comment ignores HF1011, which is no code", "did you mean HF101?"),
        ("ignore[HF101,] why", "the comment ignores nothing before or after a comma", FORM),
    ],
)
def test_a_malformed_comment(comment: str, message: str, remedy: str) -> None:
    found, malformed = ignores_in(f"\nx = 1  # hfcodemod: {comment}\n", PATH)
    assert found == []
    assert malformed == [Finding(PATH, 2, 8, "HF001", message, remedy)]


def finding(line: int, code: str = "HF101") -> Finding:
    return Finding(PATH, line, 1, code, "said")


def test_what_is_ignored_and_what_is_not() -> None:
    text = dedent("""\
        a = 1  # hfcodemod: ignore[HF101, HF103] why
        # hfcodemod: ignore[HF103] why
        b = 1
        c = 1  # hfcodemod: ignore[HF101] why
    """)
    ignores, _ = ignores_in(text, PATH)
    findings = [finding(1), finding(1, "HF103"), finding(3), finding(3, "HF103"), finding(9)]
    left = list(without_ignored(findings, ignores, PATH, {"HF101", "HF103"}))
    said = "nothing is found here that the comment could ignore as HF101"
    assert left == [finding(3), finding(9), Finding(PATH, 4, 8, "HF002", said, "delete it")]


def test_a_code_that_was_not_looked_for_is_not_told() -> None:
    ignores = [Ignore("HF101", range(1, 2), 1, 1), Ignore("HF103", range(1, 2), 1, 1)]
    assert [each.message[-5:] for each in without_ignored([], ignores, PATH, {"HF103"})] == ["HF103"]


def test_two_comments_of_which_one_would_do() -> None:
    text = f"{COMMENT}\nx = 1  {COMMENT}\n"
    ignores, _ = ignores_in(text, PATH)
    assert list(without_ignored([finding(2)], ignores, PATH, {"HF101"})) == []
