"""A whole prefetch from files into S3: the chunks, the manifest, and what happens to an earlier prefetch."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.prefetch import PrefetchSummary, prefetch_files
from tests.unit.conftest import BUCKET

QUARTER = "2023Q1"
MANIFEST = "prefetch/transcripts/quarter=2023Q1/manifest.json"


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


def test_writes_whole_firms_in_chunks_and_a_manifest_that_leads_to_them(s3: Any, tmp_path: Path) -> None:
    source = write_calls(tmp_path / "calls.csv", 203)
    progress: list[tuple[int, int]] = []

    summary = prefetch_files(s3, BUCKET, QUARTER, source, lambda done, total: progress.append((done, total)))

    assert summary == PrefetchSummary(
        quarter=QUARTER,
        n_firms=203,
        n_calls=203,
        n_sentences=406,
        n_chunks=3,
        n_firms_without_permno=102,
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
        "n_firms": 203,
        "n_calls": 203,
        "n_sentences": 406,
        "n_firms_without_permno": 102,
        "skipped": {"operator turns": 203},
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
    prefetch_files(s3, BUCKET, QUARTER, source)
    first = chunk_files(s3)
    lines = source.read_text().splitlines()
    pairs = [lines[i : i + 2] for i in range(1, len(lines), 2)]
    source.write_text("\n".join([lines[0], *(line for pair in reversed(pairs) for line in pair)]))
    prefetch_files(s3, BUCKET, QUARTER, source)
    assert chunk_files(s3) == first
    assert len(first) == 2


def test_a_smaller_prefetch_leaves_nothing_of_a_larger_one(s3: Any, tmp_path: Path) -> None:
    prefetch_files(s3, BUCKET, QUARTER, write_calls(tmp_path / "large.csv", 203))
    s3.put_object(Bucket=BUCKET, Key=keys.prefetch_checkpoint(QUARTER), Body=b"{}")
    others = [keys.prefetch_chunk("2023Q2", 5), "prefetch/transcripts/quarter=2023Q1/notes.txt"]
    for key in others:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"kept")

    prefetch_files(s3, BUCKET, QUARTER, write_calls(tmp_path / "small.csv", 1))

    assert sorted(objects(s3)) == sorted([keys.prefetch_chunk(QUARTER, 0), MANIFEST, *others])


def test_a_prefetch_that_is_cut_short_is_not_taken_for_complete(s3: Any, tmp_path: Path) -> None:
    source = write_calls(tmp_path / "calls.csv", 203)
    prefetch_files(s3, BUCKET, QUARTER, source)

    def killed_after_first_chunk(done: int, _: int) -> None:
        if done == 150:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prefetch_files(s3, BUCKET, QUARTER, source, killed_after_first_chunk)
    assert MANIFEST not in objects(s3)

    prefetch_files(s3, BUCKET, QUARTER, source)
    assert MANIFEST in objects(s3)


@pytest.mark.parametrize("text", ["", "[inaudible]"])
def test_when_every_call_is_empty_the_earlier_prefetch_stays(s3: Any, tmp_path: Path, text: str) -> None:
    prefetch_files(s3, BUCKET, QUARTER, write_calls(tmp_path / "good.csv", 3))
    before = objects(s3)
    message = "no call of 2023Q1 has any content: 3 calls without content, 3 operator turns"
    with pytest.raises(InvalidInput, match=message):
        prefetch_files(s3, BUCKET, QUARTER, write_calls(tmp_path / "empty.csv", 3, text))
    assert objects(s3) == before


def test_empty_calls_among_others_are_left_out_and_counted(s3: Any, tmp_path: Path) -> None:
    source = tmp_path / "calls.csv"
    source.write_text("company,date,text\nElm,2023-02-01,Sales rose.\nOak,2023-02-01,\nElm,2023-03-01, \n")
    summary = prefetch_files(s3, BUCKET, QUARTER, source)
    assert (summary.n_firms, summary.n_calls, summary.skipped) == (1, 1, {"calls without content": 2})
    assert json.loads(objects(s3)[MANIFEST])["firms"] == {"elm": "chunk_0000.parquet"}


def test_a_firm_with_a_permno_in_one_of_its_calls_has_one(s3: Any, tmp_path: Path) -> None:
    source = tmp_path / "calls.csv"
    rows = ["company,permno,date,text", "Elm,,2023-02-01,Up.", "Elm,10107,2023-03-01,Up.", "Oak,,2023-02-01,Up."]
    source.write_text("\n".join(rows))
    summary = prefetch_files(s3, BUCKET, QUARTER, source)
    assert (summary.n_firms, summary.n_calls, summary.n_firms_without_permno) == (2, 3, 1)


@pytest.mark.parametrize(
    ("quarter", "bucket", "message"),
    [("2023-Q1", BUCKET, "quarter '2023-Q1' is not a quarter"), (QUARTER, "Bad_Bucket", "not a valid S3 bucket name")],
)
def test_wrong_names_are_refused(s3: Any, tmp_path: Path, quarter: str, bucket: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        prefetch_files(s3, bucket, quarter, write_calls(tmp_path / "calls.csv", 1))
    assert objects(s3) == {}
