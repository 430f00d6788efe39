"""The page of one firm of the small quarter, in a report of one file and in one with files beside it."""

from __future__ import annotations

from selenium.webdriver import Chrome

from tests.e2e.browser import open_details, texts, wait_for


def assert_firm_is_shown_with_its_sector(browser: Chrome) -> None:
    wait_for(browser, lambda: texts(browser, "#firm-page h2") == ["Brightwater Tools (BT)"])
    assert texts(browser, "#firm-page .by-firm summary") == [
        "Freight costs ease\n50.0%, its sector 50.0% \u00b7 2 sentences",
        "Wages and hiring\n50.0%, its sector 50.0% \u00b7 2 sentences",
    ]
    open_details(browser, "#firm-page .evidence")
    wait_for(browser, lambda: len(texts(browser, "#firm-page .topic-name")) == 2)
