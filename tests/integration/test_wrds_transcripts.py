"""Which calls come out of WRDS' tables, of whom, and what is said in them: against a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest

from cloud.src.contract import keys
from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.calls import Call
from cloud.src.prefetch.prefetch import write_quarter
from cloud.src.prefetch.storage import FolderStorage
from cloud.src.prefetch.wrds.errors import WrdsError
from cloud.src.prefetch.wrds.firm_list import FirmList
from cloud.src.prefetch.wrds.transcripts import WrdsTranscripts
from tests.integration.wrds_postgres import PASSWORD, PostgresServer, postgres_server
from tests.integration.wrds_server import RESEARCHER, connected, load
from tests.integration.wrds_tables import SPEECH, TABLES, Said, Wrds, grant

QUARTER = "2023Q1"
LINKED = ["100", "200", "500", "600", "800", "900"]  # in the order of strings


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        load(running, "wrds")
        yield running


def read(
    server: PostgresServer, quarter: str = QUARTER, database: str = "wrds", **options: Any
) -> dict[str, list[Call]]:
    with connected(server, database) as connection:
        source = WrdsTranscripts(connection, quarter, **options)
        calls = {firm[0].firm_id: firm for firm in source.firms()}
        assert len(calls) == source.n_firms
        assert sum(map(len, calls.values())) == source.n_calls
        return calls


def texts(call: Call) -> list[str]:
    return [turn.text for turn in call.turns]


def test_linked_firms_come_in_order_of_their_ids(server: PostgresServer) -> None:
    calls = read(server)
    assert list(calls) == LINKED
    (alder,) = calls["100"]
    assert (alder.firm_name, alder.transcript_id, alder.date) == ("Alder Robotics", "10", date(2023, 2, 1))
    assert (alder.gvkey, alder.permno, alder.link_date, alder.ticker) == ("000100", 10100, date(2001, 5, 7), None)


def test_a_call_is_read_in_its_latest_version(server: PostgresServer) -> None:
    (birch,) = read(server)["200"]
    assert (birch.transcript_id, texts(birch)) == ("24", ["This is version 24 of what we said about pallets."])


def test_of_two_share_classes_the_primary_one_counts(server: PostgresServer) -> None:
    assert read(server)["200"][0].permno == 10201


def test_links_are_those_of_the_day_of_the_call(server: PostgresServer) -> None:
    (ivy,) = read(server)["900"]
    assert (ivy.gvkey, ivy.permno, ivy.link_date) == ("000902", 10903, date(2023, 3, 15))


@pytest.mark.parametrize(
    ("quarter", "transcript"),
    [("2022Q4", "52"), ("2023Q1", "50"), ("2023Q2", "51"), ("2023Q3", "53")],
    ids=["before", "in", "after", "without a time"],
)
def test_the_quarter_ends_at_midnight_in_new_york(server: PostgresServer, quarter: str, transcript: str) -> None:
    assert [call.transcript_id for call in read(server, quarter)["500"]] == [transcript]


def test_a_call_has_its_time_and_new_yorks_day(server: PostgresServer) -> None:
    (alder,), (elm,) = read(server)["100"], read(server)["500"]
    assert (alder.date, alder.time) == (date(2023, 2, 1), datetime(2023, 2, 1, 21, 30, tzinfo=UTC))
    assert (elm.date, elm.time) == (date(2023, 3, 31), datetime(2023, 4, 1, 3, 59, tzinfo=UTC))
    assert read(server)["600"][0].time is None  # midnight: the time is not known


def test_sectors_are_of_the_calls_day_or_else_todays(server: PostgresServer) -> None:
    with connected(server) as connection:
        source = WrdsTranscripts(connection, QUARTER)
        calls = {call.firm_id: call for firm in source.firms() for call in firm}
    assert (calls["100"].sector, calls["100"].industry) == ("Industrials", "Machinery")
    assert (calls["200"].sector, calls["200"].industry) == ("Industrials", "Road & Rail")
    assert (calls["500"].sector, calls["500"].industry) == (None, None)
    assert (source.has_sectors, source.n_sectors_of_today) == (True, 1)


def test_without_compustats_tables_firms_have_no_sector(server: PostgresServer) -> None:
    load(server, "wrds_sectors")
    with server.connect("wrds_sectors") as connection:
        connection.execute(f"REVOKE ALL ON comp.co_hgic FROM {RESEARCHER}".encode())
    with connected(server, "wrds_sectors") as connection:
        source = WrdsTranscripts(connection, QUARTER)
        assert not source.has_sectors
        assert {call.sector for firm in source.firms() for call in firm} == {None}


def test_the_first_minute_of_a_quarter_is_in_it(server: PostgresServer) -> None:
    assert read(server)["600"][0].date == date(2023, 1, 1)


def test_a_moved_call_counts_in_its_latest_versions_quarter_only(server: PostgresServer) -> None:
    assert "1000" not in read(server)
    assert texts(read(server, "2023Q2")["1000"][0]) == ["Fares are up."]


@pytest.mark.parametrize(
    ("column", "value"),
    [("mostimportantdateutc", None), ("mostimportantdateutc", "2023-04-03"), ("keydeveventtypeid", 51)],
)
def test_calls_that_moved_to_another_quarter_are_counted(
    server: PostgresServer, column: str, value: str | int | None
) -> None:
    tables, name = Wrds(), f"wrds_moved_{column}_{value}".replace("-", "_").lower()
    for transcript in (1, 2):
        said = [Said(SPEECH, "Rents rose.", "Ana Reyes", "Executives")]
        tables.version((1, "Stays Inc"), 1, transcript, "2023-02-01 12:00", f"2023-02-0{transcript} 18:00:00", said)
        tables.version((2, "Moves Inc"), 2, 2 + transcript, "2023-02-01 12:00", f"2023-02-0{transcript} 18:00:00", said)
    tables.rows["wrds_transcript_detail"][-1][column] = value
    for firm in (1, 2):
        tables.link(firm, f"{firm:06d}")
        tables.permno(f"{firm:06d}", firm, "P", "2001-01-02")
    server.create_database(name)
    with server.connect(name) as connection:
        tables.create(connection)
        grant(connection, RESEARCHER, PASSWORD)
    with connected(server, name) as connection:
        source = WrdsTranscripts(connection, QUARTER, FirmList("companyid", ("1", "2")))
        assert [firm[0].firm_id for firm in source.firms()] == ["1"]
    assert source.skipped == {"older versions of a transcript": 1, "calls that have moved elsewhere": 1}
    assert source.not_found == ["2"]


def test_a_firms_calls_are_kept_apart_by_day(server: PostgresServer) -> None:
    calls = read(server)["800"]
    assert [(call.transcript_id, str(call.date)) for call in calls] == [
        ("82", "2023-01-12"),
        ("81", "2023-03-20"),
        ("84", "2023-03-21"),
    ]
    assert [texts(call) for call in calls] == [["Christmas was good."], ["Easter will be better."], []]


def test_only_earnings_calls_of_companies_are_read(server: PostgresServer) -> None:
    everything = read(server, keep_unlinked=True)
    assert "700" not in everything
    assert sorted(everything) == sorted([*LINKED, "300", "400", "1100"])


def test_unlinked_firms_are_left_out_counted_and_named(server: PostgresServer) -> None:
    with connected(server) as connection:
        source = WrdsTranscripts(connection, QUARTER)
    assert source.unlinked == ["Cedar Foods", "Dogwood Oil", "Kapok Mills"]
    assert source.skipped == {
        "calls without a PERMNO": 3,
        "older versions of a transcript": 3,
        "calls that have moved elsewhere": 1,
        "copies of a turn": 1,
    }


def test_unlinked_firms_can_be_kept(server: PostgresServer) -> None:
    with connected(server) as connection:
        source = WrdsTranscripts(connection, QUARTER, keep_unlinked=True)
        calls = {firm[0].firm_id: firm[0] for firm in source.firms()}
    assert source.unlinked == ["Cedar Foods", "Dogwood Oil", "Kapok Mills"]
    assert "calls without a PERMNO" not in source.skipped
    assert (calls["300"].gvkey, calls["300"].permno, calls["300"].link_date) == (None, None, None)
    assert (calls["400"].gvkey, calls["400"].permno, calls["400"].link_date) == ("000400", None, None)


def test_who_speaks_where_and_with_which_title(server: PostgresServer) -> None:
    (alder,) = read(server)["100"]
    assert [(turn.section, turn.speaker, turn.speaker_type, turn.role) for turn in alder.turns] == [
        (None, "Operator", "Operator", None),
        ("prepared", "Ana Reyes", "Executives", "President & Chief Executive Officer"),
        ("prepared", "Bo Lind", "Executives", "Executive VP & CFO"),
        (None, "Operator", "Operator", None),
        ("qa", "Cass Ono", "Analysts", "CEO"),
        ("qa", "Dee Park", "Executives", "Deputy CFO"),
        ("qa", "Unknown Speaker", "Attendees", None),
        (None, None, None, None),
    ]


def test_the_operators_words_do_not_leave_wrds(server: PostgresServer) -> None:
    (alder,) = read(server)["100"]
    assert [turn.text for turn in alder.turns if turn.speaker_type == "Operator"] == ["", ""]


def test_turns_of_one_order_are_kept_but_for_copies(server: PostgresServer) -> None:
    (fir,) = read(server)["600"]
    assert texts(fir)[3:6] == ["The trial was stopped.", "A second one goes on.", "The trial was stopped."]
    assert texts(fir)[:3] == ["", "", "   \n "]


def test_characters_read_in_the_wrong_encoding_are_put_back(server: PostgresServer) -> None:
    (fir,) = read(server)["600"]
    assert texts(fir)[6:] == [
        "We don\u2019t expect \u201cdelays\u201d \u2013 costs are \u20ac80m.",
        "Caf\u00e9 \u2603 \U0001f680\ufeff done.",
    ]
    assert [turn.speaker for turn in fir.turns[4:7]] == ["Bo Lind", "Ana Reyes", "Zo\u00eb M\u00fcller"]
    assert fir.firm_name == "Fir Labs AG"


def test_bytes_of_another_encoding_are_read_as_intended(server: PostgresServer) -> None:
    """A database without an encoding gives its bytes as they are."""
    load(server, "wrds_bytes", encoding="SQL_ASCII")
    with server.connect("wrds_bytes") as connection:
        connection.execute(
            "UPDATE ciq_transcripts.ciqtranscriptcomponent SET componenttext = convert_from(%s, 'SQL_ASCII') "
            "WHERE transcriptid = 50",
            ["Caf\u00e9s don\u2019t borrow.".encode("cp1252")],
        )
        connection.execute(
            "UPDATE ciq_transcripts.wrds_transcript_detail SET companyname = convert_from(%s, 'SQL_ASCII') "
            "WHERE transcriptid = 50",
            ["\u00c9lm".encode("cp1252")],
        )
    (elm,) = read(server, database="wrds_bytes")["500"]
    assert (elm.firm_name, texts(elm)) == ("\u00c9lm", ["Caf\u00e9s don\u2019t borrow."])
    assert read(server, database="wrds_bytes")["600"] == read(server)["600"]


def test_an_account_reading_as_ciq_gets_the_same(server: PostgresServer) -> None:
    load(server, "wrds_views", views=True)
    assert read(server, database="wrds_views") == read(server)


def test_ids_and_times_of_other_types_mean_the_same(server: PostgresServer) -> None:
    """Some tables have floating-point ids and points in time; a day is one in UTC wherever the server is."""
    load(server, "wrds_types")
    with server.connect("wrds_types") as connection:
        connection.execute("ALTER DATABASE wrds_types SET timezone = 'America/New_York'")
        _change_types(connection)
    assert read(server, database="wrds_types") == read(server)


def _change_types(connection: psycopg.Connection[Any]) -> None:
    ids = connection.execute(
        "SELECT table_schema, table_name, column_name FROM information_schema.columns "
        "WHERE data_type = 'numeric' AND table_name = ANY(%s)",
        [list(TABLES)],
    )
    for schema, table, column in ids.fetchall():
        connection.execute(f"ALTER TABLE {schema}.{table} ALTER {column} TYPE float8".encode())
    connection.execute("SET timezone = 'UTC'")
    connection.execute(
        "ALTER TABLE ciq_transcripts.wrds_transcript_detail ALTER mostimportantdateutc TYPE timestamptz "
        "USING mostimportantdateutc + mostimportanttimeutc, ALTER transcriptcreationtime_utc TYPE text"
    )


def test_without_the_table_of_titles_executives_are_executives(server: PostgresServer) -> None:
    load(server, "wrds_titles")
    with server.connect("wrds_titles") as connection:
        connection.execute(f"REVOKE ALL ON ciq_pplintel.wrds_professional FROM {RESEARCHER}".encode())
        connection.execute("ALTER TABLE ciq_transcripts.wrds_transcript_person DROP COLUMN proid")  # is then not needed
    with connected(server, "wrds_titles") as connection:
        source = WrdsTranscripts(connection, QUARTER)
        assert not source.has_titles
        (alder,) = next(source.firms())
    assert {turn.role for turn in alder.turns} == {None}


def test_reading_goes_on_after_any_firm(server: PostgresServer) -> None:
    with connected(server) as connection:
        source = WrdsTranscripts(connection, QUARTER)
        whole = list(source.firms())
        for number, firm in enumerate(whole, start=1):
            assert list(source.firms(after=firm[0].firm_id)) == whole[number:]


def test_some_firms_only(server: PostgresServer) -> None:
    with connected(server) as connection:
        source = WrdsTranscripts(connection, QUARTER, firms=FirmList("gvkey", ("000500", "999999", "000100", "000400")))
        assert [firm[0].firm_id for firm in source.firms()] == ["100", "500"]
    assert source.not_found == ["999999"]
    assert source.unlinked == ["Dogwood Oil"]
    assert list(read(server, firms=FirmList("companyid", ("500", "300")))) == ["500"]
    assert list(read(server, firms=FirmList("permno", ("10903",)))) == ["900"]
    assert list(read(server, limit=2)) == ["100", "200"]


def test_the_fingerprint_changes_with_what_is_read(server: PostgresServer) -> None:
    load(server, "wrds_news")

    def fingerprint(**options: Any) -> str:
        with connected(server, "wrds_news") as connection:
            return WrdsTranscripts(connection, QUARTER, **options).fingerprint

    before = fingerprint()
    assert before == fingerprint()
    assert before != fingerprint(limit=2)
    assert before != fingerprint(keep_unlinked=True)
    changes = (
        "UPDATE ciq_transcripts.wrds_transcript_detail SET transcriptid = 11 WHERE transcriptid = 10",
        "UPDATE crsp.ccmxpf_lnkhist SET linkdt = '2001-05-08' WHERE lpermno = 10100",
        "UPDATE ciq_transcripts.ciqtranscriptcomponent SET componenttext = 'Deposits.' WHERE transcriptid = 50",
        "UPDATE ciq_pplintel.wrds_professional SET title = 'CFO' WHERE proid = 12",
        "UPDATE comp.co_hgic SET gsector = '15' WHERE indthru IS NULL",
    )
    seen = {before}
    for change in changes:
        with server.connect("wrds_news") as connection:
            connection.execute(change.encode())
        seen.add(fingerprint())
    assert len(seen) == 1 + len(changes)


def test_the_amount_is_known_before_a_text_is_read(server: PostgresServer) -> None:
    with connected(server) as connection:
        source = WrdsTranscripts(connection, QUARTER)
        read_turns = [turn for firm in source.firms() for call in firm for turn in call.turns]
    assert source.amount.n_turns == len(read_turns) + source.amount.n_copies
    assert source.amount.n_operator_turns == 2
    assert source.amount.n_bytes > sum(len(turn.text) for turn in read_turns)


def test_a_quarter_without_calls_says_so(server: PostgresServer) -> None:
    with connected(server) as connection, pytest.raises(InvalidInput) as raised:
        WrdsTranscripts(connection, "2019Q3")
    assert str(raised.value) == "WRDS has no earnings call of 2019Q3 to take: 0 calls in all"
    with connected(server) as connection, pytest.raises(InvalidInput) as raised:
        WrdsTranscripts(connection, QUARTER, firms=FirmList("companyid", ("300",)))
    assert str(raised.value).endswith("11 calls in all, left out: 1 calls without a PERMNO")


def test_nothing_is_written_at_wrds(server: PostgresServer) -> None:
    with pytest.raises(WrdsError, match="read-only transaction"), connected(server) as connection:
        connection.exec_driver_sql("CREATE TABLE ciq_common.t (a int)")


def test_the_quarters_sentences(server: PostgresServer, tmp_path: Path) -> None:
    with connected(server) as connection:
        summary = write_quarter(FolderStorage(tmp_path), QUARTER, WrdsTranscripts(connection, QUARTER))
    assert (summary.n_firms, summary.n_calls, summary.source) == (6, 7, "wrds")
    assert summary.skipped["operator turns"] == 2
    assert summary.skipped["calls without content"] == 1
    rows = pq.read_table(tmp_path / keys.prefetch_chunk(QUARTER, 0)).to_pylist()
    alder = [row for row in rows if row["firm_id"] == "100"]
    assert [(row["speaker_type"], row["section"]) for row in alder] == [
        ("CEO", "prepared"),
        ("CEO", "prepared"),
        ("CFO", "prepared"),
        ("Analyst", "qa"),
        ("Executive", "qa"),
        ("Unknown", "qa"),
        ("Unknown", None),
    ]
    assert alder[0]["sentence_id"] == "100_10_0000"
    assert {row["permno"] for row in rows} == {10100, 10201, 10500, 10600, 10800, 10903}
    assert len({row["sentence_id"] for row in rows}) == len(rows) == summary.n_sentences


def test_a_prefetch_continued_after_a_lost_connection_is_the_same(server: PostgresServer, tmp_path: Path) -> None:
    tables = Wrds()
    for number in range(1, 1201):
        said = [Said(SPEECH, f"Sales of firm {number} grew. Costs fell.", "Ana Reyes", "Executives")]
        tables.version((number, f"Firm {number}"), number, number, "2023-02-01 12:00", "2023-02-02 12:00:00", said)
        tables.link(number, f"{number:06}")
        tables.permno(f"{number:06}", 10_000 + number, "P", "2001-01-02")
    server.create_database("wrds_many")
    with server.connect("wrds_many") as connection:
        tables.create(connection)
        grant(connection, RESEARCHER, PASSWORD)
    done: list[int] = []

    def prefetch(folder: Path, cut: bool) -> None:
        with connected(server, "wrds_many") as connection, server.connect() as other:

            def on_progress(firms_done: int, _: int) -> None:
                if cut and firms_done == 100:
                    other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'researcher'")
                done.append(firms_done)

            write_quarter(FolderStorage(folder), QUARTER, WrdsTranscripts(connection, QUARTER), on_progress)

    with pytest.raises(WrdsError, match="run the same command again to continue"):
        prefetch(tmp_path / "cut", cut=True)
    assert not (tmp_path / "cut" / keys.prefetch_manifest(QUARTER)).exists()
    done.clear()
    prefetch(tmp_path / "cut", cut=False)
    assert done[0] > 100  # the first chunk has not been made again
    prefetch(tmp_path / "whole", cut=False)
    chunks = {path.name: path.read_bytes() for path in (tmp_path / "whole").rglob("*.parquet")}
    assert len(chunks) == 12
    assert {path.name: path.read_bytes() for path in (tmp_path / "cut").rglob("*.parquet")} == chunks
