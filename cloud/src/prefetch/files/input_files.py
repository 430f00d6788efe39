"""Reads the user's files of any kind: the columns FTM knows, as text, a few thousand rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.files.bad_rows import BadRows
from cloud.src.prefetch.files.columns import COLUMNS, ROW
from cloud.src.prefetch.files.csv_files import csv_batches
from cloud.src.prefetch.files.headers import LacksColumns
from cloud.src.prefetch.files.input_file import ARCHIVES, InputFile, opened
from cloud.src.prefetch.files.json_files import json_batches
from cloud.src.prefetch.files.parquet_files import parquet_batches
from cloud.src.prefetch.files.text_files import TEXTS, named_call, text_batches

_Batches = Callable[[InputFile, BadRows], Iterator[pa.Table]]
_TABLES: dict[str, _Batches] = {
    **dict.fromkeys((".csv", ".tsv", ".tab"), csv_batches),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), json_batches),
    ".parquet": parquet_batches,
}
_BATCHES: dict[str, _Batches] = {**_TABLES, **dict.fromkeys(TEXTS, text_batches)}
_ENDINGS = ".csv, .parquet, .jsonl or .txt"
_DEEPEST = 3  # folders in folders


def find_files(source: Path) -> list[Path]:
    """Return the file itself, or a folder's tables, by name; those of its subfolders, too.

    It is the texts when there are no tables, or only such as a list of firms beside texts that are named like calls.
    """
    if not source.exists():
        raise InvalidInput(f"there is no file or folder {source}")
    if not source.is_dir():
        if _kind(source) not in _BATCHES:
            raise InvalidInput(f"{source} is not a transcript file: its name must end with {_ENDINGS}")
        return [source]
    visible = [path for path in sorted(source.rglob("*")) if path.is_file() and _is_visible(path.relative_to(source))]
    tables = [path for path in visible if _kind(path) in _TABLES]
    texts = [path for path in visible if _kind(path) in TEXTS]
    if tables and any(_is_named_call(path) for path in texts):
        tables = [path for path in tables if _has_texts(path)]
    if not tables and not texts:
        raise InvalidInput(f"folder {source} has no {_ENDINGS} file")
    return tables or texts


def read_rows(path: Path, bad_rows: BadRows) -> Iterator[pa.Table]:
    """Yield the rows of one file: all COLUMNS as large_string (null where the file has no such column), and ROW.

    Rows that are no rows (too few values, no JSON) are left out and reported to ``bad_rows``, which also gets to know
    how many rows there are in all.

    Raises:
        InvalidInput: the file cannot be read, is damaged, or lacks a needed column.
    """
    in_folder = _quarter_of_folder(path)
    try:
        with opened(path) as file:
            if file.suffix not in _BATCHES:
                raise InvalidInput(f"{path} holds {file.name!r}: its name must end with {_ENDINGS}")
            for batch in _BATCHES[file.suffix](file, bad_rows):
                bad_rows.n_rows += batch.num_rows
                nulls = pa.nulls(batch.num_rows, pa.large_string())
                columns = {name: batch[name] if name in batch.column_names else nulls for name in COLUMNS}
                if in_folder and columns["quarter"].null_count == batch.num_rows:
                    columns["quarter"] = pa.array([in_folder] * batch.num_rows, pa.large_string())
                yield pa.table({**columns, ROW: batch[ROW]})
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror or ' '.join(str(error).split())[:200]}") from error


def _kind(path: Path) -> str:
    """The ending of the file, or of what is in it; that of a .zip is only known when it is opened."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in ARCHIVES:
        inner = "".join(suffixes[-2:-1])
        return inner if inner in _BATCHES or suffixes[-1] == ".gz" else ".csv"
    return "".join(suffixes[-1:])


def _is_visible(path: Path) -> bool:
    return len(path.parts) <= _DEEPEST and not any(part.startswith((".", "__MACOSX")) for part in path.parts)


def _is_named_call(path: Path) -> bool:
    """Whether the file is named like a call, even if its day has two readings, which is said when it is read."""
    try:
        return named_call(path.name) is not None
    except ValueError:
        return True


def _has_texts(path: Path) -> bool:
    """Whether the table is one of transcripts: its header, or first row, has a text. One that is damaged may be."""
    try:
        return any(batch["text"].null_count < batch.num_rows for batch in read_rows(path, BadRows()))
    except LacksColumns:
        return False


def _quarter_of_folder(path: Path) -> str | None:
    """The quarter of a folder named ``quarter=2023Q1``, as FTM, Hive and Arrow partition tables."""
    found = [part.partition("=")[2] for part in path.parts[:-1] if part.startswith("quarter=")]
    return found[-1] if found else None
