"""The generated modules run real models: every test is watched for forward passes."""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from golden import GOLDEN

ROOT = Path(__file__).parents[1]
MODULES = sorted(GOLDEN.glob("test_hf_*.py"))
Seen = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What was seen of each test: outcome, forward passes, seconds."""
    file = tmp_path_factory.mktemp("observe") / "seen.json"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov"]
    command += ["-p", "observe", "--observe", str(file), str(GOLDEN)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "RUN_SLOW": "1", "PYTHONPATH": str(ROOT / "tests")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:]
    found: Seen = json.loads(file.read_text())
    return found


def name_of(test: str) -> str:
    return test.split("::")[-1].split("[")[0]


def test_every_module_was_run(seen: Seen) -> None:
    assert {test.split("::")[0].rsplit("/", 1)[-1] for test in seen} == {path.name for path in MODULES}


def test_all_pass_and_only_the_real_checkpoint_is_skipped(seen: Seen) -> None:
    skipped = {test for test, what in seen.items() if what["outcome"].startswith("skipped")}
    assert {name_of(test) for test in skipped} == {"test_real_checkpoint"}
    assert len(skipped) == len(MODULES)
    # Slow tests were asked for: what they miss is the network.
    assert all("HF_HUB_OFFLINE is set" in seen[test]["outcome"] for test in skipped)
    assert all(what["outcome"] == "passed" for test, what in seen.items() if test not in skipped)


def test_every_test_but_the_mock_runs_a_real_model(seen: Seen) -> None:
    without = {test for test, what in seen.items() if what["outcome"] == "passed" and what["passes"] == 0}
    assert {name_of(test) for test in without} == {"test_model_with_mock"}


def test_models_are_small() -> None:
    for path in MODULES:
        module = module_at(path)
        config = fixture_value(module.config)
        for cls, head in module.HEADS.items():
            model = module.build(cls, config, **head.config)
            assert sum(parameter.numel() for parameter in model.parameters()) < 1_000_000, f"{path.name}: {cls}"


@pytest.mark.parametrize("name", ["olmo", "vit", "wav2vec2"])
@pytest.mark.parametrize("lost", [False, True], ids=["whole", "a-weight-lost"])
def test_the_test_of_a_real_checkpoint_works(name: str, lost: bool, tmp_path: Path, monkeypatch: Any) -> None:
    """On a checkpoint that was saved here, since there is no network; without one of its weights it fails."""
    module = module_at(GOLDEN / f"test_hf_{name}.py")
    cls = next(iter(module.HEADS))
    model = module.build(cls, fixture_value(module.config))
    state = model.state_dict()
    if lost:
        del state[sorted(state)[0]]
    model.save_pretrained(tmp_path, state_dict=state)
    monkeypatch.setattr(module, "MODEL_ID", str(tmp_path))
    tests = next(value for key, value in vars(module).items() if key.startswith("Test"))
    # Without the mark that skips it where slow tests were not asked for.
    test = inspect.unwrap(tests.test_real_checkpoint)
    if lost:
        with pytest.raises(AssertionError):
            test(tests())
    else:
        test(tests())


def module_at(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def fixture_value(fixture: Any) -> Any:
    """What the function of a fixture gives, called by hand."""
    return fixture._get_wrapped_function()()
