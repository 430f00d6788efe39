"""A headless Chromium for the tests of pages, and the sample quarters for the tests that read what a run wrote."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from tests.e2e.ftm_process import no_process_left_behind, run_ftm
from tests.e2e.missing_program import skip_without

QUARTERS = ("2023Q1", "2023Q2")

SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/bin"])
CHROMIUM = shutil.which("chromium", path=SEARCH_PATH)
CHROMEDRIVER = shutil.which("chromedriver", path=SEARCH_PATH)


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    if not (CHROMIUM and CHROMEDRIVER):
        skip_without("the page is not checked in a browser", "chromium chromium-driver")
    options = ChromeOptions()
    options.binary_location = CHROMIUM
    # No sandbox, because Chromium has none for root; the other two keep it off the network and off /dev/shm.
    for argument in ["--headless=new", "--no-sandbox", "--disable-background-networking", "--disable-dev-shm-usage"]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=Service(CHROMEDRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def open_page(browser: Chrome) -> Callable[..., None]:
    """Open a page afresh, even when only its #fragment differs from the last one."""

    def open_file(path: Path, fragment: str = "") -> None:
        browser.get("about:blank")
        for log in ["browser", "performance"]:
            browser.get_log(log)  # reading empties it: what follows is this page's own
        browser.get(path.as_uri() + fragment)

    return open_file


@pytest.fixture
def emulate(browser: Chrome) -> Iterator[Callable[[int, str], None]]:
    """Give the browser a window of a width and the reader's wish for light or dark; both are undone after the test."""

    def set_both(width: int, scheme: str) -> None:
        window = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", window)
        wish = {"name": "prefers-color-scheme", "value": scheme}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [wish]})

    yield set_both
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


class QuartersWithoutLlm(NamedTuple):
    """Both sample quarters in one output folder, named by keywords, and how each demo ended."""

    folder: Path
    ended: dict[str, subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def quarters_without_llm(tmp_path_factory: pytest.TempPathFactory) -> QuartersWithoutLlm:
    """Run once for the test files that share a process (BUILD); they only read it, or add reports."""
    folder = tmp_path_factory.mktemp("quarters") / "out"
    ended = {}
    with no_process_left_behind():
        for quarter in QUARTERS:
            ended[quarter] = run_ftm("demo", "--no-llm", "--quarter", quarter, "--out", folder)
            assert ended[quarter].returncode == 0, ended[quarter].stderr
    return QuartersWithoutLlm(folder, ended)
