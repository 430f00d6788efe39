"""Files as vendors, databases and spreadsheets write them: names of columns, days, quarters, separators, archives."""

from __future__ import annotations

import datetime
import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.calls import Call
from cloud.src.prefetch.files import input_file
from cloud.src.prefetch.files.quarters import QuarterFrom
from cloud.src.prefetch.files.source import FileTranscripts
from cloud.src.prefetch.sentences.sentences import firm_sentences
from cloud.src.prefetch.sentences.speakers import speaker_type

DAY = datetime.date(2020, 8, 27)


def calls_of(source: Path, quarter: str = "2020Q3", quarter_from: QuarterFrom = QuarterFrom.date) -> list[Call]:
    return [call for firm in FileTranscripts(source, quarter, quarter_from).firms() for call in firm]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def assert_elm(calls: list[Call]) -> None:
    assert [(call.firm_id, call.date) for call in calls] == [("ELM", DAY)]
    assert "Steel costs rose." in calls[0].turns[-1].text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("capitals.csv", "Ticker,Date,Text\nELM,2020-08-27,Steel costs rose.\n"),
        ("spaces.csv", "Ticker,Call Date,Full Text\nELM,2020-08-27,Steel costs rose.\n"),
        ("semicolon.csv", "ticker;date;text\nELM;2020-08-27;Steel costs rose.\n"),
        ("tab.csv", "ticker\tdate\ttext\nELM\t2020-08-27\tSteel costs rose.\n"),
        ("bar.csv", '"ticker"|"date"|"text"\nELM|2020-08-27|Steel costs rose.\n'),
        ("tab.tsv", "ticker\tdate\ttext\nELM\t2020-08-27\tSteel costs rose.\n"),
        ("fmp.csv", "symbol,quarter,year,date,content\nELM,2,2020,2020-08-27 21:00:00,Steel costs rose.\n"),
        ("one.json", '{"symbol": "ELM", "quarter": 2, "date": "2020-08-27", "content": "Steel costs rose."}'),
        ("array.json", '[{"ticker": "ELM", "date": "2020-08-27", "text": "Steel costs rose."}]'),
        ("array.jsonl", '[{"ticker": "ELM", "date": "2020-08-27", "text": "Steel costs rose."}]\n'),
        ("around.json", '{"data": [{"ticker": "ELM", "date": "2020-08-27", "text": "Steel costs rose."}], "n": 1}'),
        ("firms.json", '{"ELM": [{"ticker": "ELM", "date": "2020-08-27", "text": "Steel costs rose."}]}'),
        ("lines.ndjson", '{"ticker": "ELM", "date": "2020-08-27", "text": "Steel costs rose."}\n'),
        ("lines.json", '{"ticker": "ELM", "date": "2020-08-27", "text": "Hi."}\n' * 2
         + '{"ticker": "ELM", "date": "2020-08-27", "text": "Steel costs rose."}\n'),
    ],
)  # fmt: skip
def test_a_call_is_read_from_files_of_many_forms(tmp_path: Path, name: str, content: str) -> None:
    assert_elm(calls_of(write(tmp_path / name, content)))


@pytest.mark.parametrize(
    "day",
    [
        "20200827", "27AUG2020", "27aug2020", "27-Aug-2020", "27 August 2020", "August 27, 2020", "Aug. 27, 2020",
        "Thursday, August 27, 2020", "8/27/2020", "27/8/2020", "27.08.2020", "2020/08/27", "2020-Aug-27",
        "2020-8-27", "27. August 2020", "27th of August 2020", "27/Aug/2020", "2020\u5e748\u670827\u65e5",
        "August 27th, 2020", "27AUG2020:00:00:00.000", "Aug 27, 2020, 9:00 p.m. ET", "2020-08-27 5:00 PM ET",
    ],
)  # fmt: skip
def test_a_day_that_can_only_be_meant_in_one_way(tmp_path: Path, day: str) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text(json.dumps({"ticker": "ELM", "date": day, "text": "Steel costs rose."}))
    assert_elm(calls_of(path))


def test_a_time_within_the_date_keeps_its_zone(tmp_path: Path) -> None:
    line = json.dumps({"ticker": "ELM", "date": "Aug 27, 2020, 9:00 p.m. ET", "text": "Hi."})
    (call,) = calls_of(write(tmp_path / "calls.jsonl", line))
    assert call.time == datetime.datetime(2020, 8, 28, 1, tzinfo=datetime.UTC)


