from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.src.cli.report import parts
from cloud.src.cli.report.command import write_report
from cloud.src.cli.report.provenance import provenance
from cloud.src.contract import keys, prices, schemas
from cloud.src.contract.cost import ExecutionCost, JobsCost
from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.contract.record import with_record
from tests.fast.cli.report_tables import (
    QUARTER,
    SMALL_SECTORS,
    FakeTopic,
    write_in_parts,
    write_quarter,
    write_small_quarter,
    write_two_quarters,
)

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "</script><h1>out",
    "{{ 7 * 7 }} \u2028 \\u003c",
]


class Page(HTMLParser):
    """What a browser would make of the page: its tags with attributes, its visible text, its scripts and styles."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self._inside = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in self.raw:
            self.raw[self._inside].append(data)
        else:
            self.text = re.sub(r"\s+", " ", self.text + data)

    @property
    def data(self) -> dict[str, Any]:
        return dict(json.loads(self.raw["script"][0]))

    @property
    def policy(self) -> str | None:
        return next(attributes["content"] for tag, attributes in self.tags if "http-equiv" in attributes)


def hostile_quarter(folder: Path) -> Path:
    topics = [
        FakeTopic(f"{text} Inc {number}", 0, text, [text, "Plain."], "theme_2023Q1_001", [text])
        for number, text in enumerate(HOSTILE)
    ]
    return write_quarter(folder, topics, {"theme_2023Q1_001": " ".join(HOSTILE)})


def test_every_quarter_gets_its_page_and_the_newest_is_returned(tmp_path: Path) -> None:
    for quarter in ["2023Q2", "2022Q4"]:
        write_small_quarter(tmp_path, quarter)

    path = write_report(tmp_path)

    assert path == tmp_path / keys.report("2023Q2")
    for quarter in ["2023Q2", "2022Q4"]:
        assert f"Themes in the earnings calls of {quarter}" in Page(tmp_path / keys.report(quarter)).text


def test_one_quarter_is_written_when_it_is_asked_for(tmp_path: Path) -> None:
    for quarter in ["2023Q2", "2022Q4"]:
        write_small_quarter(tmp_path, quarter)

    path = write_report(tmp_path, "2022Q4")

    assert path == tmp_path / keys.report("2022Q4")
    assert not (tmp_path / keys.report("2023Q2")).exists()


@pytest.mark.parametrize(
    ("quarter", "error"),
    [("2024Q1", "has no quarter 2024Q1, only 2023Q1"), ("spring", "quarter 'spring' is not a quarter")],
)
def test_quarter_that_is_not_there_is_refused(tmp_path: Path, quarter: str, error: str) -> None:
    write_small_quarter(tmp_path)

    with pytest.raises(InvalidInput, match=error):
        write_report(tmp_path, quarter)

    assert not (tmp_path / "reports").exists()


def test_header_states_the_quarter_in_numbers(tmp_path: Path) -> None:
    text = Page(write_report(write_small_quarter(tmp_path))).text

    # 10 of 17 sentences are in a theme, 6 of 17 in no topic.
    counts = "3 firms, 3 calls, 17 sentences · 2 themes in 2 families · 59% of the sentences are in a theme"
    assert counts in text
    assert "Families named2 by LLM Themes named2 by LLM Topics named1 by keywords, 4 by LLM" in text
    assert "Topics5; 35% of the sentences are in none" in text


def test_the_headline_has_families_with_share_and_quotation(tmp_path: Path) -> None:
    text = Page(write_report(write_small_quarter(tmp_path))).text

    assert "Supply chain 67% of the firms We booked ocean freight early. Ines Okafor, CEO Northfield Foods" in text
    assert "Labor 67% of the firms" in text
    assert "points since" not in text
    assert "new since" not in text


def test_headline_has_the_change_since_the_quarter_before(tmp_path: Path) -> None:
    write_two_quarters(tmp_path)

    page = Page(write_report(tmp_path, QUARTER))

    assert page.data["earlier"] == "2022Q4"
    assert page.data["families"][0]["before"] == pytest.approx(2 / 3, abs=1e-4)
    assert "points since 2022Q4" in page.text


def test_shares_and_exposures_stand_beside_the_quarter_before(tmp_path: Path) -> None:
    path = write_report(write_two_quarters(tmp_path), QUARTER)
    data = Page(path).data

    assert data["history"] == ["2022Q4"]
    assert data["themes"][0]["history"] == [pytest.approx(2 / 3, abs=1e-4)]
    before = {firm["name"]: firm["before"] for firm in data["firms"]}
    # All that one firm said was about freight, and half of what another said; the third spoke of other things.
    assert before == {"Northfield Foods": [[0, 1.0]], "Brightwater Tools": [[0, 0.5]], "Calder Health": []}

    parted = write_in_parts(tmp_path, max_page_bytes=500)
    of_firms = dict(part(parted.parent / "data" / "firms_0000.js")["firms"])
    names = [firm["name"] for firm in data["firms"]]
    assert {names[number]: more["before"] for number, more in of_firms.items()} == before


def test_without_a_quarter_before_nothing_is_said_of_one(tmp_path: Path) -> None:
    data = Page(write_report(write_small_quarter(tmp_path))).data

    assert (data["earlier"], data["history"]) == (None, [])
    assert not [row for row in data["themes"] + data["firms"] if "before" in row or "history" in row]


def test_how_it_was_made_leaves_out_what_is_unknown(tmp_path: Path) -> None:
    folder = write_small_quarter(tmp_path)
    assert "Input" not in dict(provenance(folder, QUARTER).lines)

    manifest = folder / keys.prefetch_manifest(QUARTER)
    manifest.parent.mkdir(parents=True)
    manifest.write_text(
        '{"n_firms": 3, "n_calls": 3, "n_sentences": 17, "source": "files", "created_at": "2026-01-02",'
        ' "skipped": {"operator turns": 4}}'
    )
    job = folder / "progress" / QUARTER / f"{keys.batch_id(QUARTER, 0)}.json"
    job.parent.mkdir(parents=True)
    job.write_text('{"commit": "abc1234", "skipped": ["1"], "failed": []}')

    assert "Time of the last execution" not in dict(provenance(folder, QUARTER).lines)
    times = {"since": "2026-01-02T10:00:00+00:00", "until": "2026-01-02T10:01:17+00:00"}
    jobs = {"map": {"vcpu_seconds": 82.6}, "reduce": {"vcpu_seconds": 17.9}}
    (folder / keys.cost(QUARTER)).write_text(json.dumps({"executions": [times | {"jobs": None}]}))
    assert ("Time of the last execution", "77 s from start to end") in provenance(folder, QUARTER).lines
    (folder / keys.cost(QUARTER)).write_text(json.dumps({"executions": [{}, times | {"jobs": jobs}]}))

    made = provenance(folder, QUARTER)

    lines = dict(made.lines)
    assert lines["Input"] == "3 firms, 3 calls, 17 sentences, from files, read 2026-01-02"
    assert lines["Left out of the input"] == "4 operator turns"
    assert lines["Time of the last execution"] == "77 s from start to end; jobs: 100 core-seconds"
    assert (lines["Commit of the jobs"], lines["Firms left out by the jobs"]) == ("abc1234", "1")
    assert "Firms that failed" not in lines
    assert not {"Settings", "Embedding model", "Names of topics", "Asked of the LLM", "Cost"} & lines.keys()
    assert "commit abc1234, themes of 2023Q1" in made.citation
    assert "number of firms in the quarter" in dict(made.columns["themes"])["share_of_firms"]


def test_how_it_was_made_names_models_settings_and_cost(tmp_path: Path) -> None:
    folder = write_small_quarter(tmp_path)
    settings = {"embedding_model": "a/model", "min_firms": 2, "max_firm_dominance": 0.4}
    for key, record in (
        (keys.themes, {"names_by": [{"llm_model": "m", "prompt": "theme_v4"}], "settings": settings}),
        (keys.topics, {"names_by": [{"llm_model": None, "prompt": None}]}),
    ):
        path = folder / key(QUARTER)
        pq.write_table(with_record(pq.read_table(path, partitioning=None), record), path)
    (folder / "progress" / QUARTER).mkdir(parents=True)
    for number, n_firms in enumerate((2, 1)):
        job = folder / "progress" / QUARTER / f"{keys.batch_id(QUARTER, number)}.json"
        job.write_text(json.dumps({"n_firms": n_firms, "topics_per_firm": [1, 100]}))
    jobs = {"map": JobsCost(3, 7200, 7200, 0), "reduce": JobsCost(1, 3600, 3600, 0)}
    cost = ExecutionCost("m", "2026-01-02T10:00:00", "2026-01-02T11:00:00", "done", 3, 31, 1200, 90, jobs, None)

    def lines(*executions: ExecutionCost) -> dict[str, str]:
        written = {"executions": [asdict(execution) for execution in executions]}
        (folder / keys.cost(QUARTER)).write_text(json.dumps(written))
        return dict(provenance(folder, QUARTER).lines)

    here = lines(cost)
    assert (here["Embedding model"], here["Names of topics"]) == ("a/model", "keywords")
    assert here["Names of themes"] == "m, prompt theme_v4"
    assert here["Settings"] == (
        "batches of up to 2 firms; 1 to 100 topics per firm; 2 or more firms in a theme, none with more than 40% of it"
    )
    assert here["Asked of the LLM"] == "31 names; 1,200 tokens in, 90 out"
    as_of = f"at prices assumed on {prices.AS_OF}"
    assert here["Cost"] == f"on AWS about $0.05 for the jobs, {as_of}; nothing on one's own machine"
    assert lines(cost, replace(cost, vllm_hours=2.0))["Cost"] == (
        f"about $0.91 (jobs $0.11, vLLM $0.80), {as_of}"  # 6 hours of a core, 2 of vLLM
    )


FAMILY_A, FAMILY_B, FAMILY_C = (f"family_2023Q1_00{number}" for number in (1, 2, 3))
THEMES = [f"theme_2023Q1_00{number}" for number in range(1, 5)]


def nested_quarter(folder: Path, general: str | None = None, stability: float | None = 0.5) -> Path:
    """Families of two themes, of one and of one; the second theme of the first family ranks last."""
    topics = [FakeTopic(firm, n, "Topic", ["A sentence."], theme) for n, theme in enumerate(THEMES) for firm in "AB"]
    families = {
        FAMILY_A: ("Supply chain", [THEMES[0], THEMES[3]]),
        FAMILY_B: ("Labor", [THEMES[1]]),
        FAMILY_C: ("Rates", [THEMES[2]]),
    }
    write_quarter(folder, topics, {theme: f"Name of {theme}" for theme in THEMES}, families=families)
    path = folder / keys.themes(QUARTER)
    rows = pq.read_table(path, partitioning=None).to_pylist()
    for row in rows:
        row.update(general=row["theme_id"] == general, stability=stability)
    pq.write_table(pa.Table.from_pylist(rows, schemas.THEME), path)
    return folder


def test_families_come_first_each_with_its_themes_below_it(tmp_path: Path) -> None:
    page = Page(write_report(nested_quarter(tmp_path)))

    in_order = [FAMILY_A, THEMES[0], THEMES[3], FAMILY_B, THEMES[1], FAMILY_C, THEMES[2]]
    links = [(attributes["href"] or "")[1:] for tag, attributes in page.tags if tag == "a"]
    cards = [attributes["id"] for _, attributes in page.tags if attributes.get("class") in ("family", "theme")]
    # The headline: each family, and the sentence quoted of it.
    assert links[::2] + links[1::2] == [
        *("themes", "sentence%3A1000_91000_0000"),
        *("sentence%3A1000_91000_0001", "sentence%3A1000_91000_0002"),
        *(FAMILY_A, FAMILY_B, FAMILY_C),
    ]
    assert cards == in_order
    assert "2 firms (100%) · 2 themes · 4 sentences · stability 0.50" in page.text


def test_general_families_stand_apart_and_last(tmp_path: Path) -> None:
    page = Page(write_report(nested_quarter(tmp_path, general=FAMILY_A)))

    cards = [attributes["id"] for _, attributes in page.tags if attributes.get("class") == "family"]
    places = [attributes.get("id") for _, attributes in page.tags]
    assert cards == [FAMILY_B, FAMILY_C, FAMILY_A]
    assert places.index(FAMILY_C) < places.index("general-list") < places.index(FAMILY_A)
    assert "1 family: what firms say on every call" in page.text


def test_stability_that_was_not_measured_is_no_number(tmp_path: Path) -> None:
    text = Page(write_report(nested_quarter(tmp_path, stability=None))).text

    assert "stability" not in text.partition("How this was made")[0]
    assert "2 themes · 4 sentences · named by LLM" in text


def test_quarter_without_themes_says_so(tmp_path: Path) -> None:
    topics = [FakeTopic("Northfield Foods", 0, "Recipes", ["We changed recipes."])]

    text = Page(write_report(write_quarter(tmp_path, topics, {}))).text

    assert "No theme was found" in text
    assert "1 topic of 1 firm without a theme" in text


def part(path: Path) -> Any:
    """The JSON in a file beside the page."""
    name, text = json.loads(
        f"[{path.read_text(encoding='utf-8').removeprefix('ftmData(').removesuffix(');' + chr(10))}]"
    )
    assert name == path.stem
    return json.loads(text)


def test_a_large_reports_policy_names_its_files_of_sentences(tmp_path: Path) -> None:
    path = write_in_parts(write_small_quarter(tmp_path, sectors=SMALL_SECTORS))
    page, files = Page(path), sorted((path.parent / "data").glob("*"))

    names = [file.stem for file in files]
    assert names[:5] == ["firms_0000", "group_0000", "group_0001", "group_0002", "group_0003"]
    assert {name[:6] for name in names[5:]} == {"words_"}
    assert page.data["topics"] == []
    assert all(group["evidence"] == group["byFirm"] == [] for group in page.data["families"] + page.data["themes"])
    assert page.data["files"].keys() == set(names)
    assert page.policy is not None
    assert "'strict-dynamic'" in page.policy
    for file in files:
        assert f"'sha256-{base64.b64encode(hashlib.sha256(file.read_bytes()).digest()).decode()}'" in page.policy
        assert file.read_text(encoding="utf-8").count("\n") == 1


def test_the_files_have_everything_of_a_small_report(tmp_path: Path) -> None:
    whole = Page(write_report(write_small_quarter(tmp_path))).data
    path = write_in_parts(tmp_path)
    data = path.parent / "data"

    firms = part(data / "firms_0000.js")
    everything = {row[0] for row in whole["sentences"]}
    assert {row[0] for row in firms["sentences"]} == everything
    in_topics = [[firms["sentences"][n][0] for n in topic["sentences"]] for topic in firms["topics"]]
    expected = [[whole["sentences"][n][0] for n in topic["sentences"]] for topic in whole["topics"]]
    assert sorted(in_topics) == sorted(expected)
    for number, group in enumerate([*whole["families"], *whole["themes"]]):
        found = part(data / f"group_{number:04d}.js")
        assert {row[0] for row in found["sentences"]} == {whole["sentences"][n][0] for n in group["evidence"]}
        assert found["byFirm"] == group["byFirm"]
        of_firms = dict(firms["counted"])[number]
        assert {firms["sentences"][n][0] for n in of_firms} == {row[0] for row in found["sentences"]}


def test_totals_count_firms_and_sentences_by_speaker_section_and_sector(tmp_path: Path) -> None:
    data = Page(write_in_parts(write_small_quarter(tmp_path, sectors=SMALL_SECTORS))).data

    assert data["sectors"] == ["Consumer Staples", "Industrials", ""]
    [freight, wages] = [theme["totals"] for theme in data["themes"]]
    n_sections, n_sectors = 3, 3

    def counted(totals: list[int], speaker: int, section: int) -> list[int]:
        start = 2 * (speaker * n_sections + section) * n_sectors
        return totals[start : start + 2 * n_sectors]

    assert counted(freight, 0, 0) == [1, 3, 1, 2, 0, 0]  # firms and sentences of each sector, whoever speaks
    assert counted(wages, 0, 0) == [0, 0, 1, 2, 1, 3]
    assert counted(freight, 4, 2) == [1, 1, 0, 0, 0, 0]  # analysts, in questions and answers
    assert counted(freight, 4, 1) == [0] * 6  # analysts, in prepared remarks


def test_words_are_counted_by_family_and_theme(tmp_path: Path) -> None:
    path = write_in_parts(write_small_quarter(tmp_path))

    words = part(path.parent / "data" / "words_f.js")
    # Three sentences on freight count for the first family (0) and for its theme (2).
    assert words["said"]["freight"] == [0, 3, 2, 3]
    assert words["files"] == dict.fromkeys(words["said"], [0])
    assert "fell" in words["said"]


def test_rare_words_lead_to_the_files_that_have_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "FIRMS_IN_PART", 1)
    monkeypatch.setattr(parts, "PARTS_OF_RARE_WORD", 1)

    data = write_in_parts(write_small_quarter(tmp_path)).parent / "data"

    assert sorted(path.stem for path in data.glob("firms_*")) == ["firms_0000", "firms_0001", "firms_0002"]
    words = part(data / "words_f.js")
    assert words["files"]["filled"] == [2]
    assert "freight" not in words["files"]  # two firms say it


def test_themes_have_nearest_sentences_and_files_of_firms_have_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "SENTENCES_OF_FIRM", 2)
    monkeypatch.setattr(parts, "_GROUP_FILES_AT_ONCE", 1)
    monkeypatch.setattr(parts, "_FIRM_FILES_AT_ONCE", 1)

    data = write_in_parts(write_small_quarter(tmp_path)).parent / "data"

    freight = part(data / "group_0002.js")
    ids = [row[0] for row in freight["sentences"]]
    assert ids == ["1000_91000_0000", "1000_91000_0001", "1001_91001_0000", "1001_91001_0001"]
    assert sorted(n for _, n in freight["byFirm"]) == [2, 3]
    firms = part(data / "firms_0000.js")
    counted = [firms["sentences"][number][0] for number in dict(firms["counted"])[2]]
    assert sorted(counted) == [*ids[:2], "1000_91000_0002", *ids[2:]]


def test_the_same_tables_make_the_same_files(tmp_path: Path) -> None:
    data = write_in_parts(write_small_quarter(tmp_path)).parent / "data"
    first = {path.name: path.read_bytes() for path in data.iterdir()}

    write_in_parts(tmp_path)

    assert {path.name: path.read_bytes() for path in data.iterdir()} == first


def test_hostile_texts_arrive_in_files_as_they_are(tmp_path: Path) -> None:
    data = write_in_parts(hostile_quarter(tmp_path), max_page_bytes=0).parent / "data"

    firms = part(data / "firms_0000.js")
    assert {topic["name"] for topic in firms["topics"]} == set(HOSTILE)
    assert {text for _, text, *_ in firms["sentences"]} == {*HOSTILE, "Plain."}


def test_a_report_removes_the_files_of_an_earlier_one(tmp_path: Path) -> None:
    data = write_in_parts(write_small_quarter(tmp_path)).parent / "data"
    (data / "group_0099.js").write_text("of an earlier report")
    write_in_parts(tmp_path)
    assert not (data / "group_0099.js").exists()

    page = Page(write_report(tmp_path))

    assert not data.exists()
    assert "files" not in page.data


def test_hostile_texts_arrive_as_they_are_and_stay_text(tmp_path: Path) -> None:
    page = Page(write_report(hostile_quarter(tmp_path)))

    harmless = Page(write_report(write_small_quarter(tmp_path / "harmless")))
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in harmless.tags}
    assert [tag for tag, _ in page.tags].count("script") == 2
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert {topic["name"] for topic in page.data["topics"]} == set(HOSTILE)
    assert {text for _, text, *_ in page.data["sentences"]} == {*HOSTILE, "Plain."}
    assert page.data["themes"][0]["name"] == " ".join(HOSTILE)
    assert "<script>alert(1)</script>" in page.text


def test_the_policy_allows_only_the_reports_own_code(tmp_path: Path) -> None:
    page = Page(write_report(hostile_quarter(tmp_path)))

    def allowed(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    [style], [_, script] = page.raw["style"], page.raw["script"]
    assert page.policy == (
        f"default-src 'none'; style-src {allowed(style)}; script-src {allowed(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    loading = {"src", "srcset", "data", "action", "style"}
    assert not [attributes for _, attributes in page.tags if loading & attributes.keys()]


def test_an_unwritable_page_is_one_error_and_keeps_the_old(tmp_path: Path) -> None:
    write_small_quarter(tmp_path)
    (tmp_path / "reports").write_text("a file where a folder has to be")

    with pytest.raises(FtmError, match="cannot write .*index.html: "):
        write_report(tmp_path)

    assert (tmp_path / "reports").read_text() == "a file where a folder has to be"


def test_failed_write_leaves_the_old_page_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_report(write_small_quarter(tmp_path))
    old = path.read_bytes()

    def disk_full(page: Path, *_: Any, **__: Any) -> None:
        page.write_bytes(b"<!doctype")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", disk_full)
    with pytest.raises(FtmError, match="index.html: No space left on device"):
        write_report(tmp_path)

    assert path.read_bytes() == old
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("table", [keys.topics, keys.themes])
@pytest.mark.parametrize("is_there", [True, False], ids=["damaged", "missing"])
def test_damaged_table_leaves_no_page(table: Callable[[str], str], is_there: bool, tmp_path: Path) -> None:
    write_small_quarter(tmp_path)
    (tmp_path / table(QUARTER)).unlink()
    if is_there:
        (tmp_path / table(QUARTER)).write_bytes(b"not Parquet")

    with pytest.raises(InvalidInput):
        write_report(tmp_path)

    assert not (tmp_path / "reports").exists()
