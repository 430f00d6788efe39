"""``ftm compare`` as a user types it, with the real embedding model."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cloud.src.cli.__main__ import EXIT_WRONG_INPUT, run
from cloud.src.models import packaged_models
from cloud.src.models.embeddings import Embedder
from tests.fast.cli.report_tables import SMALL_FAMILIES, SMALL_QUARTER, SMALL_THEMES, FakeTopic, write_quarter

WORSE = "Miscellaneous Remarks"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs: ``good`` has names about the sentences, ``bad`` keywords that say nothing, ``other`` one name for all."""
    folder = tmp_path_factory.mktemp("runs")
    embedder = Embedder(packaged_models.EMBEDDING, threads=1)
    good = [
        replace(topic, theme=None, embedding=embedder.embed([" ".join(topic.texts)])[0].tolist())
        for topic in SMALL_QUARTER
    ]
    write_quarter(folder / "good", good, {})
    write_quarter(folder / "bad", [replace(topic, name=WORSE, naming_method="keywords") for topic in good], {})
    write_quarter(folder / "other", [replace(topic, name="Other Name") for topic in good], {})
    return folder


def figures(output: str, line: str) -> tuple[str, str]:
    """The two figures in a line of the table."""
    [found] = [row for row in output.splitlines() if line in row]
    _, _, a, b, _ = (cell.strip() for cell in found.split("│"))
    return a, b