@pytest.mark.parametrize("day", ["4/5/2020", "04-05-2020", "04.05.2020"])
def test_an_ambiguous_day_is_refused_with_both_readings(tmp_path: Path, day: str) -> None:
    path = write(tmp_path / "calls.csv", f"ticker,date,text\nELM,{day},Hi.\n")
    with pytest.raises(InvalidInput, match=f"date '{day}' may be 2020-04-05 or 2020-05-04"):
        FileTranscripts(path, "2020Q2")


def test_names_that_stand_for_columns_are_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for n in range(3):
        write(tmp_path / f"{n}.csv", f"Symbol,published,body,mood\nF{n},2020-08-27,Hi.,calm\n")
    assert len(calls_of(tmp_path)) == 3
    assert caplog.messages == [
        f"{tmp_path / '0.csv'} and 2 more files: column Symbol as ticker, published as date, body as text"
    ]


def test_ftms_own_name_goes_before_another(tmp_path: Path) -> None:
    path = write(tmp_path / "calls.csv", "ticker,content,text,date,published\nELM,No.,Yes.,2020-08-27,2020-09-01\n")
    (call,) = calls_of(path)
    assert (call.date, call.turns[0].text) == (DAY, "Yes.")


def test_an_export_of_wrds(tmp_path: Path) -> None:
    path = write(
        tmp_path / "wrds.csv",
        "COMPANYID,COMPANYNAME,TRANSCRIPTID,MOSTIMPORTANTDATEUTC,COMPONENTORDER,TRANSCRIPTPERSONNAME,SPEAKERTYPENAME,"
        "TRANSCRIPTCOMPONENTTYPENAME,COMPONENTTEXT\n"
        '1690,"Elm Tools, Inc.",77,27AUG2020,1,Raj Patel,Analysts,Question,Why?\n'
        '1690,"Elm Tools, Inc.",77,27AUG2020,0,Ada Byrne,Executives,Presenter Speech,Steel costs rose.\n',
    )
    (call,) = calls_of(path)
    assert (call.firm_id, call.firm_name, call.transcript_id) == ("1690", "Elm Tools, Inc.", "77")
    assert [(turn.speaker, turn.section, turn.text) for turn in call.turns] == [
        ("Ada Byrne", "Presenter Speech", "Steel costs rose."),
        ("Raj Patel", "Question", "Why?"),
    ]


@pytest.mark.parametrize(
    ("header", "values", "quarter", "quarter_from"),
    [
        ("quarter", "2020Q2", "2020Q2", QuarterFrom.date),  # FTM's own
        ("quarter", "2020-Q2", "2020Q3", QuarterFrom.date),
        ("quarter,year", "2,2020", "2020Q3", QuarterFrom.date),
        ("quarter,year", "2,2020", "2020Q2", QuarterFrom.file),
        ("quarter,year", "Q2,FY2020", "2020Q2", QuarterFrom.file),
        ("q", "2020-Q2", "2020Q2", QuarterFrom.file),
        ("fiscal_quarter,fiscal_year", "2.0,2020.0", "2020Q2", QuarterFrom.file),
        ("quarter", "2", "2020Q3", QuarterFrom.file),  # of no year
        ("quarter,q", "2020Q1,2020Q2", "2020Q2", QuarterFrom.file),
    ],
)
def test_the_day_decides_unless_the_file_is_asked(
    tmp_path: Path, header: str, values: str, quarter: str, quarter_from: QuarterFrom
) -> None:
    path = write(tmp_path / "calls.csv", f"ticker,date,text,{header}\nELM,2020-08-27,Steel costs rose.,{values}\n")
    assert_elm(calls_of(path, quarter, quarter_from))


def test_the_fiscal_quarter_of_the_file_is_kept(tmp_path: Path) -> None:
    [call] = calls_of(write(tmp_path / "calls.csv", "ticker,date,q,text\nELM,2020-08-27,2020-Q2,Steel costs rose.\n"))
    assert set(firm_sentences([call], "2020Q3").rows["fiscal_quarter"].to_pylist()) == {"2020Q2"}


