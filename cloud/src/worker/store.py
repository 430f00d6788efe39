"""Reading and writing the bucket: JSON documents and Parquet tables, each written whole or not at all."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from botocore.exceptions import ClientError

from cloud.src.contract.errors import FtmError


class Store:
    """One bucket. A single S3 PUT is atomic, so a reader never sees half an object."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self.bucket = bucket

    def where(self, key: str) -> str:
        """The object's address, for messages."""
        return f"s3://{self.bucket}/{key}"

    def read(self, key: str) -> bytes | None:
        """The object's bytes, or None when there is no such object."""
        try:
            return bytes(self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise

    def require(self, key: str) -> bytes:
        """The object's bytes; raise FtmError when there is no such object."""
        body = self.read(key)
        if body is None:
            raise FtmError(f"{self.where(key)} is missing: the step before this one has not written it")
        return body

    def read_json_if_there(self, key: str) -> Any | None:
        """The JSON document; None when it is not there; raise FtmError when it is broken."""
        body = self.read(key)
        return None if body is None else parse_json(body, self.where(key))

    def read_table(self, key: str, columns: Sequence[str] | None = None) -> pa.Table:
        """The Parquet table, or some of its columns; raise FtmError when it is not there or broken."""
        return parse_table(self.require(key), self.where(key), columns)

    def read_table_if_there(self, key: str) -> pa.Table | None:
        """The Parquet table; None when it is not there."""
        body = self.read(key)
        return None if body is None else parse_table(body, self.where(key))

    def write_json(self, key: str, document: Any) -> None:
        """Write a JSON document."""
        self._s3.put_object(Bucket=self.bucket, Key=key, Body=json.dumps(document).encode())

    def write_table(self, key: str, table: pa.Table) -> None:
        """Write a Parquet table."""
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="snappy")
        self._s3.put_object(Bucket=self.bucket, Key=key, Body=buffer.getvalue())

    def upload(self, key: str, file: Path) -> None:
        """Copy a file into the bucket."""
        self._s3.upload_file(str(file), self.bucket, key)

    def list(self, prefix: str) -> list[str]:
        """The keys with this prefix."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def delete(self, key: str) -> None:
        """Delete the object, if it is there."""
        self._s3.delete_object(Bucket=self.bucket, Key=key)


class FolderStore(Store):
    """The output folders of runs, to be read: keys are paths in the first folder that has them."""

    def __init__(self, *folders: Path) -> None:
        super().__init__(None, "")
        self.folders = folders

    def where(self, key: str) -> str:
        """The file's path, for messages."""
        return str(next((folder / key for folder in self.folders if (folder / key).exists()), self.folders[0] / key))

    def read(self, key: str) -> bytes | None:
        """The file's bytes, or None when there is no such file."""
        try:
            return Path(self.where(key)).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None


def parse_json(body: bytes, where: str) -> Any:
    """Raise FtmError naming the object when it is not JSON."""
    try:
        return json.loads(body)
    except ValueError as error:
        raise FtmError(
            f"{where} is not valid JSON ({error}): delete it and run the step before this one again"
        ) from error


def parse_table(body: bytes, where: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Raise FtmError naming the object when it is not a Parquet file. ``columns``: which are read, None for all."""
    try:
        return pq.read_table(io.BytesIO(body), columns=None if columns is None else list(columns))
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise FtmError(
            f"{where} is not a readable Parquet file ({reason}): delete it and run the step before this one again"
        ) from error
