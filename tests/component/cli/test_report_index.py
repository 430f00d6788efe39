"""The list of an output folder's reports, and the server that shows them on this machine."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.src.cli.__main__ import run
from cloud.src.cli.pages.serve import ADDRESS, server_of
from cloud.src.cli.report.command import write_report
from cloud.src.contract import keys, schemas
from tests.fast.cli.panel_tables import FakeTheme, write_panel
from tests.fast.cli.report_tables import QUARTER, write_small_quarter


def index_of(folder: Path) -> str:
    return (folder / "reports/index.html").read_text(encoding="utf-8")


def test_the_index_lists_quarters_and_comparisons_newest_first(tmp_path: Path) -> None:
    for quarter in ("2022Q4", QUARTER):
        write_small_quarter(tmp_path, quarter)
    reports = tmp_path / "reports"
    reports.mkdir()
    for name in (
        *("themes_2022Q4_2023Q1.html", "themes_<b>.html", "themes_2022Q4_2023Q1.parquet"),
        *("compare_2023Q1_grok_qwen-3_0123abcd.html", "compare_2023Q1_grok_0123abcd.html"),
    ):
        (reports / name).touch()

    write_report(tmp_path)

    page = index_of(tmp_path)
    links = [part.split('"')[0] for part in page.split('href="')[1:]]
    assert links == [
        *("quarter=2023Q1/index.html", "quarter=2022Q4/index.html", "themes_2022Q4_2023Q1.html"),
        "compare_2023Q1_grok_qwen-3_0123abcd.html",
    ]
    assert "2023Q1: grok and qwen-3" in page
    assert all((reports / link).is_file() for link in links)
    assert page.count("Supply chain") == 2
    assert "3 firms" in page
    assert 'href="../index.html"' in (tmp_path / keys.report(QUARTER)).read_text(encoding="utf-8")


def test_comparing_two_quarters_adds_the_page_to_the_index(tmp_path: Path) -> None:
    for quarter in ("2022Q4", QUARTER):
        write_small_quarter(tmp_path, quarter)
        progress = tmp_path / keys.themes_progress(quarter)
        progress.parent.mkdir(parents=True)
        progress.write_text('{"manifest_key": "a run"}')
    firms = ["Brightwater Tools", "Northfield Foods"]
    write_panel(tmp_path / "panels/2022Q4-2023Q1", [FakeTheme("Freight", [[1, 1], [1, 1]])], [firms, firms])
    write_report(tmp_path)
    assert "themes_" not in index_of(tmp_path)

    assert run(["themes", "--quarters", "2022q4", "2023-Q1", "--dir", str(tmp_path)]) == 0

    assert 'href="themes_2022Q4_2023Q1.html"' in index_of(tmp_path)


def test_a_single_quarter_has_an_index_but_no_link(tmp_path: Path) -> None:
    path = write_report(write_small_quarter(tmp_path))
    assert "quarter=2023Q1/index.html" in index_of(tmp_path)
    assert "../index.html" not in path.read_text(encoding="utf-8")


def test_index_names_stay_text_and_damaged_quarters_are_listed(tmp_path: Path) -> None:
    for quarter in ("2022Q4", QUARTER):
        write_small_quarter(tmp_path, quarter)
    write_report(tmp_path)
    path = tmp_path / keys.themes(QUARTER)
    rows = pq.read_table(path, partitioning=None).to_pylist()
    pq.write_table(pa.Table.from_pylist([row | {"name": "<script>"} for row in rows], schemas.THEME), path)
    (tmp_path / keys.themes("2022Q4")).write_bytes(b"")

    write_report(tmp_path, QUARTER)

    page = index_of(tmp_path)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "quarter=2022Q4/index.html" in page


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Of a server of the reports; beside them there is a secret that no request may reach."""
    folder = tmp_path / "out"
    write_report(write_small_quarter(folder))
    (folder / "secret.txt").write_text("secret")
    (folder / "reports/link.txt").symlink_to(folder / "secret.txt")
    (folder / "reports/linked").symlink_to(folder)
    (folder / "reports/.hidden").write_text("secret")
    with server_of(folder / "reports", 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()


def answer(port: int, path: str, method: str = "GET", host: str | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host or f"{ADDRESS}:{port}")
    connection.endheaders()
    response = connection.getresponse()
    return response.status, response.read()


@pytest.mark.parametrize("path", ["/", "/index.html", "/quarter=2023Q1/", "/quarter=2023Q1/index.html", "/?x#y"])
def test_reports_are_served(port: int, path: str) -> None:
    status, content = answer(port, path)
    assert status == 200
    assert content.lstrip().startswith(b"<!doctype html>")


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/..%2fsecret.txt",
            "//secret.txt",
            "/quarter=2023Q1/../../secret.txt",
        ),
        *("/link.txt", "/linked/secret.txt", "/.hidden", "/none.html", "/%00", "/etc/passwd"),
    ],
)
def test_nothing_else_is_served(port: int, path: str) -> None:
    status, content = answer(port, path)
    assert status == 404
    assert b"secret\n" not in content
    assert content != b"secret"


@pytest.mark.parametrize(
    ("method", "host", "status"),
    [
        ("POST", None, 501),
        ("HEAD", None, 501),
        ("GET", "evil.example", 403),
        ("GET", "evil.example:80", 403),
        ("GET", "", 403),
        ("GET", "localhost:1234", 200),
    ],
)
def test_only_get_and_only_by_this_machines_name(port: int, method: str, host: str | None, status: int) -> None:
    assert answer(port, "/", method, host if host is None else host or " ")[0] == status
