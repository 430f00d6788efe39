"""How large a quarter's report is, how long it takes to write, and how fast Chromium opens, filters and searches it.

    python bench/bench_report.py /tmp/tables

The folder is the output folder of a run, or one of ``bench/scaled_quarter.py time`` or ``tables``. Needs the Debian
packages chromium and chromium-driver. The page is opened from disk, as a reader does who got it by mail. Times are by
the page's own clock, from the click or the last letter until what was asked for is drawn; a search includes the pause
that the page waits for more letters. The heap is what is in use after a collection of garbage.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

THEMES = 20
SEARCHES = ["margin", "supply chain", "interest rates", "hiring", "guidance"]
LONGEST_WAIT_SECONDS = 60

# Each gets what it needs and a function to call with the milliseconds.
_OPEN_THEME = """
const [id, done] = arguments, started = performance.now();
goTo(id);
const shown = () => {
  const isThere = document.querySelector(`#${id} .by-firm`);
  requestAnimationFrame(isThere ? () => done(performance.now() - started) : shown);
};
shown();
"""
_SEARCH = """
const [words, done] = arguments, box = document.getElementById("search"), started = performance.now();
box.value = words;
box.dispatchEvent(new Event("input"));
const shown = () => {
  const isThere = (word) => !report.files[fileOfWord(word)] || atHand.has(fileOfWord(word));
  const areHitsThere = () => (report.filesOfHits ?? []).every((name) => atHand.has(name));
  const isApplied = filters.search === words && (!isParted() || (wordsLookedFor().every(isThere) && areHitsThere()));
  requestAnimationFrame(isApplied ? () => done(performance.now() - started) : shown);
};
shown();
"""
_FIRST_VIEW = """
const done = arguments[0];
requestAnimationFrame(() => done(performance.now()));
"""


def chromium() -> Chrome:
    """A headless one that may read pages from disk; exits when it is not installed."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not driver:
        raise SystemExit("install the Debian packages chromium and chromium-driver")
    options = ChromeOptions()
    options.binary_location = program
    for argument in ["--headless=new", "--no-sandbox", "--disable-background-networking", "--disable-dev-shm-usage"]:
        options.add_argument(argument)
    browser = Chrome(options=options, service=Service(driver))
    browser.set_script_timeout(LONGEST_WAIT_SECONDS)
    return browser


def write(folder: Path) -> Path:
    """Write the report by the command, in a process of its own; print time and memory; return the page's path."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "cloud.src.cli", "report", str(folder)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"written in {time.perf_counter() - started:.0f} s ({used.ru_utime + used.ru_stime:.0f} s of processor time), "
        f"{used.ru_maxrss / 1e6:.2f} GB"
    )
    return Path(printed.strip()).resolve()


def sizes(page: Path) -> str:
    """The page and the files beside it, in words."""
    beside = {path.name: path.stat().st_size for path in page.parent.glob("data/*.js")}
    lines = [f"index.html: {page.stat().st_size / 1e6:.2f} MB"]
    for kind in ("group", "firms", "words"):
        own = [size for name, size in beside.items() if name.startswith(f"{kind}_")]
        if own:
            lines.append(
                f"data/{kind}_*.js: {len(own)} files, {sum(own) / 1e6:.0f} MB, largest {max(own) / 1e6:.1f} MB"
            )
    return "\n".join(lines)


def measure(page: Path) -> str:
    """Open the page, then THEMES themes evenly among all, then search; return the times and the heap."""
    browser = chromium()
    try:
        browser.get(page.as_uri())
        lines = [f"first view: {browser.execute_async_script(_FIRST_VIEW):.0f} ms"]
        lines.append(f"heap: {_heap(browser):.0f} MB")
        ids = list(browser.execute_script("return themes.filter((theme) => theme.sentences).map((theme) => theme.id)"))
        chosen = ids[:: max(1, len(ids) // THEMES)][:THEMES]
        largest = str(browser.execute_script("return themes.reduce((a, b) => (a.sentences < b.sentences ? b : a)).id"))
        lines.append(f"largest theme: {browser.execute_async_script(_OPEN_THEME, largest):.0f} ms")
        lines.append(_times("theme", [browser.execute_async_script(_OPEN_THEME, each) for each in chosen]))
        lines.append(_times("search", [browser.execute_async_script(_SEARCH, words) for words in SEARCHES]))
        lines.append(f"heap after these: {_heap(browser):.0f} MB")
        return "\n".join(lines)
    finally:
        browser.quit()


def _times(what: str, milliseconds: Sequence[float]) -> str:
    ordered = sorted(milliseconds)
    return f"{what}: median {ordered[len(ordered) // 2]:.0f} ms, longest {ordered[-1]:.0f} ms of {len(ordered)}"


def _heap(browser: Chrome) -> float:
    """In MB, without garbage."""
    browser.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
    return float(browser.execute_cdp_cmd("Runtime.getHeapUsage", {})["usedSize"]) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="output folder, or the index.html of a report that is there already")
    path = parser.parse_args().path
    page = path.resolve() if path.suffix == ".html" else write(path)
    print(sizes(page))
    print(measure(page))


if __name__ == "__main__":
    main()
