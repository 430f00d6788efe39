"""``ftm prefetch --from wrds``: what a researcher types, sees and gets, from a real PostgreSQL."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.src.cli.__main__ import EXIT_FAILED, EXIT_WRONG_INPUT, run
from cloud.src.contract import keys
from tests.integration.wrds_postgres import PASSWORD, PostgresServer, postgres_server
from tests.integration.wrds_server import RESEARCHER, environment, load
from tests.integration.wrds_tables import Said, Wrds, grant

QUARTER = "2023Q1"
MANIFEST = keys.prefetch_manifest(QUARTER)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        load(running, "wrds")
        yield running


@pytest.fixture
def ftm(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[FtmCommand]:
    monkeypatch.chdir(tmp_path)
    for name, value in environment(server).items():
        monkeypatch.setenv(name, value)
    logging.getLogger().setLevel(logging.DEBUG)
    yield FtmCommand(capsys)
    logging.getLogger().setLevel(logging.WARNING)


class FtmCommand:
    """Runs ``ftm prefetch`` from WRDS to the folder ``out``; no password may show, whatever happens."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *options: str, code: int = 0) -> tuple[str, str]:
        self._capsys.readouterr()
        assert run(["prefetch", QUARTER, "--from", "wrds", "--to", "out", *options]) == code
        printed = self._capsys.readouterr()
        assert PASSWORD not in printed.out + printed.err
        return printed.out, printed.err


def rows(printed: str) -> dict[str, str]:
    """The rows of the table: what -> how many."""
    return dict(re.findall(r"^\u2502 (\S.*?) +\u2502 +(\S.*?) \u2502$", printed, flags=re.MULTILINE))


def test_the_summary_says_what_was_taken_and_what_was_not(ftm: FtmCommand) -> None:
    out, err = ftm()
    summary = rows(out)
    assert summary.pop("time")
    assert summary == {
        "firms": "6",
        "of them without a PERMNO": "0",
        "calls": "7",
        "of them without a time of day (no event_date)": "1",
        "sentences": "17",
        "chunks": "1",
        "left out: calls without a PERMNO": "3",
        "left out: calls that have moved elsewhere": "1",
        "left out: calls without content": "1",
        "left out: copies of a turn": "1",
        "left out: older versions of a transcript": "3",
        "left out: operator turns": "2",
    }
    assert out.splitlines()[-2:] == [
        "3 firms without a PERMNO, left out: Cedar Foods, Dogwood Oil, Kapok Mills",
        f"out/{MANIFEST}",
    ]
    assert "researcher at 127.0.0.1; approve the Duo request on your phone if there is one" in err
    assert "prefetch: 6 of 6 firms" in err
    manifest = json.loads(Path("out", MANIFEST).read_text())
    assert (manifest["source"], sorted(manifest["firms"])) == ("wrds", ["100", "200", "500", "600", "800", "900"])


def test_firms_without_a_permno_can_be_kept(ftm: FtmCommand) -> None:
    out, _ = ftm("--keep-unlinked")
    assert (rows(out)["firms"], rows(out)["of them without a PERMNO"]) == ("9", "3")
    assert "3 firms without a PERMNO, kept: Cedar Foods, Dogwood Oil, Kapok Mills" in out


def test_output_says_whether_unlinked_firms_are_counted_before_limit(ftm: FtmCommand) -> None:
    out, _ = ftm("--keep-unlinked", "--limit", "4", "--dry-run")  # 100, 1100, 200, 300
    assert "2 firms without a PERMNO, kept: Cedar Foods, Kapok Mills" in out
    out, _ = ftm("--limit", "1")
    assert "3 firms without a PERMNO, left out (counted before --limit): Cedar Foods" in out


def test_a_dry_run_counts_and_writes_nothing(ftm: FtmCommand) -> None:
    out, _ = ftm("--dry-run")
    plan = rows(out)
    assert (plan["firms"], plan["calls"], plan["turns"]) == ("6", "8", "20")
    assert plan["left out: calls without a PERMNO"] == "3"
    assert plan["estimated time (at 1 MB/s from WRDS)"]
    assert "3 firms without a PERMNO, left out: Cedar Foods" in out
    assert out.splitlines()[-1] == "Nothing was written."
    assert not Path("out").exists()


def test_some_firms_only(ftm: FtmCommand) -> None:
    Path("firms.txt").write_text("gvkey\n100\n000500\n999999\n")
    out, err = ftm("--firms", "firms.txt", "--limit", "1")
    assert rows(out)["firms"] == "1"
    assert list(json.loads(Path("out", MANIFEST).read_text())["firms"]) == ["100"]
    assert "1 ids of the list have no earnings call in the quarter: 999999" in err


