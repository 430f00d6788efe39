"""The report in Firefox, opened from disk: of one file, and of a page with files beside it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.src.cli.pages.serve import ADDRESS, server_of
from cloud.src.cli.report.command import write_report
from tests.e2e.conftest import SEARCH_PATH
from tests.e2e.firefox import Firefox, open_firefox
from tests.e2e.ftm_process import until
from tests.e2e.missing_program import skip_without
from tests.fast.cli.report_tables import SMALL_SECTORS, write_in_parts, write_small_quarter

pytestmark = pytest.mark.firefox

SUPPLY_CHAIN, FREIGHT = "family_2023Q1_001", "theme_2023Q1_001"
STOPPED = {"img-src", "script-src-attr", "script-src-elem"}  # of what changed() puts in
ENTER = "\ue007"  # as WebDriver writes it
TITLE = "Themes in the earnings calls of 2023Q1"
HOSTILE = "search=%3Cimg%20src%3Dx%20onerror%3D%22document.title%3D'broken%20in'%22%3E&sector=__proto__&__proto__=x"


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    program = shutil.which("firefox-esr", path=SEARCH_PATH) or shutil.which("firefox", path=SEARCH_PATH)
    if not program:
        skip_without("the report is not checked in Firefox", "firefox-esr")
    with open_firefox(program, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module", params=["one file", "files beside it"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    write = write_report if request.param == "one file" else write_in_parts
    return write(write_small_quarter(tmp_path_factory.mktemp("report"), sectors=SMALL_SECTORS))


def assert_nothing_wrong(firefox: Firefox) -> None:
    assert firefox.run("document.title") == TITLE
    assert firefox.run("stopped") == []
    assert firefox.problems == []


def test_headline_map_theme_and_search(firefox: Firefox, page: Path) -> None:
    firefox.open(page.as_uri())
    assert firefox.texts(".headline strong") == ["Supply chain", "Labor"]
    assert len(firefox.texts(".headline blockquote")) == 2
    assert firefox.run("document.querySelectorAll('.map .bubble').length") == 2

    firefox.press(f".map a[href='#{FREIGHT}']", ENTER)
    until(lambda: firefox.texts(f"#{FREIGHT} .quotation blockquote"), "the theme")
    assert "We booked ocean freight early." in firefox.texts(f"#{FREIGHT} .quotation blockquote")

    firefox.press("#search", "ocean freig")
    until(lambda: firefox.texts("#hits")[:1] and firefox.texts("#hits")[0].startswith("Found in 1 theme"), "the hits")
    until(lambda: firefox.texts(f"#{FREIGHT} .quotation blockquote") == ["We booked ocean freight early."], "the hit")
    assert firefox.run("location.hash").endswith("search=ocean%20freig")
    assert_nothing_wrong(firefox)


@pytest.mark.parametrize("place", ["firm%3A1001", "topic%3A1001_0", "sentence%3A1000_91000_0002"])
def test_what_an_address_names_is_opened(firefox: Firefox, page: Path, place: str) -> None:
    firefox.open(f"{page.as_uri()}#{place}")
    until(lambda: firefox.texts("#firm-page h2"), place)
    assert_nothing_wrong(firefox)


def test_a_hostile_fragment_runs_nothing(firefox: Firefox, page: Path) -> None:
    firefox.open(f"{page.as_uri()}#firm%3A%3Cimg%20src%3Dx%3E&{HOSTILE}")
    until(lambda: firefox.texts("#missing"), "the line that says what is not there")
    assert firefox.texts("#missing")[0].startswith("This page has no ")
    assert_nothing_wrong(firefox)


def changed(page: Path, folder: Path) -> Path:
    """A copy of the page that somebody has put scripts and an image into."""
    shutil.copytree(page.parent, folder)
    (folder / "evil.js").write_text("window.brokenIn = true;")
    script, image = "window.brokenIn = true", "http://127.0.0.1:9/x.png"
    injected = f'<body><script>{script}</script><img src="{image}" onerror="{script}"><script src="evil.js"></script>'
    copied = folder / page.name
    copied.write_text(copied.read_text(encoding="utf-8").replace("<body>", injected), encoding="utf-8")
    return copied


def test_policy_stops_what_is_not_the_pages_own(firefox: Firefox, page: Path, tmp_path: Path) -> None:
    """The hashes in the policy let the page's script and files run (above), and nothing else."""
    copied = changed(page, tmp_path / "copy")
    with server_of(copied.parent, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        firefox.open(f"http://{ADDRESS}:{server.server_port}/")
        server.shutdown()

    assert set(firefox.run("stopped")) == STOPPED
    assert firefox.run("window.brokenIn") is None
    assert firefox.texts(".headline strong") == ["Supply chain", "Labor"]


def test_policy_stops_what_is_in_a_page_from_disk(firefox: Firefox, page: Path, tmp_path: Path) -> None:
    """But not the file beside it: Firefox asks no policy about files that a page from disk loads from disk."""
    copied = changed(page, tmp_path / "copy")
    (copied.parent / "evil.js").unlink()

    firefox.open(copied.as_uri())

    assert set(firefox.run("stopped")) == STOPPED
    assert firefox.run("window.brokenIn") is None
    assert firefox.texts(".headline strong") == ["Supply chain", "Labor"]


def test_a_missing_or_foreign_file_is_said_in_one_line(firefox: Firefox, tmp_path: Path) -> None:
    copied = write_in_parts(write_small_quarter(tmp_path))
    theme = copied.parent / "data" / "group_0002.js"
    theme.write_text('ftmData("group_0002","{}");\n')

    firefox.open(f"{copied.as_uri()}#{FREIGHT}")
    until(lambda: firefox.texts("#missing"), "the line about the file")
    assert firefox.texts("#missing")[0].startswith("data/group_0002.js is ")

    shutil.rmtree(copied.parent / "data")
    firefox.open(f"{copied.as_uri()}#{FREIGHT}")
    until(lambda: firefox.texts("#missing"), "the line about the folder")
    assert firefox.texts("#missing")[0].startswith("data/group_0002.js is missing: keep the folder data")
