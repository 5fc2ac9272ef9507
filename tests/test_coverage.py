"""Coverage: what a ledger says of each model class, judged by what is there now."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from covering import Suite, suite

import hfcodemod
from hfcodemod import recipes, requests
from hfcodemod.catalog import pinned_facts
from hfcodemod.config import settings_for
from hfcodemod.coverage_cases import Count, tally
from hfcodemod.managed import tree_of
from hfcodemod.recipes import Recipe, recipe_of
from hfcodemod.stamp import digest, stamped, without_stamp
from hfcodemod.verifying.subjects import managed_subject

# In the package, the function has the name of the module.
judging = import_module("hfcodemod.coverage")
OVERLAY = 'NOTHING = "never"\n'


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    """Three modules whose classes all passed; for copies only."""
    return suite(tmp_path_factory.mktemp("passed"))


@pytest.fixture
def covered(tmp_path: Path, passed: Suite) -> Suite:
    """Three modules whose classes all passed."""
    shutil.copytree(passed.root, tmp_path, dirs_exist_ok=True)
    return Suite(tmp_path, list(passed.records))


def test_what_ran_as_it_is_now_is_covered(covered: Suite) -> None:
    now = covered.coverage()
    assert {case.model_type for case in now.cases if case.state == "covered"} == {"codegen", "olmo", "vit"}
    assert now.uncounted == ()
    assert (now.heads, now.covered_types) == (Count(len(covered.records), 1547), Count(3, 649))
    assert now.heads.percent == "0.5"
    case = covered.case("OlmoForCausalLM")
    assert (case.reason, case.module, case.family) == ("", "tests/models/test_hf_olmo.py", "olmo")
    assert case.record is not None and case.record.evidence == ("backward", "forward", "generate", "load", "save")


def test_without_a_module_or_a_record_a_class_is_missing(covered: Suite) -> None:
    covered.records = [record for record in covered.records if record.class_name != "OlmoModel"]
    told = {name: covered.case(name) for name in ("OlmoModel", "LlamaForTokenClassification")}
    assert {case.state for case in told.values()} == {"missing"}
    assert told["OlmoModel"].reason == "tests/models/test_hf_olmo.py has no record of it"
    assert told["LlamaForTokenClassification"].reason == "has no module"


class TestItCannotBeFooled:
    """Each way to make a class look covered shows as what it is."""

    def test_a_module_that_was_emptied(self, covered: Suite) -> None:
        text = covered.module("olmo").read_text()
        covered.module("olmo").write_text(text.partition("class Test")[0])
        case = covered.case("OlmoModel")
        assert (case.state, case.reason) == ("stale", "its module changed since it ran")

    def test_a_module_that_was_edited_after_the_run(self, covered: Suite) -> None:
        with covered.module("olmo").open("a") as module:
            module.write("\n# by hand\n")
        assert covered.case("OlmoModel").state == "stale"
        assert covered.case("CodeGenModel").state == "covered"

    def test_a_module_that_is_gone(self, covered: Suite) -> None:
        covered.module("olmo").unlink()
        case = covered.case("OlmoModel")
        assert case.state == "missing"
        assert case.reason == "its record does not count: its module tests/models/test_hf_olmo.py is gone"

    def test_an_emptied_module_that_ran(self, covered: Suite) -> None:
        covered.change("OlmoModel", outcome="not seen", reason="no model class was seen", evidence=())
        assert covered.case("OlmoModel").state == "failing"
        empty = replace(covered.records[0], name="olmo", model_type="olmo", class_name="", outcome="not seen")
        sources = next(record.sources for record in covered.records if record.name == "olmo")
        covered.records = [record for record in covered.records if record.name != "olmo"]
        covered.records.append(replace(empty, sources=sources, evidence=()).sealed())
        for head in ("OlmoModel", "OlmoForCausalLM"):
            assert (covered.case(head).state, covered.case(head).reason) == ("failing", "not seen")

    def test_a_record_without_a_class_shows_nothing_even_if_it_says_passed(self, covered: Suite) -> None:
        covered.change("OlmoModel", class_name="")
        assert covered.case("OlmoModel").state == "failing"

    def test_a_mocked_model(self, covered: Suite) -> None:
        covered.change("OlmoModel", outcome="mock only", reason="only a mock of it was called", evidence=())
        case = covered.case("OlmoModel")
        assert (case.state, case.reason) == ("mock only", "only a mock of it was called")

    def test_skipped_tests(self, covered: Suite) -> None:
        covered.change("OlmoModel", outcome="skipped", reason="not today", evidence=())
        assert (covered.case("OlmoModel").state, covered.case("OlmoModel").reason) == ("skipped", "not today")

    def test_a_skipped_test_among_others(self, covered: Suite) -> None:
        """The class ran, and what would have shown the rest did not."""
        skips = {"test_real_checkpoint": "test is slow", "test_training_step": "not today"}
        evidence = ("forward", "load", "save")
        covered.change("OlmoModel", outcome="not seen", reason="not at: backward", evidence=evidence, skips=skips)
        case = covered.case("OlmoModel")
        assert (case.state, case.reason) == ("skipped", "not at: backward; skipped: test_training_step (not today)")

    @pytest.mark.parametrize("outcome", ["failed", "crashed", "timed out", "out of memory"])
    def test_a_run_that_did_not_pass(self, covered: Suite, outcome: str) -> None:
        covered.change("OlmoModel", outcome=outcome, reason="test_forward: NaN")
        case = covered.case("OlmoModel")
        assert (case.state, case.reason) == ("failing", f"{outcome}: test_forward: NaN")

    @pytest.mark.parametrize(
        "tests", [{"passed": 0, "failed": 0, "skipped": 9}, {"passed": 9, "failed": 1, "skipped": 0}]
    )
    def test_a_record_that_contradicts_itself(self, covered: Suite, tests: Mapping[str, int]) -> None:
        covered.change("OlmoModel", tests=tests)
        case = covered.case("OlmoModel")
        said = f"passed {tests['passed']} tests and failed {tests['failed']}, and is said to have passed"
        assert (case.state, case.reason) == ("failing", said)

    @pytest.mark.parametrize("lacking", ["forward", "backward", "save", "load", "generate"])
    def test_a_class_that_was_not_seen_to_do_all_that_it_must(self, covered: Suite, lacking: str) -> None:
        evidence = {"forward", "backward", "save", "load", "generate"} - {lacking}
        covered.change("OlmoForCausalLM", evidence=tuple(sorted(evidence)))
        case = covered.case("OlmoForCausalLM")
        assert (case.state, case.reason) == ("failing", f"passed, and was not seen to {lacking}")

    def test_a_record_copied_from_another_type(self, covered: Suite) -> None:
        (vit,) = (record for record in covered.records if record.class_name == "ViTModel")
        covered.alter("OlmoModel", lambda olmo: replace(vit, name="olmo", class_name="OlmoModel", model_type="olmo"))
        case = covered.case("OlmoModel")
        why = "its seal is not that of what it says: it was edited, or copied under another name"
        assert (case.state, case.reason) == ("missing", f"its record does not count: {why}")

    def test_a_copied_record_with_a_new_seal(self, covered: Suite) -> None:
        (vit,) = (record for record in covered.records if record.class_name == "ViTModel")
        covered.alter(
            "OlmoModel", lambda olmo: replace(vit, name="olmo", class_name="OlmoModel", model_type="olmo").sealed()
        )
        assert covered.case("OlmoModel").state == "stale"

    def test_a_record_of_a_module_of_another_type(self, covered: Suite) -> None:
        covered.change("OlmoModel", name="vit")
        why = "its module tests/models/test_hf_vit.py is one of vit, not of olmo"
        assert covered.case("OlmoModel").reason == f"its record does not count: {why}"

    def test_a_record_of_a_class_of_another_type(self, covered: Suite) -> None:
        covered.change("OlmoModel", class_name="ViTModel", module="tests/models/test_hf_vit.py")
        now = covered.coverage()
        assert [each.why for each in now.uncounted] == ["ViTModel is no model class of olmo"]

    def test_an_edited_record(self, covered: Suite) -> None:
        covered.change("OlmoModel", outcome="failed", reason="NaN")
        covered.alter("OlmoModel", lambda record: replace(record, outcome="passed", reason=""))
        assert covered.case("OlmoModel").state == "missing"

    @pytest.mark.parametrize("source", ["module", "recipe", "skeleton"])
    def test_a_run_of_other_sources(self, covered: Suite, source: str) -> None:
        (record,) = (record for record in covered.records if record.class_name == "OlmoModel")
        covered.change("OlmoModel", sources={**record.sources, source: "0" * 64})
        case = covered.case("OlmoModel")
        assert (case.state, case.reason) == ("stale", f"its {source} changed since it ran")

    def test_a_recipe_that_changed(self, covered: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
        changed(monkeypatch, "olmo", lambda recipe: replace(recipe, config={**recipe.config, "vocab_size": 127}))
        case = covered.case("OlmoModel")
        assert (case.state, case.reason) == ("stale", "its recipe changed since it ran")
        assert covered.case("CodeGenModel").state == "covered"

    def test_a_skeleton_that_changed(self, covered: Suite) -> None:
        (covered.root / "overlay.py").write_text(OVERLAY)
        (covered.root / "pyproject.toml").write_text('[tool.hfcodemod]\noverlay = "overlay.py"\n')
        now = covered.coverage()
        assert tally(case for case in now.cases if case.model_type in ("codegen", "olmo", "vit")) == {
            "stale": len(covered.records)
        }
        assert covered.case("OlmoModel").reason == "its skeleton changed since it ran"

    def test_a_run_of_another_transformers(self, covered: Suite) -> None:
        (record,) = (record for record in covered.records if record.class_name == "OlmoModel")
        covered.change("OlmoModel", versions={**record.versions, "transformers": "5.22.0"})
        case = covered.case("OlmoModel")
        assert (case.state, case.reason) == ("stale", "ran with transformers 5.22.0, and the facts are of 5.23.0")


def changed(patch: pytest.MonkeyPatch, name: str, change: Callable[[Recipe], Recipe]) -> None:
    """Let the recipe of a model type be another one, wherever it is asked for."""

    def altered(model_type: str, *folders: Any) -> Recipe | None:
        recipe = recipe_of(model_type, *folders)
        return change(recipe or Recipe({}, {})) if model_type == name else recipe

    for module in (recipes, requests, judging):
        patch.setattr(module, "recipe_of", altered)


def test_what_cannot_run_is_blocked_with_a_reason_that_a_machine_can_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reasons = {
        "ViTModel": {"kind": "package", "name": "timm", "why": "its layers are there"},
        "ViTForImageClassification": {"kind": "upstream", "name": "vit-loss", "why": "the loss is none"},
        "ViTForMaskedImageModeling": {"kind": "accelerator", "name": "cuda", "why": "a kernel"},
    }
    changed(monkeypatch, "vit", lambda recipe: replace(recipe, blocked=reasons))
    empty = Suite(tmp_path, [])
    assert {empty.case(name).state for name in reasons} == {"blocked"}
    assert [empty.case(name).reason for name in reasons] == [
        "needs the package timm: its layers are there",
        "fails upstream, see vit-loss: the loss is none",
        "needs cuda: a kernel",
    ]
    assert empty.coverage().state_of_types["vit"] == "blocked"
    assert empty.coverage().heads == Count(0, 1547)


@pytest.mark.parametrize(
    "reason",
    [
        pytest.param({"kind": "mood", "name": "bad", "why": "no"}, id="no kind that can be checked"),
        pytest.param({"kind": "package", "name": "", "why": "no"}, id="nothing to check it by"),
        pytest.param({"why": "it is hard"}, id="words alone"),
    ],
)
def test_a_reason_that_no_machine_can_check_blocks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: Mapping[str, str]
) -> None:
    changed(monkeypatch, "vit", lambda recipe: replace(recipe, blocked={"ViTModel": reason}))
    assert Suite(tmp_path, []).case("ViTModel").state == "missing"


def test_what_was_skipped_for_a_package_that_the_recipe_names_is_blocked(
    covered: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(monkeypatch, "vit", lambda recipe: replace(recipe, requires=("timm",)))
    monkeypatch.setattr(judging, "managed_subject", as_it_ran(covered))
    covered.change("ViTModel", outcome="skipped", reason="could not import 'timm'", evidence=())
    covered.change("ViTForImageClassification", outcome="skipped", reason="not today", evidence=())
    blocked, skipped = covered.case("ViTModel"), covered.case("ViTForImageClassification")
    assert (blocked.state, blocked.reason) == ("blocked", "needs the package timm")
    assert (skipped.state, skipped.reason) == ("skipped", "not today")


def as_it_ran(suite: Suite) -> Callable[..., object]:
    """A subject with the sources that the records have."""
    by_name = {record.name: record.sources for record in suite.records}
    return lambda file, *rest: replace(managed_subject(file, *rest), sources=by_name[file.stamp.name])


def test_a_type_is_covered_with_a_blocked_class(covered: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "managed_subject", as_it_ran(covered))
    blocked = {"ViTModel": {"kind": "package", "name": "timm", "why": "layers"}}
    changed(monkeypatch, "vit", lambda recipe: replace(recipe, blocked=blocked))
    covered.records = [record for record in covered.records if record.class_name != "ViTModel"]
    now = covered.coverage()
    assert (now.state_of_types["vit"], now.covered_types.covered) == ("covered", 3)
    covered.change("ViTForImageClassification", outcome="failed")
    assert covered.coverage().state_of_types["vit"] == "failing"


def test_a_reason_of_the_recipe_lets_backward_and_generation_go(
    covered: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "managed_subject", as_it_ran(covered))
    covered.change("OlmoForCausalLM", evidence=("forward", "load", "save"))
    assert covered.case("OlmoForCausalLM").reason == "passed, and was not seen to backward, generate"
    without = {"test_training_step": "no gradient", "test_cached_generation_equals_uncached": "no cache"}
    changed(monkeypatch, "olmo", lambda recipe: replace(recipe, without=without))
    assert covered.case("OlmoForCausalLM").state == "covered"


def test_a_class_without_a_prompt_in_its_recipe_need_not_generate(
    covered: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "managed_subject", as_it_ran(covered))
    covered.change("OlmoForCausalLM", evidence=("backward", "forward", "load", "save"))
    written = {"OlmoForCausalLM": {"inputs": {"input_ids": "tokens(2, 7)"}, "outputs": {}}}
    changed(monkeypatch, "olmo", lambda recipe: replace(recipe, heads=written))
    assert covered.case("OlmoForCausalLM").state == "covered"
    prompted = {"OlmoForCausalLM": {**written["OlmoForCausalLM"], "prompt": {"input_ids": "tokens(2, 7)"}}}
    changed(monkeypatch, "olmo", lambda recipe: replace(recipe, heads=prompted))
    assert covered.case("OlmoForCausalLM").state == "failing"


def test_a_team_that_leaves_the_training_out_has_not_covered(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.hfcodemod]\nleave-out = ["test_training_step", "test_save_load"]\n')
    left = suite(tmp_path, ["olmo"])
    assert left.case("OlmoModel").state == "covered"
    left.change("OlmoModel", evidence=("forward", "load", "save"))
    assert left.case("OlmoModel").reason == "passed, and was not seen to backward"


class TestSeveralModules:
    """A class may be tested by modules of several names, and of several skeletons."""

    OWN = """\
