"""Calls from files: which rows make up which call of which firm."""

from __future__ import annotations

import csv
import datetime
import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.calls import Call, Turn
from cloud.src.prefetch.files.firm_ids import firm_slug
from cloud.src.prefetch.files.source import FileTranscripts

Rows = list[dict[str, object]]


def row(company: str = "Elm", day: str = "2023-02-01", text: str = "Hi.", **more: object) -> dict[str, object]:
    return {"company": company, "date": day, "text": text, **more}


def write(path: Path, rows: Rows) -> Path:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


def calls_of(source: Path, quarter: str = "2023Q1") -> list[Call]:
    return [call for firm in FileTranscripts(source, quarter).firms() for call in firm]


def texts(call: Call) -> list[str]:
    return [turn.text for turn in call.turns]


@pytest.mark.parametrize(
    ("columns", "sector", "industry"),
    [
        ({}, None, None),
        ({"sector": "Health Care", "industry": "Biotechnology"}, "Health Care", "Biotechnology"),
        ({"sector": "Health Care", "sub_industry": "Biotechnology"}, "Health Care", "Biotechnology"),
        ({"industry": "Pharma", "sub_industry": "Biotechnology"}, None, "Pharma"),
    ],
)
def test_sector_and_industry_are_passed_on(
    tmp_path: Path, columns: dict[str, object], sector: str | None, industry: str | None
) -> None:
    [call] = calls_of(
        write(tmp_path / "calls.csv", [{"company": "Elm", "date": "2023-02-01", "text": "Hi."} | columns])
    )
    assert (call.sector, call.industry) == (sector, industry)


def test_a_row_with_everything(tmp_path: Path) -> None:
    rows: Rows = [
        {
            "call_id": "C9",
            "firm_id": "0042",
            "company": "Elm  Tools\x00",
            "ticker": "ELM",
            "permno": "10107.0",
            "gvkey": "001690",
            "link_date": "2023-01-31",
            "date": "2023-02-01 22:30:00",
            "quarter": "2023q1",
            "section": "qa",
            "position": 7,
            "speaker": "Ada Byrne",
            "speaker_type": "executive",
            "role": "CEO",
            "text": " Hi.\n",
            "sector": "Tools",
        }
    ]
    assert calls_of(write(tmp_path / "calls.csv", rows)) == [
        Call(
            firm_id="0042",
            firm_name="Elm Tools",
            transcript_id="C9",
            date=datetime.date(2023, 2, 1),
            turns=(Turn(" Hi.\n", "qa", "Ada Byrne", "executive", "CEO"),),
            ticker="ELM",
            permno=10107,
            gvkey="001690",
            link_date=datetime.date(2023, 1, 31),
            sector="Tools",
        )
    ]


def test_a_row_with_only_what_is_needed(tmp_path: Path) -> None:
    path = write(tmp_path / "calls.csv", [row("Elm Tools, Inc.")])
    assert calls_of(path) == [
        Call("elm-tools-inc", "Elm Tools, Inc.", "20230201", datetime.date(2023, 2, 1), (Turn("Hi."),))
    ]


def test_firm_id_stands_in_for_a_missing_company(tmp_path: Path) -> None:
    path = write(tmp_path / "calls.csv", [{"firm_id": "77", "date": "2023-02-01", "text": "Hi."}])
    assert [(call.firm_id, call.firm_name) for call in calls_of(path)] == [("77", "77")]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_ids_made_numbers_by_pandas_agree_between_file_types(tmp_path: Path, suffix: str) -> None:
    rows = [
        row("Elm", firm_id=1690.0, call_id=20230201.0, gvkey=12.0),
        row("Oak", firm_id="7.0.0", call_id="A.0", gvkey="0012"),
    ]
    path = tmp_path / f"calls.{suffix}"
    if suffix == "csv":
        write(path, rows)
    elif suffix == "jsonl":
        path.write_text("".join(f"{json.dumps(each)}\n" for each in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows[:1]), path)
    found = [(call.firm_id, call.transcript_id, call.gvkey) for call in calls_of(path)]
    assert found == [("1690", "20230201", "000012"), ("7.0.0", "A.0", "000012")][: 1 if suffix == "parquet" else 2]


@pytest.mark.parametrize(
    ("company", "slug"),
    [
        ("Elm Tools, Inc.", "elm-tools-inc"),
        ("L'Or\u00e9al S.A.", "loreal-s-a"),
        ("O\u2019Hara & Sons", "ohara-sons"),
        ("\u682a\u5f0f\u4f1a\u793e", "firm-e6843c6eb529"),
    ],
)
def test_firm_slug(company: str, slug: str) -> None:
    assert firm_slug(company) == slug


