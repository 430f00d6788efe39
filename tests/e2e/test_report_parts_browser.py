"""A large report in Chromium: its page, and the files in data/ that it loads when something is opened."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from cloud.src.cli.pages.serve import ADDRESS, server_of
from tests.e2e.browser import find, open_details, requested_addresses, texts, wait_for
from tests.e2e.firm_page import assert_firm_is_shown_with_its_sector
from tests.fast.cli.report_tables import SMALL_SECTORS, FakeTopic, write_in_parts, write_quarter, write_small_quarter

pytestmark = pytest.mark.chromium

SUPPLY_CHAIN, LABOR = "family_2023Q1_001", "family_2023Q1_002"
FREIGHT, WAGES = "theme_2023Q1_001", "theme_2023Q1_002"
BY_BEGINNING = "; a search finds words by their beginning here"
# Of the families and themes, in this order: group_0000 to group_0003.
FILE_OF_FREIGHT = "data/group_0002.js"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_in_parts(write_small_quarter(tmp_path_factory.mktemp("large"), sectors=SMALL_SECTORS))


@pytest.fixture(scope="module")
def page_of_many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 90 firms, in nine files; the first one says six sentences, the others two each."""
    rare = ["Freight costs rose for our pelican line."]
    topics = [
        FakeTopic(
            f"Firm {number:03d}",
            0,
            "Freight",
            ["Freight costs rose.", "Container costs rose."] * (2 if number == 0 else 1)
            + (rare * 2 if not number else []),
            FREIGHT,
        )
        for number in range(90)
    ]
    families = {SUPPLY_CHAIN: ("Supply chain", [FREIGHT])}
    folder = write_quarter(tmp_path_factory.mktemp("many"), topics, {FREIGHT: "Freight costs"}, families=families)
    return write_in_parts(folder)


@pytest.fixture
def copied(page: Path, tmp_path: Path) -> Path:
    """A copy of the page and its files, to be spoiled."""
    shutil.copytree(page.parent, tmp_path / "copy")
    return tmp_path / "copy" / page.name


