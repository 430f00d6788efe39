"""A panel of two generated quarters: every call with every family, themes of both or of the earlier one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from cloud.src.contract import keys, schemas
from cloud.src.contract.columns import DESCRIPTION
from cloud.src.contract.errors import InvalidInput
from cloud.src.contract.record import read_metadata, run_of
from cloud.src.naming.namer import KeywordNamer
from cloud.src.themes.measure import Limits
from cloud.src.worker import reduce_themes
from cloud.src.worker.panel import job
from cloud.src.worker.panel.panel import PanelRequest, make_panel
from cloud.src.worker.panel.words import WordList
from cloud.src.worker.settings import PanelSettings, ReduceSettings, from_environment
from cloud.src.worker.store import FolderStore, Store
from tests.component.conftest import BUCKET
from tests.component.worker_quarter import CALL_DATE, ITEMS, PLACES, call, embedder, firm, map_quarter

EARLIER, LATER = "2023Q1", "2023Q2"
N_FIRMS = 7
NEW_SUBJECT = "Chatbots and language models now answer {item} questions of customers in {place}."
SCHEMAS = {
    "themes": schemas.PANEL_THEME,
    "quarters": schemas.PANEL_QUARTER,
    "calls": schemas.CALL,
    "exposures": schemas.PANEL_EXPOSURE,
    "grid": schemas.GRID,
}


def later_call(number: int) -> list[str]:
    place = PLACES[number % len(PLACES)]
    return [*call(number), *(NEW_SUBJECT.format(item=item, place=place) for item in ITEMS)]


@pytest.fixture(scope="module")
def run_folder(clients: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of both quarters; in the later one each firm calls a day after the one before it."""
    s3 = clients("s3")
    s3.create_bucket(Bucket=BUCKET)
    calls = {
        EARLIER: [firm(str(101 + n), call(n)) for n in range(N_FIRMS)],
        LATER: [
            firm(str(101 + n), later_call(n), spoken_on=date(2023, 5, 1 + n), quarter=LATER) for n in range(N_FIRMS)
        ],
    }
    for quarter, firms in calls.items():
        manifest = f"manifests/{quarter}/manifest_20230701T000000000000Z.jsonl"
        store = map_quarter(s3, firms, batch_size=3, manifest_key=manifest, quarter=quarter)
        settings = ReduceSettings(quarter=quarter, s3_bucket=BUCKET, manifest_key=manifest, stability=False)
        reduce_themes.run(settings, store, KeywordNamer(embedder()), embedder())
    folder = tmp_path_factory.mktemp("run")
    for key in store.list(""):
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(store.require(key))
        store.delete(key)
    s3.delete_bucket(Bucket=BUCKET)
    return folder


class Silent:
    def update(self, done: int) -> None: ...


@contextmanager
def begin(_step: str, _total: int | None, _unit: str) -> Iterator[Silent]:
    yield Silent()


def panel(run_folder: Path, out: Path, *quarters: str, themes_from: str | None = None, level: str = "family") -> Path:
    request = PanelRequest("spring", quarters, themes_from, level, Limits(2, 0.4))
    make_panel(FolderStore(run_folder), request, out, embedder, begin)
    return out


@pytest.mark.parametrize("themes_from", ["joint", EARLIER])
def test_the_job_writes_the_same_tables_into_the_bucket(
    run_folder: Path, joint: Path, fixed: Path, s3: Any, monkeypatch: pytest.MonkeyPatch, themes_from: str
) -> None:
    for file in (path for path in run_folder.rglob("*") if path.is_file()):
        s3.put_object(Bucket=BUCKET, Key=str(file.relative_to(run_folder)), Body=file.read_bytes())
    told = {"QUARTERS": f"{LATER} {EARLIER}", "S3_BUCKET": BUCKET, "PANEL_NAME": "spring", "THEMES_FROM": themes_from}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    store = Store(s3, BUCKET)

    job.run(from_environment(PanelSettings), store, embedder)

    expected = joint if themes_from == "joint" else fixed
    assert len(store.list(keys.panel_prefix("spring"))) == len(SCHEMAS)
    for table in SCHEMAS:
        written = store.require(keys.panel_prefix("spring") + keys.panel_table(table))
        assert written == (expected / keys.panel_table(table)).read_bytes(), table


class KilledStore(Store):
    """Ends, as a killed job does, before it writes for the ``alive``-th time."""

    alive = 0

    def upload(self, key: str, file: Path) -> None:
        if not self.alive:
            raise KeyboardInterrupt
        self.alive -= 1
        super().upload(key, file)