def test_only_the_quarter_asked_for_is_used(tmp_path: Path) -> None:
    rows = [
        row("Elm", "2023-03-31", "by date"),
        row("Oak", "2023-04-01", "next quarter"),
        row("Fir", "2023-04-01", "by column", quarter="2023Q1"),
        row("Yew", "2023-02-01", "column says no", quarter="2023Q2"),
    ]
    calls = calls_of(write(tmp_path / "calls.csv", rows))
    assert [(call.firm_id, texts(call)) for call in calls] == [("elm", ["by date"]), ("fir", ["by column"])]


@pytest.mark.parametrize(
    ("time", "day"),
    [
        ("2023-03-31T21:00-07:00", "2023-04-01"),
        ("2023-03-31T20:59:59.5-07:00", "2023-03-31"),
        ("2023-04-01 08:00+09:00", "2023-03-31"),
        ("2023-04-01T03:59Z", "2023-03-31"),
        ("2023-04-01T00:00Z", "2023-04-01"),  # how a column of times holds a day
        ("2023-03-31 23:59", "2023-03-31"),  # without an offset: the day as it is written
    ],
)
def test_a_time_with_an_offset_is_in_new_yorks_day(tmp_path: Path, time: str, day: str) -> None:
    quarter = "2023Q1" if day < "2023-04-01" else "2023Q2"
    calls = calls_of(write(tmp_path / "calls.csv", [row(day=time)]), quarter)
    assert [call.date for call in calls] == [datetime.date.fromisoformat(day)]


def test_firms_calls_and_turns_are_sorted_whatever_the_row_order(tmp_path: Path) -> None:
    rows = [
        row("Oak", "2023-01-05", "o1", position=1, call_id="X"),
        row("Elm", "2023-03-05", "e-march", position=0, call_id="A"),
        row("Elm", "2023-01-05", "e10", position=10, call_id="B"),
        row("Oak", "2023-01-05", "o0", position=0, call_id="X"),
        row("Elm", "2023-01-05", "e9", position=9, call_id="B"),
    ]
    source = FileTranscripts(write(tmp_path / "calls.csv", rows), "2023Q1")
    firms = [[(call.transcript_id, texts(call)) for call in firm] for firm in source.firms()]
    assert firms == [[("B", ["e9", "e10"]), ("A", ["e-march"])], [("X", ["o0", "o1"])]]
    assert source.n_firms == 2


def test_without_positions_the_order_of_the_rows_counts(tmp_path: Path) -> None:
    path = write(tmp_path / "calls.csv", [row(text="b"), row("Oak", text="x"), row(text="a"), row(text="b")])
    assert [texts(call) for call in calls_of(path)] == [["b", "a", "b"], ["x"]]


def test_a_folder_makes_one_quarter(tmp_path: Path) -> None:
    write(tmp_path / "2.csv", [row("Elm", text="second", position=1), row("Oak")])
    write(tmp_path / "1.csv", [row("Elm", text="first", position=0)])
    assert [(call.firm_id, texts(call)) for call in calls_of(tmp_path)] == [
        ("elm", ["first", "second"]),
        ("oak", ["Hi."]),
    ]


@pytest.mark.parametrize("more", [[{}, {}, {}], [{"position": 0}, {"position": 1}, {"position": 2}]])
def test_the_same_file_twice_counts_once(tmp_path: Path, more: Rows) -> None:
    rows = [row(text=text) | extra for text, extra in zip(["Hi.", "Yes.", "Yes."], more, strict=True)]
    for name in ("a.csv", "b.csv"):
        write(tmp_path / name, rows)
    source = FileTranscripts(tmp_path, "2023Q1")
    assert [texts(call) for firm in source.firms() for call in firm] == [["Hi.", "Yes.", "Yes."]]
    assert source.skipped == {"copies of a row": 3}


