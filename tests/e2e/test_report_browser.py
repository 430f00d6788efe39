"""The report as a reader uses it: opened from disk in headless Chromium, with keyboard and mouse."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from cloud.src.cli.report.command import render, write_report
from cloud.src.cli.report.data import load
from cloud.src.cli.report.earlier import Earlier
from cloud.src.cli.report.provenance import provenance
from tests.e2e.browser import find, open_details, requested_addresses, texts, wait_for
from tests.e2e.firm_page import assert_firm_is_shown_with_its_sector
from tests.fast.cli.report_tables import (
    SMALL_SECTORS,
    FakeTopic,
    write_quarter,
    write_small_quarter,
    write_two_quarters,
)

pytestmark = pytest.mark.chromium

SUPPLY_CHAIN, LABOR = "family_2023Q1_001", "family_2023Q1_002"
FREIGHT, WAGES = "theme_2023Q1_001", "theme_2023Q1_002"


@pytest.fixture(scope="module")
def small_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(write_small_quarter(tmp_path_factory.mktemp("small")))


@pytest.fixture(scope="module")
def sector_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(write_small_quarter(tmp_path_factory.mktemp("sectors"), sectors=SMALL_SECTORS))


def search(browser: Chrome, text: str) -> None:
    box = find(browser, "#search")
    box.clear()
    box.send_keys(text)
    wait_for(browser, lambda: texts(browser, "#hits") != [] if len(text) > 1 else texts(browser, "#hits") == [])


def test_readers_go_from_families_down_to_sentences(
    browser: Chrome, open_page: Callable[..., None], small_page: Path
) -> None:
    open_page(small_page)
    assert texts(browser, "#theme-list .theme-name") == ["Supply chain", "Labor"]
    assert texts(browser, f"#{SUPPLY_CHAIN} .its-themes li") == ["Freight costs ease"]

    open_details(browser, f"#{SUPPLY_CHAIN}")
    assert texts(browser, "#theme-list .theme-name") == ["Supply chain", "Freight costs ease", "Labor"]
    open_details(browser, f"#{FREIGHT}")
    wait_for(browser, lambda: texts(browser, f"#{FREIGHT} .firm-name"))
    assert texts(browser, f"#{FREIGHT} .firm-name") == ["Northfield Foods (NF)", "Brightwater Tools (BT)"]
    assert "The topics that are mostly about it, of 2 of its 2 firms" in texts(browser, f"#{FREIGHT} .part")
    assert texts(browser, f"#{FREIGHT} .about-theme")[0].endswith(f"ftm explain {FREIGHT}")
    assert texts(browser, f"#{FREIGHT} .example")[0] == "Container rates fell by half since summer."

    open_details(browser, f"#{FREIGHT} .firm")
    wait_for(browser, lambda: texts(browser, f"#{FREIGHT} .topic-name"))
    assert texts(browser, f"#{FREIGHT} .topic-name") == ["Freight rates easing"]
    assert texts(browser, f"#{FREIGHT} .topic .keywords") == ["freight · container"]
    assert texts(browser, f"#{FREIGHT} .topic-counts") == ["3 sentences · named by LLM\nCopy link"]
    best = ["Container rates fell by half since summer.", "Freight was a tailwind of forty basis points."]
    assert texts(browser, f"#{FREIGHT} .sentence-text") == best
    assert texts(browser, f"#{FREIGHT} .topic .about-sentence")[1].split("\n") == [
        "Mei Larsen · Analyst · Q&A · 2023-02-14",
        "representative",
        "1000_91000_0002",
        "Copy",
        "Copy link",
    ]

    find(browser, f"#{FREIGHT} .topic > button").click()
    assert texts(browser, f"#{FREIGHT} .sentence-text") == [*best, "We booked ocean freight early."]


def test_topics_without_theme_are_listed_by_firm(
    browser: Chrome, open_page: Callable[..., None], small_page: Path
) -> None:
    open_page(small_page)
    assert texts(browser, "#own-topics .firm-name") == []

    open_details(browser, "#own-topics")
    wait_for(browser, lambda: texts(browser, "#own-topics .firm-name"))
    open_details(browser, "#own-topics .firm")
    wait_for(browser, lambda: texts(browser, "#own-topics .topic-name"))

    assert texts(browser, "#own-topics .firm-name") == ["Calder Health (CH)"]
    assert texts(browser, "#own-topics .topic-name") == ["Dialysis centre openings"]
    assert texts(browser, "#own-topics .sentence-text") == ["Nine dialysis centres open in spring."]


@pytest.mark.parametrize(
    ("words", "themes", "totals"),
    [
        ("technicians", ["Wages and hiring"], "Found in 1 theme: 2 sentences, 1 topic, 1 firm"),  # sentences
        ("FREIGHT", ["Freight costs ease"], "Found in 1 theme: 3 sentences, 2 topics, 2 firms"),  # any case
        ("nurses", ["Wages and hiring"], "Found in 1 theme: 1 sentence, 1 topic, 1 firm"),  # keyword
        ("wages and hiring", ["Wages and hiring"], "Found in 1 theme: 0 sentences, 0 topics, 0 firms"),  # theme name
        ("northfield", ["Freight costs ease"], "Found in 1 theme: 0 sentences, 1 topic, 1 firm"),  # firm
        ("dialysis", [], "Found in 0 themes: 1 sentence, 1 topic, 1 firm"),  # topic without theme
        (".*", [], "Found in 0 themes: 0 sentences, 0 topics, 0 firms"),  # text, not a pattern
    ],
)
def test_search_keeps_the_themes_with_hits_and_counts_them(
    browser: Chrome, open_page: Callable[..., None], small_page: Path, words: str, themes: list[str], totals: str
) -> None:
    open_page(small_page)

    search(browser, words)

    assert texts(browser, "#hits") == [totals]
    assert texts(browser, "#theme-list .theme .theme-name") == themes


def test_search_opens_a_family_by_name_and_closes_it(
    browser: Chrome, open_page: Callable[..., None], small_page: Path
) -> None:
    open_page(small_page)

    search(browser, "supply")
    assert texts(browser, "#theme-list .theme-name") == ["Supply chain", "Freight costs ease"]
    assert texts(browser, ".family .theme-hits") == ["Found in the family\u2019s name, keywords or description"]
    assert texts(browser, "mark")[0] == "Supply"

    find(browser, "#search").send_keys(Keys.ESCAPE)
    wait_for(browser, lambda: texts(browser, "#theme-list .theme-name") == ["Supply chain", "Labor"])


def test_search_opens_the_sentence_and_marks_the_words(
    browser: Chrome, open_page: Callable[..., None], small_page: Path
) -> None:
    open_page(small_page)
    search(browser, "ocean  freight")
    assert texts(browser, ".theme .theme-hits") == ["Found: 1 sentence, 1 topic, 1 firm"]

    open_details(browser, f"#{FREIGHT}")
    wait_for(browser, lambda: texts(browser, f"#{FREIGHT} .sentence-text"))

    assert texts(browser, f"#{FREIGHT} .sentence-text") == ["We booked ocean freight early."]
    assert texts(browser, "mark") == ["ocean freight"]

    find(browser, "#search").send_keys(Keys.ESCAPE)
    assert texts(browser, "#theme-list .theme-name") == ["Supply chain", "Labor"]
    assert texts(browser, "mark") == []


@pytest.mark.parametrize(
    ("order", "names"),
    [("firms", "YCBXA"), ("sentences", "YBCXA"), ("name", "XAYBC")],
    ids=["firms", "sentences", "name"],
)
def test_families_and_their_themes_are_sorted_as_asked(
    browser: Chrome, open_page: Callable[..., None], tmp_path: Path, order: str, names: str
) -> None:
    sizes = {"A": (3, 1), "B": (2, 9), "C": (4, 2)}  # firms, sentences a firm
    topics = [
        FakeTopic(f"Firm {firm}", number, "Topic", ["A sentence."] * sentences, f"theme_2023Q1_{number:03d}")
        for number, (firms, sentences) in enumerate(sizes.values())
        for firm in range(firms)
    ]
    themes = {f"theme_2023Q1_{number:03d}": name for number, name in enumerate(sizes)}
    families = {SUPPLY_CHAIN: ("X", list(themes)[:1]), LABOR: ("Y", list(themes)[1:])}
    open_page(write_report(write_quarter(tmp_path, topics, themes, families=families)))
    for family in families:
        open_details(browser, f"#{family}")

    Select(find(browser, "#sort")).select_by_value(order)

    assert "".join(texts(browser, "#theme-list .theme-name")) == names


def test_address_with_a_theme_opens_it(browser: Chrome, open_page: Callable[..., None], small_page: Path) -> None:
    open_page(small_page, f"#{WAGES}")

    wait_for(browser, lambda: texts(browser, f"#{WAGES} .firm-name"))

    assert texts(browser, f"#{FREIGHT} .firm-name") == []
    wait_for(browser, lambda: browser.switch_to.active_element == find(browser, f"#{WAGES} > summary"))
    assert find(browser, f"#{LABOR}").get_attribute("open") is not None


def test_address_with_a_family_opens_it(browser: Chrome, open_page: Callable[..., None], small_page: Path) -> None:
    open_page(small_page, f"#{LABOR}")

    wait_for(browser, lambda: browser.switch_to.active_element == find(browser, f"#{LABOR} > summary"))
    assert texts(browser, "#theme-list .theme-name") == ["Supply chain", "Labor", "Wages and hiring"]


def test_bubble_on_the_map_leads_to_its_theme(
    browser: Chrome, open_page: Callable[..., None], small_page: Path
) -> None:
    open_page(small_page)
    search(browser, "freight")  # which hides the theme that is then asked for

    bubble = find(browser, f".map a[href='#{WAGES}']")
    assert bubble.get_attribute("aria-label") == "theme Wages and hiring, 0 firms (0%)"
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", bubble)
    bubble.click()

    wait_for(browser, lambda: texts(browser, f"#{WAGES} .firm-name"))
    assert browser.current_url.endswith(f"#{WAGES}")
    assert texts(browser, ".map-label") == ["Supply chain", "Labor"]


def test_table_is_sorted_by_a_heading_and_unfolds_a_family(
    browser: Chrome, open_page: Callable[..., None], small_page: Path
) -> None:
    open_page(small_page, "#view=table")
    assert texts(browser, ".groups tbody th a") == ["Supply chain", "Labor"]

    find(browser, ".groups thead th:first-child button").click()
    assert texts(browser, ".groups tbody th a") == ["Labor", "Supply chain"]
    assert find(browser, ".groups thead th:first-child").get_attribute("aria-sort") == "ascending"

    find(browser, ".groups .family-row button").click()
    assert texts(browser, ".groups tbody th a") == ["Labor", "Wages and hiring", "Supply chain"]


def test_a_heat_map_cell_shows_family_and_sector(
    browser: Chrome, open_page: Callable[..., None], sector_page: Path
) -> None:
    open_page(sector_page)
    find(browser, "#tab-heat").click()
    assert texts(browser, ".heat tbody tr:first-child") == ["Supply chain 100% 100%"]
    assert texts(browser, ".heat tbody tr:last-child") == ["Labor 0% 100%"]

    find(browser, ".heat tbody tr:first-child td:last-child button").click()

    wait_for(browser, lambda: texts(browser, "#chips li") == ["Industrials \u00d7"])
    assert find(browser, f"#{SUPPLY_CHAIN}").get_attribute("open") is not None
    assert texts(browser, f"#{SUPPLY_CHAIN} .about-family .quotation a") == ["Brightwater Tools (BT)"] * 2
    assert browser.current_url.endswith(f"#{SUPPLY_CHAIN}&sector=Industrials&view=heat")


def test_what_is_not_known_is_not_offered(browser: Chrome, open_page: Callable[..., None], small_page: Path) -> None:
    open_page(small_page)
    assert texts(browser, "[role=tab]") == ["Map", "Table"]
    labels = ["Search", "Firm", "Speaker", "Section", "Firms, at least"]
    assert [text.split("\n")[0] for text in texts(browser, ".filters label")] == labels


@pytest.mark.parametrize(
    ("fragment", "themes", "chips", "totals"),
    [
        (
            "speaker=analysts",
            ["Freight costs ease", "Wages and hiring"],
            ["analysts \u00d7"],
            "Found in 2 themes: 3 sentences",
        ),
        (
            "sector=Industrials&search=freight",
            ["Freight costs ease"],
            ["\u201cfreight\u201d \u00d7", "Industrials \u00d7"],
            None,
        ),
        ("firm=NF", ["Freight costs ease"], ["firm: NF \u00d7"], "Found in 1 theme: 3 sentences, 1 topic, 1 firm"),
        ("section=qa&speaker=ceo", [], ["CEO \u00d7", "Q&A \u00d7"], "Found in 0 themes"),
        ("sector=Nowhere&speaker=x&least=-4&view=y", None, [], ""),  # what the page does not offer is not there
    ],
)
def test_view_is_sent_in_the_address(
    browser: Chrome,
    open_page: Callable[..., None],
    sector_page: Path,
    fragment: str,
    themes: list[str] | None,
    chips: list[str],
    totals: str | None,
) -> None:
    open_page(sector_page, f"#{fragment}")

    assert texts(browser, "#chips li") == chips
    if totals is not None:
        assert "".join(texts(browser, "#hits")).startswith(totals)
    if themes is not None:
        for family in (SUPPLY_CHAIN, LABOR):
            browser.execute_script("document.getElementById(arguments[0]).open = true", family)
        assert texts(browser, "#theme-list .theme .theme-name") == themes


def test_chip_takes_its_filter_away(browser: Chrome, open_page: Callable[..., None], sector_page: Path) -> None:
    open_page(sector_page, "#sector=Industrials&least=1")
    find(browser, "#chips button").click()
    assert texts(browser, "#chips li") == ["at least 1 firm \u00d7"]
    assert browser.current_url.endswith("#least=1")


@pytest.mark.parametrize("width", [360, 1280])
def test_what_is_on_stays_visible(
    browser: Chrome, open_page: Callable[..., None], emulate: Callable[[int, str], None], sector_page: Path, width: int
) -> None:
    emulate(width, "light")
    open_page(sector_page, f"#{WAGES}&sector=Industrials")
    wait_for(browser, lambda: texts(browser, f"#{WAGES} .firm-name"))
    browser.execute_script("scrollTo(0, document.documentElement.scrollHeight)")

    top, bottom = browser.execute_script(
        "const box = document.querySelector('#chips button').getBoundingClientRect(); return [box.top, box.bottom]"
    )
    assert 0 <= top < bottom <= 200


def test_theme_shows_quotations_dictionary_sectors_and_firms_by_exposure(
    browser: Chrome, open_page: Callable[..., None], sector_page: Path
) -> None:
    open_page(sector_page, f"#{WAGES}")
    wait_for(browser, lambda: texts(browser, f"#{WAGES} .firm-name"))
    card = f"#{WAGES} .contents"

    assert texts(browser, f"{card} .part")[0] == "What was said"
    assert texts(browser, f"{card} .quotation blockquote") == [
        "Wages for technicians rose six percent.",  # by an executive: another sentence of the firm is an analyst's
        "Agency nurses remain expensive.",
    ]
    assert texts(browser, f"{card} .small tbody tr") == ["technicians 50% 75%", "wages 50% 75%"]
    # 2 of the 4 sentences that Brightwater Tools says, 3 of the 4 of Calder Health; nothing of the third firm.
    assert texts(browser, f"{card} .by-firm summary") == [
        "Calder Health (CH)\n75.0% \u00b7 3 sentences",
        "Brightwater Tools (BT)\n50.0% \u00b7 2 sentences",
    ]
    assert texts(browser, f"{card} .meters li") == ["Industrials\n50.0%", "Consumer Staples\n0.0%"]

    open_details(browser, f"{card} .by-firm")
    wait_for(browser, lambda: len(texts(browser, f"{card} .by-firm .sentence-text")) == 3)


def test_firm_has_its_own_page_with_its_sector_beside_it(
    browser: Chrome, open_page: Callable[..., None], sector_page: Path
) -> None:
    open_page(sector_page, "#firm%3A1001")
    assert_firm_is_shown_with_its_sector(browser)
    find(browser, "#firm-page .views-head button").click()
    assert texts(browser, "#firm-page h2") == []


def test_a_sectors_mark_is_on_the_scale_of_the_bars(
    browser: Chrome, open_page: Callable[..., None], tmp_path: Path
) -> None:
    """Also where the sector speaks of a theme more than the firm does of any."""
    one_sector = dict.fromkeys(["Northfield Foods", "Brightwater Tools"], "Industrials")
    open_page(write_report(write_small_quarter(tmp_path, sectors=one_sector)), "#firm%3A1001")
    wait_for(browser, lambda: texts(browser, "#firm-page h2") == ["Brightwater Tools (BT)"])

    shares = [re.findall(r"([\d.]+)%", text) for text in texts(browser, "#firm-page .by-firm summary")]
    widths = [
        float(bar.get_dom_attribute("width")) for bar in browser.find_elements("css selector", "#firm-page .filled")
    ]
    marks = [float(mark.get_dom_attribute("x")) for mark in browser.find_elements("css selector", "#firm-page .tick")]
    assert any(float(sector) > float(own) for own, sector in shares)
    assert [round(mark / width, 1) for mark, width in zip(marks, widths, strict=True)] == [
        round(0.99 * float(sector) / float(own), 1) for own, sector in shares
    ]


def test_the_quarter_before_is_shown_by_firm_and_table(
    browser: Chrome, open_page: Callable[..., None], tmp_path: Path
) -> None:
    page = write_report(write_two_quarters(tmp_path), "2023Q1")
    open_page(page, "#view=table")
    line = find(browser, ".groups .sparkline")
    assert line.get_dom_attribute("aria-label") == "Share of firms: 2022Q4 67%, 2023Q1 67%"
    assert texts(browser, ".groups .family-row td:nth-child(3)")[0].endswith("\u00b10")

    find(browser, "#tab-quarters").click()
    assert texts(browser, ".heat thead th") == ["2022Q4", "2023Q1"]
    assert texts(browser, ".heat tbody tr") == ["Supply chain\n67%\n67%"]
    rows = browser.execute_script("return quarterRows()")
    assert [row[1:2] + [round(share, 2) for share in row[2:]] for row in rows[1:]] == [["Supply chain", 0.67, 0.67]]

    head, family, *_ = browser.execute_script("return groupRows()")
    assert (head[-1], round(family[-1], 2)) == ("share_of_firms_in_2022Q4", 0.67)

    open_page(page, "#firm%3A1001")
    wait_for(browser, lambda: texts(browser, "#firm-page h2") == ["Brightwater Tools (BT)"])
    assert texts(browser, "#firm-page .by-firm summary") == [
        "Freight\n100.0%, in 2022Q4 50.0% \u00b7 2 sentences",
    ]


def test_only_what_resembles_nothing_earlier_is_new(
    browser: Chrome, open_page: Callable[..., None], tmp_path: Path
) -> None:
    report = load(write_small_quarter(tmp_path), "2023Q1")
    earlier = Earlier("2022Q4", {}, {"2022Q4": {}}, new={SUPPLY_CHAIN})
    page = tmp_path / "page.html"
    page.write_text(render(report, datetime.now(UTC), earlier, provenance(tmp_path, "2023Q1")), encoding="utf-8")

    open_page(page, "#view=table")

    assert texts(browser, ".groups .family-row td:nth-child(3)") == ["new", ""]


def test_sentence_and_topic_have_an_address(browser: Chrome, open_page: Callable[..., None], small_page: Path) -> None:
    open_page(small_page, "#sentence%3A1000_91000_0002")
    wait_for(browser, lambda: texts(browser, "#firm-page blockquote"))
    assert texts(browser, "#firm-page blockquote")[0].startswith("Freight was a tailwind")
    assert texts(browser, "#firm-page .links li") == [
        "Counts for Freight costs ease",
        "In the topic Freight rates easing",
    ]

    find(browser, "#firm-page .links li:last-child a").click()
    wait_for(browser, lambda: texts(browser, "#firm-page .topic-name") == ["Freight rates easing"])


@pytest.mark.parametrize(
    "place", ["theme_1999Q1_001", "sentence%3Anone", "firm%3A%3Cimg%20src%3Dx%3E", "no:such:thing", "%E0%A4%A"]
)
def test_a_dead_link_says_so_and_runs_nothing(
    browser: Chrome, open_page: Callable[..., None], small_page: Path, place: str
) -> None:
    hostile = "search=%3Cimg%20src%3Dx%20onerror%3D%22document.title%3D'broken%20in'%22%3E&sector=__proto__&__proto__=x"
    open_page(small_page, f"#{place}&{hostile}")

    if place != "%E0%A4%A":  # which is no text at all
        wait_for(browser, lambda: texts(browser, "#missing"))
        assert texts(browser, "#missing")[0].startswith("This page has no ")
    assert browser.title == "Themes in the earnings calls of 2023Q1"
    assert browser.get_log("browser") == []


def test_quotation_is_copied_with_its_source(browser: Chrome, open_page: Callable[..., None], small_page: Path) -> None:
    open_page(small_page, f"#{FREIGHT}")
    wait_for(browser, lambda: texts(browser, f"#{FREIGHT} .quotation"))
    browser.execute_script(
        "Object.defineProperty(navigator, 'clipboard', {value: {writeText: async (text) => { window.copied = text; }}})"
    )
    quote, link = browser.find_elements("css selector", f"#{FREIGHT} .quotation:nth-of-type(1) .take button")

    quote.click()
    source = "Ines Okafor, CEO, Northfield Foods (NF), prepared remarks, 2023-02-14; 1000_91000_0000"
    wait_for(browser, lambda: browser.execute_script("return window.copied"))
    assert browser.execute_script("return window.copied") == f"\u201cWe booked ocean freight early.\u201d ({source})"

    link.click()
    address = f"{small_page.as_uri()}#sentence%3A1000_91000_0000"
    wait_for(browser, lambda: browser.execute_script("return window.copied") == address)


@pytest.mark.parametrize(
    "place", [FREIGHT, SUPPLY_CHAIN, "firm%3A1001", "topic%3A1001_0", "sentence%3A1000_91000_0002"]
)
def test_what_is_open_has_a_link_to_copy(
    browser: Chrome, open_page: Callable[..., None], small_page: Path, place: str
) -> None:
    open_page(small_page, f"#{place}&section=prepared")
    wait_for(browser, lambda: texts(browser, "#firm-page button, .about-theme button"))
    browser.execute_script(
        "window.copied = [];"
        "Object.defineProperty(navigator, 'clipboard', {value: {writeText: async (text) => copied.push(text)}});"
        "document.querySelectorAll('#firm-page button, .about-theme button').forEach((each) =>"
        " each.textContent === 'Copy link' && each.click());"
    )

    wait_for(browser, lambda: browser.execute_script("return copied"))
    assert f"{small_page.as_uri()}#{place}" in browser.execute_script("return copied")


def test_rows_are_saved_as_csv_that_runs_no_formula(
    browser: Chrome, open_page: Callable[..., None], tmp_path: Path
) -> None:
    topics = [FakeTopic(f"Firm {firm}", 0, "Topic", ['=HYPERLINK(1), "so"'], FREIGHT) for firm in "AB"]
    open_page(write_report(write_quarter(tmp_path, topics, {FREIGHT: "@cmd"})), "#view=table")

    rows = browser.execute_script("return csv(groupRows())")
    assert rows.startswith("\ufefflevel,id,family,name,firms,")
    assert f"theme,{FREIGHT},,'@cmd,2,1,2,0.5,0.75,false\r\n" in rows
    sentences = browser.execute_script("return csv(sentenceRows(themes[0].evidence))")
    assert sentences.splitlines()[1].endswith(',"\'=HYPERLINK(1), ""so"""')
    browser.execute_script("HTMLAnchorElement.prototype.click = function () { window.saved = this.download; }")
    find(browser, "#save-rows").click()
    assert browser.execute_script("return window.saved") == "ftm_2023Q1_table.csv"
    assert browser.get_log("browser") == []


