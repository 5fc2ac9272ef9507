"""The faces of coverage: page, Markdown, badge, JSON; and the page as a browser shows it."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from hfcodemod.coverage_badge import as_badge
from hfcodemod.coverage_cases import DEFINITION, Case, Count, Coverage, State, Uncounted, tally
from hfcodemod.coverage_html import as_html
from hfcodemod.coverage_json import as_dict
from hfcodemod.coverage_markdown import as_markdown
from hfcodemod.ledger import Record

HOSTILE = "<script>alert('x')</script> & | `code` *much* [a](b) {{rows}} _x_"
"""What a test may say when it fails."""
RECORD = Record(
    skeleton="default",
    name="olmo",
    class_name="OlmoModel",
    model_type="olmo",
    module="tests/models/test_hf_olmo.py",
    outcome="passed",
    reason="",
    evidence=("backward", "forward"),
    parameters=123_456,
    seconds=1.25,
    tests={"passed": 20, "failed": 0, "skipped": 2},
    skips={"test_real_checkpoint": "test is slow", "test_bfloat16": "no bfloat16"},
    date="2026-01-31T23:59:59Z",
    device="cpu",
    versions={"hfcodemod": "0.1.0", "python": "3.12.1", "torch": "2.13.0", "transformers": "5.23.0"},
    sources={"module": "", "recipe": "", "skeleton": ""},
)


def case(model_type: str, head: str, state: State = "covered", reason: str = "", **more: Any) -> Case:
    """A class of a model type that takes text."""
    about: dict[str, Any] = {"family": model_type, "modalities": ("text",), "tasks": ("model",), "pipelines": ()}
    return Case(model_type, head, state=state, reason=reason, **{**about, **more})


OLMO = case("olmo", "OlmoModel", pipelines=("feature-extraction",), record=RECORD)
LM = case("olmo", "OlmoForCausalLM", "failing", HOSTILE, tasks=("causal_lm", "pretraining"), record=RECORD)
VIT = case("vit", "ViTModel", modalities=("image",), record=replace(RECORD, parameters=99, seconds=12.0, device=""))
TIMM = case("timm_wrapper", "TimmWrapperModel", "blocked", "needs the package timm", family="timm", modalities=())
MOCK = case("bert", "BertModel", "mock only", "only a mock of it was called")
NOW = Coverage("5.23.0", (MOCK, OLMO, LM, TIMM, VIT), (Uncounted(replace(RECORD, class_name=HOSTILE), "no seal"),))
NONE = Coverage("5.23.0", (replace(OLMO, state="missing", record=None),))
ALL = Coverage("5.23.0", (OLMO,))


class TestCounts:
    def test_a_percentage_is_rounded_down(self) -> None:
        assert [Count(*pair).percent for pair in ((1999, 2000), (2, 3), (0, 0), (7, 7))] == [
            "99.9",
            "66.6",
            "0.0",
            "100.0",
        ]
        assert Count(1999, 2000).said == "1,999 of 2,000 (99.9 %)"

    def test_what_is_enough_is_not_rounded(self) -> None:
        assert not Count(1999, 2000).reaches(99.96)
        assert Count(1999, 2000).reaches(99.95)

    def test_a_class_of_several_types_counts_once_and_is_covered_with_all_of_them(self) -> None:
        both = [case("gpt2", "GPT2Model"), case("gpt-sw3", "GPT2Model", "stale")]
        assert tally(both) == {"stale": 1}
        assert tally([both[0], replace(both[1], state="covered")]) == {"covered": 1}
        assert tally([*both, case("x", "GPT2Model", "failing")]) == {"failing": 1}

    def test_each_state_of_a_type_tells_what_is_to_be_done(self) -> None:
        assert NOW.state_of_types == {
            "bert": "mock only",
            "olmo": "failing",
            "timm_wrapper": "blocked",
            "vit": "covered",
        }
        assert (NOW.heads, NOW.covered_types) == (Count(2, 5), Count(1, 4))

    def test_a_case_is_under_each_of_its_tasks(self) -> None:
        assert {name: len(cases) for name, cases in NOW.by("task").items()} == {
            "causal_lm": 1,
            "model": 4,
            "pretraining": 1,
        }
        assert list(NOW.by("modality")) == ["image", "other", "text"]
        assert list(NOW.by("state")) == ["covered", "failing", "mock only", "blocked"]


class Page(HTMLParser):
    """What stands on a page: tags with attributes, the texts of cells by row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag; a cell begins in a row."""
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        """A cell ends."""
        self._in_cell = self._in_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        """Text in a cell."""
        if self._in_cell:
            self.rows[-1][-1] += data


class TestPage:
    def test_every_case_is_a_row_of_a_plain_table(self) -> None:
        page = Page(as_html(NOW))
        rows = {tuple(row[:2]): row for row in page.rows if len(row) == 10}
        assert len(rows) == 1 + len(NOW.cases)
        seen = "backward, forward, skipped test_bfloat16"
        assert rows["olmo", "OlmoModel"] == [
            *("olmo", "OlmoModel", "covered", "olmo", "text", "model feature-extraction", seen, "123,456", "1.2", "")
        ]
        assert rows["olmo", "OlmoForCausalLM"][-1] == HOSTILE
        assert rows["timm_wrapper", "TimmWrapperModel"][2:5] == ["blocked", "timm", "other"]

    def test_the_definition_stands_beside_the_percentage(self) -> None:
        text = as_html(NOW)
        assert DEFINITION.replace("'", "&#x27;") in text
        assert "40.0 % <small>2 of 5</small>" in text
        assert "Run on 2026-01-31 (UTC) with transformers 5.23.0, torch 2.13.0, python 3.12.1 on cpu." in text

    def test_nothing_on_it_asks_anybody(self) -> None:
        text = as_html(NOW)
        page = Page(text)
        addresses = [
            value
            for _, attributes in page.tags
            for name, value in attributes.items()
            if name in ("href", "src", "action", "data", "srcset")
        ]
        assert addresses and all(value and value.startswith("#") for value in addresses)
        assert not {tag for tag, _ in page.tags} & {"link", "img", "iframe", "object", "embed", "base"}
        assert (
            "url(" not in text
            and "@import" not in text
            and "//" not in re.sub(r"^ *//.*$", "", text, flags=re.MULTILINE)
        )
        (policy,) = (told["content"] for _, told in page.tags if told.get("http-equiv") == "Content-Security-Policy")
        assert policy is not None and policy.startswith("default-src 'none';")

    def test_what_a_test_says_is_text_and_no_place_of_the_template(self) -> None:
        text = as_html(NOW)
        assert "alert(" not in re.sub(r"&lt;script&gt;alert\(&#x27;x&#x27;\)&lt;/script&gt;", "", text)
        assert text.count("{{rows}}") == 2

    def test_groups_lead_to_their_rows(self) -> None:
        page = Page(as_html(NOW))
        links = {told["href"] for tag, told in page.tags if tag == "a"}
        assert {"#state=mock+only", "#family=timm", "#modality=image", "#task=causal_lm"} <= links
        assert ["olmo", "50.0", "1", "2", "0", "1", "1 failing"] in page.rows

    def test_without_a_run_it_says_so(self) -> None:
        text = as_html(NONE)
        assert "No run counts: the ledger holds no record of a module that is here." in text
        assert "Records that do not count" not in text and "Records that do not count: 1" in as_html(NOW)

    def test_the_same_coverage_gives_the_same_pages(self) -> None:
        assert (as_html(NOW), as_markdown(NOW), as_badge(NOW)) == (as_html(NOW), as_markdown(NOW), as_badge(NOW))


class TestMarkdown:
    def test_it_says_totals_tables_and_what_is_not_covered(self) -> None:
        lines = as_markdown(NOW).splitlines()
        assert lines[0] == "# Coverage of transformers 5.23.0"
        assert "- Heads covered: **2 of 5 (40.0 %)**" in lines
        assert "| olmo | 50.0 | 1 | 2 | 0 | 1 | 1 failing |" in lines
        assert "| timm_wrapper | TimmWrapperModel | blocked | needs the package timm |" in lines
        rest = lines[lines.index("## What is not covered") : lines.index("## Records that do not count")]
        assert [line.split(" | ")[2] for line in rest if line.startswith("| ")][2:] == [
            "failing",
            "mock only",
            "blocked",
        ]

    def test_what_a_test_says_stays_within_its_cell(self) -> None:
        (line,) = (line for line in as_markdown(NOW).splitlines() if line.startswith("| olmo | OlmoForCausalLM"))
        said = r"&lt;script&gt;alert('x')&lt;/script&gt; &amp; \| \`code\` \*much\* \[a\](b) {{rows}} \_x\_"
        assert line == f"| olmo | OlmoForCausalLM | failing | {said} |"

    def test_where_all_is_covered_nothing_is_listed(self) -> None:
        text = as_markdown(ALL)
        assert "## What is not covered\n\nNothing: every head is covered.\n" in text
        assert "do not count" not in text

    def test_classes_with_one_reason_are_one_line(self) -> None:
        two = Coverage("5.23.0", tuple(case("bert", name, "missing", "has no module") for name in ("A", "B")))
        assert "| bert | A, B | missing | has no module |" in as_markdown(two).splitlines()


class TestBadge:
    @pytest.mark.parametrize(
        ("coverage", "value", "color"),
        [(NOW, "40.0 % of 5 heads", "#c0362c"), (ALL, "100.0 % of 1 heads", "#1a7f4b")],
    )
    def test_it_says_the_percentage_in_words_and_colour(self, coverage: Coverage, value: str, color: str) -> None:
        picture = ElementTree.fromstring(as_badge(coverage))
        texts = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
        assert texts == ["really run", value]
        assert color in as_badge(coverage)
        assert picture.attrib["aria-label"].startswith("Heads of transformers 5.23.0 that were really run: ")

    def test_the_text_has_room(self) -> None:
        picture = ElementTree.fromstring(as_badge(NOW))
        widths = [float(element.attrib["textLength"]) for element in picture.iter("{http://www.w3.org/2000/svg}text")]
        assert sum(widths) + 24 == float(picture.attrib["width"])


class TestJson:
    def test_it_has_the_definition_the_counts_and_each_case(self) -> None:
        told = as_dict(NOW)
        assert told["definition"] == DEFINITION
        assert told["heads"] == {"covered": 2, "total": 5, "percent": 40.0}
        assert told["states"] == {"covered": 2, "failing": 1, "mock only": 1, "blocked": 1}
        (olmo,) = (each for each in told["cases"] if each["class"] == "OlmoModel")
        assert (olmo["model_type_state"], olmo["run"]["parameters"], olmo["family"]) == ("failing", 123_456, "olmo")
        assert [each["run"] for each in told["cases"] if each["state"] == "blocked"] == [None]
        assert told["uncounted"][0]["why"] == "no seal"
        assert "since" not in told


BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
class TestBrowser:
    """The page as headless Chromium shows it; what is done on it is done by a script behind its own."""

    @pytest.fixture
    def shown(self, tmp_path: Path) -> Any:
        """The page after some steps, as text of the rows that are to be seen."""

        def show(steps: str = "", place: str = "", scripts: bool = True, width: int = 1440) -> str:
            text = as_html(NOW).replace("</body>", f"<script>{steps};{REPORT}</script></body>")
            page = tmp_path / "index.html"
            page.write_text(text if scripts else text.replace("<script>", '<script type="none">', 1))
            command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
            command += [f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},1000"]
            command += ["--virtual-time-budget=2000", f"file://{page}{place}"]
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
            (said,) = re.findall(r'<pre id="report">(.*?)</pre>', done.stdout, re.DOTALL)
            return str(said)

        return show

    def test_all_rows_are_there_with_the_script_and_without(self, shown: Any) -> None:
        classes = "BertModel OlmoModel OlmoForCausalLM TimmWrapperModel ViTModel"
        assert shown() == f"{classes}; filters; fits"
        assert shown(scripts=False) == f"{classes}; no filters; fits"

    @pytest.mark.parametrize(
        ("place", "classes"),
        [
            ("#state=mock+only", "BertModel"),
            ("#family=olmo", "OlmoModel OlmoForCausalLM"),
            ("#modality=image", "ViTModel"),
            ("#task=pretraining", "OlmoForCausalLM"),
            ("#text=timm", "TimmWrapperModel"),
            ("#text=olmo+causal", "OlmoForCausalLM"),
            ("#state=covered&modality=text", "OlmoModel"),
        ],
    )
    def test_the_address_says_what_is_shown(self, shown: Any, place: str, classes: str) -> None:
        assert shown(place=place) == f"{classes}; filters; fits"

    def test_what_is_searched_stands_in_the_address(self, shown: Any) -> None:
        type_in = 'const text = document.querySelector("input"); text.value = "vit";'
        steps = f'{type_in} text.dispatchEvent(new Event("input", {{bubbles: true}})); document.title = location.hash'
        assert shown(steps) == "ViTModel; filters; fits"

    @pytest.mark.parametrize(
        ("column", "clicks", "classes"),
        [
            (1, 1, "BertModel OlmoForCausalLM OlmoModel TimmWrapperModel ViTModel"),
            (1, 2, "ViTModel TimmWrapperModel OlmoModel OlmoForCausalLM BertModel"),
            # By number, and what has none is last.
            (7, 1, "ViTModel OlmoModel OlmoForCausalLM BertModel TimmWrapperModel"),
            (7, 2, "OlmoModel OlmoForCausalLM ViTModel BertModel TimmWrapperModel"),
        ],
    )
    def test_a_column_sorts(self, shown: Any, column: int, clicks: int, classes: str) -> None:
        click = f'document.querySelectorAll("#heads th button")[{column}].click();'
        assert shown(click * clicks) == f"{classes}; filters; fits"

    def test_it_fits_on_a_telephone(self, shown: Any) -> None:
        assert shown(width=390).endswith("; fits")
        assert shown(width=390, scripts=False).endswith("; fits")


REPORT = """
const seen = (element) => element.getClientRects().length > 0;
const rows = [...document.querySelectorAll("#heads tbody tr")].filter(seen).map((row) => row.cells[1].textContent);
const filters = seen(document.getElementById("filters")) ? "filters" : "no filters";
const fits = document.documentElement.scrollWidth <= innerWidth ? "fits" : "is too wide";
const report = document.createElement("pre");
report.id = "report";
report.textContent = `${rows.join(" ")}; ${filters}; ${fits}`;
document.body.append(report)
"""