def test_a_finished_quarter_is_not_asked_for_again(ftm: FtmCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    ftm()
    monkeypatch.setenv("PGPORT", "1")  # where nothing answers
    out, _ = ftm()
    assert f"{QUARTER} already exists, since 20" in out
    assert "from wrds: nothing was read or written (--force overwrites it)" in out
    ftm("--force", code=EXIT_FAILED)


def test_a_trial_with_some_firms_is_not_the_quarter(ftm: FtmCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("firms.txt").write_text("gvkey\n100\n000500\n")
    ftm("--firms", "firms.txt", "--limit", "1")
    monkeypatch.setenv("PGPORT", "1")  # where nothing answers: WRDS need not be asked
    assert "already exists" in ftm("--firms", "firms.txt", "--limit", "1")[0]
    _, err = ftm(code=EXIT_WRONG_INPUT)
    assert err.splitlines()[-1].startswith(f"ftm: out/{MANIFEST} was made with --firms (list ")
    assert err.splitlines()[-1].endswith(
        " of 2 gvkeys) --limit 1, not with all firms: --force overwrites it, another --to leaves it as it is"
    )
    Path("firms.txt").write_text("gvkey\n100\n000600\n")
    assert "was made with" in ftm("--firms", "firms.txt", "--limit", "1", code=EXIT_WRONG_INPUT)[1]
    assert "not with --limit 2" in ftm("--limit", "2", code=EXIT_WRONG_INPUT)[1]
    assert "not with --keep-unlinked" in ftm("--keep-unlinked", code=EXIT_WRONG_INPUT)[1]


def test_a_wrong_password_is_one_line(ftm: FtmCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "wrong-horse")
    _, err = ftm(code=EXIT_FAILED)
    assert err.splitlines()[-1] == (
        "ftm: 127.0.0.1 refused the user or password of researcher: check them where they are kept"
    )
    assert "wrong-horse" not in err
    assert not Path("out").exists()


def test_a_login_out_of_the_password_file(ftm: FtmCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    escaped = PASSWORD.replace("\\", r"\\").replace(":", r"\:")
    Path("pgpass").write_text(f"127.0.0.1:*:wrds:{RESEARCHER}:{escaped}\n")
    Path("pgpass").chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", "pgpass")
    monkeypatch.delenv("PGUSER")
    monkeypatch.delenv("PGPASSWORD")
    out, _ = ftm()
    assert rows(out)["firms"] == "6"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the list of firms firms.txt is empty"),
        ("gvkey\n", "the list of firms firms.txt is empty"),
        ("100\nALDR\n", "firms.txt, line 2: 'ALDR' is not a companyid: write one number per line"),
        ("'; DROP TABLE x --", 'firms.txt, line 1: "\'; DROP TABLE x --" is not a companyid'),
        (None, "cannot read the list of firms firms.txt: No such file or directory"),
    ],
)
def test_a_list_of_firms_that_cannot_be_meant(ftm: FtmCommand, text: str | None, said: str) -> None:
    if text is not None:
        Path("firms.txt").write_text(text)
    _, err = ftm("--firms", "firms.txt", code=EXIT_WRONG_INPUT)
    assert err.startswith(f"ftm: {said}")
    assert err.count("\n") == 1


def test_names_of_firms_cannot_steer_the_terminal_and_are_cut(
    ftm: FtmCommand, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = Wrds()
    for number in range(25):
        name = f"[red]Firm\x1b[2J {number:02d}[/red]"
        said = [Said(2, "We grew.", "Ana Reyes", "Executives")]
        tables.version((number, name), number, number, "2023-02-01 12:00", "2023-02-02 12:00:00", said)
    tables.link(24, "000024")
    tables.permno("000024", 10024, "P", "2001-01-02")
    server.create_database("wrds_names")
    with server.connect("wrds_names") as connection:
        tables.create(connection)
        grant(connection, RESEARCHER, PASSWORD)
    monkeypatch.setenv("PGDATABASE", "wrds_names")
    out, _ = ftm()
    (line,) = (line for line in out.splitlines() if "without a PERMNO, left out" in line)
    assert line.startswith("24 firms without a PERMNO, left out: [red]Firm [2J 00[/red], [red]Firm")
    assert line.endswith("[red]Firm [2J 19[/red] and 4 more")
    assert "\x1b" not in out