def test_tabs_are_changed_by_the_arrow_keys(browser: Chrome, open_page: Callable[..., None], small_page: Path) -> None:
    open_page(small_page)
    find(browser, "#tab-map").send_keys(Keys.ARROW_RIGHT)
    assert browser.switch_to.active_element == find(browser, "#tab-table")
    assert texts(browser, ".groups tbody th a") == ["Supply chain", "Labor"]


def test_bubbles_of_a_family_are_reached_by_the_arrow_keys(
    browser: Chrome, open_page: Callable[..., None], tmp_path: Path
) -> None:
    themes = {f"theme_2023Q1_{number:03d}": f"Theme {number}" for number in range(3)}
    topics = [FakeTopic(firm, n, "Topic", ["A sentence."], theme) for n, theme in enumerate(themes) for firm in "AB"]
    open_page(write_report(write_quarter(tmp_path, topics, themes, families={LABOR: ("Labor", list(themes))})))

    def press(key: str) -> str:
        ActionChains(browser).send_keys(key).perform()
        return str(browser.switch_to.active_element.get_dom_attribute("href"))

    find(browser, "#save-rows").send_keys(Keys.TAB)  # the first family on the map comes after it
    assert browser.switch_to.active_element.get_attribute("aria-label") == "family Labor, 2 firms (100%)"
    assert press(Keys.ARROW_RIGHT).endswith("#theme_2023Q1_000")
    assert press(Keys.ARROW_DOWN).endswith("#theme_2023Q1_001")
    assert press(Keys.ARROW_LEFT).endswith("#theme_2023Q1_000")
    assert press(Keys.ARROW_UP).endswith(f"#{LABOR}")
    assert press(Keys.ARROW_UP).endswith("#theme_2023Q1_002")

    press(Keys.ENTER)

    wait_for(browser, lambda: texts(browser, "#theme_2023Q1_002 .firm-name"))


