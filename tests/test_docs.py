"""The documentation: pages that say what to type are executed, and the site is built."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from pages import blocks_of, executed, timeless

from hfcodemod import config
from hfcodemod.cli import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", ["tutorial.md", "how-to/own-codemod.md"])
def test_a_page_is_executed_from_an_empty_folder(page: str, tmp_path: Path) -> None:
    consoles = 0
    for block in blocks_of(DOCS / page):
        if block.title is not None:
            path = tmp_path / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
        elif block.kind == "console":
            consoles += 1
            assert executed(block, tmp_path) == timeless(block.text)
        else:
            assert block.kind == "sh" and block.text.startswith("pip install "), block
    assert consoles >= 5


def test_every_page_is_in_the_navigation() -> None:
    listed = set(re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    assert listed == {page for page in PAGES if not re.match(r"codes/HF\d+\.md", page)}


@pytest.mark.parametrize("page", PAGES)
def test_linked_files_exist(page: str) -> None:
    text = re.sub(r"^```.*?^```$|`[^`\n]*`", "", (DOCS / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", text):
        assert (DOCS / page).parent.joinpath(target).exists(), target


@pytest.fixture(scope="module")
def generated() -> ModuleType:
    """What fills the reference in."""
    spec = importlib.util.spec_from_file_location("generated", DOCS / "reference" / "generated.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def filled(generated: ModuleType, page: str) -> str:
    made = generated.on_page_markdown((DOCS / page).read_text(), page=None)
    assert isinstance(made, str)
    return made


def test_the_reference_has_every_command(generated: ModuleType) -> None:
    names = [command.name or command.callback.__name__.replace("_", "-") for command in app.registered_commands]  # type: ignore[union-attr]
    headings = re.findall(r"^## `hfcodemod ([\w-]+)`$", filled(generated, "reference/commands.md"), re.MULTILINE)
    assert headings == names


def test_the_reference_has_every_key(generated: ModuleType) -> None:
    page = filled(generated, "reference/configuration.md")
    rows = re.findall(r"^\| `([\w-]+)` \| ([^|]+) \| (.+) \|$", page, re.MULTILINE)
    tables = [config.OWN_KEYS, config.ADJUSTMENTS, config.SKELETON_KEYS, config.ADJUSTMENTS, config.ARCHITECTURE_KEYS]
    assert [name for name, _, _ in rows] == [name for table in tables for name in table]
    assert ("path", "a string, needed", "The test module that is cloned.") in rows
    assert ("exclude", "a list of strings", "Patterns of paths in which no managed files are looked for.") in rows


def test_the_example_of_a_configuration_is_one(generated: ModuleType, tmp_path: Path) -> None:
    tables = [block.text for block in blocks_of(DOCS / "reference" / "configuration.md") if block.kind == "toml"]
    (tmp_path / "pyproject.toml").write_text("\n".join(tables))
    settings = config.settings_for(tmp_path)
    assert settings.adjustments.leave_out == ("test_training_step",)
    assert (set(settings.skeletons), set(settings.architectures)) == ({"awq"}, {"yolov4"})


def test_the_reference_has_every_function_of_the_interface() -> None:
    import hfcodemod

    source = (ROOT / "hfcodemod" / "api.py").read_text()
    assert sorted(re.findall(r"^def ([a-z]\w*)\(", source, re.MULTILINE)) == hfcodemod.__all__


def test_the_example_of_the_interface_runs(tmp_path: Path) -> None:
    (example,) = (block.text for block in blocks_of(DOCS / "reference" / "python.md"))
    program = f"{example}print(merged.source, len(added), len(source.splitlines()) > 400)\n"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    steady = "".join(f"{tmp_path}/tests/models/test_hf_{name}.py skip in step\n" for name in ("bert", "olmo"))
    assert (done.stdout, done.stderr) == (f"{steady}A = 3\nB = 2\n 2 True\n", "")


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    python = (tmp_path / "site" / "reference" / "python" / "index.html").read_text()
    assert re.search(r'id="hfcodemod\.api\.migrate"', python)
    assert "generated:" not in (tmp_path / "site" / "reference" / "commands" / "index.html").read_text()
