from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from botocore.exceptions import ClientError

from cloud.src.contract.errors import FtmError
from cloud.src.worker.store import Store
from tests.component.conftest import BUCKET

TABLE = pa.table({"firm_id": ["101", "102"], "n": pa.array([1, 2], pa.int32())})


@pytest.fixture
def store(s3: Any) -> Store:
    return Store(s3, BUCKET)


def test_what_is_written_is_read(store: Store) -> None:
    store.write_json("a.json", {"firms": ["Ünïcode"]})
    store.write_table("a.parquet", TABLE.replace_schema_metadata({b"ftm": b"kept"}))

    assert json.loads(store.require("a.json")) == store.read_json_if_there("a.json") == {"firms": ["Ünïcode"]}
    assert store.read_table("a.parquet").equals(TABLE)
    assert store.read_table("a.parquet").schema.metadata == {b"ftm": b"kept"}
    assert store.read_table_if_there("a.parquet") is not None


def test_what_is_not_there(store: Store) -> None:
    assert store.read("none") is None
    assert store.read_json_if_there("none.json") is None
    assert store.read_table_if_there("none.parquet") is None
    for read in (store.require, store.read_table):
        with pytest.raises(FtmError, match=f"^s3://{BUCKET}/none is missing: "):
            read("none")


def test_a_bucket_that_is_not_there_is_no_missing_object(s3: Any) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        Store(s3, "ftm-no-such-bucket").read("key")


@pytest.mark.parametrize("body", [b"", b"{", b"PAR1 but no more of it PAR1", b"\xff\xfe"])
def test_damaged_objects_are_named_in_one_line(s3: Any, store: Store, body: bytes) -> None:
    s3.put_object(Bucket=BUCKET, Key="damaged", Body=body)
    expected = {
        store.read_json_if_there: "is not valid JSON",
        store.read_table: "is not a readable Parquet file",
        store.read_table_if_there: "is not a readable Parquet file",
    }
    for read, problem in expected.items():
        with pytest.raises(FtmError, match=f"^s3://{BUCKET}/damaged {problem} .*: delete it") as raised:
            read("damaged")
        assert "\n" not in str(raised.value)


def test_a_table_cut_short_is_damaged(s3: Any, store: Store) -> None:
    store.write_table("a.parquet", TABLE)
    whole = store.require("a.parquet")
    s3.put_object(Bucket=BUCKET, Key="a.parquet", Body=whole[:-20])
    with pytest.raises(FtmError, match="is not a readable Parquet file"):
        store.read_table("a.parquet")


def test_lists_more_keys_than_a_page_holds(store: Store) -> None:
    keys = [f"many/{number:04d}" for number in range(1001)]
    for key in [*keys, "other/0000"]:
        store.write_json(key, 0)

    assert store.list("many/") == keys
    assert store.list("none/") == []


def test_deletes_and_uploads(store: Store, tmp_path: Path) -> None:
    store.write_table("deleted.parquet", TABLE)
    store.delete("deleted.parquet")
    (tmp_path / "file").write_bytes(b"content")
    store.upload("uploaded", tmp_path / "file")

    assert store.list("") == ["uploaded"]
    assert store.require("uploaded") == b"content"