def test_how_many_fiscal_quarters_differ_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "calls.csv", "ticker,date,q,text\nELM,2020-08-27,2020-Q2,Hi.\nOAK,2020-08-27,2020-Q3,Hi.\n")
    source = FileTranscripts(path, "2020Q3")
    warning = "calls carry a fiscal quarter that is not the quarter of their date, such as 2020Q2 and 2020Q3"
    assert f"1 of 2 {warning}" in caplog.text
    by_file = FileTranscripts(path, "2020Q3", QuarterFrom.file)
    assert (source.n_firms, by_file.n_firms, by_file.selection) == (2, 1, "--quarter-from file")
    assert source.fingerprint != by_file.fingerprint


@pytest.mark.parametrize(
    "name",
    ["ELM_2020-08-27.txt", "2020-Aug-27-ELM.txt", "ELM-20200827.txt", "ELM 27 August 2020.txt",
     "2020-08-27_ELM_transcript.txt", "ELM - 2020-08-27 - Q2.txt", "ELM_2020_Q2_2020-08-27.txt",
     "ELM_20200827_Q2_transcript.txt", "ELM_2020-08-27_Q2FY20.txt", "earnings_call_ELM_2020-08-27.txt",
     "ELM Q2 2020 Earnings Call 2020-08-27.txt", "ELM_2020-08-27_Q1.txt", "ELM_2020-08-27-Q1.txt",
     "ELM_Q1_2020-08-27.txt", "ELM-Q1-2020-08-27.txt", "2020-08-27_Q1_ELM.txt", "Q1_ELM_2020-08-27.txt",
     "Q1-ELM-2020-08-27.txt", "Q1_2020_ELM_2020-08-27.txt", "ELM_FY2020_Q1_2020-08-27.txt",
     "by_ticker/ELM/ELM_2020-08-27.txt"],
)  # fmt: skip
def test_names_of_texts(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, "Steel costs rose.")
    assert_elm(calls_of(tmp_path))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ELM_q2_2020.txt", "its name is not like TICKER_2020-05-01.txt"),
        ("ELM_04-05-2020.txt", "may be 2020-04-05 or 2020-05-04"),
    ],
)
def test_names_of_texts_that_do_not_tell_the_day(tmp_path: Path, name: str, reason: str) -> None:
    write(tmp_path / name, "Steel costs rose.")
    with pytest.raises(InvalidInput, match=reason):
        calls_of(tmp_path)


@pytest.mark.parametrize(
    ("name", "ticker"),
    [
        ("20200827_CALL.txt", "CALL"),
        ("CALL_Q2_earnings_call_2020-08-27.txt", "CALL"),
        ("ELM-B_Q2_2020-08-27.txt", "ELM-B"),
        ("2020-08-27_7203.txt", "7203"),
    ],
)
def test_tickers_that_look_like_something_else(tmp_path: Path, name: str, ticker: str) -> None:
    write(tmp_path / name, "Steel costs rose.")
    assert [call.firm_id for call in calls_of(tmp_path)] == [ticker]


def test_a_list_of_firms_does_not_hide_texts(tmp_path: Path) -> None:
    write(tmp_path / "companies.csv", "ticker,name\nELM,Elm Tools\n")
    write(tmp_path / "ELM_2020-08-27.txt", "Steel costs rose.")
    assert_elm(calls_of(tmp_path))


def test_a_damaged_table_beside_texts_is_said(tmp_path: Path) -> None:
    write(tmp_path / "calls.parquet", "half of a download")
    write(tmp_path / "ELM_2020-08-27.txt", "Steel costs rose.")
    with pytest.raises(InvalidInput, match="calls.parquet is not a readable Parquet file"):
        calls_of(tmp_path)


def test_quarters_in_folders(tmp_path: Path) -> None:
    write(tmp_path / "quarter=2020Q2" / "a.csv", "ticker,date,text\nELM,2020-08-27,Steel costs rose.\n")
    write(tmp_path / "quarter=2020Q3" / "a.csv", "ticker,date,text\nOAK,2020-08-27,Steel costs fell.\n")
    assert_elm(calls_of(tmp_path, "2020Q2"))


