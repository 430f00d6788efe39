"""Reads CSV, whatever separates its values.

With Python's strict reader, not Arrow's: Arrow takes a quote that is never closed for the end of the last row, and so
would swallow the rest of the file without a word. This one names the line, and reads 150 MB a second.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Mapping

import pyarrow as pa

from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.files.bad_rows import BadRows, where
from cloud.src.prefetch.files.column_names import known_names
from cloud.src.prefetch.files.columns import text_table
from cloud.src.prefetch.files.encodings import encoding_of
from cloud.src.prefetch.files.headers import checked_names
from cloud.src.prefetch.files.input_file import InputFile
from cloud.src.prefetch.files.turn_lists import with_turns

_SEPARATORS = ",;\t|"
_ROWS_AT_A_TIME = 10_000
_LONGEST_VALUE = 100_000_000  # characters in one value; Python's own limit of 131,072 is less than a long call


def csv_batches(file: InputFile, bad_rows: BadRows, known: Mapping[str, str] | None = None) -> Iterator[pa.Table]:
    """Yield the rows of a CSV file; see ``input_files.read_rows``.

    ``known`` is what its file's name says of the call, for the columns that it lacks.
    """
    csv.field_size_limit(_LONGEST_VALUE)
    with file.path.open(encoding=encoding_of(file), newline="") as lines:
        separator = separator_of(lines.readline())
        lines.seek(0)
        rows = _rows(file, lines, separator, bad_rows)
        _, first = next(rows, (0, []))
        header = [name.strip() for name in first]
        if not header:
            raise InvalidInput(f"{file} is empty")
        filled = _lacking(header, known or {})
        names = checked_names(file, [*header, *filled], bad_rows)
        places = {column: header.index(name) for name, column in names.items() if name not in filled}
        while batch := list(itertools.islice(rows, _ROWS_AT_A_TIME)):
            columns = {name: [row[place] for _, row in batch] for name, place in places.items()}
            columns |= {name: [value] * len(batch) for name, value in filled.items()}
            yield with_turns(file, text_table(columns, [line for line, _ in batch]), bad_rows)


def _lacking(header: list[str], known: Mapping[str, str]) -> dict[str, str]:
    """What is known of the call and not in the table: a company stands for its ticker."""
    columns = set(known_names(header).values())
    if columns & {"company", "firm_id"}:
        columns.add("ticker")
    return {column: value for column, value in known.items() if column not in columns}


def separator_of(header: str) -> str:
    """Return what separates the names in the first line: that by which FTM knows most of them, a comma if none."""
    return max(
        _SEPARATORS, key=lambda mark: len(known_names(name.strip('"\ufeff \r\n') for name in header.split(mark)))
    )


def _rows(file: InputFile, lines: Iterator[str], separator: str, bad_rows: BadRows) -> Iterator[tuple[int, list[str]]]:
    """Yield the line in which a row begins, and its values."""
    reader = csv.reader(lines, strict=True, delimiter=separator)
    width = 0
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "end of data" in str(error):
                raise InvalidInput(
                    f"{file}, row beginning in line {line}: broken CSV: a quoted field is never closed"
                ) from error
            bad_rows.n_rows += 1
            bad_rows.add(where(file, line), f"broken CSV: {error}")
            continue
        width = width or len(row)
        if row and len(row) != width:  # the reader gives an empty line as a row without values
            bad_rows.n_rows += 1
            bad_rows.add(where(file, line), f"{len(row)} values, but the header has {width}")
        elif row:
            yield line, row
