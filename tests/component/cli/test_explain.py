"""``ftm explain`` on a quarter that the worker has measured: what it shows is what counts, and how near the rest is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import boto3
import pyarrow.parquet as pq
import pytest

from cloud.src.cli.__main__ import EXIT_WRONG_INPUT, run
from cloud.src.cli.explain.explanation import Explanation, cosines_to, explain_group, read_groups
from cloud.src.contract import keys
from cloud.src.contract.errors import InvalidInput
from cloud.src.naming.namer import KeywordNamer
from cloud.src.themes.count import NEAR, NEAR_WITH_PHRASE
from cloud.src.worker import reduce_themes
from cloud.src.worker.settings import ReduceSettings
from cloud.src.worker.store import Store
from tests.component.conftest import BUCKET
from tests.component.worker_quarter import MANIFEST, QUARTER, call, embedder, firm, map_quarter

N_FIRMS = 6
# In the midst of what is said of freight, so that the topic of freight has it.
OFF_SUBJECT = ["Freight aside, our founder has retired.", "Late shipments made the board buy a golf course in Ohio."]


@pytest.fixture(scope="module")
def folder(aws_endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The output folder of a quarter of generated firms."""
    s3 = boto3.client(
        "s3", endpoint_url=aws_endpoint, region_name="us-east-1", aws_access_key_id="t", aws_secret_access_key="t"
    )
    s3.create_bucket(Bucket=BUCKET)
    store = map_quarter(s3, [firm(str(101 + n), [*call(n), *OFF_SUBJECT]) for n in range(N_FIRMS)], batch_size=3)
    settings = ReduceSettings(quarter=QUARTER, s3_bucket=BUCKET, manifest_key=MANIFEST)
    reduce_themes.run(settings, store, KeywordNamer(embedder()), embedder())
    yield copied(store, tmp_path_factory.mktemp("out"))
    for key in store.list(""):
        store.delete(key)
    s3.delete_bucket(Bucket=BUCKET)


def copied(store: Store, folder: Path) -> Path:
    for key in [*store.list("processed/"), *store.list("intermediate/")]:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(store.require(key))
    return folder


def explained(folder: Path, theme_id: str, firm_id: str | None = None) -> Explanation:
    groups = read_groups(folder, QUARTER)
    [group] = [each for each in groups if each["theme_id"] == theme_id]
    return explain_group(folder, QUARTER, groups, group, firm_id)


def theme_ids(folder: Path, level: str) -> list[str]:
    return [group["theme_id"] for group in read_groups(folder, QUARTER) if group["level"] == level]


def test_cosines_are_those_of_the_evidence(folder: Path) -> None:
    evidence = pq.read_table(folder / keys.evidence_prefix(QUARTER), partitioning=None).to_pylist()
    for group in read_groups(folder, QUARTER):
        of_group = {row["sentence_id"]: row["similarity"] for row in evidence if row["theme_id"] == group["theme_id"]}
        assert cosines_to(folder, QUARTER, list(of_group), group["centroid"]) == of_group


def test_what_counts_and_what_is_left_out_follow_the_rule(folder: Path) -> None:
    groups = {group["theme_id"]: group for group in read_groups(folder, QUARTER)}
    left_out = []
    for theme_id in [*theme_ids(folder, "family"), *theme_ids(folder, "theme")]:
        found = explained(folder, theme_id)
        assert len(found.near) + len(found.by_phrase) == groups[theme_id]["n_sentences"]
        left_out += found.left_out if groups[theme_id]["level"] == "theme" else []
    for theme_id in theme_ids(folder, "theme"):
        found = explained(folder, theme_id)
        assert all(said.nearness is not None and said.nearness >= NEAR for said in found.near)
        assert all(said.nearness is not None and said.phrase and said.nearness < NEAR for said in found.by_phrase)
    assert left_out
    for said in left_out:
        assert said.nearness is not None or not said.says
        assert said.nearness is None or said.nearness < (NEAR_WITH_PHRASE if said.phrase else NEAR)