[tool.hfcodemod.skeletons.suite]
path = "suite/llama.py"
reference = "llama"
target = "suite/test_{name}.py"

[tool.hfcodemod.architectures.yolov4]
title = "YOLOv4"
"""

    def test_the_one_that_shows_most_speaks(self, covered: Suite) -> None:
        hfcodemod.add(["olmo-next"], like="olmo", model_id="org/next", root=covered.root)
        covered.change("OlmoModel", outcome="failed", reason="NaN")
        (failed,) = (record for record in covered.records if record.class_name == "OlmoModel")
        module = covered.root / "tests/models/test_hf_olmo_next.py"
        sources = self.sources(covered, module)
        other = replace(failed, name="olmo-next", module="tests/models/test_hf_olmo_next.py", sources=sources)
        covered.records.append(replace(other, outcome="passed", reason="").sealed())
        case = covered.case("OlmoModel")
        assert (case.state, case.module) == ("covered", "tests/models/test_hf_olmo_next.py")
        covered.records[-1] = replace(other, sources=failed.sources).sealed()
        case = covered.case("OlmoModel")
        assert (case.state, case.module) == ("failing", "tests/models/test_hf_olmo.py")

    @staticmethod
    def sources(covered: Suite, module: Path) -> Mapping[str, str]:
        """What a module is and was made from, as a record has it."""
        settings = settings_for(covered.root)
        (file,) = tree_of(settings, [module]).files
        return managed_subject(file, settings, pinned_facts(settings)).sources

    @pytest.fixture
    def own(self, covered: Suite) -> Suite:
        """The modules, and two of a skeleton of the team's own: one of an architecture that transformers lacks."""
        (covered.root / "pyproject.toml").write_text(self.OWN)
        (covered.root / "suite").mkdir()
        text = "from transformers import LlamaForCausalLM\n\n\ndef test_it():\n    assert LlamaForCausalLM\n"
        (covered.root / "suite" / "llama.py").write_text(text)
        hfcodemod.add(["mistral"], skeleton="suite", root=covered.root)
        module = covered.root / "suite" / "test_mistral.py"
        body, stamp = without_stamp(module.read_text())
        assert stamp is not None
        other = replace(stamp, name="yolov4", base=digest(body))
        (covered.root / "suite" / "test_yolov4.py").write_text(stamped(body, other))
        return covered

    def test_one_of_a_skeleton_of_the_team_needs_forward_and_backward(self, own: Suite) -> None:
        sources = self.sources(own, own.root / "suite" / "test_mistral.py")
        assert sources["recipe"] == ""
        (record,) = (record for record in own.records if record.class_name == "OlmoModel")
        about: dict[str, Any] = {
            "skeleton": "suite",
            "name": "mistral",
            "model_type": "mistral",
            "class_name": "MistralForCausalLM",
        }
        mistral = replace(record, sources=sources, **about)
        own.records.append(replace(mistral, evidence=("backward", "forward")).sealed())
        assert own.case("MistralForCausalLM").state == "covered"
        own.records[-1] = replace(mistral, evidence=("forward", "generate")).sealed()
        assert own.case("MistralForCausalLM").reason == "passed, and was not seen to backward"

    def test_one_of_an_architecture_that_transformers_lacks_counts_for_nothing(self, own: Suite) -> None:
        own.records = [replace(own.records[0], skeleton="suite", name="yolov4", model_type="yolov4").sealed()]
        assert [each.why for each in own.coverage().uncounted] == ["transformers 5.23.0 has no model class of 'yolov4'"]

    def test_a_skeleton_that_is_not_configured_any_more(self, own: Suite) -> None:
        own.records = [replace(own.records[0], skeleton="suite", name="mistral", model_type="mistral").sealed()]
        (own.root / "pyproject.toml").unlink()
        (uncounted,) = own.coverage().uncounted
        assert uncounted.why.startswith("no skeleton 'suite'; known: default; ")


class TestRecordsThatDoNotCount:
    def why(self, covered: Suite) -> str:
        """Why the record of a class does not count."""
        (uncounted,) = covered.coverage().uncounted
        return uncounted.why

    def test_of_a_module_that_is_not_managed(self, covered: Suite) -> None:
        covered.change("OlmoModel", skeleton="", name="tests/test_olmo.py")
        assert self.why(covered) == "its module is not managed; `hfcodemod adopt` takes it under management"

    def test_of_a_model_type_that_transformers_lacks(self, covered: Suite) -> None:
        covered.change("OlmoModel", model_type="olmo9", name="olmo9")
        assert self.why(covered) == "transformers 5.23.0 has no model type 'olmo9'"

    def test_of_a_module_that_cannot_be_managed_as_it_is(self, covered: Suite) -> None:
        covered.records = [record for record in covered.records if record.class_name == "OlmoModel"]
        shutil.copy(covered.module("olmo"), covered.module("copy"))
        assert self.why(covered).startswith(f"{covered.module('olmo')}: has the stamp of olmo, and so has ")
