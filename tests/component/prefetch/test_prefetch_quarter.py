"""A whole prefetch from files into S3: the chunks, the manifest, and what happens to an earlier prefetch."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import FtmError, InvalidInput, PrefetchRunning
from cloud.src.prefetch.files.source import FileTranscripts
from cloud.src.prefetch.prefetch import PrefetchSummary, finished_prefetch, write_quarter
from cloud.src.prefetch.storage import FolderStorage, S3Storage
from tests.component.conftest import BUCKET

QUARTER = "2023Q1"
# Of a prefetch of three chunks over one of five: what is written or deleted last before the lock is checked for this.
LAST_BEFORE = {
    "put chunk_0001.parquet": "put _checkpoint.json",
    "delete chunk_0003.parquet": "put _checkpoint.json",
    "put manifest.json": "delete chunk_0004.parquet",
}
N_TIMES = {"put chunk_0001.parquet": 2, "delete chunk_0003.parquet": 4}  # that has been done, then
MANIFEST = "prefetch/transcripts/quarter=2023Q1/manifest.json"


def prefetch(s3: Any, source: Path, on_progress: Callable[[int, int], None] | None = None) -> PrefetchSummary:
    storage = S3Storage(s3, BUCKET)
    return write_quarter(storage, QUARTER, FileTranscripts(source, QUARTER), on_progress, force=True)


def write_calls(path: Path, n_firms: int, text: str = "Sales of firm {} rose. Costs fell.") -> Path:
    """One call a firm, every second firm with a PERMNO."""
    lines = ["company,permno,date,speaker_type,text"]
    for n in range(n_firms):
        permno = 10_000 + n if n % 2 else ""
        lines.append(f'Firm {n:03d},{permno},2023-02-01,operator,"Welcome."')
        lines.append(f'Firm {n:03d},{permno},2023-02-01,executive,"{text.format(n)}"')
    path.write_text("\n".join(lines))
    return path


def objects(s3: Any) -> dict[str, bytes]:
    found = s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return {item["Key"]: s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read() for item in found}


def chunk_files(s3: Any) -> dict[str, bytes]:
    return {key: body for key, body in objects(s3).items() if key.endswith(".parquet")}


def test_each_firm_is_in_one_chunk_which_the_manifest_names(s3: Any, tmp_path: Path) -> None:
    source = write_calls(tmp_path / "calls.csv", 203)
    progress: list[tuple[int, int]] = []

    summary = prefetch(s3, source, lambda done, total: progress.append((done, total)))

    assert summary == PrefetchSummary(
        quarter=QUARTER,
        n_firms=203,
        n_calls=203,
        n_sentences=406,
        n_chunks=3,
        n_firms_without_permno=102,
        n_calls_without_time=203,
        skipped={"operator turns": 203},
        manifest_key=MANIFEST,
        created_at=json.loads(objects(s3)[MANIFEST])["created_at"],
        source="files",
    )
    assert progress == [(done, 203) for done in range(1, 204)]
    manifest = json.loads(objects(s3)[MANIFEST])
    assert manifest.pop("created_at").endswith("+00:00")
    assert manifest.pop("fingerprint")
    assert manifest == {
        "quarter": QUARTER,
        "source": "files",
        "selection": "",
        "n_firms": 203,
        "n_calls": 203,
        "n_sentences": 406,
        "n_firms_without_permno": 102,
        "n_calls_without_time": 203,
        "skipped": {"operator turns": 203},
        "columns": schemas.SENTENCE.names,
        "chunks": [keys.prefetch_chunk(QUARTER, number) for number in range(3)],
        "firms": {f"firm-{n:03d}": f"chunk_{n // 100:04d}.parquet" for n in range(203)},
    }
    tables = [pq.read_table(io.BytesIO(objects(s3)[key])) for key in manifest["chunks"]]
    for table in tables:
        table.validate(full=True)
        assert table.schema == schemas.SENTENCE
    in_chunks = {
        firm: f"chunk_{number:04d}.parquet"
        for number, table in enumerate(tables)
        for firm in table["firm_id"].to_pylist()
    }
    assert in_chunks == manifest["firms"]
    assert list(in_chunks) == list(manifest["firms"])
    assert pa.concat_tables(tables)["sentence_id"].to_pylist()[:3] == [
        "firm-000_20230201_0000",
        "firm-000_20230201_0001",
        "firm-001_20230201_0000",
    ]


def test_the_same_input_makes_the_same_chunks(s3: Any, tmp_path: Path) -> None:
    source = write_calls(tmp_path / "calls.csv", 150)
    prefetch(s3, source)
    first = chunk_files(s3)
    lines = source.read_text().splitlines()
    pairs = [lines[i : i + 2] for i in range(1, len(lines), 2)]
    source.write_text("\n".join([lines[0], *(line for pair in reversed(pairs) for line in pair)]))
    prefetch(s3, source)
    assert chunk_files(s3) == first
    assert len(first) == 2


def test_a_smaller_prefetch_leaves_nothing_of_a_larger_one(s3: Any, tmp_path: Path) -> None:
    prefetch(s3, write_calls(tmp_path / "large.csv", 203))
    s3.put_object(Bucket=BUCKET, Key=keys.prefetch_checkpoint(QUARTER), Body=b"{}")
    others = [keys.prefetch_chunk("2023Q2", 5), "prefetch/transcripts/quarter=2023Q1/notes.txt"]
    for key in others:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"kept")

    prefetch(s3, write_calls(tmp_path / "small.csv", 1))

    assert sorted(objects(s3)) == sorted([keys.prefetch_chunk(QUARTER, 0), MANIFEST, *others])


def test_an_interrupted_prefetch_is_not_taken_for_complete(s3: Any, tmp_path: Path) -> None:
    source = write_calls(tmp_path / "calls.csv", 203)
    prefetch(s3, source)

    def killed_after_first_chunk(done: int, _: int) -> None:
        if done == 150:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prefetch(s3, source, killed_after_first_chunk)
    assert MANIFEST not in objects(s3)

    prefetch(s3, source)
    assert MANIFEST in objects(s3)


@pytest.mark.parametrize("text", ["", "[inaudible]"])
def test_when_every_call_is_empty_the_earlier_prefetch_stays(s3: Any, tmp_path: Path, text: str) -> None:
    prefetch(s3, write_calls(tmp_path / "good.csv", 3))
    before = objects(s3)
    message = "no call of 2023Q1 has any content: 3 calls without content, 3 operator turns"
    with pytest.raises(InvalidInput, match=message):
        prefetch(s3, write_calls(tmp_path / "empty.csv", 3, text))
    assert objects(s3) == before


def test_empty_calls_among_others_are_left_out_and_counted(s3: Any, tmp_path: Path) -> None:
    source = tmp_path / "calls.csv"
    source.write_text("company,date,text\nElm,2023-02-01,Sales rose.\nOak,2023-02-01,\nElm,2023-03-01, \n")
    summary = prefetch(s3, source)
    assert (summary.n_firms, summary.n_calls, summary.skipped) == (1, 1, {"calls without content": 2})
    assert json.loads(objects(s3)[MANIFEST])["firms"] == {"elm": "chunk_0000.parquet"}


def test_a_permno_given_for_one_call_holds_for_the_firm(s3: Any, tmp_path: Path) -> None:
    source = tmp_path / "calls.csv"
    rows = ["company,permno,date,text", "Elm,,2023-02-01,Up.", "Elm,10107,2023-03-01,Up.", "Oak,,2023-02-01,Up."]
    source.write_text("\n".join(rows))
    summary = prefetch(s3, source)
    assert (summary.n_firms, summary.n_calls, summary.n_firms_without_permno) == (2, 3, 1)


def test_a_wrong_quarter_is_refused(s3: Any, tmp_path: Path) -> None:
    source = FileTranscripts(write_calls(tmp_path / "calls.csv", 1), QUARTER)
    with pytest.raises(InvalidInput, match="quarter '2023-Q1' is not a quarter"):
        write_quarter(S3Storage(s3, BUCKET), "2023-Q1", source)
    assert objects(s3) == {}


def test_a_finished_quarter_is_left_alone_unless_forced(s3: Any, tmp_path: Path) -> None:
    storage = S3Storage(s3, BUCKET)
    source = FileTranscripts(write_calls(tmp_path / "calls.csv", 3), QUARTER)
    first = write_quarter(storage, QUARTER, source)
    before = objects(s3)
    assert not first.already_there

    other = FileTranscripts(write_calls(tmp_path / "other.csv", 5), QUARTER)
    again = write_quarter(storage, QUARTER, other, lambda *_: pytest.fail("it was read"))

    assert again == replace(first, already_there=True) == finished_prefetch(storage, QUARTER)
    assert objects(s3) == before
    assert write_quarter(storage, QUARTER, other, force=True).n_firms == 5
    assert sorted(objects(s3)) == [keys.prefetch_chunk(QUARTER, 0), MANIFEST]


def test_a_quarter_of_other_firms_is_not_this_one(s3: Any, tmp_path: Path) -> None:
    storage = S3Storage(s3, BUCKET)
    first_20 = FileTranscripts(write_calls(tmp_path / "calls.csv", 20), QUARTER)
    first_20.selection = "--limit 20"
    write_quarter(storage, QUARTER, first_20)
    before = objects(s3)

    whole = FileTranscripts(write_calls(tmp_path / "whole.csv", 25), QUARTER)
    with pytest.raises(InvalidInput, match=r"manifest\.json was made with --limit 20, not with all firms: --force"):
        write_quarter(storage, QUARTER, whole)
    assert objects(s3) == before
    assert write_quarter(storage, QUARTER, first_20).already_there
    assert write_quarter(storage, QUARTER, whole, force=True).n_firms == 25
    with pytest.raises(InvalidInput, match=r"was made with all firms, not with --limit 20"):
        write_quarter(storage, QUARTER, first_20)


def test_quarters_with_and_without_other_languages_are_different(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path / "out")
    calls = write_calls(tmp_path / "calls.csv", 2)
    write_quarter(storage, QUARTER, FileTranscripts(calls, QUARTER))
    with pytest.raises(InvalidInput, match="was made with all firms, not with --all-languages"):
        write_quarter(storage, QUARTER, FileTranscripts(calls, QUARTER, all_languages=True))


def test_force_takes_the_manifest_away_before_the_first_chunk(s3: Any, tmp_path: Path) -> None:
    source = FileTranscripts(write_calls(tmp_path / "calls.csv", 203), QUARTER)
    done: list[str] = []

    class Recording(S3Storage):
        def put(self, key: str, body: bytes) -> None:
            done.append(f"put {Path(key).name}")
            super().put(key, body)

        def delete(self, key: str) -> None:
            done.append(f"delete {Path(key).name}")
            super().delete(key)

    storage = Recording(s3, BUCKET)
    write_quarter(storage, QUARTER, source)
    done.clear()
    write_quarter(storage, QUARTER, source, force=True)
    assert done == [
        "put _checkpoint.json",
        "delete manifest.json",
        *(f"put {name}" for n in range(3) for name in (f"chunk_{n:04d}.parquet", "_checkpoint.json")),
        "put manifest.json",
        "delete _checkpoint.json",
        "delete _lock.json",
    ]


@pytest.mark.parametrize("before", ["put chunk_0001.parquet", "delete chunk_0003.parquet", "put manifest.json"])
def test_whoever_has_lost_the_lock_writes_and_deletes_nothing_more(s3: Any, tmp_path: Path, before: str) -> None:
    large = FileTranscripts(write_calls(tmp_path / "large.csv", 403), QUARTER)
    source = FileTranscripts(write_calls(tmp_path / "calls.csv", 203), QUARTER)
    write_quarter(S3Storage(s3, BUCKET), QUARTER, large)
    done: list[str] = []

    class TakenOver(S3Storage):
        """Another one takes the lock after what is done last before ``before``, and before that is asked for."""

        def put(self, key: str, body: bytes) -> None:
            super().put(key, body)
            self._has_done(f"put {Path(key).name}")

        def delete(self, key: str) -> None:
            super().delete(key)
            self._has_done(f"delete {Path(key).name}")

        def _has_done(self, what: str) -> None:
            done.append(what)
            if what == LAST_BEFORE[before] and done.count(what) == N_TIMES.get(before, 1):
                S3Storage(s3, BUCKET).put(keys.prefetch_lock(QUARTER), b'{"id": "another"}')

    with pytest.raises(PrefetchRunning, match="has been taken over by another prefetch"):
        write_quarter(TakenOver(s3, BUCKET), QUARTER, source, force=True)
    assert done[-1] == LAST_BEFORE[before]
    assert before not in done
    assert objects(s3)[keys.prefetch_lock(QUARTER)] == b'{"id": "another"}'


def test_a_prefetch_is_continued_only_from_the_same_input(s3: Any, tmp_path: Path) -> None:
    storage = S3Storage(s3, BUCKET)

    def interrupted_at_150(done: int, _: int) -> None:
        if done == 150:
            raise KeyboardInterrupt

    source = FileTranscripts(write_calls(tmp_path / "calls.csv", 203), QUARTER)
    with pytest.raises(KeyboardInterrupt):
        write_quarter(storage, QUARTER, source, interrupted_at_150)
    assert sorted(objects(s3)) == sorted([keys.prefetch_chunk(QUARTER, 0), keys.prefetch_checkpoint(QUARTER)])

    changed = FileTranscripts(write_calls(tmp_path / "calls.csv", 203, "Sales of firm {} fell."), QUARTER)
    progress: list[int] = []
    write_quarter(storage, QUARTER, changed, lambda done, _: progress.append(done))
    assert progress == list(range(1, 204))  # all over again
    texts: list[Any] = [
        text
        for body in chunk_files(s3).values()
        for text in pq.read_table(io.BytesIO(body))["cleaned_text"].to_pylist()
    ]
    assert len(texts) == 203
    assert all(text.endswith("fell.") for text in texts)


def test_prefetches_into_folder_and_bucket_are_the_same(s3: Any, tmp_path: Path) -> None:
    source = FileTranscripts(write_calls(tmp_path / "calls.csv", 150), QUARTER)
    write_quarter(S3Storage(s3, BUCKET), QUARTER, source)
    write_quarter(FolderStorage(tmp_path / "out"), QUARTER, source)
    in_folder = {
        str(path.relative_to(tmp_path / "out")): path.read_bytes()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    assert sorted(in_folder) == sorted(objects(s3))
    assert {key: body for key, body in in_folder.items() if key.endswith(".parquet")} == chunk_files(s3)


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"quarter": "2023Q1"}'])
def test_an_unreadable_manifest_is_one_line_and_force_replaces_it(s3: Any, tmp_path: Path, body: bytes) -> None:
    s3.put_object(Bucket=BUCKET, Key=MANIFEST, Body=body)
    storage = S3Storage(s3, BUCKET)
    source = FileTranscripts(write_calls(tmp_path / "calls.csv", 1), QUARTER)
    with pytest.raises(FtmError, match=r"s3://.*manifest\.json is not a manifest of this version of ftm: .* --force"):
        write_quarter(storage, QUARTER, source)
    assert write_quarter(storage, QUARTER, source, force=True).n_firms == 1


def test_a_prefetch_with_other_columns_is_refused_in_one_line(s3: Any, tmp_path: Path) -> None:
    storage = S3Storage(s3, BUCKET)
    source = FileTranscripts(write_calls(tmp_path / "calls.csv", 1), QUARTER)
    write_quarter(storage, QUARTER, source)
    manifest = json.loads(objects(s3)[MANIFEST])
    manifest["columns"].remove("call_id")
    s3.put_object(Bucket=BUCKET, Key=MANIFEST, Body=json.dumps(manifest).encode())

    with pytest.raises(FtmError, match=r"is not a manifest of this version of ftm: .* --force"):
        write_quarter(storage, QUARTER, source)
