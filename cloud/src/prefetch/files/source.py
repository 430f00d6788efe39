"""Transcripts from the user's own files: tables, JSON lines, or a folder of texts."""

from __future__ import annotations

import hashlib
import itertools
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.calls import Call, Turn
from cloud.src.prefetch.files.bad_rows import BadRows, where
from cloud.src.prefetch.files.columns import COLUMNS, ROW, calendar_quarter, is_nothing, tidy, typed
from cloud.src.prefetch.files.firm_ids import FirmIds
from cloud.src.prefetch.files.input_files import find_files, read_rows
from cloud.src.prefetch.files.quarters import QuarterFrom, file_options, fiscal_quarter
from cloud.src.prefetch.files.share_classes import share_classes, without_firms
from cloud.src.prefetch.files.times import read_times
from cloud.src.prefetch.layout.spoken import spoken_turns
from cloud.src.prefetch.sentences.speakers import section_name

_ORDER = ("firm_id", "date", "transcript_id", "position", "file", ROW)
_SAME_IN_A_CALL = (
    "company", "ticker", "permno", "gvkey", "link_date", "sector", "industry", "time", "fiscal_quarter",
)  # fmt: skip
_SAME_IN_A_COPY = ("section", "speaker", "speaker_type", "role")

_SHORT = 2_000  # characters: more than one person says in a call

_Row = dict[str, Any]

_log = logging.getLogger(__name__)


