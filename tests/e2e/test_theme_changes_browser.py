"""The page of two quarters as a reader uses it: opened from disk in headless Chromium."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys

from cloud.src.cli.quarters.changes import read_panel
from cloud.src.cli.quarters.page import write_page as write
from cloud.src.cli.report.command import write_report
from tests.e2e.browser import find, requested_addresses, texts, wait_for
from tests.fast.cli.panel_tables import QUARTERS, FakeTheme, write_panel
from tests.fast.cli.report_tables import SMALL_QUARTER, SMALL_THEMES, write_quarter

pytestmark = pytest.mark.chromium

EARLIER, LATER = QUARTERS
FIRMS = [f"Firm {number}" for number in range(6)]
FREIGHT, WAGES, NURSES = (f"theme_spring_{number:03d}" for number in (1, 2, 3))
NAMES = ("Freight costs ease", "Wages and hiring", "Nurses")
NOBODY, SOME = [0] * 6, [1] * 4 + [0] * 2


def write_page(folder: Path, names: Sequence[str] = NAMES) -> Path:
    """Freight is in both quarters, wages in the earlier one only, and what is said of nurses in the later one only."""
    counts = ((SOME, SOME), (SOME, NOBODY), (NOBODY, SOME))
    themes = [
        FakeTheme(name, of_quarter, level)
        for level in ("theme", "family")
        for name, of_quarter in zip(names, counts, strict=True)
    ]
    return page_of(folder, themes)


def page_of(folder: Path, themes: Sequence[FakeTheme]) -> Path:
    for quarter in QUARTERS:
        write_quarter(folder, SMALL_QUARTER, SMALL_THEMES, quarter)
        write_report(folder, quarter)
    view = read_panel(write_panel(folder / "panels/spring", themes, [FIRMS, FIRMS]))
    return write(view, dict.fromkeys(QUARTERS, folder), folder / "reports" / f"themes_{EARLIER}_{LATER}.html")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(tmp_path_factory.mktemp("themes"))


def test_themes_stand_under_what_has_become_of_them(
    browser: Chrome, open_page: Callable[..., None], page: Path
) -> None:
    open_page(page)

    assert texts(browser, "h2") == ["Families", "Themes"]
    for level in ("#families", "#themes"):
        assert texts(browser, f"{level} .counts dt") == ["new", "growing", "steady", "fading", "gone"]
        assert texts(browser, f"{level} .counts dd") == ["1", "0", "1", "0", "1"]
    for status, name, shares in [
        ("new", "Nurses", ["0%", "67%", "0.19"]),
        ("steady", "Freight costs ease", ["67%", "67%", "1"]),
        ("gone", "Wages and hiring", ["67%", "0%", "0.19"]),
    ]:
        assert texts(browser, f"#themes .{status} .name") == [name]
        assert texts(browser, f"#themes .{status} td.number") == shares
    assert texts(browser, "#themes .growing .none") == ["none"]


def test_dots_stand_at_the_shares(browser: Chrome, open_page: Callable[..., None], page: Path) -> None:
    open_page(page)

    line = find(browser, f"#{NURSES} .scale").rect
    before, now = (dot.rect for dot in browser.find_elements("css selector", f"#{NURSES} circle"))
    # 67 % is the largest share of the page, and so the end of the scale.
    assert abs(before["x"] + before["width"] / 2 - line["x"]) < 2
    assert abs(now["x"] + now["width"] / 2 - (line["x"] + line["width"])) < 2


def test_an_axis_says_what_the_dots_stand_at(browser: Chrome, open_page: Callable[..., None], page: Path) -> None:
    open_page(page)

    assert texts(browser, "#themes .new .axis text") == ["0%", "20%", "40%", "60%"]
    [tick] = browser.find_elements("css selector", f"#{NURSES} .tick:nth-of-type(5)")
    [label] = browser.find_elements("css selector", "#themes .new .axis text:last-of-type")
    assert abs(tick.rect["x"] - (label.rect["x"] + label.rect["width"] / 2)) < 2
    assert not texts(browser, "th.course")  # of two quarters the dots say it all


@pytest.mark.parametrize(("status", "quarter"), [("gone", EARLIER), ("new", LATER)])
def test_a_name_links_to_a_report_that_has_it(
    browser: Chrome, open_page: Callable[..., None], page: Path, status: str, quarter: str
) -> None:
    open_page(page)

    find(browser, f"#themes .{status} a.name").send_keys(Keys.ENTER)

    wait_for(browser, lambda: browser.title == f"Themes in the earnings calls of {quarter}")
    assert find(browser, "#search").get_attribute("value") == "lead times"


def test_of_three_quarters_there_is_a_line(browser: Chrome, open_page: Callable[..., None], tmp_path: Path) -> None:
    quarters = ["2022Q4", "2023Q1", "2023Q2"]
    theme = FakeTheme("Freight", [NOBODY, SOME, SOME])
    view = read_panel(write_panel(tmp_path / "panels/spring", [theme], [FIRMS] * 3, quarters=quarters))
    open_page(write(view, dict.fromkeys(quarters, tmp_path), tmp_path / "reports" / "themes_2022Q4_2023Q2.html"))

    line = find(browser, f"#{FREIGHT} svg.course polyline").get_dom_attribute("points")
    assert line is not None
    assert line.split() == ["2.0,16.0", "32.0,2.0", "62.0,2.0"]
    assert texts(browser, "#themes .name") == ["Freight"]  # without a report there is nothing to lead to
    assert not browser.find_elements("css selector", "a.name")


def test_a_quarter_leads_to_its_report(browser: Chrome, open_page: Callable[..., None], page: Path) -> None:
    open_page(page)

    find(browser, ".about a:last-of-type").send_keys(Keys.ENTER)

    wait_for(browser, lambda: browser.title == f"Themes in the earnings calls of {LATER}")


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>document.title = 'broken in'</script>",
        '"><img src=x onerror="document.title=\'broken in\'">',
        "<svg onload=\"document.title='broken in'\">",
        "{{ 7 * 7 }}, &lt;b&gt;",
    ],
)
def test_hostile_names_stay_text_and_nothing_runs_or_loads(
    browser: Chrome, open_page: Callable[..., None], tmp_path: Path, hostile: str
) -> None:
    page = write_page(tmp_path, [hostile] * 3)

    open_page(page)

    assert texts(browser, "#themes .name") == [hostile] * 3
    assert browser.title == f"Themes from {EARLIER} to {LATER}"
    assert browser.get_log("browser") == []  # nothing was thrown, and the policy had nothing to stop
    assert requested_addresses(browser) == {page.as_uri()}


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
    page = write_page(tmp_path, [words] * 3)
    emulate(width, scheme)

    open_page(page)

    assert browser.execute_script("return document.documentElement.scrollWidth - innerWidth") <= 0


def test_more_themes_than_one_takes_in_are_folded_away(
    browser: Chrome, open_page: Callable[..., None], tmp_path: Path
) -> None:
    themes = [FakeTheme(f"Theme {number:02d}", [NOBODY, SOME]) for number in range(1, 16)]
    open_page(page_of(tmp_path, themes))
    assert len(texts(browser, "#themes .new .name")) == 12

    find(browser, "#themes .new summary").click()

    assert texts(browser, "#themes .new .name")[-1] == "Theme 15"
