from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.src.cli.compare.judging import (
    KEY,
    PAGE,
    JudgedNames,
    Key,
    Question,
    count,
    draw_questions,
    write_judging,
)
from cloud.src.cli.compare.runs import Comparison, compare_runs, read_runs
from cloud.src.cli.compare.tables import kinds_line
from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import FtmError, InvalidInput
from tests.fast.cli.report_tables import (
    QUARTER,
    SMALL_FAMILIES,
    SMALL_QUARTER,
    SMALL_THEMES,
    FakeTopic,
    write_quarter,
)
from tests.fast.cli.test_compare_runs import EAST, embed
from tests.fast.cli.test_report_page import HOSTILE, Page

N_TOPICS = 10
LAST_HAS_THE_SAME_NAME = N_TOPICS - 1


def topics(run: str) -> list[FakeTopic]:
    names = [f"{run} {number}" for number in range(N_TOPICS - 1)] + [f"Same {'NAME' if run == 'A' else 'Name'}"]
    return [
        FakeTopic(f"Firm {number}", 0, name, [f"Sentence {number}."], keywords=[f"word{number}"], embedding=EAST)
        for number, name in enumerate(names)
    ]


def compare_topics(folder: Path, of_a: list[FakeTopic], of_b: list[FakeTopic]) -> Comparison:
    run_a, run_b = write_quarter(folder / "run_a", of_a, {}), write_quarter(folder / "run_b", of_b, {})
    return compare_runs(*read_runs(run_a, run_b, None), embed)


@pytest.fixture
def comparison(tmp_path: Path) -> Comparison:
    return compare_topics(tmp_path, topics("A"), topics("B"))


def write_choices(path: Path, comparison: str, choices: dict[int, str]) -> Path:
    path.write_text(json.dumps({"comparison": comparison, "choices": choices}))
    return path


def shown(questions: list[Question]) -> list[tuple[str, str]]:
    return [(question.left, question.right) for question in questions]


def test_topics_whose_names_differ_are_drawn_and_their_sides_shuffled(comparison: Comparison) -> None:
    questions = draw_questions(comparison, 100, seed=0)

    assert len(questions) == N_TOPICS - 1
    assert sorted(tuple(sorted(names)) for names in shown(questions)) == [
        (f"A {number}", f"B {number}") for number in range(N_TOPICS - 1)
    ]
    assert sorted(Counter(question.left_is for question in questions).values()) == [4, 5]
    for question in questions:
        assert question.left.startswith(question.left_is.upper())


def test_the_seed_decides_which_topics_are_drawn(comparison: Comparison) -> None:
    drawn = {seed: shown(draw_questions(comparison, 4, seed)) for seed in range(5)}

    assert drawn[0] == shown(draw_questions(comparison, 4, 0))
    assert all(len(set(each)) == 4 for each in drawn.values())
    assert len({frozenset(each) for each in drawn.values()}) > 1


def test_the_judging_page_does_not_reveal_the_runs(comparison: Comparison, tmp_path: Path) -> None:
    path = write_judging(comparison, draw_questions(comparison, 100, 0), 0, tmp_path / "out")

    page = path.read_text(encoding="utf-8")
    assert path == tmp_path / "out" / PAGE
    for number in range(N_TOPICS - 1):
        for text in (f"A {number}", f"B {number}", f"Sentence {number}.", f"word{number}", f"Firm {number}"):
            assert text in page
    for telling in ("run_a", "run_b", "left_is", "llm", "keywords</", "Same NAME"):
        assert telling not in page


def two_runs_with_themes(folder: Path) -> Comparison:
    """Their topics have the same names, as when there was no time for an LLM to name them; their themes have not."""
    runs = []
    for run in ("A", "B"):
        own = [replace(topic, embedding=EAST) for topic in SMALL_QUARTER]
        names = {theme_id: f"{run} {name}" for theme_id, name in SMALL_THEMES.items()}
        families = {family_id: (f"{run} {name}", own) for family_id, (name, own) in SMALL_FAMILIES.items()}
        runs.append(write_quarter(folder / f"run_{run.lower()}", own, names, families=families))
        path = runs[-1] / keys.themes(QUARTER)
        rows = pq.read_table(path, partitioning=None).to_pylist()
        evidence = {"evidence_sentence_ids": ["1000_91000_0000"]}
        pq.write_table(pa.Table.from_pylist([row | evidence for row in rows], schemas.THEME), path)
    return compare_runs(*read_runs(runs[0], runs[1], None), embed)


def test_families_and_themes_are_judged_too(tmp_path: Path) -> None:
    comparison = two_runs_with_themes(tmp_path)
    questions = draw_questions(comparison, 100, 0)
    page = write_judging(comparison, questions, 0, tmp_path / "out").read_text(encoding="utf-8")
    key = json.loads((tmp_path / "out" / KEY).read_text())

    assert sorted(key["kinds"]) == ["family", "family", "theme", "theme"]
    for name in (*SMALL_THEMES.values(), *(name for name, _ in SMALL_FAMILIES.values())):
        assert f"A {name}" in page
        assert f"B {name}" in page
    assert page.count("A theme of 2 firms") == page.count("A family of 2 firms") == 2
    assert page.count("We booked ocean freight early.") == 4

    likes_a = {number: "left" if q.left_is == "a" else "right" for number, q in enumerate(questions, start=1)}
    verdict = count(write_choices(tmp_path / "choices.json", key["comparison"], likes_a), tmp_path / "out" / KEY)
    assert verdict.decided == {"family": (2, 0), "theme": (2, 0)}
    assert kinds_line(verdict) == "decided: families 2 for A and 0 for B; themes 2 for A and 0 for B"


