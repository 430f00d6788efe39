"""What tests ask a headless Chromium; the fixtures that start it are in conftest.py."""

from __future__ import annotations

import json
from collections.abc import Callable

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

WAIT_SECONDS = 20


def wait_for(browser: Chrome, condition: Callable[[], object]) -> None:
    WebDriverWait(browser, WAIT_SECONDS).until(lambda _: condition())


def find(browser: Chrome, selector: str) -> WebElement:
    return browser.find_element(By.CSS_SELECTOR, selector)


def open_details(browser: Chrome, selector: str) -> None:
    find(browser, f"{selector} > summary").click()
    wait_for(browser, lambda: find(browser, selector).get_attribute("open") is not None)


def texts(browser: Chrome, selector: str) -> list[str]:
    """The texts a reader sees: hidden elements are left out."""
    return [found.text for found in browser.find_elements(By.CSS_SELECTOR, selector) if found.is_displayed()]


def requested_addresses(browser: Chrome) -> set[str]:
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    return {address.split("#")[0] for address in sent}
