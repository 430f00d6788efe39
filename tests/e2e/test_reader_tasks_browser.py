"""What readers come for, from opening the report to having it, in as few actions as they have patience for.

An action is a click, a key that does something, or a text typed into a field and confirmed. Tab is none: it moves on.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.keys import Keys

from cloud.src.cli.report.command import write_report
from tests.e2e.browser import find, texts, wait_for
from tests.fast.cli.report_tables import SMALL_SECTORS, write_small_quarter

pytestmark = pytest.mark.chromium

LABOR, WAGES = "family_2023Q1_002", "theme_2023Q1_002"
TABS_AT_MOST = 25


class Reader:
    """Somebody at the page, whose actions are counted."""

    def __init__(self, browser: Chrome) -> None:
        self.browser = browser
        self.actions = 0
        browser.execute_script(
            "window.copied = [];"
            "Object.defineProperty(navigator, 'clipboard', {value: {writeText: async (text) => copied.push(text)}});"
        )

    def click(self, selector: str) -> None:
        self.actions += 1
        find(self.browser, selector).click()

    def type_into(self, selector: str, text: str) -> None:
        """As with a mouse: a click into the field, and the text."""
        self.actions += 1
        find(self.browser, selector).send_keys(text)

    def press(self, *keys: str) -> None:
        self.actions += 1
        ActionChains(self.browser).send_keys(*keys).perform()

    def tab_to(self, selector: str) -> None:
        """Tab until the element has the focus; fails where that takes too long."""
        wanted = find(self.browser, selector)
        for _ in range(TABS_AT_MOST):
            ActionChains(self.browser).send_keys(Keys.TAB).perform()
            if self.browser.switch_to.active_element == wanted:
                return
        raise AssertionError(f"{TABS_AT_MOST} tabs do not lead to {selector}")

    def what_was_copied(self) -> list[str]:
        return list(self.browser.execute_script("return copied"))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(write_small_quarter(tmp_path_factory.mktemp("tasks"), sectors=SMALL_SECTORS))


@pytest.fixture
def reader(browser: Chrome, open_page: Callable[..., None], page: Path) -> Reader:
    open_page(page)
    return Reader(browser)


def test_the_quarters_subjects_are_there_when_the_page_opens(browser: Chrome, reader: Reader) -> None:
    assert texts(browser, ".headline strong") == ["Supply chain", "Labor"]
    assert texts(browser, ".headline-share") == ["67% of the firms"] * 2
    assert len(texts(browser, ".headline blockquote")) == 2

    reader.click(".headline li:last-child a")  # more of one of them

    wait_for(browser, lambda: texts(browser, f"#{LABOR} .quotation"))
    assert reader.actions <= 2


def assert_calder_on_wages(browser: Chrome) -> None:
    wait_for(browser, lambda: texts(browser, f"#{WAGES} .quotation"))
    assert set(texts(browser, f"#{WAGES} .quotation a")) == {"Calder Health (CH)"}
    assert "Wages are our largest cost." in texts(browser, f"#{WAGES} .quotation blockquote")
    assert any("Tom Brandt · CFO" in text for text in texts(browser, f"#{WAGES} .quotation .about-sentence"))


def test_what_a_firm_said_about_a_theme_by_mouse(browser: Chrome, reader: Reader) -> None:
    reader.type_into("#firm", "Calder")
    wait_for(browser, lambda: texts(browser, "#theme-list .family > summary .theme-name") == ["Labor"])
    reader.click(f"#{LABOR} > summary")
    reader.click(f"#{WAGES} > summary")

    assert_calder_on_wages(browser)
    assert reader.actions <= 4


def test_what_a_firm_said_about_a_theme_by_keyboard(browser: Chrome, reader: Reader) -> None:
    reader.tab_to("#firm")
    reader.press("Calder", Keys.ENTER)
    assert browser.switch_to.active_element == find(browser, f"#{LABOR} > summary")
    reader.press(Keys.ENTER)
    reader.tab_to(f"#{WAGES} > summary")
    reader.press(Keys.ENTER)

    assert_calder_on_wages(browser)
    assert reader.actions <= 4


def test_who_is_quoted_first_leads_to_the_sentence(browser: Chrome, reader: Reader) -> None:
    reader.click(".headline li:first-child .about-sentence a")

    wait_for(browser, lambda: texts(browser, "#firm-page .quotation blockquote"))
    assert texts(browser, "#firm-page .quotation blockquote") == texts(browser, ".headline blockquote")[:1]


def assert_sentence_is_copied(reader: Reader) -> None:
    wait_for(reader.browser, reader.what_was_copied)
    assert reader.what_was_copied()[0].endswith("#sentence%3A1002_91002_0001")
    assert reader.actions <= 3


def test_a_sentence_for_a_colleague_by_mouse(browser: Chrome, reader: Reader) -> None:
    reader.type_into("#search", "our largest cost")
    wait_for(browser, lambda: texts(browser, f"#{LABOR} .about-family .quotation"))
    reader.click(f"#{LABOR} .about-family .quotation .take button:last-child")

    assert_sentence_is_copied(reader)


def test_a_sentence_for_a_colleague_by_keyboard(browser: Chrome, reader: Reader) -> None:
    reader.press("/")
    reader.press("our largest cost", Keys.ENTER)
    assert browser.switch_to.active_element == find(browser, f"#{LABOR} > summary")
    wait_for(browser, lambda: texts(browser, f"#{LABOR} .about-family .quotation"))
    reader.tab_to(f"#{LABOR} .about-family .quotation .take button:last-child")
    reader.press(Keys.ENTER)

    assert_sentence_is_copied(reader)
