"""Take the pictures of the report: the sample quarter in Chromium, on a wide screen, a narrow one, and in the dark.

    ./ftm demo --no-llm --out ftm-output/picture
    ./ftm demo --no-llm --out ftm-output/picture --quarter 2023Q2
    ./pants run docs/pictures/make_report_picture.py -- ftm-output/picture/reports/quarter=2023Q2/index.html

Names come from keywords (``--no-llm``), so that the picture is of the same themes on every machine. It needs Chromium
and chromedriver, like the tests of the pages.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import dataclass
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Picture:
    """A file, and how the report is looked at for it; ``fragment`` is of the page's address."""

    name: str
    width: int
    height: int
    scheme: str
    fragment: str = ""


PICTURES = (
    Picture("report.png", 1440, 1500, "light"),  # README's: headline, filters and map
    Picture("report_dark.png", 1440, 1100, "dark", "#view=table"),
    Picture("report_400.png", 400, 1100, "light"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path, help="the report's index.html")
    report = parser.parse_args().report.resolve()
    browser = open_browser()
    try:
        for picture in PICTURES:
            take_picture(browser, report, picture)
    finally:
        browser.quit()


def open_browser() -> Chrome:
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    # No sandbox, because Chromium has none for root.
    for argument in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"]:
        options.add_argument(argument)
    return Chrome(options=options, service=Service(shutil.which("chromedriver")))


def take_picture(browser: Chrome, report: Path, picture: Picture) -> None:
    window = {"width": picture.width, "height": picture.height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", window)
    scheme = {"name": "prefers-color-scheme", "value": picture.scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.get("about:blank")  # or a change of the fragment alone would not load the page
    browser.get(report.as_uri() + picture.fragment)
    path = FOLDER / picture.name
    browser.save_screenshot(str(path))
    print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
