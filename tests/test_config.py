"""``[tool.hfcodemod]``: what is read, and what is refused with one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from hfcodemod.config import FACTS, TARGET, Adjustments, CodemodSettings, DeclaredArchitecture, settings_for
from hfcodemod.errors import UserError


def written(folder: Path, text: str) -> Path:
    file = folder / "pyproject.toml"
    file.write_text(text)
    return file


def test_without_a_file_the_folder_is_the_root(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    assert (settings.facts, settings.target) == (FACTS, TARGET)
    # Above a temporary folder there may be a project of somebody else's, never inside it.
    assert settings.root == tmp_path or settings.root in tmp_path.parents


def test_the_nearest_file_above_counts(tmp_path: Path) -> None:
    written(tmp_path, '[tool.hfcodemod]\nfacts = "5.0.0"\n')
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert settings_for(below).facts == "5.0.0"
    assert settings_for(below).root == tmp_path


def test_skeletons_and_architectures(tmp_path: Path) -> None:
    written(
        tmp_path,
        '[tool.hfcodemod.skeletons.awq]\npath = "t.py"\nreference = "llama"\ntarget = "awq/test_{name}.py"\n'
        '[tool.hfcodemod.architectures.yolov4]\ntitle = "YOLOv4"\n',
    )
    settings = settings_for(tmp_path)
    assert settings.skeletons["awq"].path == tmp_path / "t.py"
    assert settings.skeletons["awq"].target == "awq/test_{name}.py"
    assert settings.architectures == {"yolov4": DeclaredArchitecture("YOLOv4", "")}


def test_adjustments_of_the_default_and_of_a_named_skeleton(tmp_path: Path) -> None:
    written(
        tmp_path,
        '[tool.hfcodemod]\nskeleton = "own"\nexclude = ["old/**"]\noverlay = "tests/o.py"\nleave-out = ["test_a"]\n'
        'codemods = ["mods/one.py:One"]\nformat-command = "ruff format --line-length 88 -"\nupgrades = "up"\n'
        'required-version = ">=0.1"\n'
        '[tool.hfcodemod.skeletons.awq]\npath = "t.py"\nreference = "llama"\ntarget = "awq/test_{name}.py"\n'
        'format-command = ["black", "-q", "-"]\n',
    )
    settings = settings_for(tmp_path)
    assert settings.skeleton == tmp_path / "own"
    assert settings.exclude == ("old/**",)
    assert settings.adjustments == Adjustments(
        overlay=tmp_path / "tests" / "o.py",
        leave_out=("test_a",),
        codemods=(CodemodSettings(tmp_path / "mods" / "one.py", "One"),),
        format_command=("ruff", "format", "--line-length", "88", "-"),
        upgrades=tmp_path / "up",
    )
    assert settings.skeletons["awq"].adjustments == Adjustments(format_command=("black", "-q", "-"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("[tool.hfcodemod\n", "not valid TOML", id="broken"),
        pytest.param('[tool.hfcodemod]\nfact = "5"\n', "did you mean 'facts'", id="nearly-a-key"),
        pytest.param("[tool.hfcodemod]\nzzz = 1\n", "known keys: facts, target", id="no-key-at-all"),
        pytest.param("[tool.hfcodemod]\nfacts = 5\n", "facts must be a string, not 5", id="wrong-kind"),
        pytest.param("[tool.hfcodemod]\nskeletons = 5\n", "skeletons must be a table", id="no-table"),
        pytest.param("tool = 5\n", "[tool] must be a table", id="tool-is-no-table"),
        pytest.param('[tool.hfcodemod]\ntarget = "{name}_{x}.py"\n', "no other braces", id="target-with-more-braces"),
        pytest.param('[tool.hfcodemod]\ntarget = "{name}{.py"\n', "no other braces", id="target-with-half-a-brace"),
        pytest.param("[tool]\nhfcodemod = 5\n", "must be a table", id="section-is-no-table"),
        pytest.param('[tool.hfcodemod]\ntarget = "tests/test.py"\n', "must hold {name}", id="target-without-name"),
        pytest.param('[tool.hfcodemod.skeletons.a]\npath = "x"\n', "has no 'reference'", id="skeleton-incomplete"),
        pytest.param("[tool.hfcodemod]\nleave-out = [1]\n", "must be a list of strings, not [1]", id="list-of-numbers"),
        pytest.param("[tool.hfcodemod]\nformat-command = 1\n", "a string or a list of strings, not 1", id="two-kinds"),
        pytest.param('[tool.hfcodemod]\nformat-command = "\'"\n', "does not split", id="command-with-half-a-quote"),
        pytest.param('[tool.hfcodemod]\ncodemods = ["a.py"]\n', "'a.py' must be like", id="codemod-without-class"),
        pytest.param('[tool.hfcodemod]\nrequired-version = "new"\n', "must be like '>=0.1", id="version-that-is-none"),
        pytest.param('[tool.hfcodemod]\nrequired-version = ">=9"\n', "pip install 'hfcodemod>=9'", id="too-old"),
        pytest.param("[tool.hfcodemod.architectures.a]\n", "has no 'title'", id="architecture-without-title"),
    ],
)
def test_refused_with_path_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(UserError) as caught:
        settings_for(tmp_path)
    assert str(file) in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value).replace(str(file), "")


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="not valid TOML"):
        settings_for(tmp_path)


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "")

    def refuse(self: Path, encoding: str) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(UserError, match=r"cannot be read \(Permission denied\)"):
        settings_for(tmp_path)