@pytest.mark.parametrize(("sample", "kinds"), [(4, [2, 2]), (5, [2, 3]), (1, [0, 1]), (12, [4, 8]), (100, [4, 9])])
def test_half_of_the_names_are_of_families_and_themes(
    comparison: Comparison, tmp_path: Path, sample: int, kinds: list[int]
) -> None:
    both = replace(comparison, groups=two_runs_with_themes(tmp_path / "themes").groups[:4])

    drawn = Counter(question.pair.kind == "topic" for question in draw_questions(both, sample, 0))

    assert [drawn[False], drawn[True]] == kinds


def test_a_key_without_kinds_is_of_topics(comparison: Comparison, tmp_path: Path) -> None:
    write_judging(comparison, draw_questions(comparison, 1, 0), 0, tmp_path)
    key = json.loads((tmp_path / KEY).read_text())
    del key["kinds"]
    (tmp_path / KEY).write_text(json.dumps(key))

    verdict = count(write_choices(tmp_path / "choices.json", key["comparison"], {1: "left"}), tmp_path / KEY)

    assert list(verdict.decided) == ["topic"]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_texts_stay_text(tmp_path: Path, hostile: str) -> None:
    def named(name: str) -> list[FakeTopic]:
        return [FakeTopic(f"{hostile} Inc", 0, name, [hostile], keywords=[hostile], embedding=EAST)]

    def page_of(folder: Path, comparison: Comparison) -> Page:
        return Page(write_judging(comparison, draw_questions(comparison, 1, 0), 0, folder))

    page = page_of(tmp_path, compare_topics(tmp_path, named(hostile), named(f"{hostile} B")))

    harmless_folder = tmp_path / "harmless"
    harmless = page_of(harmless_folder, compare_topics(harmless_folder, topics("A")[:1], topics("B")[:1]))
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in harmless.tags]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert page.policy == harmless.policy
    assert page.policy is not None
    assert page.policy.startswith("default-src 'none'; style-src 'sha256-")


def test_choices_are_counted_by_the_key(comparison: Comparison, tmp_path: Path) -> None:
    questions = draw_questions(comparison, 100, 0)
    write_judging(comparison, questions, 0, tmp_path)
    # A judge who likes run B: the first is "same", the second "neither", the last is not judged.
    likes_b = {number: "right" if q.left_is == "a" else "left" for number, q in enumerate(questions, start=1)}
    choices = {**likes_b, 1: "same", 2: "neither"}
    del choices[len(questions)]
    key = json.loads((tmp_path / KEY).read_text())

    verdict = count(write_choices(tmp_path / "choices.json", key["comparison"], choices), tmp_path / KEY)

    assert (verdict.a_better, verdict.b_better, verdict.same, verdict.neither, verdict.not_judged) == (0, 6, 1, 1, 1)
    assert Path(verdict.key.run_a).name == "run_a"
    assert Path(verdict.key.run_b).name == "run_b"


@pytest.mark.parametrize(
    ("a_better", "b_better", "p_value"),
    [(0, 0, 1.0), (5, 5, 1.0), (1, 0, 1.0), (6, 0, 2 / 2**6), (0, 6, 2 / 2**6), (9, 1, 2 * 11 / 2**10)],
)
def test_p_value_is_that_of_the_sign_test(a_better: int, b_better: int, p_value: float) -> None:
    key = Key(comparison="", quarter="2023Q1", seed=0, run_a="a", run_b="b", left_is=[])

    verdict = JudgedNames(key, a_better, b_better, same=3, neither=2, not_judged=0)

    assert verdict.p_value == pytest.approx(p_value)


@pytest.mark.parametrize(
    ("write", "error"),
    [
        (lambda path, own: None, "cannot be read: No such file"),
        (lambda path, own: path.mkdir(), "cannot be read: Is a directory"),
        (lambda path, own: path.write_text("no JSON"), "is not what `ftm compare` or its page writes"),
        (lambda path, own: path.write_bytes(b"\xff\xfe"), "is not what `ftm compare` or its page writes"),
        (lambda path, own: write_choices(path, own, {1: "up"}), "is not what `ftm compare` or its page writes"),
        (lambda path, own: write_choices(path, "other", {1: "left"}), "belongs to another comparison than .*key.json"),
        (lambda path, own: write_choices(path, own, {99: "left"}), "has a choice for question 99, and there are 9"),
        (lambda path, own: write_choices(path, own, {0: "left"}), "has a choice for question 0, and there are 9"),
    ],
)
def test_files_that_are_no_choices(comparison: Comparison, tmp_path: Path, write, error: str) -> None:  # type: ignore[no-untyped-def]
    write_judging(comparison, draw_questions(comparison, 100, 0), 0, tmp_path)
    write(tmp_path / "choices.json", json.loads((tmp_path / KEY).read_text())["comparison"])

    with pytest.raises(InvalidInput, match=error) as refused:
        count(tmp_path / "choices.json", tmp_path / KEY)

    assert "\n" not in str(refused.value)


def test_other_names_make_another_comparison(tmp_path: Path) -> None:
    keys = []
    for name in ("B", "C"):
        comparison = compare_topics(tmp_path / name, topics("A"), topics(name))
        write_judging(comparison, draw_questions(comparison, 100, 0), 0, tmp_path / name)
        keys.append(json.loads((tmp_path / name / KEY).read_text())["comparison"])

    assert keys[0] != keys[1]


def test_a_folder_that_cannot_be_written(comparison: Comparison, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(FtmError, match="cannot write .*file"):
        write_judging(comparison, draw_questions(comparison, 1, 0), 0, tmp_path / "file")