@pytest.mark.parametrize("word", ["nan", "NULL", "None", "N/A", "NaN", "", " null "])
def test_a_cell_that_says_nothing(tmp_path: Path, word: str) -> None:
    path = write(
        tmp_path / "calls.csv", f"ticker,date,speaker,text\nNA,2020-08-27,{word},Yes.\nNA,2020-08-27,,{word}\n"
    )
    (call,) = calls_of(path)
    assert call.firm_id == "NA"
    assert [(turn.speaker, turn.text) for turn in call.turns] == [(None, "Yes."), (None, "")]


def test_turns_in_a_list_of_parquet(tmp_path: Path) -> None:
    turns = [
        {"paragraph_number": 1, "speaker": "Ada Byrne", "content": "Welcome."},
        {"paragraph_number": 2, "speaker": "Tom Alder", "content": "Steel costs rose."},
    ]
    table = pa.table({"symbol": ["ELM"], "fiscal_year": [2020], "fiscal_quarter": [2], "report_date": ["2020-08-27"],
                      "transcripts": [turns]})  # fmt: skip
    pq.write_table(table, tmp_path / "calls.parquet")
    calls = calls_of(tmp_path / "calls.parquet")
    assert_elm(calls)
    assert [turn.speaker for turn in calls[0].turns] == ["Ada Byrne", "Tom Alder"]


@pytest.mark.parametrize(
    "speakers", [[{"name": "Ada Byrne", "role": "CEO"}], {"0": {"name": "Ada Byrne", "title": "CEO"}}]
)
def test_turns_that_point_to_a_list_of_speakers(tmp_path: Path, speakers: object) -> None:
    document = {
        "ticker": "ELM",
        "date": "2020-08-27T20:30:00Z",
        "speakers": speakers,
        "transcript": {"paragraphs": [{"speaker": 0, "text": "Steel costs rose."}]},
    }
    (call,) = calls_of(write(tmp_path / "call.json", json.dumps(document)))
    assert [(turn.speaker, turn.role, turn.text) for turn in call.turns] == [("Ada Byrne", "CEO", "Steel costs rose.")]


ABOUT = {"symbol": "ELM", "year": 2020, "quarter": 2}
VENDORS = {
    "Finnhub": {
        **ABOUT,
        "time": "2020-08-27 17:00:00",
        "transcript": [{"name": "Ada Byrne", "speech": ["Steel costs rose.", "Freight fell."], "session": "q_and_a"}],
        "participant": [{"name": "Ada Byrne", "description": "Elm Tools - CEO", "role": "executive"}],
    },
    "EarningsCall": {
        "event": {**ABOUT, "conference_date": "2020-08-27T17:00:00-04:00"},
        "speakers": [
            {
                "speaker": "spk01",
                "speaker_info": {"name": "Ada Byrne", "title": "CEO"},
                "text": "Steel costs rose. Freight fell.",
            }
        ],
    },
    "Aiera": {
        "equity": {"local_ticker": "ELM"},
        "event_date": "2020-08-27T21:00:00.000Z",
        "transcripts": [
            {"speaker_name": "Ada Byrne", "speaker_title": "CEO", "transcript": "Steel costs rose. Freight fell."}
        ],
    },
    "API Ninjas": {
        **ABOUT,
        "timestamp": 1598562000,
        "date": "2020-08-27",
        "transcript": "Ada Byrne, CEO: Steel costs rose. Freight fell.",
        "transcript_split": [{"speaker": "Ada Byrne", "text": "Steel costs rose. Freight fell."}],
        "participants": [{"name": "Ada Byrne", "role": "CEO"}],
    },
}


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_json_of_a_vendor(tmp_path: Path, vendor: str) -> None:
    calls = calls_of(write(tmp_path / "call.json", json.dumps(VENDORS[vendor])))
    assert_elm(calls)
    (turn,) = calls[0].turns
    assert (turn.speaker, turn.text) == ("Ada Byrne", "Steel costs rose. Freight fell.")
    assert speaker_type(turn.speaker_type, turn.role, turn.speaker) == "CEO"


COMPLETE = {"company": "Elm", "ticker": "ELM", "date": "2020-08-27"}
SAID = {"speaker": "Ada Byrne", "text": "Steel costs rose."}