def test_everything_is_reached_by_keyboard(browser: Chrome, open_page: Callable[..., None], small_page: Path) -> None:
    open_page(small_page)

    find(browser, "body").send_keys("/")
    assert browser.switch_to.active_element == find(browser, "#search")
    browser.switch_to.active_element.send_keys("nurse")
    wait_for(browser, lambda: texts(browser, "#theme-list .theme-name") == ["Labor", "Wages and hiring"])
    find(browser, "#sort").send_keys(Keys.TAB)
    assert browser.switch_to.active_element == find(browser, f"#{LABOR} > summary")
    browser.switch_to.active_element.send_keys(Keys.TAB)
    assert browser.switch_to.active_element == find(browser, f"#{WAGES} > summary")
    browser.switch_to.active_element.send_keys(Keys.ENTER)

    wait_for(browser, lambda: texts(browser, f"#{WAGES} .sentence-text"))
    assert texts(browser, f"#{WAGES} .sentence-text") == [
        "We filled four hundred nurse positions.",
        "Agency nurses remain expensive.",
    ]


def test_theme_of_many_firms_shows_them_in_steps(
    browser: Chrome, open_page: Callable[..., None], tmp_path: Path
) -> None:
    topics = [FakeTopic(f"Firm {number}", 0, "Margins", ["Margins rose."], FREIGHT) for number in range(120)]
    open_page(write_report(write_quarter(tmp_path, topics, {FREIGHT: "Margins"})), f"#{FREIGHT}")
    firms = f"#{FREIGHT} .firm"
    more = f"#{FREIGHT} .contents > .firms + button"
    wait_for(browser, lambda: len(texts(browser, firms)) == 50)

    for label, then_shown in [("Show 50 of 70 more firms", 100), ("Show 20 of 20 more firms", 120)]:
        assert texts(browser, more) == [label]
        find(browser, more).click()
        assert len(texts(browser, firms)) == then_shown

    assert texts(browser, more) == []


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>document.title = 'broken in'</script>",
        "</script><script>document.title = 'broken in'</script>",
        '"><img src=x onerror="document.title=\'broken in\'">',
        "<svg onload=\"document.title='broken in'\">",
        "<!--<script>",
        "line\u2028and \u2029paragraph, \\u003cb\\u003e, {{ 7 * 7 }}, &lt;b&gt;",
    ],
)
def test_hostile_texts_stay_text_and_nothing_runs_or_loads(
    browser: Chrome, open_page: Callable[..., None], tmp_path: Path, hostile: str
) -> None:
    topics = [FakeTopic(f"{hostile} {firm}", 0, hostile, [hostile], FREIGHT, [hostile]) for firm in "AB"]
    page = write_report(write_quarter(tmp_path, topics, {FREIGHT: hostile}))
    open_page(page, f"#{FREIGHT}")
    wait_for(browser, lambda: texts(browser, f"#{FREIGHT} .firm-name"))
    open_details(browser, f"#{FREIGHT} .firm")
    wait_for(browser, lambda: texts(browser, f"#{FREIGHT} .sentence-text"))
    search(browser, hostile[:8])
    wait_for(browser, lambda: texts(browser, f"#{FREIGHT} .sentence-text"))

    for place in [".theme .theme-name", ".theme .keywords", ".topic-name", ".sentence-text"]:
        assert find(browser, place).get_property("textContent") == hostile
    assert hostile in str(find(browser, ".firm-name").get_property("textContent"))
    assert browser.title == "Themes in the earnings calls of 2023Q1"
    assert browser.get_log("browser") == []  # nothing was thrown, and the policy had nothing to stop
    assert requested_addresses(browser) == {page.as_uri()}


