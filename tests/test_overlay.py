"""A team's overlay, left-out tests and own codemods: folded onto the skeleton, which goes on growing."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from conftest import Run

from hfcodemod.catalog import Catalog, load_snapshot
from hfcodemod.config import FACTS, settings_for
from hfcodemod.errors import UserError
from hfcodemod.names import resolve
from hfcodemod.render import render
from hfcodemod.requests import fingerprint
from hfcodemod.skeletons import SHIPPED, Skeleton, skeleton_for

ROOT = Path(__file__).parents[1]

CANONICAL = '''
"""Llama, for real."""

import pytest
from torch import nn

LIMIT = 0.1


def build(value):
    return value


class TestLlama:
    def test_loads(self):
        assert build(LIMIT)

    def test_forward(self):
        assert nn.Identity()
'''
FRAGMENT = '''
"""What BERT has otherwise."""

from .canonical import LIMIT, build

MASK = 3


class Masker:
    depth = 1


def tokenizer():
    return MASK


class TestBert:
    def test_forward(self):
        assert build(LIMIT) == tokenizer()

    def test_mask(self):
        assert tokenizer()
'''
MANIFEST = '{"version": 2, "canonical": {"path": "canonical.py", "reference": "llama"}, "fragments": {"masks": "bert"}}'
QUANTISATION = '''
"""Each model has to bear eight bits."""

import copy
from typing import Any

import pytest
import torch
from hfcodemod.skeleton.canonical import HEADS, build, run
from transformers import PreTrainedConfig, PreTrainedModel

BITS = 8


def quantised(model: Any) -> Any:
    """A copy whose linear layers hold integers and one scale a row."""
    model = copy.deepcopy(model)
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            weight = module.weight.data
            scale = weight.abs().amax(dim=1, keepdim=True) / (2 ** (BITS - 1) - 1)
            module.weight.data = (weight / scale).round().to(torch.int8).to(weight.dtype) * scale
    return model


class TestSmolLM3:
    @pytest.mark.parametrize("cls", HEADS)
    def test_quantised(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        model = build(cls, config, **HEADS[cls].config)
        expected = run(model, HEADS[cls])
        for name, output in run(quantised(model), HEADS[cls]).items():
            assert not torch.equal(output, expected[name]), name
            assert (output - expected[name]).abs().mean() < 0.05 * expected[name].abs().mean(), name
'''


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load_snapshot(FACTS)


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.lstrip("\n"))
    return path


def small(folder: Path, catalog: Catalog, overlay: str = "", settings: str = "") -> Skeleton:
    """A skeleton of two small parts with an overlay, as the configuration adjusts it."""
    written(folder / "own" / "canonical.py", CANONICAL)
    written(folder / "own" / "masks.py", FRAGMENT)
    written(folder / "own" / "skeleton.json", MANIFEST)
    if overlay:
        written(folder / "over.py", textwrap.dedent(overlay))
        settings += 'overlay = "over.py"\n'
    written(folder / "pyproject.toml", f'[tool.hfcodemod]\nskeleton = "own"\n{settings}')
    return skeleton_for(SHIPPED, settings_for(folder), catalog)[0]


def pytest_in(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


NAMES = ["gemma3", "llama-3", "bert", "t5", "vit"]


def test_a_quantisation_test_survives_a_release_of_the_skeleton(hfcodemod: Run, tmp_path: Path) -> None:
    written(
        tmp_path / "pyproject.toml",
        '[tool.hfcodemod]\noverlay = "over.py"\ntarget = "test_hf_{name}.py"\n'
        '[tool.pytest.ini_options]\nmarkers = ["slow"]\n',
    )
    overlay = written(tmp_path / "over.py", QUANTISATION)
    assert hfcodemod("add", *NAMES).returncode == 0
    modules = sorted(tmp_path.glob("test_hf_*.py"))
    assert len(modules) == 5
    for module in modules:
        text = module.read_text()
        assert text.count("def test_quantised(") == text.count("def quantised(") == 1
        assert "SmolLM3" not in text and "hfcodemod.skeleton" not in text
    ruff = [sys.executable, "-m", "ruff", "--isolated"]
    for check in (
        ["check", "--select", "E,F,I", "--line-length", "120"],
        ["format", "--check", "--line-length", "120"],
    ):
        done = subprocess.run(
            [*ruff[:3], check[0], "--isolated", *check[1:], *modules], capture_output=True, check=False
        )
        assert done.returncode == 0, done.stdout.decode()
    heads = sum(text.count(": Head(") for text in (module.read_text() for module in modules))
    assert f"{heads} passed" in pytest_in(tmp_path, "-k", "test_quantised")

    # The next release: a copy of the skeleton in which one test is new and one asserts more.
    assert hfcodemod("init", "--own-skeleton").returncode == 0
    canonical = tmp_path / "skeleton" / "canonical.py"
    text = canonical.read_text()
    changed = text.replace("assert output.isfinite().all(), name", "assert output.isfinite().all(), (cls, name)")
    assert changed.count("(cls, name)") == 1
    canonical.write_text(changed + '\n    def test_named(self) -> None:\n        assert "/" in MODEL_ID\n')
    assert hfcodemod("add", *NAMES).returncode == 0
    for module in modules:
        text = module.read_text()
        assert text.count("def test_quantised(") == text.count("def test_named(") == text.count("(cls, name)") == 1
    assert overlay.read_text() == QUANTISATION.lstrip("\n")
    assert f"{2 * heads + 5} passed" in pytest_in(tmp_path, "-k", "test_quantised or test_named or test_forward")


def test_a_test_whose_class_is_absent_is_left_out(hfcodemod: Run, tmp_path: Path) -> None:
    written(tmp_path / "pyproject.toml", '[tool.hfcodemod]\noverlay = "over.py"\ntarget = "test_{name}.py"\n')
    written(
        tmp_path / "over.py",
        '"""Ours."""\n\nfrom transformers import SmolLM3ForCausalLM, SmolLM3ForTokenClassification\n\n\n'
        "class TestSmolLM3:\n    def test_said(self) -> None:\n        assert SmolLM3ForCausalLM\n\n\n"
        "def test_classes() -> None:\n    assert SmolLM3ForTokenClassification\n",
    )
    assert hfcodemod("add", "vit", "bert").returncode == 0
    image, text = ((tmp_path / f"test_{name}.py").read_text() for name in ("vit", "bert"))
    assert "# test_said is left out: ViT has no class for causal lm." in image
    assert "def test_said" not in image and "def test_classes" not in image and "SmolLM3" not in image
    assert "        assert BertLMHeadModel\n" in text
    assert text.endswith("\n\n\ndef test_classes() -> None:\n    assert BertForTokenClassification\n")


def test_the_example_of_the_documentation_can_be_folded(hfcodemod: Run, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "overlay.md").read_text()
    example = page.partition("```python\n")[2].partition("```")[0]
    written(tmp_path / "pyproject.toml", '[tool.hfcodemod]\noverlay = "over.py"\ntarget = "test_{name}.py"\n')
    written(tmp_path / "over.py", example)
    assert hfcodemod("add", "olmo").returncode == 0
    text = (tmp_path / "test_olmo.py").read_text()
    assert "def test_compiled(self, config, cls):" in text
    assert '\nTOLERANCE = {"atol": 1e-3, "rtol": 1e-3}\n' in text and text.count("\nTOLERANCE") == 1


def test_an_override_replaces_in_every_part(tmp_path: Path, catalog: Catalog) -> None:
    skeleton = small(
        tmp_path,
        catalog,
        """
        from torch import optim

        from own.canonical import build


        # hfcodemod: override
        def tokenizer():
            return build(4)


        class TestLlama:
            # Ours.
            # hfcodemod: override
            def test_forward(self):
                assert optim
        """,
    )
    forward = "    # Ours.\n    def test_forward(self):\n        assert optim\n"
    assert skeleton.canonical.source == CANONICAL.lstrip("\n").replace("import nn", "import nn, optim").replace(
        "    def test_forward(self):\n        assert nn.Identity()\n", forward
    )
    assert skeleton.fragments["masks"].source == FRAGMENT.lstrip("\n").replace(
        "return MASK", "return build(4)"
    ).replace("    def test_forward(self):\n        assert build(LIMIT) == tokenizer()\n", forward)
    assert skeleton.canonical.text == CANONICAL.lstrip("\n")
    assert skeleton.canonical.path == tmp_path / "own" / "canonical.py"


def test_what_the_overlay_leaves_alone_keeps_every_byte(tmp_path: Path, catalog: Catalog) -> None:
    skeleton = small(tmp_path, catalog, '"""Nothing yet."""\n')
    assert skeleton.canonical.source == CANONICAL.lstrip("\n")
    assert skeleton.fragments["masks"].source == FRAGMENT.lstrip("\n")


REFUSED = [
    pytest.param("def build(x):\n    return x\n", "over.py:1: redefines build of the skeleton; write", id="function"),
    pytest.param("\n\nMASK = 4\n", "over.py:3: redefines MASK of the skeleton", id="constant-of-a-fragment"),
    pytest.param(
        "class TestLlama:\n    def test_mask(self):\n        pass\n",
        "over.py:2: redefines test_mask of the skeleton",
        id="test-of-a-fragment",
    ),
    pytest.param(
        "class TestLlama:\n    # hfcodemod: override\n    def test_forwards(self):\n        pass\n",
        "over.py:3: overrides test_forwards, which the skeleton does not have; the nearest is test_forward",
        id="override-of-what-is-gone",
    ),
    pytest.param(
        "X = 1  # hfcodemod: override\n", "over.py:1: overrides X, which the skeleton does not have", id="none-near"
    ),
    pytest.param("if True:\n    X = 1\n", "over.py:1: 'if True:' cannot be folded", id="statement"),
    pytest.param("X = 1; Y = 2\n", "over.py:1: 'X = 1; Y = 2' cannot be folded", id="two-on-a-line"),
    pytest.param(
        "class TestLlama:\n    for x in []:\n        pass\n",
        "over.py:2: 'for x in []:' cannot",
        id="statement-in-a-class",
    ),
    pytest.param(
        "import pytest\n\n\n@pytest.mark.slow\nclass TestLlama:\n    pass\n",
        "over.py:5: redefines TestLlama of the skeleton",
        id="decorated-class",
    ),
    pytest.param("from torch import fx as nn\n", "over.py:1: imports nn, and the skeleton says 'from", id="import"),
    pytest.param("import build\n", "over.py:1: imports build, and the skeleton defines build", id="import-of-a-name"),
    pytest.param("nn = 1\n", "over.py:1: defines nn, and the skeleton says 'from torch import nn'", id="name-imported"),
    pytest.param("from own.canonical import builds\n", "the skeleton has no builds; the nearest is build", id="gone"),
    pytest.param("from .canonical import zzz\n", "over.py:1: the skeleton has no zzz", id="gone-and-none-near"),
    pytest.param("from .canonical import build as b\n", "imports build of the skeleton as b; name it build", id="as"),
    pytest.param(
        "import own.canonical\n", "imports own.canonical, which is the skeleton; import its names", id="whole-module"
    ),
    pytest.param(
        "class Masker:\n    width = 2\n",
        "over.py:2: adds to Masker, which only a fragment has; name a",
        id="fragment-s-class",
    ),
    pytest.param("from own.canonical import *\nX = 1  # hfcodemod: override\n", "over.py:2: overrides X", id="star"),
    pytest.param("def x(:\n", "over.py:1: the overlay does not parse", id="no-python"),
]


@pytest.mark.parametrize(("overlay", "message"), REFUSED)
def test_an_overlay_that_cannot_be_folded(tmp_path: Path, catalog: Catalog, overlay: str, message: str) -> None:
    skeleton = small(tmp_path, catalog)
    (tmp_path / "over.py").write_text(overlay)
    skeleton = small(tmp_path, catalog, settings='overlay = "over.py"\n')
    with pytest.raises(UserError) as caught:
        _ = skeleton.canonical.source
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_an_overlay_that_is_not_there(tmp_path: Path, catalog: Catalog) -> None:
    skeleton = small(tmp_path, catalog, settings='overlay = "gone.py"\n')
    with pytest.raises(UserError, match=r"gone\.py: the overlay cannot be read"):
        _ = skeleton.canonical.source


def test_left_out_tests_go_from_every_part(tmp_path: Path, catalog: Catalog) -> None:
    skeleton = small(tmp_path, catalog, settings='leave-out = ["test_forward", "test_mask"]\n')
    assert skeleton.canonical.source == CANONICAL.lstrip("\n").split("\n    def test_forward")[0]
    # The class of the fragment goes with the last of its tests.
    assert skeleton.fragments["masks"].source == FRAGMENT.lstrip("\n").split("\n\nclass TestBert")[0]


def test_a_left_out_test_may_be_one_s_own_again(tmp_path: Path, catalog: Catalog) -> None:
    overlay = "class TestLlama:\n    def test_loads(self):\n        assert LIMIT\n"
    skeleton = small(tmp_path, catalog, overlay, 'leave-out = ["test_loads"]\n')
    assert skeleton.canonical.source == CANONICAL.lstrip("\n").replace(
        "    def test_loads(self):\n        assert build(LIMIT)\n\n", ""
    ) + overlay.replace("class TestLlama:\n", "\n")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        pytest.param('"test_forwards"', "no test 'test_forwards'; the nearest is test_forward", id="no-such-test"),
        pytest.param('"build"', "no test 'build'; the nearest is test_", id="no-test"),
        pytest.param('"test_loads", "test_forward"', "takes every test of a class of", id="every-test"),
    ],
)
def test_what_cannot_be_left_out(tmp_path: Path, catalog: Catalog, names: str, message: str) -> None:
    skeleton = small(tmp_path, catalog, settings=f"leave-out = [{names}]\n")
    with pytest.raises(UserError, match=message):
        _ = skeleton.canonical.source


def test_a_pipeline_call_that_is_left_out_is_not_missed(hfcodemod: Run, tmp_path: Path) -> None:
    settings = '[tool.hfcodemod]\nleave-out = ["test_pipeline_fill_mask"]\ntarget = "test_{name}.py"\n'
    written(tmp_path / "pyproject.toml", settings)
    assert hfcodemod("add", "bert").returncode == 0
    text = (tmp_path / "test_bert.py").read_text()
    assert "test_pipeline_fill_mask" not in text and "def test_pipeline_text_classification" in text


def test_a_fragment_that_does_not_parse(tmp_path: Path, catalog: Catalog) -> None:
    skeleton = small(tmp_path, catalog, settings='leave-out = ["test_mask"]\n')
    (tmp_path / "own" / "masks.py").write_text("x = 1\ndef x(:\n")
    with pytest.raises(UserError, match=r"masks\.py:2: the skeleton does not parse"):
        _ = skeleton.canonical.source


def test_renames_of_the_skeleton_reach_the_overlay_and_what_is_left_out(tmp_path: Path, catalog: Catalog) -> None:
    written(
        tmp_path / "own" / "upgrades" / "to_2_rename.py",
        'VERSION = 2\nRENAMES = {"made": "build", "test_run": "test_forward"}\n',
    )
    overlay = "from own.canonical import made\n\n\nclass TestLlama:\n    def test_ours(self):\n        assert made(2)\n"
    skeleton = small(tmp_path, catalog, overlay, 'leave-out = ["test_run"]\n')
    assert skeleton.canonical.source == (
        CANONICAL.lstrip("\n").replace(
            "    def test_forward(self):\n        assert nn.Identity()\n",
            "    def test_ours(self):\n        assert build(2)\n",
        )
    )


def test_a_skeleton_is_read_once_for_a_configuration(tmp_path: Path, catalog: Catalog) -> None:
    small(tmp_path, catalog)
    settings = settings_for(tmp_path)
    assert skeleton_for(SHIPPED, settings, catalog)[0] is skeleton_for(SHIPPED, settings, catalog)[0]
    assert skeleton_for(SHIPPED, settings_for(tmp_path), catalog)[0] is not skeleton_for(SHIPPED, settings, catalog)[0]


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        pytest.param(None, "skeleton.json: is not there; `hfcodemod init --own-skeleton` writes", id="missing"),
        pytest.param("{", "cannot be read as JSON", id="no-json"),
        pytest.param("[]", "is no manifest of a skeleton", id="a-list"),
        pytest.param('{"version": 1}', "is no manifest of a skeleton (KeyError: 'canonical')", id="half"),
        pytest.param(MANIFEST.replace("masks", "gone"), "names gone.py, which is not there", id="part-missing"),
    ],
)
def test_a_manifest_that_is_none(tmp_path: Path, catalog: Catalog, manifest: str | None, message: str) -> None:
    small(tmp_path, catalog)
    file = tmp_path / "own" / "skeleton.json"
    file.unlink()
    if manifest is not None:
        file.write_text(manifest)
    with pytest.raises(UserError) as caught:
        skeleton_for(SHIPPED, settings_for(tmp_path), catalog)
    assert message in str(caught.value)


def test_a_skeleton_is_known_without_libcst() -> None:
    code = "import sys, hfcodemod.skeletons; hfcodemod.skeletons.shipped_skeleton(); assert 'libcst' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


CODEMODS = '''
import libcst as cst
from libcst.codemod import CodemodContext, SkipFile, VisitorBasedCodemodCommand


class AddHeader(VisitorBasedCodemodCommand):
    """Says whose it is."""

    def leave_Module(self, original_node, updated_node):
        name = "{} {}".format(self.context.scratch["model_type"], self.context.scratch["name"])
        line = cst.parse_statement(f"OWNER = {name!r}")
        return updated_node.with_changes(body=[*updated_node.body, line])


class Skipping(VisitorBasedCodemodCommand):
    def leave_Module(self, original_node, updated_node):
        raise SkipFile("not mine")


class Failing(VisitorBasedCodemodCommand):
    def leave_Module(self, original_node, updated_node):
        raise KeyError("no such key\\nat all")


class Breaking(VisitorBasedCodemodCommand):
    def leave_Module(self, original_node, updated_node):
        return updated_node.with_changes(body=[cst.parse_statement("return 1")])


class Stopping(VisitorBasedCodemodCommand):
    def leave_Module(self, original_node, updated_node):
        raise KeyboardInterrupt


class Plain:
    pass
'''


def with_codemods(folder: Path, catalog: Catalog, *names: str, text: str = CODEMODS) -> str:
    """What the small skeleton is for Mistral after some codemods."""
    written(folder / "mods.py", text)
    listed = ", ".join(f'"mods.py:{name}"' for name in names)
    skeleton = small(folder, catalog, settings=f"codemods = [{listed}]\n")
    target = resolve("mistral", catalog)
    return render(target, skeleton, catalog.architectures, catalog.configurations, None).source


def test_own_codemods_run_last_and_in_order(tmp_path: Path, catalog: Catalog) -> None:
    plain = with_codemods(tmp_path, catalog)
    assert "class TestMistral:" in plain
    assert with_codemods(tmp_path, catalog, "Skipping", "AddHeader") == plain + "OWNER = 'mistral mistral'\n"


def test_an_own_codemod_is_part_of_the_fingerprint(tmp_path: Path, catalog: Catalog) -> None:
    target = resolve("mistral", catalog)
    with_codemods(tmp_path, catalog, "AddHeader")
    before = fingerprint(target, skeleton_for(SHIPPED, settings_for(tmp_path), catalog)[0], None)
    assert fingerprint(target, skeleton_for(SHIPPED, settings_for(tmp_path), catalog)[0], None) == before
    (tmp_path / "mods.py").write_text(CODEMODS + "# changed\n")
    assert fingerprint(target, skeleton_for(SHIPPED, settings_for(tmp_path), catalog)[0], None) != before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("Failing", "codemod Failing failed on mistral: KeyError: 'no such key\\nat all'", id="raises"),
        pytest.param(
            "Breaking",
            "codemod Breaking failed on mistral: line 1 of what it makes is no Python",
            id="writes-what-does-not-parse",
        ),
        pytest.param("Gone", "mods.py: has no class Gone", id="no-such-class"),
        pytest.param("Plain", "mods.py: Plain is no libcst.codemod.Codemod", id="no-codemod"),
    ],
)
def test_an_own_codemod_at_fault(tmp_path: Path, catalog: Catalog, name: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        with_codemods(tmp_path, catalog, name)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_an_own_codemod_that_cannot_be_imported(tmp_path: Path, catalog: Catalog) -> None:
    with pytest.raises(UserError, match=r"mods\.py: the codemod cannot be imported: ModuleNotFoundError"):
        with_codemods(tmp_path, catalog, "AddHeader", text="import no_such_module\n")
    skeleton = small(tmp_path, catalog, settings='codemods = ["gone.py:Gone"]\n')
    with pytest.raises(UserError, match=r"gone\.py: the codemod Gone cannot be read"):
        _ = skeleton.codemods[0].source


def test_an_interrupt_in_an_own_codemod_is_one(tmp_path: Path, catalog: Catalog) -> None:
    with pytest.raises(KeyboardInterrupt):
        with_codemods(tmp_path, catalog, "Stopping")