@pytest.mark.parametrize(
    ("call", "firm"),
    [
        ({**SAID, "company": {"name": "Elm", "ticker": "ELM"}, "date": "2020-08-27"}, "Elm"),
        ({**SAID, **COMPLETE, "company": {"name": "Elm", "id": 7}}, "Elm"),
        ({**SAID, "event": {"symbol": "ELM", "conference_date": "2020-08-27"}}, "ELM"),
        ({**SAID, "event": COMPLETE}, "Elm"),
        ({"data": {**SAID, **COMPLETE}}, "Elm"),
        ({**SAID, **COMPLETE, "audio": {"start_time": 0.0}}, "Elm"),
        ({**SAID, "event": COMPLETE, "audio": {"start_time": 0.0}}, "Elm"),
        ({**SAID, "ticker": "ELM", "date": "2020-08-27", "publisher": {"company": "FactSet"}}, "ELM"),
        ({**SAID, "ticker": "ELM", "event": {"date": "2020-08-27"}, "publisher": {"company": "FactSet"}}, "ELM"),
        ({**SAID, **COMPLETE, "speaker_info": {"id": 3}}, "Elm"),
        ({**SAID, "event": COMPLETE, "speaker_info": {"id": 3, "company_id": 9}}, "Elm"),
    ],
)
@pytest.mark.parametrize("form", ["{}", "[{}]"])
@pytest.mark.parametrize("ending", ["json", "ndjson"])
def test_objects_in_the_json_of_a_call(
    tmp_path: Path, call: dict[str, object], firm: str, form: str, ending: str
) -> None:
    (found,) = calls_of(write(tmp_path / f"calls.{ending}", form.replace("{}", json.dumps(call))))
    assert_elm([found])
    assert (found.firm_name, found.turns[0].speaker) == (firm, "Ada Byrne")


@pytest.mark.parametrize(
    "header",
    [
        "Ticker Symbol,Event Date (UTC),Speaker Name,Speaker Title,Speech Text",
        "ticker,call_datetime,participant_name,participant_role,speech",
        "Symbol,EventStartDate,Speaker,SpeakerTitle,Body",
    ],
)
def test_columns_of_exports(tmp_path: Path, header: str) -> None:
    path = write(tmp_path / "calls.csv", f"{header}\nELM,2020-08-27T21:00:00Z,Ada Byrne,CEO,Steel costs rose.\n")
    calls = calls_of(path)
    assert_elm(calls)
    assert (calls[0].turns[0].speaker, calls[0].turns[0].role) == ("Ada Byrne", "CEO")


def test_a_time_is_no_day(tmp_path: Path) -> None:
    path = write(tmp_path / "calls.csv", "ticker,time,text\nELM,16:30 ET,Hi.\n")
    with pytest.raises(InvalidInput, match="date '16:30 ET' is not a date like 2020-05-01"):
        calls_of(path)


@pytest.mark.parametrize(
    ("content", "speaker"),
    [
        (json.dumps({"content": "Steel costs rose."}), None),
        (json.dumps([{"speaker": "Ada Byrne", "text": "Steel costs rose."}]), "Ada Byrne"),
        ("WEBVTT\n\n1\n00:00:01.000 --> 00:00:04.000\nSteel costs\n\n00:04.000 --> 00:06.000\nrose.\n", None),
        ("1\n00:00:01,000 --> 00:00:04,000\nSteel costs rose.\n", None),
        ("0:00:01.000,0:00:04.000\nSteel costs\n\n0:00:04.000,0:00:06.000\nrose.\n", None),
        ("ticker,date,speaker,text\nELM,2020-08-27,Ada Byrne,Steel costs rose.\n", "Ada Byrne"),
        ("speaker,section,text\nAda Byrne,qa,Steel costs rose.\n", "Ada Byrne"),
        ("ticker,section,speaker,text\nELM,qa,Ada Byrne,Steel costs rose.\n", "Ada Byrne"),
        ('<?xml version="1.0"?><html><body>Steel costs rose.</body></html>', None),
    ],
)
def test_a_text_that_holds_something_else_is_read_as_that(tmp_path: Path, content: str, speaker: str | None) -> None:
    (call,) = calls_of(write(tmp_path / "ELM_2020-08-27.txt", content))
    assert [(turn.speaker, turn.text) for turn in call.turns] == [(speaker, "Steel costs rose.")]