class FileTranscripts:
    """The calls of one quarter in a file or folder: a ``TranscriptSource``.

    The input is read and checked as a whole when the object is made. It stays in memory (about as much as the texts of
    the quarter take); turns are made a firm at a time.

    Args:
        source: CSV, Parquet or JSON lines file, or a folder of them, or a folder of texts named ``ELM_2020-05-01.txt``.
        quarter: only calls of this quarter are used: by the column ``quarter``, else by the calendar day of the call.
        quarter_from: ``file``: by the vendor's fiscal quarter, where the file has one.
        all_languages: also calls that are not in English.

    Rows that cannot be used are left out, reported each, and counted in ``skipped``.

    Raises:
        InvalidInput: the input is not usable, or more than 5 % of its rows are not; says where and why.
    """

    name = "files"

    def __init__(
        self, source: Path, quarter: str, quarter_from: QuarterFrom = QuarterFrom.date, all_languages: bool = False
    ) -> None:
        self.all_languages = all_languages
        self.selection = file_options(quarter_from, all_languages)
        self._files = find_files(source)
        bad_rows = BadRows()
        rows = _rows_of_quarter(source, self._files, quarter, quarter_from, bad_rows)
        self._texts: Any = rows["text"]  # the stubs take an item of a column for a column
        places = pa.array(range(rows.num_rows), pa.int64())
        self._rows = rows.drop_columns(["text"]).append_column("place", places)
        self._rows = self._rows.sort_by([(name, "ascending") for name in _ORDER])
        self.n_firms = pc.count_distinct(self._rows["firm_id"]).as_py()
        self.skipped: Counter[str] = Counter({"bad rows": bad_rows.n_bad} if bad_rows.n_bad else {})
        self._check()
        self.fingerprint = _fingerprint(self._files, f"{quarter} {self.selection}".strip())

    def firms(self, after: str | None = None) -> Iterator[list[Call]]:
        """Yield the calls of one firm after the other; at the end say in how many of all nobody is told as speaker."""
        n_untold = 0
        for firm_id, rows_of_calls in itertools.groupby(self._rows_by_call(), key=lambda rows: rows[0]["firm_id"]):
            calls = [self._call(rows) for rows in rows_of_calls]
            n_untold += sum(map(_is_untold, calls))
            if after is None or firm_id > after:
                yield calls
        if n_untold:
            _log.warning(
                "calls of over %s characters in which no speaker was recognised: %s (give a column speaker, or begin "
                "each turn with 'Name: ')",
                f"{_SHORT:,}",
                f"{n_untold:,}",
            )

    def _rows_by_call(self) -> Iterator[list[_Row]]:
        rows = itertools.chain.from_iterable(batch.to_pylist() for batch in self._rows.to_batches(max_chunksize=5_000))
        for _, call in itertools.groupby(rows, key=lambda row: (row["firm_id"], row["date"], row["transcript_id"])):
            yield list(call)

    def _call(self, rows: list[_Row]) -> Call:
        first = rows[0]
        call_values = {name: _first_known(rows, name) for name in _SAME_IN_A_CALL}
        return Call(
            firm_id=first["firm_id"],
            firm_name=call_values.pop("company") or first["firm_id"],
            transcript_id=first["transcript_id"],
            date=first["date"],
            turns=spoken_turns(
                [
                    Turn(self._text(row), row["section"], row["speaker"], row["speaker_type"], row["role"])
                    for row in self._without_copies(rows)
                ]
            ),
            **call_values,
        )

    def _text(self, row: _Row) -> str:
        text: str | None = self._texts[row["place"]].as_py()
        return text or ""

    def _without_copies(self, rows: list[_Row]) -> list[_Row]:
        """Leave out what a call has twice; raise InvalidInput when a position has two different rows."""
        kept: list[_Row] = []
        for row in rows:
            before = kept[-1] if kept else None
            if before is None or before["position"] != row["position"]:
                kept.append(row)
            elif not self._is_copy(before, row):
                raise InvalidInput(
                    f"{self._where(row)}: call {row['transcript_id']!r} of firm {row['firm_id']!r} has another row at "
                    f"position {row['position']} ({self._where(before)}): give each turn of a call its own position"
                )
        # A file that has the whole call twice, one after the other, and no positions that would show it.
        half = len(kept) // 2
        if not rows[0]["has_position"] and len(kept) % 2 == 0 and all(map(self._is_copy, kept[:half], kept[half:])):
            return kept[:half]
        return kept

    def _is_copy(self, row: _Row, other: _Row) -> bool:
        return all(row[name] == other[name] for name in _SAME_IN_A_COPY) and self._text(row) == self._text(other)

    def _check(self) -> None:
        """Check what only shows when a call's rows are together; count the copies that will be left out."""
        dates: dict[str, object] = {}
        for rows in self._rows_by_call():
            first = rows[0]
            call_id = f"{first['firm_id']}_{first['transcript_id']}"  # what sentence ids begin with
            if call_id in dates:
                raise InvalidInput(
                    f"{self._where(first)}: two calls get the same id {call_id!r}, one on {dates[call_id]} and one on "
                    f"{first['date']}: give each call its own call_id and one date"
                )
            dates[call_id] = first["date"]
            for name in _SAME_IN_A_CALL:
                self._check_one_value(rows, name)
            copies = len(rows) - len(self._without_copies(rows))
            if copies:
                self.skipped["copies of a row"] += copies

    def _check_one_value(self, rows: list[_Row], name: str) -> None:
        value = _first_known(rows, name)
        for row in rows:
            if row[name] is not None and row[name] != value:
                raise InvalidInput(
                    f"{self._where(row)}: call {row['transcript_id']!r} of firm {row['firm_id']!r} has two values of "
                    f"{name}: {value!s} and {row[name]!s}"
                )

    def _where(self, row: _Row) -> str:
        return where(self._files[row["file"]], row[ROW])


def _first_known(rows: list[_Row], name: str) -> Any:
    return next((row[name] for row in rows if row[name] is not None), None)


def _fingerprint(files: list[Path], quarter: str) -> str:
    """Identify the input by what is in its files and their names, wherever they lie."""
    digest = hashlib.sha256(quarter.encode())
    for path in files:
        with path.open("rb") as file:
            digest.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}".encode())
    return digest.hexdigest()


