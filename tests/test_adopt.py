"""`adopt`: suites as they are found follow a skeleton from then on, and nothing else of them changes."""

from __future__ import annotations

import difflib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from repository import Done, Repository, command

from hfcodemod.testclasses import called

LEGACY = Path(__file__).parents[1] / "fixtures" / "legacy"
PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "adopting.md"
BOM = b"\xef\xbb\xbf"
STAMP = re.compile(rb"^# hfcodemod: (\S+) skeleton=(\S+) base=\w{8}\r?\n", re.MULTILINE)

# What the next release of each skeleton changes: a letter, what stands there, what is to stand there.
CHANGES = {
    "quant": {
        "C": ("    return abs(score - expected) <= TOLERANCE\n", "    return abs(score - expected) < 2 * TOLERANCE\n"),
        "W": ("    return text.split()\n", "    return text.lower().split()\n"),
        "S": ("    GROUP_SIZE = 128\n", "    GROUP_SIZE = 64\n"),
        "G": (
            '        assert "Paris" in self.generate(PROMPT)\n',
            '        assert self.generate(PROMPT).endswith("Paris")\n',
        ),
    },
    "bench": {
        "L": ("LIMIT = 10\n", "LIMIT = 20\n"),
        "H": (
            '    return {"model": MODEL_ID, "limit": LIMIT}\n',
            '    return {"model": MODEL_ID, "limit": LIMIT, "seed": 0}\n',
        ),
        "C": ("    assert 0 <= score\n", "    assert 0 <= score <= 1, score\n"),
        "R": (
            '    assert evaluate(harness, "arc") == evaluate(harness, "arc")\n',
            '    first = evaluate(harness, "arc")\n    assert evaluate(harness, "arc") == first\n',
        ),
    },
}
# Each module: what it is, which changes it gets, and what is in conflict since it has a form of its own. A change that
# is in neither is of something that the module does not have.
MODULES = {
    "quant/stablelm_test.py": ("stablelm", "CWG", ["StableLmTest.GROUP_SIZE"]),
    "quant/test_awq_opt.py": ("opt", "CSG", []),
    "quant/test_bert_awq.py": ("bert", "CS", []),
    "quant/test_command_r_awq.py": ("command-r", "CWSG", []),
    "quant/test_falcon_awq.py": ("falcon", "CWSG", []),
    "quant/test_gemma2_awq.py": ("gemma2", "CWSG", []),
    "quant/test_gpt2_awq.py": ("gpt2", "CSG", ["words"]),
    "quant/test_mistral_awq.py": ("mistral", "CWSG", []),
    "quant/test_nightly_7.py": ("bloom", "CWSG", []),
    "quant/test_olmo_awq.py": ("olmo", "CWSG", []),
    "quant/test_phi3_awq.py": ("phi3", "CWSG", []),
    "quant/test_qwen2_awq.py": ("qwen2", "CWG", ["TestQwen2.GROUP_SIZE"]),
    "quant/test_t5_awq.py": ("t5", "SG", ["close", "words"]),
    "quant/test_vit_awq.py": ("vit", "CWSG", []),
    "quant/test_xlm_roberta_awq.py": ("xlm-roberta", "CWSG", []),
    "bench/test_bart_bench.py": ("bart", "LHCR", []),
    "bench/test_bench_roberta.py": ("roberta", "LCR", ["harness"]),
    "bench/test_blip2_bench.py": ("blip-2", "LHC", []),
    "bench/test_clip_bench.py": ("clip", "LHR", ["check"]),
    "bench/test_deepseek_v3_bench.py": ("deepseek_v3", "LHCR", []),
    "bench/test_dinov2_bench.py": ("dinov2", "LHCR", []),
    "bench/test_discriminator.py": ("electra", "LHCR", []),
    "bench/test_gemma3_bench.py": ("gemma3", "LHCR", []),
    "bench/test_granite_bench.py": ("granite", "LHCR", []),
    "bench/test_kosmos-2_5_bench.py": ("kosmos-2.5", "LHC", []),
    "bench/test_llama3_bench.py": ("llama-3", "LHCR", []),
    "bench/test_longformer_bench.py": ("longformer", "LHCR", []),
    "bench/test_mamba_bench.py": ("mamba", "HCR", ["LIMIT"]),
    "bench/test_mistral_bench.py": ("mistral", "LHCR", []),
    "bench/test_whisper_bench.py": ("whisper", "LHCR", []),
}
# Where the old form stands in another layout: the function becomes what the skeleton has, all around it stays.
OTHER_LAYOUTS = {
    "quant/test_gemma2_awq.py": {
        "C": (
            "def close( score, expected ):\n    return abs( score-expected )<=TOLERANCE\n",
            "def close(score, expected):\n    return abs(score - expected) < 2 * TOLERANCE\n",
        ),
        "W": (
            "def words( text ):\n    return text.split()\n",
            "def words(text):\n    return text.lower().split()\n",
        ),
        "G": (
            "    def test_generate( self ):\n        assert 'Paris' in self.generate( PROMPT )\n",
            '    def test_generate(self):\n        assert self.generate(PROMPT).endswith("Paris")\n',
        ),
    },
    "bench/test_bart_bench.py": {
        "H": (
            "    return {'model': MODEL_ID, 'limit': LIMIT}\n",
            '    return {"model": MODEL_ID, "limit": LIMIT, "seed": 0}\n',
        ),
        "R": (
            "    assert evaluate(harness, 'arc') == evaluate(harness, 'arc')\n",
            '    first = evaluate(harness, "arc")\n    assert evaluate(harness, "arc") == first\n',
        ),
    },
    "bench/test_granite_bench.py": {
        "H": (
            '    return {\n        "model": MODEL_ID,\n        "limit": LIMIT,\n    }\n',
            '    return {"model": MODEL_ID, "limit": LIMIT, "seed": 0}\n',
        ),
        "R": (
            '    assert evaluate(\n        harness, "arc"\n    ) == evaluate(harness, "arc")\n',
            '    first = evaluate(harness, "arc")\n    assert evaluate(harness, "arc") == first\n',
        ),
    },
}
SKELETONS = {"quant": "quant/test_llama_awq.py", "bench": "bench/test_llama_bench.py"}

