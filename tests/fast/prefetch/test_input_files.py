"""Reading CSV and Parquet: what comes out, and the one line for each way in which a file can be wrong."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.files.bad_rows import BadRows
from cloud.src.prefetch.files.columns import ROW
from cloud.src.prefetch.files.input_files import find_files, read_rows


def read(path: Path) -> list[dict[str, Any]]:
    """All rows of the file, without the columns that are null."""
    rows = [row for table in read_rows(path, BadRows()) for row in table.to_pylist()]
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def test_csv_keeps_ids_and_texts_of_several_lines(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_bytes(
        b"\xef\xbb\xbfcompany,gvkey,mood,date,text\r\n"
        b'"Elm, Inc.",001690,calm,2023-02-01,"One.\nTwo says ""hi""."\r\n'
        b"\r\n"
        b"Oak,000012,,2023-02-02,a\x00b\r\n"
    )
    assert read(path) == [
        {
            "company": "Elm, Inc.",
            "gvkey": "001690",
            "date": "2023-02-01",
            "text": 'One.\nTwo says "hi".',
            ROW: 2,
        },
        {"company": "Oak", "gvkey": "000012", "date": "2023-02-02", "text": "a\x00b", ROW: 5},
    ]


def test_a_whole_call_may_be_one_value(tmp_path: Path) -> None:
    text = "We sold more tools. " * 20_000
    path = tmp_path / "calls.csv"
    path.write_text(f'company,date,text\nElm,2023-02-01,"{text}"\n')
    assert read(path)[0]["text"] == text


def test_lines_are_numbered_on_beyond_the_first_batch(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("company,date,text\n" + "Elm,2023-02-01,Hi.\n" * 25_000)
    assert [row[ROW] for row in read(path)] == list(range(2, 25_002))


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("date", pa.array([datetime.date(2023, 2, 1)]), "2023-02-01"),
        ("date", pa.array([datetime.datetime.fromisoformat("2023-02-01T22:30")]), "2023-02-01T22:30:00"),
        (
            "date",
            pa.array([datetime.datetime.fromisoformat("2023-02-02T03:30")], pa.timestamp("us", "America/New_York")),
            "2023-02-02T03:30:00Z",
        ),
        ("permno", pa.array([10107], pa.int32()), "10107"),
        ("permno", pa.array([10107.0]), "10107"),
        ("permno", pa.array([10107.5]), "10107.5"),
        ("permno", pa.array([float("nan")]), None),
        ("gvkey", pa.array(["001690"]), "001690"),
        ("company", pa.array(["Elm"]).dictionary_encode(), "Elm"),
        ("text", pa.array([b"Hi."]), "Hi."),
    ],
)
def test_parquet_columns_of_any_type_become_text(
    tmp_path: Path, name: str, values: pa.Array[Any], expected: str | None
) -> None:
    path = tmp_path / "calls.parquet"
    columns = {"company": ["Elm"], "date": ["2023-02-01"], "text": ["Hi."]} | {name: values}
    pq.write_table(pa.table(columns), path)
    assert read(path)[0].get(name) == expected


def test_a_folder_is_read_by_name_without_other_files(tmp_path: Path) -> None:
    for name in ("b.csv", "A.PARQUET", "notes.txt", ".c.csv"):
        (tmp_path / name).write_text("")
    (tmp_path / "older.csv").mkdir()
    assert [path.name for path in find_files(tmp_path)] == ["A.PARQUET", "b.csv"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_text_is_the_same_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    text = "Caf\u00e9 sales rose \u00a35 or \u20ac6\u00a0million \u2014 Elm\u00ae."
    path = tmp_path / "calls.csv"
    path.write_bytes(f"company,date,text\nElm,2023-02-01,Hi.\nElm,2023-02-01,{text}\n".encode(encoding))
    assert [row["text"] for row in read(path)] == ["Hi.", text]


@pytest.mark.parametrize("character", ["\u00e9", "\u2019", "\u00a3", "\u20ac", "\u00ae", "\u00a0"])
@pytest.mark.parametrize("encodings", [("utf-8", "cp1252"), ("cp1252", "utf-8")])
def test_a_file_in_two_encodings_is_refused(tmp_path: Path, character: str, encodings: tuple[str, str]) -> None:
    """Read as cp1252 it would have the likes of "\u00c2\u00a3" for a pound sign in all its UTF-8 lines."""
    path = tmp_path / "calls.csv"
    lines = [f"Elm,2023-02-01,{character}5\n".encode(encoding) for encoding in encodings]
    path.write_bytes(GOOD_HEADER + b"".join(lines))
    line = 2 + encodings.index("cp1252")
    assert_refused(path, rf"calls\.csv, line {line}: neither UTF-8 nor Windows-1252 text; save it as UTF-8")


GOOD_HEADER = b"company,date,text\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("calls.csv", b"", r"calls\.csv is empty"),
        (
            "calls.csv",
            b"company,day,words\nElm,2023-02-01,Hi.\n",
            r"calls\.csv lacks columns date, text: required are company, firm_id or ticker, date, and text; "
            r"it has: 'company, day, words'",
        ),
        ("calls.csv", b"date,text\n", r"lacks column company, firm_id or ticker: "),
        ("calls.csv", b"company:date:text\n", r"it has: 'company:date:text'"),
        ("calls.csv", b"company,date,text,text\n", r"calls\.csv has column text more than once"),
        (
            "calls.csv",
            GOOD_HEADER + b'Elm,2023-02-01,Hi.\nOak,2023-02-01,"never\nclosed\n',
            r"calls\.csv, row beginning in line 3: broken CSV: a quoted field is never closed",
        ),
        (
            "calls.csv",
            GOOD_HEADER + b"Elm,2023-02-01,Hi.\nCaf\x81,2023-02-01,Hi.\n",
            r"calls\.csv, line 3: neither UTF-8 nor Windows-1252 text; save it as UTF-8",
        ),
        (
            "calls.csv",
            GOOD_HEADER + b"Caf\xe9,2023-02-01,Hi.\nCaf\xc3\xa9,2023-02-01,Hi.\n",
            r"calls\.csv, line 2: neither UTF-8 nor Windows-1252 text",
        ),
        ("calls.csv", "company,date,text\n".encode("utf-16"), r"calls\.csv is UTF-16: save it as UTF-8"),
        ("calls.parquet", b"", r"calls\.parquet is not a readable Parquet file: "),
        ("calls.parquet", b"PAR1 and then something else", r"calls\.parquet is not a readable Parquet file: "),
        (
            "calls.xlsx",
            b"PK",
            r"calls\.xlsx is not a transcript file: its name must end with \.csv, \.parquet, \.jsonl or \.txt",
        ),
    ],
)
def test_a_bad_file_is_named_in_one_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert_refused(path, message)


def test_a_truncated_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calls.parquet"
    pq.write_table(pa.table({"company": ["Elm"], "date": ["2023-02-01"], "text": ["Hi."]}), path)
    path.write_bytes(path.read_bytes()[:-20])
    assert_refused(path, r"calls\.parquet is not a readable Parquet file: ")


def test_parquet_with_damaged_pages_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calls.parquet"
    columns = {"company": ["Elm"] * 500, "date": ["2023-02-01"] * 500, "text": [f"Hi {n}." for n in range(500)]}
    pq.write_table(pa.table(columns), path)
    content = bytearray(path.read_bytes())
    content[4:400] = bytes(396)
    path.write_bytes(content)
    assert_refused(path, r"calls\.parquet is not a readable Parquet file: ")


def test_parquet_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calls.parquet"
    text = pa.array([b"Caf\xe9"]).view(pa.string())
    pq.write_table(pa.table({"company": ["Elm"], "date": ["2023-02-01"], "text": text}), path)
    assert_refused(path, r"calls\.parquet is not a readable Parquet file: .*UTF8")


def test_parquet_column_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calls.parquet"
    columns = {"company": ["Elm"], "date": ["2023-02-01"], "text": ["Hi."], "notiz": [""]}
    pq.write_table(pa.table(columns), path, store_schema=False)
    path.write_bytes(path.read_bytes().replace(b"notiz", b"not\xedz"))
    assert_refused(path, r"calls\.parquet is not a readable Parquet file: ")


def test_parquet_column_of_lists_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calls.parquet"
    pq.write_table(pa.table({"company": ["Elm"], "date": ["2023-02-01"], "text": [["Hi."]]}), path)
    assert_refused(path, r"calls\.parquet: column text holds list<.*>, text is needed")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.csv", r"there is no file or folder .*nowhere\.csv"),
        ("", r"folder .* has no \.csv, \.parquet, \.jsonl or \.txt file"),
    ],
)
def test_nothing_to_read_is_refused(tmp_path: Path, name: str, message: str) -> None:
    assert_refused(tmp_path / name, message)


def assert_refused(source: Path, message: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        list(map(read, find_files(source)))
    assert re.search(message, str(refusal.value))
    assert "\n" not in str(refusal.value)


def test_the_folder_tells_the_quarter_of_rows_that_have_none(tmp_path: Path) -> None:
    (tmp_path / "quarter=2020Q2").mkdir()
    path = tmp_path / "quarter=2020Q2" / "calls.jsonl"
    path.write_text('{"ticker": "ELM", "date": "2020-08-27", "text": "Steel costs rose."}\n')
    assert read(path)[0]["quarter"] == "2020Q2"


def test_a_text_with_an_ambiguous_day_is_a_call(tmp_path: Path) -> None:
    (tmp_path / "companies.csv").write_text("ticker,company\nELM,Elm\n")
    text = tmp_path / "ELM_04-05-2020.txt"
    text.write_text("Steel costs rose.")
    assert find_files(tmp_path) == [text]


def test_a_json_documents_name_fills_its_gaps(tmp_path: Path) -> None:
    path = tmp_path / "ELM_2020-08-27.txt"
    path.write_text('{"ticker": null, "content": "Steel costs rose."}')
    assert read(path)[0]["ticker"] == "ELM"