def _rows_of_quarter(
    source: Path, files: list[Path], quarter: str, quarter_from: QuarterFrom, bad_rows: BadRows
) -> pa.Table:
    firm_ids = FirmIds()
    tables: list[pa.Table] = []
    quarters: set[str] = set()
    for number, path in enumerate(files):
        turns_so_far: Counter[tuple[str, str]] = Counter()
        for text_rows in read_rows(path, bad_rows):
            rows = _typed_rows(path, text_rows, quarter_from, bad_rows)
            found: list[Any] = rows["quarter"].unique().to_pylist()
            quarters.update(found)
            rows = rows.filter(pc.equal(rows["quarter"], pa.scalar(quarter)))
            if rows.num_rows:
                rows = _with_ids(rows, firm_ids, turns_so_far)
                tables.append(rows.append_column("file", pa.array([number] * rows.num_rows, pa.int64())))
    if tables:
        tables = [_of_one_class(source, pa.concat_tables(tables), firm_ids.tickers, bad_rows)]
    _remark_on_fiscal_quarters(source, tables, quarter_from, bad_rows)
    _remark_on_sections(source, tables, bad_rows)
    bad_rows.check(source)
    if not tables:
        has = f"it has {', '.join(sorted(quarters)[:20])}" if quarters else "it has no rows"
        raise InvalidInput(f"{source} has no call of {quarter}: {has}")
    firm_ids.check()
    return tables[0]


def _is_untold(call: Call) -> bool:
    """Whether a call of over 2,000 characters has no speaker in any turn."""
    is_told = any(turn.speaker or turn.speaker_type or turn.role for turn in call.turns)
    return not is_told and sum(len(turn.text) for turn in call.turns) > _SHORT


def _of_one_class(source: Path, rows: pa.Table, tickers: set[str], bad_rows: BadRows) -> pa.Table:
    """Leave out the calls that a company has under a second ticker, too; say which."""
    classes = share_classes(rows, tickers)
    for other, kept in sorted(classes.items()):
        bad_rows.remark(source, f"{other} has the calls of {kept}, another share class of the company: they count once")
    return without_firms(rows, list(classes)) if classes else rows


def _remark_on_fiscal_quarters(
    source: Path, rows: list[pa.Table], quarter_from: QuarterFrom, bad_rows: BadRows
) -> None:
    """Say how many of the calls are of another quarter by the vendor's count than by their day."""
    names = ("firm_id", "transcript_id", "fiscal_quarter", "date")
    calls = {call for table in rows for call in zip(*(table[name].to_pylist() for name in names), strict=True)}
    fiscal = {(quarter, calendar_quarter(day)) for _, _, quarter, day in calls if quarter}
    n_other = sum(bool(quarter) and quarter != calendar_quarter(day) for _, _, quarter, day in calls)
    if n_other:
        quarter, of_day = min(pair for pair in fiscal if pair[0] != pair[1])
        decides = "the date decides, or with --quarter-from file the fiscal quarter"
        if quarter_from is QuarterFrom.file:
            decides = "the fiscal quarter decides"
        bad_rows.remark(
            source,
            f"{n_other:,} of {len(calls):,} calls carry a fiscal quarter that is not the quarter of their "
            f"date, such as {quarter} and {of_day}: {decides}",
        )


def _remark_on_sections(source: Path, rows: list[pa.Table], bad_rows: BadRows) -> None:
    """Say which names of sections are unknown, and of how many rows."""
    names: Counter[str] = Counter(name for table in rows for name in table["section"].to_pylist() if name)
    unknown = {name: n for name, n in names.items() if section_name(name) is None}
    if unknown:
        some = ", ".join(repr(name) for name in sorted(unknown)[:3])
        bad_rows.remark(source, f"{sum(unknown.values()):,} rows are in a section that is unknown ({some})")