def test_one_firm_has_its_own_sentences_and_its_exposure(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [theme_id, *_] = theme_ids(folder, "theme")
    found = explained(folder, theme_id, "103")
    assert {said.firm_id for said in [*found.near, *found.by_phrase, *found.left_out]} == {"103"}
    exposures = pq.read_table(folder / keys.exposures(QUARTER), partitioning=None).to_pylist()
    [exposure] = [row for row in exposures if row["theme_id"] == theme_id and row["firm_id"] == "103"]

    assert run(["explain", theme_id, "--firm", "T103", "--dir", str(folder)]) == 0

    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("│ 2023-02-14")]
    _, _, _, counted, share, *_ = (cell.strip() for cell in line.split("│"))
    assert (counted, share) == (str(exposure["n_sentences"]), f"{exposure['exposure']:.1%}")


def test_json_has_the_same_sentences(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [theme_id, *_] = theme_ids(folder, "theme")
    found = explained(folder, theme_id)

    assert run(["explain", theme_id, "--dir", str(folder), "--show", "2", "--json"]) == 0

    printed = json.loads(capsys.readouterr().out)
    assert (printed["theme_id"], printed["n_firms_in_quarter"], printed["firm"]) == (theme_id, N_FIRMS, None)
    assert printed["dictionary"] == found.group["dictionary"]
    near = printed["sentences"]["near"]
    assert near["n"] == len(found.near)
    assert near["shown"][0]["text"] == found.near[0].text
    assert len({said["firm_id"] for said in near["shown"]}) == 2
    left_out = printed["sentences"]["left_out"]["shown"]
    assert [said["sentence_id"] for said in left_out] == [said.sentence_id for said in found.left_out[:2]]

    assert run(["explain", theme_id, "--firm", "T103", "--dir", str(folder), "--json"]) == 0

    printed = json.loads(capsys.readouterr().out)
    assert printed["firm"]["firm_id"] == "103"
    [exposure] = printed["exposures"]
    assert exposure["n_sentences"] == sum(printed["sentences"][kind]["n"] for kind in ("near", "by_phrase"))


@pytest.mark.parametrize("level", ["family", "theme"])
def test_output_fits_the_terminal_and_ends_with_advice(
    folder: Path, level: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "72")
    [theme_id, *_] = theme_ids(folder, level)

    assert run(["explain", theme_id, "--dir", str(folder), "--show", "2"]) == 0

    shown, _, end = capsys.readouterr().out.partition("All sentences that count: ")
    assert max(map(len, shown.splitlines())) <= 72
    assert all(part in shown for part in (theme_id, "Dictionary", "Named by    keywords", "Stability", "(2 of "))
    assert end.splitlines()[-1].startswith(f"Next, one firm: ftm explain {theme_id} --firm ")


def test_without_vectors_it_says_that_cosines_are_not_known(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folder / "processed", tmp_path / "processed")
    for theme_id in theme_ids(folder, "theme"):
        assert run(["explain", theme_id, "--dir", str(tmp_path)]) == 0
    assert "The cosines of what is left out are not known without" in capsys.readouterr().out


def test_vectors_of_another_model_are_refused(folder: Path) -> None:
    [sentence_id, *_] = [said.sentence_id for said in explained(folder, theme_ids(folder, "theme")[0]).near]

    with pytest.raises(InvalidInput, match="comes from another embedding model than the tables"):
        cosines_to(folder, QUARTER, [sentence_id], [1.0, 0.0])


def test_an_unknown_theme_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "theme_2023Q1_0001", "--dir", str(folder)]) == EXIT_WRONG_INPUT
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("ftm: 2023Q1 has no theme or family 'theme_2023Q1_0001'; similar: ")
    assert shown.err.count("\n") == 1