@pytest.mark.parametrize("write_list", [json.dumps, str], ids=["JSON", "pandas"])
def test_turns_in_a_cell(tmp_path: Path, write_list: Callable[[object], str]) -> None:
    turns = [{"speaker": "Ada Byrne", "text": "It's steel."}, {"speaker": "Tom Alder", "text": "Steel costs rose."}]
    table = pd.DataFrame({"symbol": ["ELM"], "date": ["2020-08-27"], "transcript": [write_list(turns)]})
    table.to_csv(tmp_path / "calls.csv", index=False)
    calls = calls_of(tmp_path / "calls.csv")
    assert_elm(calls)
    assert [turn.speaker for turn in calls[0].turns] == ["Ada Byrne", "Tom Alder"]


def test_turns_in_a_cell_that_pandas_wrote_from_parquet(tmp_path: Path) -> None:
    turns: list[dict[str, str | None]] = [
        {"speaker": "Ada Byrne", "text": "It's {steel} {and} zinc."},
        {"speaker": "Tom Alder", "text": 'So "Steel\ncosts" rose.'},
        {"speaker": None, "text": "Steel costs rose."},
    ]
    table = pa.table({"symbol": ["ELM"], "date": ["2020-08-27"], "transcript": [turns]})
    pq.write_table(table, tmp_path / "calls.parquet")
    pd.read_parquet(tmp_path / "calls.parquet").to_csv(tmp_path / "calls.csv", index=False)  # without commas
    calls = calls_of(tmp_path / "calls.csv")
    assert_elm(calls)
    assert [(turn.speaker, turn.text) for turn in calls[0].turns] == [(turn["speaker"], turn["text"]) for turn in turns]


@pytest.mark.parametrize(
    "cell",
    [
        "[{'a': 1, []: 2}]",
        "[{'text': 'Hi.'",
        str(np.array([{"text": "Steel costs rose."}] * 1001)),  # NumPy writes "..." for most of them
    ],
)
def test_a_list_of_turns_that_cannot_be_read_is_a_bad_row(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, cell: str
) -> None:
    texts = [*(f"Steel rose by {n}." for n in range(40)), cell]
    pd.DataFrame({"ticker": "ELM", "date": "2020-08-27", "text": texts}).to_csv(tmp_path / "calls.csv", index=False)
    (call,) = calls_of(tmp_path / "calls.csv")
    assert len(call.turns) == 40
    (line,) = caplog.messages
    assert f"calls.csv, line 42: text begins like a list of turns, but cannot be read: {cell[:10]!r}"[:80] in line


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{\\rtf1\\ansi Steel}", "holds RTF, not text: save it as plain text"),
        (b"%PDF-1.7\n", "holds PDF, not text"),
        (b"%!PS-Adobe-3.0\n", "holds PostScript, not text"),
        (b"\\documentclass{article}", "holds LaTeX, not text"),
        (b'<?xml version="1.0"?><transcript/>', "holds XML, not text"),
        (b"<tt xmlns='http://www.w3.org/ns/ttml'>", "holds XML, not text"),
        (b"MIME-Version: 1.0\n", "holds a saved page or mail, not text"),
        (b"[Script Info]\nTitle: x\n", "holds subtitles of another kind"),
        (b"PK\x03\x04\x00", "holds a Word file or an archive"),
        (b"a\x00b", "holds no text"),
        (b'{"a": ', "is not JSON"),
        (b'{"a": "b"}', "there is no text"),
    ],
)
def test_a_text_that_holds_something_else_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "ELM_2020-08-27.txt").write_bytes(content)
    with pytest.raises(InvalidInput, match=reason):
        calls_of(tmp_path)


CSV = "ticker,date,text\nELM,2020-08-27,Steel costs rose.\n"


def test_packed_files(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "calls.csv.gz", "wt") as file:
        file.write(CSV)
    assert_elm(calls_of(tmp_path / "calls.csv.gz"))
    with zipfile.ZipFile(tmp_path / "calls.zip", "w") as archive:
        archive.writestr("../../../deep/calls.csv", CSV)
        archive.writestr("__MACOSX/._calls.csv", "")
    assert_elm(calls_of(tmp_path / "calls.zip"))
    assert not (tmp_path.parent / "deep").exists()