@pytest.mark.parametrize("n_written", range(len(SCHEMAS)))
def test_a_killed_job_leaves_no_panel_or_leftovers(run_folder: Path, fixed: Path, s3: Any, n_written: int) -> None:
    for file in (path for path in run_folder.rglob("*") if path.is_file()):
        s3.put_object(Bucket=BUCKET, Key=str(file.relative_to(run_folder)), Body=file.read_bytes())
    prefix, marker = keys.panel_prefix("spring"), keys.panel_prefix("spring") + keys.panel_table("themes")
    for table in (*SCHEMAS, "words"):  # of an earlier panel
        s3.put_object(Bucket=BUCKET, Key=prefix + keys.panel_table(table), Body=b"earlier")
    quarters: Any = f"{EARLIER} {LATER}"
    settings = PanelSettings(s3_bucket=BUCKET, quarters=quarters, panel_name="spring", themes_from=EARLIER)
    killed = KilledStore(s3, BUCKET)
    killed.alive = n_written

    with pytest.raises(KeyboardInterrupt):
        job.run(settings, killed, embedder)
    assert marker not in killed.list(prefix)

    store = Store(s3, BUCKET)
    job.run(settings, store, embedder)
    assert set(store.list(prefix)) == {prefix + keys.panel_table(table) for table in SCHEMAS}
    for table in SCHEMAS:
        assert store.require(prefix + keys.panel_table(table)) == (fixed / keys.panel_table(table)).read_bytes()


def read(folder: Path, table: str) -> pa.Table:
    return pq.read_table(folder / keys.panel_table(table))