@pytest.fixture
def served(page: Path) -> Iterator[str]:
    """The address of the page on a server as that of ``ftm report --serve``."""
    reports = page.parents[1]
    with server_of(reports, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{ADDRESS}:{server.server_port}/{page.parent.name}/index.html"
        server.shutdown()


def loaded(browser: Chrome) -> set[str]:
    """The files that the page has asked for since it was opened."""
    return {f"data/{address.rpartition('/')[2]}" for address in requested_addresses(browser) if "/data/" in address}


def assert_theme_is_shown(browser: Chrome) -> None:
    wait_for(browser, lambda: texts(browser, f"#{FREIGHT} .quotation"))
    assert "We booked ocean freight early." in texts(browser, f"#{FREIGHT} .quotation blockquote")
    assert texts(browser, f"#{FREIGHT} .by-firm summary") == [
        "Northfield Foods (NF)\n100.0% \u00b7 3 sentences",
        "Brightwater Tools (BT)\n50.0% \u00b7 2 sentences",
    ]
    assert texts(browser, f"#{FREIGHT} .evidence > summary") == ["Every sentence that counts: 5 of 5"]
    assert texts(browser, "#missing") == []


def test_a_theme_is_loaded_from_disk_when_it_is_opened(
    browser: Chrome, open_page: Callable[..., None], page: Path
) -> None:
    open_page(page)
    assert texts(browser, ".map-label") == ["Supply chain", "Labor"]
    assert loaded(browser) == set()

    open_details(browser, f"#{SUPPLY_CHAIN}")
    open_details(browser, f"#{FREIGHT}")

    assert_theme_is_shown(browser)
    assert loaded(browser) == {FILE_OF_FREIGHT}
    assert browser.get_log("browser") == []  # nothing was thrown, and the policy had nothing to stop


def test_a_theme_is_loaded_from_a_server(browser: Chrome, served: str) -> None:
    browser.get("about:blank")
    browser.get(f"{served}#{FREIGHT}")

    assert_theme_is_shown(browser)


def test_a_whole_family_is_loaded_on_demand(browser: Chrome, open_page: Callable[..., None], page: Path) -> None:
    open_page(page)
    open_details(browser, f"#{LABOR}")
    wait_for(browser, lambda: texts(browser, f"#{LABOR} .about-family button") == ["The family as a whole"])

    find(browser, f"#{LABOR} .about-family button").click()

    wait_for(browser, lambda: texts(browser, f"#{LABOR} .about-family .quotation"))
    assert loaded(browser) == {"data/group_0001.js"}


def test_filters_count_without_a_file(browser: Chrome, open_page: Callable[..., None], page: Path) -> None:
    open_page(page, "#sector=Consumer%20Staples&speaker=analysts&section=qa")

    assert texts(browser, "#hits") == ["Found in 1 theme"]
    assert texts(browser, "#theme-list .family > summary .theme-name") == ["Supply chain"]
    find(browser, "#tab-heat").click()
    assert texts(browser, ".heat tbody tr") == ["Supply chain 100% 100%"]
    assert loaded(browser) == set()


def test_a_search_counts_words_and_finds_sentences(browser: Chrome, open_page: Callable[..., None], page: Path) -> None:
    open_page(page)
    find(browser, "#search").send_keys("ocean freig")
    wait_for(browser, lambda: texts(browser, "#hits") == [f"Found in 1 theme{BY_BEGINNING}"])
    assert texts(browser, ".theme .theme-hits") == ["Found: 1 sentence that counts"]
    assert browser.execute_script("return groupRows()[0].slice(4, 6)") == ["firms", "share_of_firms"]
    assert loaded(browser) == {"data/words_o.js", "data/words_f.js", "data/firms_0000.js"}

    open_details(browser, f"#{FREIGHT}")

    wait_for(browser, lambda: texts(browser, f"#{FREIGHT} .quotation blockquote"))
    assert texts(browser, f"#{FREIGHT} .quotation blockquote") == ["We booked ocean freight early."]
    assert texts(browser, f"#{FREIGHT} .evidence > summary") == ["Every sentence that counts: 1 of 5"]
    find(browser, "#search").clear()
    find(browser, "#search").send_keys("xylophone")
    wait_for(browser, lambda: texts(browser, "#hits") == [f"Found in 0 themes{BY_BEGINNING}"])


def test_a_word_of_many_firms_is_counted_from_above(
    browser: Chrome, open_page: Callable[..., None], page_of_many: Path
) -> None:
    open_page(page_of_many, "#search=costs%20rose")

    wait_for(
        browser, lambda: texts(browser, "#hits") and texts(browser, "#hits")[0].startswith("Found in at most 1 theme; ")
    )
    assert "its counts are upper bounds" in texts(browser, "#hits")[0]
    assert texts(browser, ".theme .theme-hits") == ["Found: at most 184 sentences that count"]
    assert browser.execute_script("return groupRows()[0].slice(4, 6)") == ["firms_at_most", "share_of_firms_at_most"]
    assert "data/firms_0000.js" not in loaded(browser)


def test_rare_words_are_found_beyond_the_nearest_sentences(
    browser: Chrome, open_page: Callable[..., None], page_of_many: Path
) -> None:
    open_page(page_of_many, f"#{FREIGHT}&search=pelican")

    wait_for(browser, lambda: texts(browser, "#hits") == [f"Found in 1 theme{BY_BEGINNING}"])
    wait_for(browser, lambda: texts(browser, f"#{FREIGHT} .quotation blockquote"))
    assert texts(browser, f"#{FREIGHT} .quotation blockquote") == ["Freight costs rose for our pelican line."] * 2
    assert "data/firms_0001.js" not in loaded(browser)


def test_themes_show_nearest_sentences_and_firms_all_their_own(
    browser: Chrome, open_page: Callable[..., None], page_of_many: Path
) -> None:
    open_page(page_of_many, f"#{FREIGHT}")
    wait_for(browser, lambda: texts(browser, f"#{FREIGHT} .evidence > summary"))
    said = "The sentences nearest to it, a few of each firm: 181 of 184"
    assert texts(browser, f"#{FREIGHT} .evidence > summary") == [said]
    assert "data/firms_0000.js" not in loaded(browser)

    find(browser, f"#{FREIGHT} .by-firm summary").click()

    wait_for(browser, lambda: texts(browser, f"#{FREIGHT} .by-firm .sentence-text"))
    assert len(texts(browser, f"#{FREIGHT} .by-firm .sentence-text")) == 6
    assert "data/firms_0000.js" in loaded(browser)


def test_part_of_a_name_counts_the_matching_firms(
    browser: Chrome, open_page: Callable[..., None], page_of_many: Path
) -> None:
    open_page(page_of_many, "#firm=Firm%2001")  # of 010 to 019, in two files
    wait_for(browser, lambda: texts(browser, "#hits") == ["Found in 1 theme"])
    assert rows(browser) == ["Supply chain \u25b8 1 theme 10 (100%) 20"]

    open_page(page_of_many, "#firm=Firm")
    wait_for(browser, lambda: texts(browser, "#hits"))
    assert texts(browser, "#hits")[0].endswith("90 firms match \u201cFirm\u201d; type more of the name")
    assert rows(browser) == ["Supply chain \u25b8 1 theme 90 (100%) 184"]


def test_firms_topics_and_sentences_have_their_addresses(
    browser: Chrome, open_page: Callable[..., None], page: Path
) -> None:
    open_page(page, "#firm%3A1001")
    assert_firm_is_shown_with_its_sector(browser)

    open_page(page, "#sentence%3A1000_91000_0002")
    wait_for(browser, lambda: texts(browser, "#firm-page blockquote"))
    assert texts(browser, "#firm-page .links li") == [
        "Counts for Freight costs ease",
        "In the topic Freight rates easing",
    ]
    find(browser, "#firm-page .links li:last-child a").click()
    wait_for(browser, lambda: len(texts(browser, "#firm-page .sentence-text")) == 2)

    open_page(page, "#sentence%3A1000_91000_0999")
    wait_for(browser, lambda: texts(browser, "#missing"))
    assert texts(browser, "#missing")[0].startswith("This page has no ")


def rows(browser: Chrome) -> list[str]:
    """The table's families, each with firms, their share, and sentences."""
    find(browser, "#tab-table").click()
    return [row.partition(" 0.50 ")[0] for row in texts(browser, ".groups tbody tr")]


def test_shares_are_of_the_firm_in_the_filter(browser: Chrome, open_page: Callable[..., None], page: Path) -> None:
    open_page(page, "#firm=CH")
    wait_for(browser, lambda: texts(browser, "#hits") == ["Found in 1 theme"])
    assert texts(browser, "#theme-list .family > summary .theme-name") == ["Labor"]
    assert rows(browser) == ["Labor \u25b8 1 theme 1 (100%) 3"]

    open_page(page, "#firm=BT&search=wages")
    wait_for(browser, lambda: texts(browser, "#hits") == [f"Found in 1 theme{BY_BEGINNING}"])
    assert rows(browser) == ["Labor \u25b8 1 theme 1 (100%) 1"]


def test_a_filter_without_any_firm_finds_nothing(browser: Chrome, open_page: Callable[..., None], page: Path) -> None:
    for fragment in ("#firm=nobody", "#firm=NF&sector=Industrials"):
        open_page(page, fragment)
        wait_for(browser, lambda: texts(browser, "#hits") == ["Found in 0 themes"])
        assert rows(browser) == []


def test_a_firm_that_is_not_counted_is_named(browser: Chrome, open_page: Callable[..., None], copied: Path) -> None:
    everybody = ["Supply chain \u25b8 1 theme 2 (67%) 5", "Labor \u25b8 1 theme 2 (67%) 5"]

    shutil.rmtree(copied.parent / "data")
    open_page(copied, "#firm=CH")
    wait_for(browser, lambda: texts(browser, "#missing"))
    assert texts(browser, "#hits")[0].endswith("not filtered by firm: its sentences are not loaded")
    assert rows(browser) == everybody


def test_a_missing_folder_is_said_in_one_line(browser: Chrome, open_page: Callable[..., None], copied: Path) -> None:
    shutil.rmtree(copied.parent / "data")

    open_page(copied, f"#{FREIGHT}")

    wait_for(browser, lambda: texts(browser, "#missing"))
    [said] = texts(browser, "#missing")
    assert said.startswith(f"{FILE_OF_FREIGHT} is missing: keep the folder data beside this page")
    assert texts(browser, "#theme-list .family > summary .theme-name") == ["Supply chain", "Labor"]


@pytest.mark.parametrize("text", ['{"sentences":[]}', "<script>", ""])
def test_a_file_of_another_run_is_not_read(
    browser: Chrome, open_page: Callable[..., None], copied: Path, text: str
) -> None:
    (copied.parent / FILE_OF_FREIGHT).write_text(f'ftmData("group_0002",{json.dumps(text)});\n')

    open_page(copied, f"#{FREIGHT}")

    wait_for(browser, lambda: texts(browser, "#missing"))
    assert texts(browser, "#missing")[0].startswith(f"{FILE_OF_FREIGHT} is of another run: keep the folder data")
    assert texts(browser, f"#{FREIGHT} .quotation") == []


def test_policy_stops_the_scripts_of_a_page_that_was_changed(
    browser: Chrome, open_page: Callable[..., None], copied: Path
) -> None:
    """That the page may load its own files does not let a text that got into it load others."""
    (copied.parent / "data" / "evil.js").write_text("document.title = 'broken in';")
    injected = '<body><script src="data/evil.js"></script><script>document.title = "broken in"</script>'
    copied.write_text(copied.read_text(encoding="utf-8").replace("<body>", injected), encoding="utf-8")

    open_page(copied)

    assert browser.title == "Themes in the earnings calls of 2023Q1"
    assert len([entry for entry in browser.get_log("browser") if "Content Security Policy" in entry["message"]]) == 2
