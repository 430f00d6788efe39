"""The page for blind judging as a judge uses it: opened from disk in headless Chromium, with keyboard and mouse."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys

from cloud.src.cli.compare.judging import CHOICES, KEY, add_to_reports, count, draw_questions, write_judging
from cloud.src.cli.compare.runs import Comparison, compare_runs, read_runs
from tests.e2e.browser import find, requested_addresses, texts, wait_for
from tests.e2e.ftm_process import until
from tests.fast.cli.report_tables import SMALL_QUARTER, FakeTopic, write_quarter

pytestmark = pytest.mark.chromium

N_QUESTIONS = len(SMALL_QUARTER)


def compared(folder: Path, topics: list[FakeTopic]) -> Comparison:
    """Two runs whose names differ by a word."""

    def embed(names: list[str]) -> NDArray[np.float32]:
        return np.array([[1.0, 0.0]] * len(names), dtype=np.float32)

    def run(name: str) -> Path:
        named = [
            FakeTopic(topic.firm, topic.number, f"{name} {topic.name}", topic.texts, keywords=topic.keywords)
            for topic in topics
        ]
        return write_quarter(folder / name, named, {})

    return compare_runs(*read_runs(run("First"), run("Second"), None), embed)


def write_page(folder: Path, topics: list[FakeTopic]) -> Path:
    comparison = compared(folder, topics)
    return write_judging(comparison, draw_questions(comparison, 100, seed=1), 1, folder)


@pytest.fixture(autouse=True)
def nothing_kept(browser: Chrome) -> Iterator[None]:
    """Chromium keeps one store for all pages opened from disk."""
    yield
    browser.execute_script("localStorage.clear()")


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return write_page(tmp_path, SMALL_QUARTER)


def show(browser: Chrome, number: int) -> None:
    browser.execute_script("location.hash = arguments[0]", f"question-{number}")
    wait_for(browser, lambda: find(browser, f"#question-{number}").is_displayed())


def side_of(browser: Chrome, number: int, run: str) -> str:
    """``left`` or ``right``: where the name of a run stands."""
    show(browser, number)
    [place] = [place for place, name in enumerate(texts(browser, f"#question-{number} .side")) if name.startswith(run)]
    return ("left", "right")[place]


def choose(browser: Chrome, number: int, value: str) -> None:
    show(browser, number)
    find(browser, f"#question-{number} input[value={value}]").click()


def test_the_key_reveals_which_run_a_judge_prefers(
    browser: Chrome, open_page: Callable[..., None], page: Path, tmp_path: Path
) -> None:
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    open_page(page)
    assert texts(browser, "#judged") == [f"0 of {N_QUESTIONS} judged."]

    for number in range(1, N_QUESTIONS - 1):
        choose(browser, number, side_of(browser, number, "Second"))
    choose(browser, N_QUESTIONS - 1, "same")
    choose(browser, N_QUESTIONS, "left")
    choose(browser, N_QUESTIONS, "neither")  # a second thought
    assert texts(browser, "#judged") == [f"{N_QUESTIONS} of {N_QUESTIONS} judged."]
    find(browser, "#download").click()
    wait_for(browser, (tmp_path / CHOICES).is_file)

    as_text = str(find(browser, "#as-text").get_property("value"))
    assert json.loads((tmp_path / CHOICES).read_text()) == json.loads(as_text)
    verdict = count(tmp_path / CHOICES, tmp_path / KEY)
    assert (verdict.a_better, verdict.b_better, verdict.same, verdict.neither, verdict.not_judged) == (0, 3, 1, 1, 0)


def test_the_link_back_appears_when_all_are_judged(
    browser: Chrome, open_page: Callable[..., None], tmp_path: Path
) -> None:
    comparison = compared(tmp_path, SMALL_QUARTER[:2])
    add_to_reports(comparison, draw_questions(comparison, 100, seed=1), tmp_path / "First")
    [page] = (tmp_path / "First/reports").glob("compare_2023Q1_First_Second_*.html")
    open_page(page)

    choose(browser, 1, "same")
    assert texts(browser, "#judged-all a") == []
    choose(browser, 2, "left")
    assert texts(browser, "#judged-all a") == ["All quarters of this folder"]
    find(browser, "#judged-all a").click()
    wait_for(browser, lambda: texts(browser, "a") == ["2023Q1: First and Second"])
    find(browser, "a").click()
    wait_for(browser, lambda: texts(browser, "h1") == ["Which names are better?"])


def test_each_question_shows_names_keywords_and_sentences(
    browser: Chrome, open_page: Callable[..., None], tmp_path: Path
) -> None:
    topic = FakeTopic(
        "Northfield Foods", 0, "Freight", ["We booked early.", "Rates fell.", "A tailwind."], keywords=["x", "y"]
    )
    open_page(write_page(tmp_path, [topic]))

    assert texts(browser, "h2") == ["1. Northfield Foods"]
    assert texts(browser, ".keywords") == ["x · y"]
    assert texts(browser, "li") == ["Rates fell.", "A tailwind."]
    assert texts(browser, ".counts") == ["2 of 3 sentences, the most typical first"]
    assert sorted(texts(browser, ".side")) == ["First Freight", "Second Freight"]


def test_choices_outlast_the_page_until_they_are_cleared(
    browser: Chrome, open_page: Callable[..., None], page: Path
) -> None:
    def opened_again() -> list[str]:
        open_page(page)
        return texts(browser, "#judged")

    open_page(page)
    choose(browser, 2, "right")

    # Chromium hands what is stored from one page's process to the next one's in its own time.
    until(lambda: opened_again() == [f"1 of {N_QUESTIONS} judged."], "the choice on the page opened again")
    assert find(browser, "#question-2 input[value=right]").is_selected()

    find(browser, "#clear").click()
    until(lambda: opened_again() == [f"0 of {N_QUESTIONS} judged."], "no choice on the page opened again")


def made(browser: Chrome) -> dict[str, str]:
    """The choices by question, as the judge would copy them."""
    return dict(json.loads(str(find(browser, "#as-text").get_property("value")))["choices"])


def test_questions_are_shown_one_by_one_and_answered_by_key(
    browser: Chrome, open_page: Callable[..., None], page: Path
) -> None:
    open_page(page)
    assert len(texts(browser, "h2")) == 1

    find(browser, "body").send_keys("2=01")

    assert made(browser) == {"1": "right", "2": "same", "3": "neither", "4": "left"}
    assert texts(browser, "h2")[0].startswith("5. ")
    assert find(browser, "#progress").get_property("value") == 4
    find(browser, "body").send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert texts(browser, "h2")[0].startswith("3. ")
    find(browser, "#next").click()
    assert texts(browser, "h2")[0].startswith("4. ")


def test_judging_goes_on_at_the_first_question_without_a_choice(
    browser: Chrome, open_page: Callable[..., None], page: Path
) -> None:
    def opened_again() -> list[str]:
        open_page(page)
        return [title[:2] for title in texts(browser, "h2")]

    open_page(page)
    find(browser, "body").send_keys("12")
    until(lambda: opened_again() == ["3."], "the third question")


def test_choices_are_made_without_a_mouse_and_without_the_keys(
    browser: Chrome, open_page: Callable[..., None], page: Path
) -> None:
    open_page(page)
    find(browser, "#next").send_keys(Keys.TAB)
    assert browser.switch_to.active_element == find(browser, "#question-1 input[value=left]")
    browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert made(browser) == {"1": "right"}
    find(browser, "#next").send_keys(Keys.ENTER)
    assert texts(browser, "h2")[0].startswith("2. ")


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>document.title = 'broken in'</script>",
        '"><img src=x onerror="document.title=\'broken in\'">',
        "</body><style>* { display: none }</style>",
        "line\u2028and {{ 7 * 7 }}, &lt;b&gt;",
    ],
)
def test_hostile_texts_stay_text_and_nothing_runs_or_loads(
    browser: Chrome, open_page: Callable[..., None], tmp_path: Path, hostile: str
) -> None:
    path = write_page(tmp_path, [FakeTopic(hostile, 0, hostile, [hostile], keywords=[hostile])])
    open_page(path)
    choose(browser, 1, "left")

    for place in (".keywords", "li", "h2 span"):
        assert find(browser, place).get_property("textContent") == hostile
    assert all(
        hostile in str(side.get_property("textContent")) for side in browser.find_elements("css selector", ".side")
    )
    assert browser.title == "Which names are better? 2023Q1"
    assert browser.get_log("browser") == []  # nothing was thrown, and the policy had nothing to stop
    assert requested_addresses(browser) == {path.as_uri()}


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
    emulate(width, scheme)
    open_page(write_page(tmp_path, [FakeTopic(words, 0, words, [words * 2], keywords=[words])]))

    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