@pytest.fixture(scope="module")
def joint(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return panel(run_folder, tmp_path_factory.mktemp("joint"), EARLIER, LATER)


@pytest.fixture(scope="module")
def fixed(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return panel(run_folder, tmp_path_factory.mktemp("fixed"), EARLIER, LATER, themes_from=EARLIER)


def test_the_order_of_the_quarters_makes_no_difference(run_folder: Path, joint: Path, tmp_path: Path) -> None:
    other = panel(run_folder, tmp_path / "other", LATER, EARLIER)
    for table in SCHEMAS:
        assert (joint / keys.panel_table(table)).read_bytes() == (other / keys.panel_table(table)).read_bytes()


@pytest.mark.parametrize("table", SCHEMAS)
def test_each_table_has_its_schema_descriptions_and_record(joint: Path, fixed: Path, table: str) -> None:
    for folder, point_in_time in ((joint, False), (fixed, True)):
        schema = pq.read_schema(folder / keys.panel_table(table))
        assert schema.equals(SCHEMAS[table])
        assert all((field.metadata or {}).get(DESCRIPTION) for field in schema)
        record = read_metadata(schema)
        assert (record["quarters"], record["point_in_time"]) == ([EARLIER, LATER], point_in_time)
        assert run_of(schema) == run_of(pq.read_schema(folder / keys.panel_table("grid")))
        assert run_of(schema)


def test_the_grid_has_every_call_with_every_family(joint: Path) -> None:
    grid, exposures = read(joint, "grid").to_pandas(), read(joint, "exposures").to_pandas()
    families = [row["theme_id"] for row in read(joint, "themes").to_pylist() if row["level"] == "family"]
    assert len(grid) == 2 * N_FIRMS * len(families)
    assert not grid.duplicated(["call_id", "theme_id"]).any()
    assert all(family.startswith("family_spring_") for family in families)

    counted = exposures[exposures.level == "family"]
    assert grid[grid.n_sentences > 0].shape[0] == len(counted)
    merged = counted.merge(grid, on=["call_id", "theme_id"], suffixes=("", "_grid"))
    for name in ("n_sentences", "exposure", "exposure_prepared", "exposure_management", "mean_similarity"):
        assert (merged[name] == merged[f"{name}_grid"]).all()
    zeros = grid[grid.n_sentences == 0]
    assert len(zeros)
    assert (zeros.exposure == 0).all()
    assert (zeros.exposure_prepared == 0).all()
    assert zeros.mean_similarity.isna().all()
    assert grid.exposure_qa.isna().all()  # nothing is said there


def test_other_content_has_another_id(run_folder: Path, joint: Path, tmp_path: Path) -> None:
    """As another version of FTM may make of the same runs: its tables are not taken for the same panel's."""
    request = PanelRequest("spring", [EARLIER, LATER], None, "family", Limits(2, 0.4))
    make_panel(WithoutLaterCalls(run_folder), request, tmp_path, embedder, begin)
    ids = {run_of(pq.read_schema(folder / keys.panel_table("themes"))) for folder in (joint, tmp_path)}
    assert len(ids) == 2


def test_row_groups_are_of_one_quarter(joint: Path) -> None:
    with pq.ParquetFile(joint / keys.panel_table("grid")) as grid:
        groups = [
            set(grid.read_row_group(number, ["quarter"])["quarter"].to_pylist())
            for number in range(grid.num_row_groups)
        ]
    assert groups == [{EARLIER}, {LATER}]


def test_a_grid_of_themes(run_folder: Path, tmp_path: Path) -> None:
    folder = panel(run_folder, tmp_path / "themes", EARLIER, themes_from=EARLIER, level="theme")
    themes = read(folder, "themes").filter(pc.field("level") == "theme")
    assert set(read(folder, "grid")["theme_id"].to_pylist()) == set(themes["theme_id"].to_pylist())


def test_a_subject_of_the_later_quarter_has_a_theme(joint: Path) -> None:
    rows = [row for row in read(joint, "quarters").to_pylist() if row["level"] == "theme"]
    firms: dict[str, dict[str, int]] = {}
    for row in rows:
        firms.setdefault(row["theme_id"], {})[row["quarter"]] = row["n_firms"]
    assert [n_firms for n_firms in firms.values() if n_firms == {EARLIER: 0, LATER: N_FIRMS}]
    assert sum(n_firms == {EARLIER: N_FIRMS, LATER: N_FIRMS} for n_firms in firms.values()) >= 2


def test_themes_of_a_quarter_are_those_it_has_published(run_folder: Path, fixed: Path) -> None:
    own = pq.read_table(run_folder / keys.exposures(EARLIER), partitioning=None).to_pylist()
    found = [row for row in read(fixed, "exposures").to_pylist() if row["quarter"] == EARLIER]
    assert all(row.pop("in_sample") for row in found)
    assert [{**row, "theme_id": row["theme_id"].replace("_spring_", f"_{EARLIER}_")} for row in found] == own
    assert {row["in_sample"] for row in read(fixed, "grid").to_pylist() if row["quarter"] == LATER} == {False}


def test_themes_of_a_run_that_has_not_ended_are_refused(run_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(run_folder, folder)
    progress = folder / keys.themes_progress(EARLIER)
    progress.write_text(json.dumps({**json.loads(progress.read_text()), "run": "another"}))
    with pytest.raises(InvalidInput, match="is not of the quarter's last run"):
        panel(folder, tmp_path / "out", EARLIER, themes_from=EARLIER)


def test_words_are_counted_in_every_exposure(run_folder: Path, joint: Path, tmp_path: Path) -> None:
    words = WordList(["none", "place"], {("ohio",): frozenset([1]), ("not", "said"): frozenset([0])}, "a digest")
    request = PanelRequest("spring", [LATER, EARLIER], None, "family", Limits(2, 0.4), words)
    rows = make_panel(FolderStore(run_folder), request, tmp_path, embedder, begin)

    schema = pq.read_schema(tmp_path / keys.panel_table("words"))
    assert schema.equals(schemas.PANEL_WORDS)
    assert read_metadata(schema)["words"] == "a digest"
    exposures, found = read(joint, "exposures").to_pandas(), read(tmp_path, "words").to_pandas()
    assert rows["words"] == len(found) == 2 * len(exposures)
    assert (found[found.category == "none"].n_sentences_of_category == 0).all()
    # Every firm speaks of one place only, in each of its sentences.
    of_place = exposures.merge(found[found.category == "place"], on=["call_id", "theme_id"], suffixes=("", "_words"))
    in_ohio = of_place.firm_id.isin([str(101 + number) for number in range(0, N_FIRMS, len(PLACES))])
    assert in_ohio.any()
    assert (of_place.n_sentences_of_category == of_place.n_sentences.where(in_ohio, 0)).all()
    assert (of_place.share_of_category == in_ohio.astype(float)).all()
    assert read(tmp_path, "grid").equals(read(joint, "grid"))
    assert run_of(schema) not in (None, run_of(pq.read_schema(joint / keys.panel_table("grid"))))


class WithoutLaterCalls(FolderStore):
    """A run folder from which every call after a day has been deleted."""

    last_day = date(2023, 5, 4)

    def read_table(self, key: str, columns: Sequence[str] | None = None) -> pa.Table:
        table = super().read_table(key, columns)
        return table.filter(pc.field("earnings_call_date") <= self.last_day) if "firm-sentences" in key else table


def test_deleting_later_calls_changes_no_earlier_row(run_folder: Path, fixed: Path, tmp_path: Path) -> None:
    request = PanelRequest("spring", [EARLIER, LATER], EARLIER, "family", Limits(2, 0.4))
    make_panel(WithoutLaterCalls(run_folder), request, tmp_path, embedder, begin)

    for table in ("calls", "exposures", "grid"):
        earlier = read(fixed, table).filter(pc.field("earnings_call_date") <= WithoutLaterCalls.last_day)
        assert 0 < earlier.num_rows < read(fixed, table).num_rows
        assert read(tmp_path, table).equals(earlier)
    assert read(tmp_path, "themes").equals(read(fixed, "themes"))
    assert pc.any(read(tmp_path, "grid").filter(pc.field("quarter") == LATER)["momentum"].is_valid()).as_py()


def test_a_quarter_that_is_being_made_again_is_refused(run_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(run_folder, tmp_path / "run")
    last = json.loads((tmp_path / "run" / keys.themes_progress(LATER)).read_bytes())["manifest_key"]
    with (tmp_path / "run" / last).open("a", encoding="utf-8") as manifest:
        manifest.write("\n" + json.dumps({"batch_id": keys.batch_id(LATER, 1), "firm_ids": ["199"]}))
    begun = {"manifest_key": "manifests/2023Q2/another.jsonl", "parts": []}
    (tmp_path / "run" / keys.progress(LATER, keys.batch_id(LATER, 1))).write_text(json.dumps(begun))

    with pytest.raises(InvalidInput, match=f"{LATER}: 1 batches have been started again .*{LATER}_batch_0001"):
        panel(tmp_path / "run", tmp_path / "out", EARLIER, LATER)


def test_firms_near_a_theme_are_among_those_that_count(joint: Path) -> None:
    rows = read(joint, "quarters").to_pylist()
    assert all(0 <= row["n_firms_near"] <= row["n_firms"] for row in rows)
    assert {EARLIER, LATER} == {row["quarter"] for row in rows if row["n_firms_near"]}


def test_a_firm_near_a_theme_is_near_its_family(joint: Path) -> None:
    family_of = {
        row["theme_id"]: row["family_id"] for row in read(joint, "themes").to_pylist() if row["level"] == "theme"
    }
    near = {(row["quarter"], row["theme_id"]): row["n_firms_near"] for row in read(joint, "quarters").to_pylist()}
    of_themes: dict[tuple[str, str], list[int]] = {}
    for (quarter, theme), n_firms in near.items():
        if theme in family_of:
            of_themes.setdefault((quarter, family_of[theme]), []).append(n_firms)
    assert of_themes
    assert all(max(each) <= near[family] <= sum(each) for family, each in of_themes.items())


def test_affinity_needs_five_firms_that_called_before(fixed: Path) -> None:
    rows = [row for row in read(fixed, "grid").to_pylist() if row["quarter"] == LATER]
    assert all(row["affinity"] is not None for row in rows)
    assert all(
        row["affinity"] is None for row in read(fixed, "grid").to_pylist() if row["earnings_call_date"] == CALL_DATE
    )


@pytest.mark.parametrize(
    ("quarters", "themes_from", "message"),
    [
        ([EARLIER, "2022Q4"], None, "2022Q4 has no themes yet"),
        ([EARLIER, EARLIER], None, "2023Q1 is given twice"),
        ([EARLIER, LATER], LATER, "the themes of 2023Q2 are known only after 2023Q1"),
    ],
)
def test_what_cannot_be_made(
    run_folder: Path, tmp_path: Path, quarters: list[str], themes_from: str | None, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        panel(run_folder, tmp_path / "out", *quarters, themes_from=themes_from)
    assert not (tmp_path / "out").exists()


def test_a_call_of_two_quarters_is_refused(run_folder: Path, tmp_path: Path) -> None:
    twice = tmp_path / "run"
    shutil.copytree(run_folder, twice)
    for path in (twice / keys.sentences_parts_prefix(LATER)).iterdir():
        path.write_bytes(
            (twice / keys.sentences_parts_prefix(EARLIER) / path.name.replace(LATER, EARLIER)).read_bytes()
        )
    with pytest.raises(InvalidInput, match="is in 2023Q1 and in 2023Q2"):
        panel(twice, tmp_path / "out", EARLIER, LATER, themes_from=EARLIER)