Command = Callable[..., Done]


@pytest.fixture
def legacy(tmp_path: Path) -> Path:
    """A copy of the suites."""
    return Path(shutil.copytree(LEGACY, tmp_path / "legacy", ignore=shutil.ignore_patterns("__pycache__")))


@pytest.fixture
def run(legacy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command line among the suites."""
    return command(monkeypatch, capsys, legacy)


def bodies(legacy: Path) -> dict[str, bytes]:
    """The modules without their stamps."""
    return {name: without_stamp((legacy / name).read_bytes()) for name in MODULES}


def without_stamp(raw: bytes) -> bytes:
    found = STAMP.search(raw)
    if found is None:
        return raw
    start, end = found.span()
    newline = b"\r\n" if raw[start:end].endswith(b"\r\n") else b"\n"
    if start in (0, len(BOM)) or not raw[:start].endswith(newline * 2):
        return raw[:start] + raw[end:].removeprefix(newline)
    return raw[: start - len(newline)] + raw[end:]


def release(legacy: Path) -> None:
    """The skeletons as they are after the release."""
    for folder, path in SKELETONS.items():
        text = (legacy / path).read_text()
        for old, new in CHANGES[folder].values():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (legacy / path).write_text(text)


def expected(name: str, before: bytes) -> bytes:
    """The module after the release, byte for byte."""
    for letter in MODULES[name][1]:
        old, new = OTHER_LAYOUTS.get(name, {}).get(letter, CHANGES[name.partition("/")[0]][letter])
        old_raw, new_raw = old.encode(), new.encode()
        if b"\r\n" in before:
            old_raw, new_raw = old_raw.replace(b"\n", b"\r\n"), new_raw.replace(b"\n", b"\r\n")
        assert before.count(old_raw) == 1, (name, old)
        before = before.replace(old_raw, new_raw)
    return before


def passed(legacy: Path) -> str:
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."]
    done = subprocess.run(words, cwd=legacy, capture_output=True, text=True, check=False)
    return re.sub(r" in [\d.]+s.*", "", done.stdout.rstrip().rpartition("\n")[2])


def test_thirty_modules(legacy: Path, run: Command) -> None:
    """Adopted by their folders, changed where they had the old form, and otherwise left alone."""
    assert passed(legacy) == "118 passed, 2 skipped"
    before = bodies(legacy)
    assert set(before) | set(SKELETONS.values()) | {"quant/model_test.py"} == {
        path.relative_to(legacy).as_posix() for path in legacy.rglob("*.py")
    }
    done = run("adopt", "quant", "bench")
    assert (done.code, done.err) == (0, "")
    (shown,) = re.findall(r"^adopted .*\n", PAGE.read_text(), re.MULTILINE)
    assert shown in done.out
    names = dict(re.findall(r"^adopted (\S+) as (\S+): ", done.out, re.MULTILINE))
    assert names == {path: name for path, (name, _, _) in MODULES.items()}
    assert bodies(legacy) == before
    for path, (name, _, _) in MODULES.items():
        skeleton = "awq" if path.startswith("quant") else "bench"
        assert STAMP.findall((legacy / path).read_bytes()) == [(name.encode(), skeleton.encode())]
    assert run("migrate-all").out == "30 in step\n"

    release(legacy)
    done = run("migrate-all")
    conflicts = {path: items for path, (_, _, items) in MODULES.items() if items}
    after = bodies(legacy)
    for path in MODULES:
        assert after[path] == expected(path, before[path]), path
    assert (done.code, done.out.splitlines()[-1]) == (
        1,
        f"{len(conflicts)} in conflict, 22 merged, 1 replaced, 0 in step",
    )
    waiting = json.loads(run("resolve", "--json").out)
    assert {one["path"]: [item["item"] for item in one["conflicts"]] for one in waiting} == conflicts
    assert passed(legacy) == "118 passed, 2 skipped"

    assert run("resolve", "--ours").code == 0
    assert bodies(legacy) == after
    assert run("migrate-all").out == "30 in step\n"


NEW_TESTS = {
    "quant": "\n    def test_bits(self):\n        assert self.BITS in (2, 3, 4, 8)\n",
    "bench": "\n\ndef test_model_is_named():\n    assert MODEL_ID\n",
}


def test_a_new_test_arrives_in_each_of_them(legacy: Path, run: Command) -> None:
    assert run("adopt", "quant", "bench").code == 0
    before = bodies(legacy)
    for folder, path in SKELETONS.items():
        (legacy / path).write_text((legacy / path).read_text() + NEW_TESTS[folder])
    done = run("migrate-all")
    assert (done.code, done.err) == (0, "")
    for path, raw in bodies(legacy).items():
        old, new = (text.decode("utf-8-sig").splitlines() for text in (before[path], raw))
        changes = [line for line in difflib.ndiff(old, new) if line[0] in "+-?" and line[1:].strip()]
        added = [f"+ {line}" for line in NEW_TESTS[path.partition("/")[0]].splitlines() if line]
        assert changes == added, path
    assert passed(legacy) == "150 passed, 2 skipped"


# One file at a time, in the repository of the other tests: its skeleton makes six items.
MODULE = """\
import math

MODEL_ID = "{checkpoint}"
LIMIT = 0.5


def rounded(value):
    return math.floor(value)


class {title}:
    def test_score(self):
        assert rounded(LIMIT) == 0
"""


def write(repository: Repository, name: str, title: str = "TestIt", checkpoint: str = "it", extra: str = "") -> Path:
    path = repository.root / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(MODULE.format(title=title, checkpoint=checkpoint) + extra)
    return path


@pytest.mark.parametrize(
    ("file", "title", "checkpoint", "name"),
    [
        pytest.param("suite/test_gemma3.py", "TestIt", "it", "gemma3", id="the pattern of the skeleton's modules"),
        pytest.param("suite/test_xlm-roberta.py", "TestIt", "it", "xlm-roberta", id="a name with a hyphen"),
        pytest.param("suite/test_llama3_2.py", "TestIt", "it", "llama-3.2", id="a name in use"),
        pytest.param("suite/gemma3_test.py", "TestIt", "it", "gemma3", id="a file that ends in test"),
        pytest.param("suite/test_modeling_gemma3.py", "TestIt", "it", "gemma3", id="a file called as in transformers"),
        pytest.param("suite/test_yolov4.py", "TestIt", "it", "yolov4", id="an architecture of one's own"),
        pytest.param("suite/test_gemma3.py", "TestGemma2", "google/gemma-7b", "gemma3", id="the file goes first"),
        pytest.param("suite/test_7.py", "TestGemma3", "it", "gemma3", id="a test class"),
        pytest.param("suite/test_7.py", "Gemma3AwqTest", "it", "gemma3", id="a test class with more words"),
        pytest.param("suite/test_7.py", "TestXLMRobertaXL", "it", "xlm-roberta-xl", id="the longest name of a class"),
        pytest.param("suite/test_7.py", "TestIt", "google/gemma-3-4b-it", "gemma3", id="a checkpoint"),
        pytest.param("suite/test_7.py", "TestIt", "/mnt/a/Qwen2-0.5B/", "qwen2", id="a local checkpoint"),
        pytest.param("suite/test_7.py", "TestIt", "~/olmo-7b", "olmo", id="a checkpoint at home"),
        pytest.param("suite/test_7.py", "TestIt", "it/is/olmo-7b", "olmo", id="a relative path"),
    ],
)
def test_what_it_is(repository: Repository, file: str, title: str, checkpoint: str, name: str) -> None:
    repository.module("olmo").unlink()
    path = write(repository, file, title, checkpoint)
    before = path.read_text()
    done = repository.run("adopt", file)
    assert (done.code, done.err) == (0, "")
    assert f"adopted {file} as {name}: " in done.out
    assert f"# hfcodemod: {name} skeleton=suite base=" in path.read_text().split("\n")[0]
    assert path.read_text().partition("\n\n")[2] == before


@pytest.mark.parametrize(
    ("title", "checkpoint", "extra", "said"),
    [
        pytest.param("TestIt", "it", "", "neither its name, its classes nor its checkpoints say what it is", id="none"),
        pytest.param(
            "TestIt",
            "it",
            "\n\nA = 'GemmaForCausalLM', 'Gemma2ForCausalLM'\n",
            "may be gemma, gemma2; say which",
            id="classes of two",
        ),
        pytest.param(
            "TestGemma3",
            "it",
            "\n\nclass TestBloom:\n    pass\n",
            "may be bloom, gemma3; say which",
            id="two test classes",
        ),
        pytest.param(
            "TestIt",
            "google/gemma-2-2b",
            "\n\nOTHER = 'bigscience/bloom-560m'\n",
            "may be bloom, gemma2; say which",
            id="two checkpoints",
        ),
    ],
)
def test_what_is_not_clear_is_told_with_the_candidates(
    repository: Repository, title: str, checkpoint: str, extra: str, said: str
) -> None:
    path = write(repository, "suite/test_7.py", title, checkpoint, extra)
    before = repository.files()
    done = repository.run("adopt", "suite/test_7.py")
    assert (done.code, done.out) == (2, "")
    remedy = f"hfcodemod adopt {path} --as NAME\n"
    assert done.err.startswith(f"error: {path}: {said}") and done.err.endswith(remedy)
    assert repository.files() == before
    if "gemma, gemma2" in said:
        (shown,) = re.findall(r"^error: .*\n", PAGE.read_text(), re.MULTILINE)
        assert done.err.replace(f"{repository.root}/", "") == shown
    assert repository.run("adopt", "suite/test_7.py", "--as", "gemma3").code == 0
    assert "# hfcodemod: gemma3 skeleton=suite base=" in path.read_text()
    assert repository.run("migrate-all").out == "4 in step\n"


def test_what_a_module_has_of_the_skeleton_is_told(repository: Repository) -> None:
    text = MODULE.format(title="TestGemma3", checkpoint="google/gemma-3-4b-it").replace("math.floor", "round")
    repository.module("gemma3").write_text(text)
    done = repository.run("adopt", "suite/test_gemma3.py")
    assert done.out == (
        "adopted suite/test_gemma3.py as gemma3: 4 items as in the skeleton; otherwise: rounded; "
        "not here: TestGemma3.test_name\n"
    )
    repository.module("gemma3").write_text(text)
    done = repository.run("adopt", "suite/test_gemma3.py", "--json")
    assert (done.code, json.loads(done.out)) == (
        0,
        {
            "modules": [
                {
                    "path": "suite/test_gemma3.py",
                    "name": "gemma3",
                    "skeleton": "suite",
                    "changed": True,
                    "same": ["MODEL_ID", "LIMIT", "TestGemma3", "TestGemma3.test_score"],
                    "otherwise": ["rounded"],
                    "missing": ["TestGemma3.test_name"],
                }
            ],
            "errors": [],
        },
    )


def test_less_than_half_in_common_asks_for_force(repository: Repository) -> None:
    path = repository.module("gemma3")
    path.write_text("LIMIT = 0.5\n\n\nclass TestGemma3:\n    def test_other(self):\n        assert LIMIT\n")
    before = repository.files()
    done = repository.run("adopt", "suite/test_gemma3.py")
    assert (done.code, done.out, done.err) == (
        2,
        "",
        f"error: {path}: has 2 of the 6 items that the skeleton makes for gemma3; pass --force if it is to follow the "
        "skeleton all the same\n",
    )
    assert repository.files() == before
    done = repository.run("adopt", "suite/test_gemma3.py", "--force")
    assert (done.code, done.out.partition(":")[0]) == (0, "adopted suite/test_gemma3.py as gemma3")
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.25")
    assert repository.run("migrate-all").code == 0
    assert path.read_text().endswith(
        "\n\nLIMIT = 0.25\n\n\nclass TestGemma3:\n    def test_other(self):\n        assert LIMIT\n"
    )


def test_half_in_common_is_enough(repository: Repository) -> None:
    path = repository.module("gemma3")
    path.write_text("LIMIT = 1\n\n\nclass TestGemma3:\n    def test_score(self):\n        assert LIMIT\n")
    assert repository.run("adopt", "suite/test_gemma3.py").code == 0


def test_one_that_cannot_be_adopted_stops_no_other(repository: Repository) -> None:
    broken, good, again = (
        write(repository, f"suite/{name}") for name in ("test_bart.py", "test_gemma3.py", "gemma3.py")
    )
    broken.write_text("def test_it(:\n")
    before = again.read_bytes()
    files = ["suite/test_bart.py", "suite/test_gemma3.py", "suite/gemma3.py", "suite/test_t5.py"]
    done = repository.run("adopt", *files)
    assert (done.code, done.out.partition(":")[0]) == (2, "adopted suite/test_gemma3.py as gemma3")
    assert done.err.splitlines() == [
        f"error: {broken}:1: does not parse (invalid syntax); mend it first",
        f"error: {again}: {good} is gemma3 already; pass --as another name",
        f"error: {repository.module('t5')}: there is no such file; give the path of a test module",
    ]
    assert (broken.read_text(), again.read_bytes()) == ("def test_it(:\n", before)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["suite/llama.py"], "suite/llama.py: is a skeleton or an overlay; its modules", id="skeleton"),
        pytest.param(["empty"], "empty: holds no test modules; give the path of one", id="empty folder"),
        pytest.param(
            ["../outside.py"], "is not where managed modules are looked for; it must be a .py file", id="outside"
        ),
        pytest.param(["suite/notes.txt"], "is not where managed modules are looked for", id="no Python file"),
        pytest.param(["suite", "--as", "gemma3"], "a name is for one PATH; adopt the files one by one", id="as"),
        pytest.param(
            ["suite/test_bert.py", "--like", "bert"], "speak of a name; say which: --as NAME", id="like alone"
        ),
        pytest.param(["suite/test_bert.py", "--skeleton", "x", "--force"], "no skeleton 'x'; known: ", id="skeleton"),
    ],
)
def test_wrong_usage(repository: Repository, words: list[str], said: str) -> None:
    (repository.root / "empty").mkdir()
    (repository.root / "empty" / "test_nothing.py").write_text("")
    write(repository, "../outside.py")
    (repository.root / "suite" / "notes.txt").write_text("")
    before = repository.files()
    done = repository.run("adopt", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err and done.err.count("\n") == 1
    assert repository.files() == before


def test_a_managed_module_keeps_its_base(repository: Repository) -> None:
    """To adopt it again would lose what the skeleton changed and the module does not have yet."""
    repository.edit(repository.module("bert"), "LIMIT = 0.5", "LIMIT = 0.75")
    repository.edit(repository.skeleton, "math.floor(value)", "math.floor(value) + 0")
    write(repository, "suite/test_gemma3.py")
    before = repository.text("bert")
    done = repository.run("adopt", "suite")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "suite/test_bert.py: is managed as bert already",
        "adopted suite/test_gemma3.py as gemma3: 3 items as in the skeleton; otherwise: MODEL_ID, rounded; "
        "not here: TestIt.test_name",
        "suite/test_mistral.py: is managed as mistral already",
        "suite/test_olmo.py: is managed as olmo already",
    ]
    assert repository.text("bert") == before
    assert repository.run("migrate-all").code == 0
    assert "math.floor(value) + 0" in repository.text("bert") and "LIMIT = 0.75" in repository.text("bert")


def test_diff_writes_nothing(repository: Repository) -> None:
    path = write(repository, "suite/test_gemma3.py")
    before = repository.files()
    done = repository.run("adopt", "suite/test_gemma3.py", "--diff")
    added = [line for line in done.out.splitlines() if line.startswith("+")]
    assert done.code == 1 and len(added) == 3 and added[1].startswith("+# hfcodemod: gemma3 skeleton=suite base=")
    assert repository.files() == before
    assert repository.run("adopt", "suite/test_gemma3.py").code == 0
    assert repository.run("adopt", str(path), "--diff").code == 0


def test_a_new_name_that_is_like_a_known_one(repository: Repository) -> None:
    path = write(repository, "suite/test_mistral_next.py", "TestMistralNext", "mistralai/Next")
    done = repository.run("adopt", str(path), "--as", "mistral-next")
    assert done.code == 2 and "no architecture 'mistral-next'; the nearest: mistral, " in done.err
    words = ["--as", "mistral-next", "--like", "mistral", "--model-id", "mistralai/Next"]
    done = repository.run("adopt", str(path), *words)
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "adopted suite/test_mistral_next.py as mistral-next: 5 items as in the skeleton; not here: "
        "TestMistralNext.test_name\n"
    )
    line = path.read_text().split("\n")[0]
    assert line.startswith("# hfcodemod: mistral-next like=mistral model_id=mistralai/Next skeleton=suite base=")
    # Somebody edits the stamp: what is left of it says what the module is.
    path.write_text(path.read_text().replace(line, line[:-1]))
    assert repository.run("migrate-all").code == 2
    assert repository.run("adopt", str(path)).code == 0
    assert path.read_text().split("\n")[0] == line
    # What is left is of no use: then the module is looked at, and its class says what another module is already.
    path.write_text(path.read_text().replace(line, line[:-1].replace("like=mistral", "like=mist")))
    before = path.read_text()
    done = repository.run("adopt", str(path))
    mistral = repository.module("mistral")
    assert (done.code, done.err) == (2, f"error: {path}: {mistral} is mistral already; pass --as another name\n")
    assert path.read_text() == before


def test_a_copy_and_its_original_are_not_guessed(repository: Repository) -> None:
    copy = repository.module("gemma3")
    shutil.copy(repository.module("mistral"), copy)
    before = repository.files()
    for path, other in ((copy, repository.module("mistral")), (repository.module("mistral"), copy)):
        done = repository.run("adopt", str(path))
        assert done.code == 2 and f"error: {path}: has the stamp of mistral, and so has {other}; " in done.err
        done = repository.run("adopt", str(path), "--as", "olmo")
        olmo = repository.module("olmo")
        assert (done.code, done.err) == (2, f"error: {path}: {olmo} is olmo already; pass --as another name\n")
    done = repository.run("adopt", str(copy), "--as", "mistral")
    original = repository.module("mistral")
    assert (done.code, done.err) == (2, f"error: {copy}: {original} is mistral already; pass --as another name\n")
    assert repository.files() == before


def test_two_stamps_are_not_guessed(repository: Repository) -> None:
    path = repository.module("mistral")
    line = next(line for line in path.read_text().split("\n") if line.startswith("# hfcodemod: "))
    path.write_text(f"{path.read_text()}\n\n{line.replace('mistral', 'gemma3')}\n")
    before = repository.files()
    done = repository.run("adopt", str(path))
    assert (done.code, done.err) == (
        2,
        f"error: {path}: has 2 stamps; delete those that are not this module's, or say what it is: hfcodemod adopt "
        f"{path} --as NAME\n",
    )
    assert repository.files() == before
    assert repository.run("adopt", str(path), "--as", "mistral").code == 0
    assert path.read_text().count("# hfcodemod: ") == 1 and line in path.read_text()


def test_a_class_under_another_name_follows(repository: Repository) -> None:
    """What the skeleton does to its class arrives, in conflict too; both before and after the class is adopted."""
    path = repository.module("bert")
    repository.edit(path, "class TestBert:", "class EncoderChecks(object):")
    repository.edit(path, "rounded(LIMIT) == 0", "rounded(LIMIT) == 0.0")
    repository.edit(repository.skeleton, 'count("/") < 2', 'count("/") <= 1')
    repository.edit(repository.skeleton, "rounded(LIMIT) == 0", "rounded(LIMIT) <= 0")
    done = repository.run("migrate-all")
    assert done.code == 1
    text = repository.text("bert")
    assert 'count("/") <= 1' in text and "rounded(LIMIT) == 0.0" in text and "TestBert" not in text
    (waiting,) = json.loads(repository.run("resolve", "--json").out)
    assert [item["item"] for item in waiting["conflicts"]] == ["EncoderChecks.test_score"]
    # Told again while it waits; other changes still arrive.
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.25")
    assert repository.run("migrate-all").code == 1
    assert repository.text("bert").replace("0.25", "0.5").partition("import")[2] == text.partition("import")[2]
    assert "LIMIT = 0.25" in repository.text("bert")
    assert repository.run("resolve", "--theirs").code == 0
    assert "        assert rounded(LIMIT) <= 0\n" in repository.text("bert")
    assert repository.run("migrate-all").out == "3 in step\n"
    repository.skeleton.write_text(repository.skeleton.read_text() + "\n    def test_new(self):\n        pass\n")
    assert repository.run("migrate-all").code == 0
    assert repository.text("bert").endswith("\n\n    def test_new(self):\n        pass\n")


ONE = "class TestA:\n    def test_one(self):\n        pass\n\n    def test_two(self):\n        pass\n"


@pytest.mark.parametrize(
    ("ours", "names"),
    [
        pytest.param(ONE, {}, id="the same"),
        pytest.param(ONE.replace("TestA", "ATest"), {"TestA": "ATest"}, id="another name"),
        pytest.param(ONE.replace("TestA", "ATest").replace("two", "three"), {"TestA": "ATest"}, id="half of it"),
        pytest.param(ONE.replace("TestA", "ATest").replace("two", "2").replace("one", "1"), {}, id="nothing of it"),
        pytest.param(ONE + ONE.replace("TestA", "ATest"), {}, id="a second class"),
        pytest.param(ONE.replace("TestA", "B") + ONE.replace("TestA", "C"), {}, id="two that are alike"),
        pytest.param("class B: pass\n", {}, id="a class without a body"),
        pytest.param("", {}, id="no class"),
    ],
)
def test_which_class_is_called_otherwise(ours: str, names: dict[str, str]) -> None:
    assert called(ONE, ours) == names


def test_two_classes_are_not_one() -> None:
    assert called(ONE + ONE.replace("TestA", "TestB"), ONE.replace("TestA", "Tests")) == {}


HELPER = "def rounded(value):\n    return math.floor(value)\n\n\n"


def test_a_helper_that_nobody_needs_stays_away(repository: Repository) -> None:
    """A conflict about it would be about nothing; as soon as the skeleton has a use for it, it is one."""
    path = repository.module("mistral")
    repository.edit(path, HELPER, "")
    repository.edit(path, "rounded(LIMIT) == 0", "LIMIT < 1")
    repository.edit(repository.skeleton, "math.floor(value)", "math.floor(value) + 0")
    done = repository.run("migrate-all")
    assert (done.code, done.err) == (
        0,
        "suite/test_mistral.py: rounded: changed in the skeleton, and stays deleted here\n",
    )
    assert "rounded" not in repository.text("mistral")
    repository.edit(repository.skeleton, "math.floor(value) + 0", "math.floor(value)")
    text = repository.skeleton.read_text()
    repository.skeleton.write_text(f"{text}\n    def test_new(self):\n        assert rounded(1) == 1\n")
    done = repository.run("migrate-all")
    assert done.code == 1 and "rounded" in done.err


def test_a_class_of_which_no_test_is_left(repository: Repository) -> None:
    path = repository.module("mistral")
    text = path.read_text()
    path.write_text(text[: text.index("    def test_score")] + "    def test_own(self):\n        assert LIMIT\n")
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.25")
    before = repository.text("mistral")
    assert repository.run("migrate-all").code == 0
    changed = repository.text("mistral")
    assert changed.partition("import")[2] == before.replace("0.5", "0.25").partition("import")[2]


@pytest.mark.parametrize("before", [True, False], ids=["marked before", "marked by the release"])
def test_own_values_of_an_adopted_module_are_no_conflict(repository: Repository, before: bool) -> None:
    path = write(repository, "suite/test_gemma3.py", "TestGemma3", "google/gemma-3-4b-it")
    repository.edit(path, "LIMIT = 0.5\n", "LIMIT = 0.75\n")
    if before:
        repository.edit(repository.skeleton, "LIMIT = 0.5\n", "LIMIT = 0.5  # hfcodemod: own = 0.5\n")
    done = repository.run("adopt", str(path))
    assert (done.code, done.err) == (0, "")
    assert "otherwise: LIMIT; " in done.out
    old = "LIMIT = 0.5  # hfcodemod: own = 0.5\n" if before else "LIMIT = 0.5\n"
    repository.edit(repository.skeleton, old, "LIMIT = 0.25  # hfcodemod: own = 0.25\n")
    repository.edit(repository.skeleton, "math.floor(value)", "math.floor(value) + 0")
    assert repository.run("migrate-all").code == 0
    assert re.findall("^LIMIT.*", path.read_text(), re.MULTILINE) == (
        ["LIMIT = 0.75"] if before else ["LIMIT = 0.75  # hfcodemod: own = 0.25"]
    )
    assert "math.floor(value) + 0" in path.read_text()
