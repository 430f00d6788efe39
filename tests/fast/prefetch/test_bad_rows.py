"""Files of every kind and encoding, and rows that cannot be used: reported, left out, counted, up to a share of 5 %."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.calls import Call
from cloud.src.prefetch.files.source import FileTranscripts

GOOD_ROWS = 40


def calls_of(source: Path) -> list[Call]:
    return [call for firm in FileTranscripts(source, "2023Q1").firms() for call in firm]


def csv_with(path: Path, *bad_lines: str) -> Path:
    """40 good rows; the bad ones begin in line 42."""
    good = [f"Firm {n:02d},2023-02-01,,Hi." for n in range(GOOD_ROWS)]
    path.write_text("\n".join(["company,date,permno,text", *good, *bad_lines, ""]))
    return path


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Elm,31 June 2023,,Hi.", "date '31 June 2023' is not a date like 2020-05-01"),
        ("Elm,20230231,,Hi.", "date '20230231' is not a date like 2020-05-01"),
        ("Elm,2023-02-30,,Hi.", "date '2023-02-30' is not a date like 2020-05-01"),
        ("Elm,2023-W05-3,,Hi.", "date '2023-W05-3' is not a date"),
        ("Elm,,,Hi.", "the call has no date"),
        (",2023-02-01,,Hi.", "neither company nor firm_id nor ticker is given"),
        ("Elm,2023-02-01,A1,Hi.", "permno 'A1' is not a whole number"),
        ("Elm,2023-02-01,,Hi,you", "5 values, but the header has 4"),
        ('Elm,2023-02-01,,"He said "hi" to me"', "broken CSV: "),
    ],
)
def test_bad_rows_are_reported_by_line_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, line: str, reason: str
) -> None:
    source = FileTranscripts(csv_with(tmp_path / "calls.csv", line, "Oak,2023-02-01,,Hi."), "2023Q1")

    assert source.skipped == {"bad rows": 1}
    assert source.n_firms == GOOD_ROWS + 1
    (report,) = caplog.messages
    assert report.startswith(f"left out: {tmp_path / 'calls.csv'}, line 42: {reason}")


def test_above_five_percent_the_run_stops_in_one_line(tmp_path: Path) -> None:
    two_of_42 = csv_with(tmp_path / "a.csv", *["Elm,today,,Hi."] * 2)
    assert FileTranscripts(two_of_42, "2023Q1").skipped == {"bad rows": 2}

    four_of_44 = csv_with(tmp_path / "b.csv", *["Elm,today,,Hi."] * 4)
    with pytest.raises(InvalidInput) as refusal:
        FileTranscripts(four_of_44, "2023Q1")
    message = str(refusal.value)
    assert "b.csv: 4 of 44 rows cannot be used, more than 5%: " in message
    assert re.findall(r"line (\d+): date 'today' is not", message) == ["42", "43", "44"]
    assert message.endswith("; and 1 more")
    assert "\n" not in message


def test_bad_rows_of_parquet_are_reported_by_row_number(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    n = 12_000  # more than are read at a time
    dates = ["2023-02-01"] * n
    dates[11_000] = "soon"
    table = pa.table({"company": [f"F{i % 7}" for i in range(n)], "date": dates, "text": ["Hi."] * n})
    pq.write_table(table, tmp_path / "calls.parquet")
    assert FileTranscripts(tmp_path / "calls.parquet", "2023Q1").skipped["bad rows"] == 1
    assert "calls.parquet, data row 11001: date 'soon'" in caplog.text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("name", ["calls.csv", "calls.jsonl", "ELM_2023-02-01.txt"])
def test_encodings_are_found_out_for_each_file(tmp_path: Path, name: str, encoding: str) -> None:
    text = "Caf\u00e9 sales \u2013 \u20ac5 \u2013 don\u2019t count."
    content = {
        "calls.csv": f"ticker,date,text\nELM,2023-02-01,{text}\n",
        "calls.jsonl": json.dumps({"ticker": "ELM", "date": "2023-02-01", "text": text}, ensure_ascii=False),
        "ELM_2023-02-01.txt": text,
    }[name]
    (tmp_path / name).write_bytes(content.encode(encoding))
    (call,) = calls_of(tmp_path / name)
    assert (call.firm_id, call.ticker, [turn.text for turn in call.turns]) == ("ELM", "ELM", [text])


def test_json_lines_have_the_columns_of_a_csv_file(tmp_path: Path) -> None:
    rows = [
        {"firm_id": 42, "company": "Elm", "date": "2023-02-01", "position": 1, "text": "Two.", "permno": 10107.0},
        {"firm_id": 42, "company": "Elm", "date": "2023-02-01", "position": 0, "text": "One.", "permno": None},
    ]
    path = tmp_path / "calls.jsonl"
    path.write_text("\n\n".join(map(json.dumps, rows)))
    (call,) = calls_of(path)
    assert (call.firm_id, call.permno, [turn.text for turn in call.turns]) == ("42", 10107, ["One.", "Two."])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"company": "Elm"', "not JSON: "),
        ('["Elm"]', "not a JSON object"),
        ('{"company": "Elm", "date": "2023-02-01"}', "there is no text"),
        ('{"company": ["Elm"], "date": "2023-02-01", "text": "Hi."}', "company holds list, text is needed"),
        ('{"company": "Elm", "date": "2023-02-01", "text": "\\ud800"}', "text holds half a character"),
        ('{"company": "Elm", "date": 20230231, "text": "Hi."}', "date '20230231' is not a date"),
    ],
)
def test_bad_json_lines(tmp_path: Path, caplog: pytest.LogCaptureFixture, line: str, reason: str) -> None:
    good = '{"company": "Oak", "date": "2023-02-01", "text": "Hi."}'
    path = tmp_path / "calls.jsonl"
    path.write_text("\n".join([*[good] * GOOD_ROWS, line]))
    assert FileTranscripts(path, "2023Q1").skipped["bad rows"] == 1
    assert f"calls.jsonl, line 41: {reason}" in caplog.text


def test_a_folder_of_texts_is_a_call_a_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for n in range(GOOD_ROWS):
        (tmp_path / f"FIR{n}_2023-02-01.txt").write_text("Hi.\nYes.\n")
    (tmp_path / "elm.b_2023-03-31.txt").write_text("Last day.")
    (tmp_path / "ELM_2023-04-01.txt").write_text("Next quarter.")
    (tmp_path / "ELM_2023-04-31.txt").write_text("Typing error.")
    source = FileTranscripts(tmp_path, "2023Q1")
    calls = {call.firm_id: call for firm in source.firms() for call in firm}
    assert len(calls) == GOOD_ROWS + 1
    assert calls["ELM.B"].date == datetime.date(2023, 3, 31)
    assert calls["FIR0"].turns[0].text == "Hi.\nYes.\n"
    assert source.skipped == {"bad rows": 1}
    assert "ELM_2023-04-31.txt: its name is not like TICKER_2020-05-01.txt" in caplog.text


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["7,ELM,Elm Tools"], "7"),
        ([",ELM,Elm Tools"], "ELM"),
        ([",elm,"], "ELM"),
        ([",,Elm Tools"], "elm-tools"),
    ],
)
def test_a_firm_is_identified_by_id_ticker_or_name(tmp_path: Path, rows: list[str], expected: str) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("firm_id,ticker,company,date,text\n" + "".join(f"{row},2023-02-01,Hi.\n" for row in rows))
    assert [call.firm_id for call in calls_of(path)] == [expected]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([",ELM,Elm", ",,Elm"], "company 'Elm' has rows with and without a ticker"),
        ([",ELM,Elm", ",ELM,Oak"], "ticker 'ELM' belongs to two companies, 'Elm' and 'Oak': give every row a firm_id"),
        (
            [",ELMA,Elm", ",ELMB,Elm"],
            "company 'elm' has other calls as 'ELMA' than as 'ELMB': give every row a firm_id",
        ),
        (["ELM,,Oak", ",ELM,Elm"], "ticker 'ELM' of one firm is the firm_id of another"),
    ],
)
def test_two_firms_never_share_an_id(tmp_path: Path, rows: list[str], message: str) -> None:
    path = tmp_path / "calls.csv"
    lines = [f"{row},2023-02-{n:02d},Hi.\n" for n, row in enumerate(rows, start=1)]
    path.write_text("firm_id,ticker,company,date,text\n" + "".join(lines))
    with pytest.raises(InvalidInput, match=message):
        FileTranscripts(path, "2023Q1")


def test_the_fingerprint_is_of_the_content_and_the_quarter(tmp_path: Path) -> None:
    source = csv_with(tmp_path / "calls.csv")
    before = FileTranscripts(source, "2023Q1").fingerprint
    assert FileTranscripts(source, "2023Q1").fingerprint == before
    source.write_text(source.read_text().replace("Hi.", "Ho."))
    assert FileTranscripts(source, "2023Q1").fingerprint != before


def test_firms_after_one_are_the_rest(tmp_path: Path) -> None:
    source = FileTranscripts(csv_with(tmp_path / "calls.csv"), "2023Q1")
    everything = [firm[0].firm_id for firm in source.firms()]
    assert everything == sorted(everything)
    assert [firm[0].firm_id for firm in source.firms(after=everything[10])] == everything[11:]
