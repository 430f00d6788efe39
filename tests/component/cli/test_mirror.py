import errno
import io
from collections import namedtuple
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cloud.src.cli.run.mirror import Mirror, check_disk_space, check_output_folder, output_folder
from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.contract.record import of_run
from tests.component.conftest import BUCKET

Q = "2023Q1"
PART = keys.part_name("2023Q1_batch_0000", 0, ["101", "102"])
TOPICS, SENTENCES = keys.topics_part(Q, PART), keys.sentences_part(Q, PART)


def put(s3: Any, **objects: str) -> None:
    for key, text in objects.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def mirror(s3: Any, tmp_path: Path) -> Mirror:
    return Mirror(s3, BUCKET, Q, tmp_path)


def test_objects_of_the_quarter_become_files_under_their_keys(s3: Any, mirror: Mirror, tmp_path: Path) -> None:
    ours = {
        keys.prefetch_manifest(Q): "{}",
        keys.prefetch_chunk(Q, 0): "chunk",
        "manifests/2023Q1/manifest_1.jsonl": "{}",
        keys.progress(Q, "2023Q1_batch_0000"): "{}",
        TOPICS: "topics",
        SENTENCES: "sentences",
        keys.themes(Q): "themes",
        keys.themes_for_sentiment(Q): "sentiment",
    }
    put(s3, **ours, **{keys.themes("2023Q2"): "another quarter"})
    assert mirror.copy_new() == len(ours)
    assert files(tmp_path) == ours


def test_only_what_changed_is_copied_again(s3: Any, mirror: Mirror, tmp_path: Path) -> None:
    put(s3, **{TOPICS: "1", SENTENCES: "1"})
    mirror.copy_new()
    put(s3, **{TOPICS: "2"})
    assert mirror.copy_new() == 1
    assert (tmp_path / TOPICS).read_text() == "2"
    assert mirror.copy_new() == 0


def test_leftovers_in_the_bucket_are_not_taken_for_this_run(s3: Any, tmp_path: Path) -> None:
    put(s3, **{keys.themes(Q): "earlier", keys.progress(Q, "2023Q1_batch_0000"): "earlier"})
    mirror = Mirror(s3, BUCKET, Q, tmp_path)
    mirror._started = datetime.now(UTC) + timedelta(seconds=2)
    mirror.copy_new()
    assert files(tmp_path) == {}
    assert not mirror.has_results()


def test_the_next_run_does_not_repeat_answered_questions(s3: Any, mirror: Mirror, tmp_path: Path) -> None:
    answers = keys.llm_answers(Q, PART)
    put(s3, **{answers: "answers"})
    mirror.finish()
    assert files(tmp_path) == {answers: "answers"}
    s3.delete_object(Bucket=BUCKET, Key=answers)

    assert Mirror(s3, BUCKET, Q, tmp_path).seed() == 0  # no part file
    assert s3.get_object(Bucket=BUCKET, Key=answers)["Body"].read() == b"answers"


def test_an_interrupted_run_continues_from_the_folder(s3: Any, tmp_path: Path) -> None:
    put(s3, **{TOPICS: "topics", SENTENCES: "sentences", keys.prefetch_chunk(Q, 0): "chunk"})
    Mirror(s3, BUCKET, Q, tmp_path).copy_new()
    s3.delete_object(Bucket=BUCKET, Key=TOPICS)  # the bucket of the next run
    put(s3, **{SENTENCES: "newer sentences"})

    assert Mirror(s3, BUCKET, Q, tmp_path).seed() == 1
    assert s3.get_object(Bucket=BUCKET, Key=TOPICS)["Body"].read() == b"topics"
    assert s3.get_object(Bucket=BUCKET, Key=SENTENCES)["Body"].read() == b"newer sentences"


def test_a_half_written_file_is_removed_and_never_uploaded(s3: Any, mirror: Mirror, tmp_path: Path) -> None:
    partial = (tmp_path / TOPICS).with_name(f".{PART}.parquet.partial")
    partial.parent.mkdir(parents=True)
    partial.write_text("half")
    assert mirror.seed() == 0
    assert not partial.exists()


def test_unfinished_files_of_other_programs_are_left_alone(mirror: Mirror, tmp_path: Path) -> None:
    for name in ("photos/.holiday.jpg.partial", ".mail.partial", "processed/.own.partial"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("half")
    before = files(tmp_path)
    mirror.seed()
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    "earlier", [keys.progress(Q, "2023Q1_batch_0007"), keys.batch_manifest(Q, datetime(2023, 5, 1, tzinfo=UTC))]
)
def test_earlier_records_do_not_mix_with_a_failed_runs(earlier: str, s3: Any, mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / earlier).parent.mkdir(parents=True)
    (tmp_path / earlier).write_text("earlier")
    (tmp_path / TOPICS).parent.mkdir(parents=True)
    (tmp_path / TOPICS).write_text("a part for the next run")
    mirror.finish()
    assert (tmp_path / earlier).exists()  # this run has not come far enough to have records

    progress = keys.progress(Q, "2023Q1_batch_0000")
    put(s3, **{progress: "now"})
    mirror.finish()
    assert files(tmp_path) == {progress: "now", TOPICS: "a part for the next run"}


