"""The output folder of a run: which quarters it holds, and its tables, checked as they are read.

The folder has the S3 layout of ``cloud.src.contract.keys``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import InvalidInput
from cloud.src.contract.record import run_of

FAMILY, THEME = "family", "theme"  # the values of level in the table of themes

_ONE_FILE = {
    "firms": keys.firms,
    "calls": keys.calls,
    "topics": keys.topics,
    "themes": keys.themes,
    "exposures": keys.exposures,
}
_IN_PARTS = {"sentences": keys.sentences_prefix, "evidence": keys.evidence_prefix}


def quarters_in(folder: Path) -> list[str]:
    """Return the quarters that the output folder has tables of, oldest first; raise InvalidInput when it has none."""
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is not a folder: give the output folder of a run")
    found = {path.name.removeprefix("quarter=") for path in folder.glob("processed/*/quarter=*") if path.is_dir()}
    if not found:
        raise InvalidInput(
            f"{folder} has no processed quarter (processed/themes/quarter=...): give the output folder of a run"
        )
    return sorted(keys.check_quarter(quarter) for quarter in found)


def one_quarter(folder: Path, quarter: str | None) -> str:
    """Return the quarter asked for, or else the only one in the output folder.

    Raises InvalidInput when the folder does not have it, or has several.
    """
    found = quarters_in(folder)
    if quarter is not None and keys.check_quarter(quarter) not in found:
        raise InvalidInput(f"{folder} has no quarter {quarter}, only {', '.join(found)}")
    if quarter is None and len(found) > 1:
        raise InvalidInput(f"{folder} has {', '.join(found)}: name one with --quarter")
    return quarter or found[0]


def columns(schema: pa.Schema, names: str) -> pa.Schema:
    """Return the columns of a table that somebody needs, by their names with spaces between them."""
    return pa.schema([schema.field(name) for name in names.split()])


def read_table(folder: Path, quarter: str, table: str, schema: pa.Schema) -> pa.Table:
    """Read the columns ``schema`` of one of the tables in ``processed/``, by the name of its folder.

    Raises InvalidInput when a file is missing or damaged.
    """
    return pa.concat_tables(read_parts(folder, quarter, table, schema))


def read_parts(folder: Path, quarter: str, table: str, schema: pa.Schema) -> Iterator[pa.Table]:
    """Read a table one file at a time; raises as read_table does."""
    return (read_file(path, schema) for path in _files(folder, quarter, table))


def read_themes(folder: Path, quarter: str, names: str, level: str = THEME) -> pa.Table:
    """Read the named columns of the quarter's themes, or of its families; raises as read_table does."""
    themes = read_table(folder, quarter, "themes", columns(schemas.THEME, f"{names} level"))
    return themes.filter(pc.equal(themes.column("level"), pa.scalar(level))).drop_columns(["level"])


def embeddings(topics: pa.Table, path: Path) -> NDArray[np.float32]:
    """Return the vectors of a table of topics, shape (topics, dimensions).

    Raises InvalidInput, naming ``path``, when they have different lengths.
    """
    vectors = cast("pa.ListArray[Any]", topics.column("embedding").combine_chunks())
    lengths = set(vectors.value_lengths().to_pylist())
    if len(lengths) != 1 or lengths == {0}:
        raise InvalidInput(f"{path} is damaged: its embeddings have different lengths: run the quarter again")
    numbers: NDArray[np.float32] = vectors.flatten().to_numpy()
    return numbers.reshape(topics.num_rows, -1)


def _files(folder: Path, quarter: str, table: str) -> list[Path]:
    if table in _IN_PARTS:
        path = folder / _IN_PARTS[table](quarter)
        files = sorted(path.glob("*.parquet"))
    else:
        path = folder / _ONE_FILE[table](quarter)
        files = [path] if path.is_file() else []
    if not files:
        raise InvalidInput(f"{path} is missing: run the quarter to its end")
    _check_one_run(files, folder / keys.themes(quarter))
    return files


def _check_one_run(files: list[Path], themes: Path) -> None:
    """Raise InvalidInput when a file is of another run than the quarter's themes."""
    if not themes.is_file():
        return
    for file in files:
        if _run_of(file) != _run_of(themes):
            raise InvalidInput(f"{file} and {themes} come from different runs: run the quarter again")


def _run_of(path: Path) -> str | None:
    return run_of(schema_of(path))


def schema_of(path: Path) -> pa.Schema:
    """The schema of one file; raise InvalidInput when it is damaged."""
    try:
        return pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def read_file(path: Path, schema: pa.Schema) -> pa.Table:
    """Read these columns of one file; raise InvalidInput when it is damaged."""
    try:
        # No partitioning: the quarter in the folder's name must not become a second quarter column.
        found = pq.read_table(path, columns=schema.names, partitioning=None)
        return found.select(schema.names).cast(schema)
    except (pa.ArrowException, ValueError, KeyError, OSError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> InvalidInput:
    reason = str(error).splitlines()[0]
    return InvalidInput(f"{path} is not a table FTM wrote, or is damaged ({reason}): run the quarter again")
