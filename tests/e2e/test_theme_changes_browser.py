"""The page of two quarters as a reader uses it: opened from disk in headless Chromium."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys

from cloud.src.cli.__main__ import run
from cloud.src.cli.report.command import write_report
from tests.e2e.browser import find, requested_addresses, texts, wait_for
from tests.fast.cli.report_tables import SMALL_QUARTER, SMALL_THEMES, FakeTopic, write_quarter

pytestmark = pytest.mark.chromium

EARLIER, LATER = "2022Q4", "2023Q1"
NONE = "\N{EN DASH}"
VECTORS = {"theme_2023Q1_001": [1.0, 0.0], "theme_2023Q1_002": [0.0, 1.0], None: [-1.0, -1.0]}
FREIGHT, WAGES, NURSES = "theme_2023Q1_001", "theme_2022Q4_002", "theme_2023Q1_002"


def write_page(folder: Path, names: dict[str, str] = SMALL_THEMES) -> Path:
    """Freight is in both quarters, wages in the earlier one only, and what is said of nurses in the later one only."""
    for quarter in (EARLIER, LATER):
        topics = [
            replace(
                topic,
                theme=topic.theme and topic.theme.replace("2023Q1", quarter),
                embedding=[-x for x in vector] if (topic.theme, quarter) == (NURSES, LATER) else vector,
            )
            for topic in SMALL_QUARTER
            for vector in [VECTORS[topic.theme]]
        ]
        write_quarter(folder, topics, {key.replace("2023Q1", quarter): name for key, name in names.items()}, quarter)
        write_report(folder, quarter)
    assert run(["themes", "--quarters", EARLIER, LATER, "--dir", str(folder)]) == 0
    return folder / "reports" / f"themes_{EARLIER}_{LATER}.html"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(tmp_path_factory.mktemp("themes"))


def test_themes_stand_under_what_has_become_of_them(
    browser: Chrome, open_page: Callable[..., None], page: Path
) -> None:
    open_page(page)

    assert texts(browser, "h2") == ["Families", "Themes"]
    for level in ("#families", "#themes"):  # each theme is a family of its own
        assert texts(browser, f"{level} .counts dt") == ["new", "growing", "steady", "fading", "gone"]
        assert texts(browser, f"{level} .counts dd") == ["1", "0", "1", "0", "1"]
    for status, name, shares in [
        ("new", "Wages and hiring", [NONE, "67%"]),
        ("steady", "Freight costs ease", ["67%", "67%"]),
        ("gone", "Wages and hiring", ["67%", NONE]),
    ]:
        assert texts(browser, f"#themes .{status} .name") == [name]
        assert texts(browser, f"#themes .{status} td.number") == shares
    assert texts(browser, "#themes .growing .none") == ["none"]


def test_dots_stand_at_the_shares(browser: Chrome, open_page: Callable[..., None], page: Path) -> None:
    open_page(page)

    assert len(browser.find_elements("css selector", f"#{FREIGHT} circle")) == 2
    [alone] = browser.find_elements("css selector", f"#{NURSES} circle")
    line, dot = find(browser, f"#{NURSES} .scale").rect, alone.rect
    # 67 % is the largest share of the page, and so the end of the scale.
    assert abs(dot["x"] + dot["width"] / 2 - (line["x"] + line["width"])) < 2


def test_a_share_leads_to_the_theme_in_its_quarters_report(
    browser: Chrome, open_page: Callable[..., None], page: Path
) -> None:
    open_page(page)

    find(browser, f"#{FREIGHT} td:last-child a").send_keys(Keys.ENTER)

    wait_for(browser, lambda: texts(browser, f"#{FREIGHT} .firm-name"))
    assert browser.title == f"Themes in the earnings calls of {LATER}"


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>document.title = 'broken in'</script>",
        '"><img src=x onerror="document.title=\'broken in\'">',
        "<svg onload=\"document.title='broken in'\">",
        "{{ 7 * 7 }}, &lt;b&gt;",
    ],
)
def test_hostile_names_are_shown_as_text_and_nothing_runs_or_loads(
    browser: Chrome, open_page: Callable[..., None], tmp_path: Path, hostile: str
) -> None:
    page = write_page(tmp_path, dict.fromkeys(SMALL_THEMES, hostile))

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
    page = write_page(tmp_path, dict.fromkeys(SMALL_THEMES, words))
    emulate(width, scheme)

    open_page(page)

    assert browser.execute_script("return document.documentElement.scrollWidth - innerWidth") <= 0


def test_more_themes_than_one_takes_in_are_folded_away(
    browser: Chrome, open_page: Callable[..., None], tmp_path: Path
) -> None:
    names = {f"theme_{LATER}_{number:03d}": f"Theme {number}" for number in range(1, 16)}
    topics = [
        FakeTopic(f"Firm {firm}", number, "Topic", ["A sentence."], theme_id, embedding=[1.0, number / 10])
        for number, theme_id in enumerate(names)
        for firm in range(3)
    ]
    write_quarter(tmp_path, topics, names, LATER)
    write_quarter(tmp_path, [replace(topic, theme=None) for topic in topics], {}, EARLIER)
    assert run(["themes", "--quarters", EARLIER, LATER, "--dir", str(tmp_path)]) == 0
    open_page(tmp_path / "reports" / f"themes_{EARLIER}_{LATER}.html")
    assert len(texts(browser, "#themes .new .name")) == 12

    find(browser, "#themes .new summary").click()

    assert texts(browser, "#themes .new .name")[-1] == "Theme 15"