def test_files_the_new_run_did_not_write_are_removed(s3: Any, mirror: Mirror, tmp_path: Path) -> None:
    stale = tmp_path / keys.sentences(Q, "2023Q1_batch_0007", 0)
    other_quarter = tmp_path / keys.sentences("2023Q2", "2023Q2_batch_0007", 0)
    notes = stale.with_name("my-notes.txt")
    for path in (stale, other_quarter, notes):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("earlier")
    put(s3, **{keys.progress(Q, "2023Q1_batch_0000"): "now"})
    mirror.finish()
    assert stale.exists()  # this run has no tables that could replace it

    put(s3, **{keys.sentences(Q, "2023Q1_batch_0000", 0): "now"})
    mirror.finish()
    assert not stale.exists()
    assert other_quarter.exists()
    assert notes.exists()


def test_parts_that_reduce_has_removed_go_from_the_folder_too(s3: Any, mirror: Mirror, tmp_path: Path) -> None:
    left = keys.part_name("2023Q1_batch_0001", 0, ["103"])
    removed = {keys.topics_part(Q, left): "1", keys.sentences_part(Q, left): "1", keys.llm_answers(Q, left): "1"}
    put(s3, **removed, **{TOPICS: "2", SENTENCES: "2"})
    mirror.copy_new()
    for key in removed:
        s3.delete_object(Bucket=BUCKET, Key=key)

    mirror.finish()
    assert files(tmp_path).keys() == {*removed, TOPICS, SENTENCES}  # no tables: the next run may need them

    put(s3, **{keys.themes(Q): "now"})
    mirror.finish()
    assert files(tmp_path) == {TOPICS: "2", SENTENCES: "2", keys.themes(Q): "now"}


def test_rerunning_a_quarter_removes_a_second_table_of_themes(s3: Any, mirror: Mirror, tmp_path: Path) -> None:
    left = tmp_path / keys.themes_prefix(Q) / "theme_contributions.parquet"  # by an earlier version
    left.parent.mkdir(parents=True)
    left.write_text("earlier")
    put(s3, **{keys.themes(Q): "themes"})

    mirror.finish()

    assert files(tmp_path) == {keys.themes(Q): "themes"}


def test_tables_of_another_execution_do_not_stay(s3: Any, mirror: Mirror, tmp_path: Path) -> None:
    def table_of(run_id: str) -> bytes:
        stream = io.BytesIO()
        pq.write_table(of_run(schemas.CALL.empty_table(), run_id), stream)
        return stream.getvalue()

    for key, run_id in {keys.calls(Q): "ours", keys.themes(Q): "theirs", keys.themes_for_sentiment(Q): "ours"}.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=table_of(run_id))
    mirror.finish()

    assert mirror.drop_others("ours") == 1
    assert [key(Q) for key in (keys.calls, keys.themes, keys.themes_for_sentiment) if (tmp_path / key(Q)).exists()] == [
        keys.calls(Q),
        keys.themes_for_sentiment(Q),
    ]
    assert mirror.drop_others("ours") == 0
    assert mirror.drop_others(None) == 2


@pytest.mark.parametrize("size", [2, 1_000_000])  # refused when the file is closed, and while it is written
def test_a_full_disk_leaves_no_half_file(size: int, s3: Any, mirror: Mirror, tmp_path: Path) -> None:
    put(s3, **{TOPICS: "x" * size})
    path = tmp_path / TOPICS
    path.parent.mkdir(parents=True)
    path.with_name(f".{path.name}.partial").symlink_to("/dev/full")  # the kernel answers as for a full disk
    with pytest.raises(OSError, match="No space left") as caught:
        mirror.copy_new()
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    assert list(path.parent.iterdir()) == []


def test_two_runs_do_not_write_one_folder(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    with output_folder(out), pytest.raises(InvalidInput, match="another ftm run"), output_folder(out):
        pass
    with output_folder(out):
        pass


def test_wrong_output_folders_are_refused_and_right_ones_not_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="is a file"):
        check_output_folder(tmp_path / "file")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "leads-nowhere").symlink_to("missing")
    for parent in ("file", "loop", "leads-nowhere"):
        with pytest.raises(InvalidInput, match=f"because .*/{parent} is not one"):
            check_output_folder(tmp_path / parent / "out")
    check_output_folder(tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloud.src.cli.run.mirror.os.access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(InvalidInput, match="cannot be written"):
        check_output_folder(tmp_path / "out")


def test_results_too_large_for_the_disk_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("cloud.src.cli.run.mirror.shutil.disk_usage", lambda path: usage(9e9, 8e9, 50e6))
    check_disk_space(tmp_path / "out", 1_000_000)
    with pytest.raises(FtmError, match=r"about 1,500 MB .* has 50 MB free"):
        check_disk_space(tmp_path / "out", 100_000_000)