def test_packed_files_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", CSV)
        archive.writestr("b.csv", CSV)
    with pytest.raises(InvalidInput, match=r"two\.zip holds 2 files: unpack it"):
        calls_of(tmp_path / "two.zip")
    (tmp_path / "no.csv.gz").write_bytes(b"no gzip")
    with pytest.raises(InvalidInput, match=r"no\.csv\.gz cannot be unpacked"):
        calls_of(tmp_path / "no.csv.gz")
    with gzip.open(tmp_path / "bomb.csv.gz", "wb") as file:
        file.write(bytes(4 << 20))
    with pytest.raises(InvalidInput, match="unpacks to more than 2 GB, or 200 times its size"):
        calls_of(tmp_path / "bomb.csv.gz")
    monkeypatch.setattr(input_file, "_MOST_BYTES", 10)
    with gzip.open(tmp_path / "calls.csv.gz", "wt") as file:
        file.write(CSV)
    with pytest.raises(InvalidInput, match="unpacks to more than 2 GB"):
        calls_of(tmp_path / "calls.csv.gz")


def test_one_cause_in_many_rows_is_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    good = "ELM,2020-08-27,Hi.\n" * 400
    bad = "".join(f"OAK,{n}/5/2020,Hi.\n" for n in (1, 2, 3, 4, 6, 7))
    path = write(tmp_path / "calls.csv", f"ticker,date,text\n{good}{bad}")
    FileTranscripts(path, "2020Q3")
    (line,) = caplog.messages
    assert line.startswith("left out: 6 rows: ")
    assert line.count("may be") == 3
    assert line.endswith("; and 3 more")


def test_two_equal_halves_with_positions_stay(tmp_path: Path) -> None:
    rows = "".join(f"ELM,2020-08-27,{n},{n % 2}\n" for n in range(4))
    (call,) = calls_of(write(tmp_path / "calls.csv", f"ticker,date,position,text\n{rows}"))
    assert [turn.text for turn in call.turns] == ["0", "1", "0", "1"]


def test_two_share_classes_with_the_same_call_count_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = "".join(
        f"{ticker},Elm Group,2020-08-27,{text}\n" for ticker in ("ELMB", "ELMA") for text in ("One.", "Two.")
    )
    (call,) = calls_of(write(tmp_path / "calls.csv", f"ticker,company,date,text\n{rows}"))
    assert (call.firm_id, [turn.text for turn in call.turns]) == ("ELMA", ["One.", "Two."])
    assert "ELMB has the calls of ELMA, another share class of the company: they count once" in caplog.text


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("ELM", "Elm Group Inc. (Class A)"), ("ELMB", "Elm Group Inc. (Class B)")),
        (("ELM", "Elm Group"), ("XYZ", "Elm Group, Cl B")),
        (("ELM.A", ""), ("ELM.B", "")),
        (("ELM", ""), ("ELML", "")),
    ],
)
def test_share_classes_are_told_by_name_or_ticker(
    tmp_path: Path, first: tuple[str, str], second: tuple[str, str]
) -> None:
    rows = "".join(
        f'{ticker},"{company}",2020-08-27,{"Steel costs rose. " * 60}\n' for ticker, company in (first, second)
    )
    (call,) = calls_of(write(tmp_path / "calls.csv", f"ticker,company,date,text\n{rows}"))
    assert call.firm_id == first[0]


@pytest.mark.parametrize(
    ("other", "text"), [("ELMB", "Hi."), ("ELMB", "Zinc costs rose. " * 60), ("OAK", "Steel costs rose. " * 60)]
)
def test_tickers_without_names_are_two_firms_unless_alike_in_all(tmp_path: Path, other: str, text: str) -> None:
    said = "Hi." if text == "Hi." else "Steel costs rose. " * 60
    rows = f"ELM,2020-08-27,{said}\n{other},2020-08-27,{text}\n"
    calls = calls_of(write(tmp_path / "calls.csv", f"ticker,date,text\n{rows}"))
    assert [call.firm_id for call in calls] == ["ELM", other]


def test_two_spellings_under_one_ticker_are_one_company(tmp_path: Path) -> None:
    text = "ticker,company,date,text\nELM,Elm Inc.,2020-08-27,One.\nELM,Elm Inc,2020-09-27,Two.\n"
    assert [call.firm_id for call in calls_of(write(tmp_path / "calls.csv", text))] == ["ELM", "ELM"]