def test_policy_stops_a_script_that_got_into_the_page(
    browser: Chrome, open_page: Callable[..., None], tmp_path: Path
) -> None:
    """The second line of defence: were a text ever not escaped, it would still not run."""
    page = write_report(write_small_quarter(tmp_path))
    injected = "<body><script>document.title = 'broken in'</script><img src=x onerror=\"document.title='broken in'\">"
    page.write_text(page.read_text(encoding="utf-8").replace("<body>", injected), encoding="utf-8")

    open_page(page)

    assert browser.title == "Themes in the earnings calls of 2023Q1"
    stopped = [entry["message"] for entry in browser.get_log("browser")]
    assert len(stopped) == 3  # the script, the image, and the image's handler
    assert all("Content Security Policy" in message for message in stopped)
    open_details(browser, f"#{SUPPLY_CHAIN}")
    open_details(browser, f"#{FREIGHT}")
    wait_for(browser, lambda: texts(browser, f"#{FREIGHT} .firm-name"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_wider_than_the_window(
    browser: Chrome,
    open_page: Callable[..., None],
    emulate: Callable[[int, str], None],
    tmp_path: Path,
    width: int,
    scheme: str,
) -> None:
    words = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
    topics = [FakeTopic(f"{words} {firm}", 0, words, [words * 2], FREIGHT, [words]) for firm in "AB"]
    page = write_report(write_quarter(tmp_path, topics, {FREIGHT: words}))
    emulate(width, scheme)
    open_page(page, f"#{FREIGHT}")
    wait_for(browser, lambda: texts(browser, f"#{FREIGHT} .firm-name"))

    assert browser.execute_script("return document.documentElement.scrollWidth - innerWidth") <= 0
    background = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(251, 251, 249)", "dark": "rgb(22, 24, 27)"}[scheme]
