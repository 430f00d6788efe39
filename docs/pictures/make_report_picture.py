"""Take the README's picture of the report: the sample quarter, in Chromium, with its first family and theme open.

    ./ftm demo --no-llm --out ftm-output/picture
    ./pants run docs/pictures/make_report_picture.py -- ftm-output/picture/reports/quarter=2023Q1/index.html

Names come from keywords (``--no-llm``), so that the picture is of the same themes on every machine. It needs Chromium
and chromedriver, like the tests of the pages.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

PICTURE = Path(__file__).with_name("report.png")
WIDTH, HEIGHT = 1200, 1600  # down to the first firms of the first theme


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path, help="the report's index.html")
    browser = open_browser()
    try:
        take_picture(browser, parser.parse_args().report.resolve())
    finally:
        browser.quit()
    print(f"{PICTURE}: {PICTURE.stat().st_size:,} bytes")


def open_browser() -> Chrome:
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    # No sandbox, because Chromium has none for root.
    for argument in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"]:
        options.add_argument(argument)
    return Chrome(options=options, service=Service(shutil.which("chromedriver")))


def take_picture(browser: Chrome, report: Path) -> None:
    window = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", window)
    browser.get(report.as_uri())
    for group in ("family", "theme"):
        browser.find_element("css selector", f"details.{group} > summary").click()
    browser.execute_script("window.scrollTo(0, 0)")
    browser.save_screenshot(str(PICTURE))


if __name__ == "__main__":
    main()