def _typed_rows(path: Path, text_rows: pa.Table, quarter_from: QuarterFrom, bad_rows: BadRows) -> pa.Table:
    """Give each column its type, except the texts, which stay as they are; fill in the quarter; leave out bad rows."""
    bad: dict[int, str] = {}
    columns: dict[str, pa.ChunkedArray[Any] | pa.Array[Any]] = {
        name: typed(name, text_rows, bad) for name in COLUMNS if name != "text"
    }
    columns["date"], columns["time"] = read_times(text_rows, columns["date"].to_pylist(), bad)
    days = columns["date"].to_pylist()
    firms = zip(*(columns[name].to_pylist() for name in ("firm_id", "ticker", "company")), strict=True)
    for place, (day, firm) in enumerate(zip(days, firms, strict=True)):
        if day is None:
            bad.setdefault(place, "the call has no date")
        elif not any(firm):
            bad.setdefault(place, "neither company nor firm_id nor ticker is given")
    columns["quarter"], columns["fiscal_quarter"] = _quarters(text_rows, columns["quarter"], days, quarter_from)
    del columns["fiscal_year"], columns["time_utc"]
    # Lists of firms, that of the S&P 500 for one, have a sub-industry instead.
    columns["industry"] = pc.coalesce(columns["industry"], columns.pop("sub_industry"))
    rows = pa.table({**columns, "text": _texts(text_rows["text"]), ROW: text_rows[ROW]})
    if not bad:
        return rows
    numbers: list[Any] = text_rows[ROW].to_pylist()
    for place, reason in sorted(bad.items()):
        bad_rows.add(where(path, numbers[place]), reason)
    return rows.filter(pa.array([place not in bad for place in range(rows.num_rows)]))


def _texts(texts: pa.ChunkedArray[Any]) -> pa.ChunkedArray[Any]:
    """The texts, null where a cell only says that it is empty ("NULL")."""
    values: list[Any] = texts.to_pylist()
    if not any(len(text) <= 6 and is_nothing(text) for text in values if text):
        return texts
    return pa.chunked_array([pa.array([None if is_nothing(text) else text for text in values], pa.large_string())])


def _quarters(
    text_rows: pa.Table, own: pa.ChunkedArray[Any] | pa.Array[Any], days: list[Any], quarter_from: QuarterFrom
) -> tuple[pa.Array[Any], pa.Array[Any]]:
    """Return the quarter of each row, and the vendor's fiscal one, null if the file has no such column."""
    names = ("quarter", "fiscal_quarter", "fiscal_year")
    texts = zip(*([tidy(text) for text in text_rows[name].to_pylist()] for name in names), strict=True)
    fiscal = [
        fiscal_quarter(number or ("" if ours else written), year)
        for ours, (written, number, year) in zip(own.to_pylist(), texts, strict=True)
    ]
    by_day = [day and calendar_quarter(day) for day in days]
    ranked = (fiscal, own.to_pylist(), by_day) if quarter_from is QuarterFrom.file else (own.to_pylist(), by_day)
    quarters = [next((quarter for quarter in row if quarter), None) for row in zip(*ranked, strict=True)]
    return pa.array(quarters, pa.string()), pa.array(fiscal, pa.string())


def _with_ids(rows: pa.Table, firm_ids: FirmIds, turns_so_far: Counter[tuple[str, str]]) -> pa.Table:
    """Fill in firm_id, transcript_id and position.

    A row without position takes the place it has in the file among its call's rows, so that a call that is in two files
    is found out as a copy.
    """
    ids: list[str] = []
    transcripts: list[str] = []
    positions: list[int] = []
    for row in rows.select(["firm_id", "ticker", "company", "call_id", "date", "position"]).to_pylist():
        firm_id = firm_ids.of(row["firm_id"], row["ticker"], row["company"]) or ""  # rows without a firm are left out
        transcript_id = row["call_id"] or f"{row['date']:%Y%m%d}"
        place = turns_so_far[firm_id, transcript_id]
        turns_so_far[firm_id, transcript_id] += 1
        ids.append(firm_id)
        transcripts.append(transcript_id)
        positions.append(place if row["position"] is None else row["position"])
    columns: dict[str, pa.ChunkedArray[Any] | pa.Array[Any]] = {
        name: rows[name] for name in rows.column_names if name not in ("call_id", "quarter")
    }
    columns |= {"firm_id": pa.array(ids), "transcript_id": pa.array(transcripts), "position": pa.array(positions)}
    columns["has_position"] = rows["position"].is_valid()
    return pa.table(columns)