def test_the_same_call_twice_in_a_file_counts_once(tmp_path: Path) -> None:
    call = [row(text="Hi."), row(text="Yes."), row(text="Yes.")]
    source = FileTranscripts(write(tmp_path / "calls.csv", [*call, row("Oak"), *call]), "2023Q1")
    assert [texts(call) for firm in source.firms() for call in firm] == [["Hi.", "Yes.", "Yes."], ["Hi."]]
    assert source.skipped == {"copies of a row": 3}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row(), row(day="May 2023")], r"calls\.csv, line 3: date 'May 2023' is not a date like 2020-05-01"),
        ([row(day="0001-01-01T00:00+05:00")], r"line 2: date '0001-01-01T00:00\+05:00' is not a date"),
        ([row(day="5/1/2023")], r"line 2: date '5/1/2023' may be 2023-05-01 or 2023-01-05: write the one you mean"),
        ([row(), row(day=" ")], r"calls\.csv, line 3: the call has no date"),
        ([row(permno="A1")], r"line 2: permno 'A1' is not a whole number"),
        ([row(permno="10107.5")], r"line 2: permno '10107.5' is not a whole number"),
        ([row(permno="-5")], r"permno '-5' is not a whole number"),
        ([row(position="first")], r"position 'first' is not a whole number"),
        ([row(link_date="x\ny")], r"link_date 'x\\ny' is not a date"),
        ([row(), row(quarter="early 2023")], r"calls\.csv, line 3: quarter 'early 2023' is not a quarter like 2023Q1"),
        ([row(quarter="2023Q5")], r"line 2: quarter '2023Q5' is not a quarter"),
        ([row(), row("")], r"calls\.csv, line 3: neither company nor firm_id nor ticker is given"),
        (
            [row(day="2022-12-31"), row(day="2023-04-01")],
            r"calls\.csv has no call of 2023Q1: it has 2022Q4, 2023Q2",
        ),
        (
            [row("Elm, Inc."), row("Elm Inc")],
            r"companies 'Elm, Inc\.' and 'Elm Inc' get the same firm_id 'elm-inc': give every row a firm_id",
        ),
        ([row("Elm", firm_id="7"), row("Elm", firm_id="")], r"company 'Elm' has rows with and without a firm_id"),
        ([row("Oak", firm_id="elm"), row("Elm", firm_id="")], r"'Elm' gets the firm_id 'elm' of another firm"),
        (
            [row(position=3, text="One."), row(position=3, text="Two.")],
            r"calls\.csv, line 3: call '20230201' of firm 'elm' has another row at position 3 \(.*line 2\)",
        ),
        (
            [row(position=3, speaker="Ada"), row(position=3, speaker="Tom")],
            r"line 3: call '20230201' of firm 'elm' has another row at position 3",
        ),
        (
            [row(permno=14542, position=0), row(permno=90319, position=0)],
            r"line 3: call '20230201' of firm 'elm' has two values of permno: 14542 and 90319",
        ),
        (
            [row("Elm", firm_id="7"), row("Oak", firm_id="7")],
            r"line 3: call '20230201' of firm '7' has two values of company: Elm and Oak",
        ),
        (
            [row(call_id="C1"), row(call_id="C1", day="2023-02-02")],
            r"line 3: two calls get the same id 'elm_C1', one on 2023-02-01 and one on 2023-02-02",
        ),
        (
            [row(firm_id="a_b", call_id="c"), row(firm_id="a", call_id="b_c")],
            r"two calls get the same id 'a_b_c'",
        ),
    ],
)
def test_wrong_rows_are_named_in_one_line(tmp_path: Path, rows: Rows, message: str) -> None:
    path = write(tmp_path / "calls.csv", rows)
    with pytest.raises(InvalidInput) as refusal:
        FileTranscripts(path, "2023Q1")
    assert re.search(message, str(refusal.value))
    assert "\n" not in str(refusal.value)


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("company,date,text\n")
    with pytest.raises(InvalidInput, match=r"has no call of 2023Q1: it has no rows"):
        FileTranscripts(path, "2023Q1")


@pytest.mark.parametrize(
    ("text", "is_said"),
    [
        ("Steel costs rose in Europe. " * 100, True),
        ("Steel costs rose in Europe.", False),  # what one person says
        ("Ada Byrne: Steel costs rose.\nTom Alder: Freight fell.\n" * 100, False),
    ],
    ids=["a call", "short", "told"],
)
def test_calls_that_do_not_tell_who_speaks_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str, is_said: bool
) -> None:
    (tmp_path / "ELM_2023-02-01.txt").write_text(text)
    (tmp_path / "OAK_2023-02-01.txt").write_text("Raj Patel -- Analyst\nWhy did freight fall?\n" * 100)

    assert len(list(FileTranscripts(tmp_path, "2023Q1").firms())) == 2
    line = "calls of over 2,000 characters in which no speaker was recognised: 1 (give a column speaker"
    assert (line in caplog.text) is is_said
    caplog.clear()
    assert len(list(FileTranscripts(tmp_path, "2023Q1").firms(after="ELM"))) == 1  # continued
    assert (line in caplog.text) is is_said
