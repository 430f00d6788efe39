"""Reports for everybody, light and dark: axe-core finds nothing wrong with whatever is open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_core_python.selenium import Axe
from selenium.webdriver import Chrome

from cloud.src.cli.report.command import write_report
from tests.e2e.browser import texts, wait_for
from tests.fast.cli.report_tables import SMALL_SECTORS, write_in_parts, write_small_quarter, write_two_quarters

pytestmark = pytest.mark.chromium

FREIGHT = "theme_2023Q1_001"
# What is open, and what shows that it is.
STATES = {
    "": ".map-label",
    "#view=heat&sector=Industrials": ".heat button",
    "#view=table&speaker=analysts": ".groups",
    f"#{FREIGHT}&search=freight": f"#{FREIGHT} .quotation",
    "#firm%3A1001": "#firm-page h2",
    "#topic%3A1001_0": "#firm-page h2",
    "#sentence%3A1000_91000_0002": "#firm-page blockquote",
    "#nothing": "#missing",
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(write_small_quarter(tmp_path_factory.mktemp("small"), sectors=SMALL_SECTORS))


@pytest.fixture(scope="module")
def in_parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_in_parts(write_small_quarter(tmp_path_factory.mktemp("parts"), sectors=SMALL_SECTORS))


def problems(browser: Chrome) -> list[tuple[str, list[str]]]:
    """What is wrong with the page as it is shown: each broken rule with the elements that break it."""
    found = Axe().run(browser)
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found["violations"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("which", ["small", "in_parts"])
def test_whatever_is_open_is_named_in_order_and_legible(
    browser: Chrome,
    open_page: Callable[..., None],
    emulate: Callable[[int, str], None],
    request: pytest.FixtureRequest,
    which: str,
    scheme: str,
) -> None:
    emulate(1440, scheme)
    for fragment, sign in STATES.items():
        open_page(request.getfixturevalue(which), fragment)
        wait_for(browser, lambda sign=sign: texts(browser, sign))  # type: ignore[misc]
        browser.execute_script("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        assert problems(browser) == [], fragment


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_shade_of_the_heat_map_is_legible(
    browser: Chrome, open_page: Callable[..., None], emulate: Callable[[int, str], None], small: Path, scheme: str
) -> None:
    emulate(1440, scheme)
    open_page(small, "#view=heat")
    for step in range(6):
        browser.execute_script("document.querySelector('.heat tbody td').className = `heat-${arguments[0]}`", step)
        assert problems(browser) == []


def test_list_of_reports_and_changes_is_accessible(
    browser: Chrome, open_page: Callable[..., None], tmp_path: Path
) -> None:
    page = write_report(write_two_quarters(tmp_path))
    for path in (page, page.parents[1] / "index.html"):
        open_page(path)
        assert problems(browser) == []


def test_what_is_wrong_is_found(browser: Chrome, tmp_path: Path, open_page: Callable[..., None]) -> None:
    page = tmp_path / "bad.html"
    page.write_text(
        "<!doctype html><html lang='en'><body style='background: #fff'><h1>One</h1><h3>Three</h3><button></button>"
        "<p style='color: #999'>Pale</p><p style='color: rgb(0 0 0 / 40%)'>Thin</p><p>Plain</p></body></html>"
    )
    open_page(page)

    found = dict(problems(browser))
    assert found.keys() >= {"button-name", "heading-order", "color-contrast", "document-title"}
    assert len(found["color-contrast"]) == 2