def test_two_runs_side_by_side(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--sample", "2", "--out", str(tmp_path / "out")]

    assert run(["compare", str(folder / "good"), str(folder / "bad"), *arguments]) == 0

    shown = capsys.readouterr().out
    assert figures(shown, "of these in both runs") == ("5", "5")
    assert figures(shown, "│ named by keywords") == ("20.0%", "100.0%")
    assert figures(shown, "names used twice within a firm") == ("0.0%", "80.0%")
    better, worse = figures(shown, "grounding, mean")
    assert float(better) > 0.5 > float(worse)
    assert figures(shown, "grounding higher than the other's") == ("100.0%", "0.0%")
    assert "5 topics matched: 5 by id and representative sentences, 0 by firm and centroid" in shown
    names = pq.read_table(tmp_path / "out" / "names.parquet").to_pylist()
    assert {row["name_b"] for row in names} == {WORSE}
    assert {row["name_a"] for row in names} == {topic.name for topic in SMALL_QUARTER}
    # What is on the page is not shown with the names of its runs.
    page = (tmp_path / "out" / "judge.html").read_text()
    assert [topic.name in shown for topic in SMALL_QUARTER] == [topic.name not in page for topic in SMALL_QUARTER]
    assert sum(topic.name in page for topic in SMALL_QUARTER) == 2


def test_the_page_is_listed_among_both_runs_reports(folder: Path, tmp_path: Path) -> None:
    assert run(["compare", str(folder / "good"), str(folder / "bad"), "--out", str(tmp_path)]) == 0

    comparison = json.loads((tmp_path / "key.json").read_text())["comparison"]
    name = f"compare_2023Q1_good_bad_{comparison[:8]}.html"
    for each in ("good", "bad"):
        reports = folder / each / "reports"
        assert f'href="{name}"' in (reports / "index.html").read_text()
        assert '<p id="judged-all" hidden><a href="index.html">' in (reports / name).read_text()
    # The same questions, so that choices made in it count with the key; a page that is sent leads nowhere.
    page = (tmp_path / "judge.html").read_text()
    assert comparison in (reports / name).read_text()
    assert "index.html" not in page


def test_runs_in_folders_of_one_name_have_their_own_pages(folder: Path, tmp_path: Path) -> None:
    for each, run_of in (("a", "good"), ("b", "bad"), ("c", "other")):
        shutil.copytree(folder / run_of, tmp_path / each / "out", ignore=shutil.ignore_patterns("reports"))
    for other in ("b", "c", "c"):
        arguments = [str(tmp_path / "a/out"), str(tmp_path / other / "out"), "--out", str(tmp_path / f"with {other}")]
        assert run(["compare", *arguments]) == 0

    pages = sorted(path.name for path in (tmp_path / "a/out/reports").glob("compare_*"))
    assert len(pages) == 2
    for other in ("b", "c"):
        comparison = json.loads((tmp_path / f"with {other}/key.json").read_text())["comparison"]
        [own] = [page for page in pages if comparison in (tmp_path / "a/out/reports" / page).read_text()]
        assert f'href="{own}"' in (tmp_path / "a/out/reports/index.html").read_text()


def test_a_run_that_cannot_be_written_is_compared(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for each in ("good", "bad"):
        shutil.copytree(folder / each, tmp_path / each, ignore=shutil.ignore_patterns("reports"))
    (tmp_path / "bad" / "reports").touch()

    arguments = [str(tmp_path / "good"), str(tmp_path / "bad"), "--out", str(tmp_path / "out")]
    assert run(["compare", *arguments]) == 0

    shown = capsys.readouterr()
    assert "compare ..." in shown.err
    assert "Blind judging of 5 names" in shown.out
    assert "the list of reports does not have this comparison: cannot write" in shown.err
    assert list((tmp_path / "good/reports").glob("compare_2023Q1_good_bad_*.html"))


def test_quiet_shows_the_result_only(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(folder / "good"), str(folder / "bad"), "--out", str(tmp_path), "--quiet"]
    assert run(["compare", *arguments]) == 0

    shown = capsys.readouterr()
    assert "Blind judging of 5 names" in shown.out
    assert shown.err == ""


def test_runs_with_the_same_names_leave_nothing_to_judge(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compare", str(folder / "good"), str(folder / "good"), "--out", str(tmp_path)]) == 0

    assert "Both runs have the same names: there is nothing to judge" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["names.parquet", "theme_names.parquet"]


def test_families_of_both_runs_come_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    embedding = Embedder(packaged_models.EMBEDDING, threads=1).embed(["Freight."])[0].tolist()
    topics = [replace(topic, embedding=embedding) for topic in SMALL_QUARTER]
    for name in ("a", "b"):
        write_quarter(tmp_path / name, topics, SMALL_THEMES, families=SMALL_FAMILIES)

    assert run(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(tmp_path / "out")]) == 0

    shown = capsys.readouterr().out
    assert shown.startswith("The first families of 2023Q1")
    [row] = [[cell.strip() for cell in line.split("│")] for line in shown.splitlines() if "Supply chain" in line]
    assert row[1:-1] == ["1", *["Supply chain", "2 (67%)", "0.50"] * 2]
    assert figures(shown, "│ families  ") == ("2", "2")


def test_a_run_whose_themes_alone_are_named_by_an_llm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    embedding = Embedder(packaged_models.EMBEDDING, threads=1).embed(["Freight."])[0].tolist()
    topics = [replace(topic, embedding=embedding) for topic in SMALL_QUARTER]
    for name in ("a", "b"):
        names = {theme_id: f"{theme} {name}" for theme_id, theme in SMALL_THEMES.items()}
        write_quarter(tmp_path / name, topics, names, families=SMALL_FAMILIES)
    arguments = ["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(tmp_path / "out")]

    assert run([*arguments, "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert (found["topics_matched"], found["topics_with_the_same_name"]) == (5, 5)
    assert (found["groups_matched"], found["groups_with_the_same_name"], found["to_judge"]) == (4, 2, 2)
    assert found["a"]["figures"]["themes"] == 2
    assert "Freight costs ease a" in Path(found["page"]).read_text()
    rows = pq.read_table(tmp_path / "out" / "theme_names.parquet").to_pylist()
    assert [(row["level"], row["name_b"]) for row in rows[2:]] == [
        ("theme", f"{name} b") for name in SMALL_THEMES.values()
    ]

    assert run(arguments) == 0

    shown = capsys.readouterr().out
    assert "2 of the 4 families and themes that are in both (by id and centroid) have the same name in both" in shown
    assert "Blind judging of 2 names" in shown
    assert "topics named by not recorded, families and themes by Qwen/Qwen3-8B" in shown


def test_judging_is_counted(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["compare", str(folder / "good"), str(folder / "bad"), "--out", str(tmp_path)])
    key = json.loads((tmp_path / "key.json").read_text())
    likes_a = {number: "left" if side == "a" else "right" for number, side in enumerate(key["left_is"], start=1)}
    choices = tmp_path / "choices.json"
    choices.write_text(json.dumps({"comparison": key["comparison"], "choices": likes_a}))
    capsys.readouterr()

    assert run(["compare", "--judged", str(choices), "--out", str(tmp_path)]) == 0

    shown = capsys.readouterr().out
    assert [row.split("│")[2].strip() for row in shown.splitlines() if row.startswith("│")] == ["5", "0", "0", "0", "0"]
    assert "of 5 decided names A won 100%" in shown
    assert "in 6.2% of such comparisons (sign test)" in shown
    assert "decided: topics 5 for A and 0 for B" in shown

    assert run(["compare", "--judged", str(choices), "--out", str(tmp_path), "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert (found["a_better"], found["decided"], found["p"]) == (5, {"topic": {"a": 5, "b": 0}}, 0.0625)


def test_names_of_another_run_are_shown_as_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    embedding = Embedder(packaged_models.EMBEDDING, threads=1).embed(["Any."])[0].tolist()
    hostile = "[red]x[/] \x1b[2J \u202e"

    def write(name: str) -> str:
        topics = [FakeTopic(hostile, n, f"{name} {n} {hostile}", ["Any."], embedding=embedding) for n in range(3)]
        return str(write_quarter(tmp_path / name, topics, {}))

    assert run(["compare", write("a"), write("b"), "--sample", "1", "--out", str(tmp_path / "out")]) == 0

    shown = capsys.readouterr().out
    assert "[red]x[/]" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("compare", "give two output folders, or --judged FILE alone: ftm compare --help"),
        ("compare good", "give two output folders, or --judged FILE alone: ftm compare --help"),
        ("compare good bad --judged choices.json", "give two output folders, or --judged FILE alone"),
        ("compare good nowhere", "nowhere is not a folder: give the output folder of a run"),
        ("compare . good", ". has no processed quarter"),
        ("compare good bad --quarter 2023Q9", "'2023Q9' is not a quarter"),
        ("compare good bad --quarter 2023Q2", "2023Q2 is not in both folders: good has 2023Q1, bad has 2023Q1"),
        ("compare good bad --sample 0", "Invalid value for '--sample'"),
        ("compare good bad --out good/processed/topics/quarter=2023Q1/topics.parquet", "is not a folder: choose ano"),
        ("compare --judged nowhere.json", "nowhere.json cannot be read: No such file or directory"),
    ],
)
def test_wrong_input_is_one_line(
    command: str, message: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    before = sorted(folder.rglob("*"))

    assert run(command.split()) == EXIT_WRONG_INPUT

    output = capsys.readouterr()
    assert message in output.err
    assert (output.out, output.err.count("\n")) == ("", 1)
    assert sorted(folder.rglob("*")) == before
