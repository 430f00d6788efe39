"""What a name looks like: what is mended, what is refused and why."""

from __future__ import annotations

import pytest

from cloud.src.naming.name_rules import MAX_LENGTH, tidy, why_refused

ONE_LINE = "it must be one line of plain words"
SCRIPT = "it must be in the script of the sentences"
DATE = "it must not have a quarter, month or year"
FIGURES = "it must not have figures"
LENGTH = "it must have 2 to 6 words and at most 48 characters"
LIST = "it must be one name and not a list"
SENTENCE = "it is a sentence and not a name"
NOTHING = "it says nothing about the sentences"


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ("Freight Costs", "Freight Costs"),
        ("  freight \n costs. ", "Freight Costs"),
        ('"Freight Costs"', "Freight Costs"),
        ("**Freight Costs**", "Freight Costs"),
        ("“Freight Costs”", "Freight Costs"),
        ("Customers\N{RIGHT SINGLE QUOTATION MARK} churn", "Customers' Churn"),
        ("The decline in freight rates", "Decline in Freight Rates"),
        ("The Backlog", "The Backlog"),
        ("a return to the office", "Return to the Office"),
        ("r&d and ebitda growth", "R&D and EBITDA Growth"),
        ("5g networks", "5G Networks"),
        ("3g shutdown", "3G Shutdown"),
        ("iPhone sales of McDonald's", "iPhone Sales of McDonald's"),
        ("\ufb01xed cost\uff53", "Fixed Costs"),
        ("Freight\x1b[31m\u202e Costs\x00\u200b", "Freight [31m Costs"),
        ("", ""),
        (" \u200b\n", ""),
    ],
)
def test_tidy(answer: str, name: str) -> None:
    assert tidy(answer) == name
    assert tidy(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "Freight Costs",
        "Shift to Procedures in Surgery Centers",
        "COVID-19 Impact",
        "5G Rollout",
        "F-35 Deliveries",
        "401(k) Plans",
        "U.S. Sales",
        "Oil/Gas Prices",
        "R&D Spending",
        "Mergers & Acquisitions",
        "Oil, Gas and Power",
        "Customers' Churn",
        "Marché Growth",
        "Marching Orders",
        "Increases in Space Programs",
        "Year-over-Year Growth",
    ],
)
def test_names(name: str) -> None:
    assert why_refused(name, ["Increases in space programs were due to restricted work."]) is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "it has no letters"),
        ("12 - 34", "it has no letters"),
        ("Backlog", LENGTH),
        ("Freight Costs Wages Tariffs Rates Debt Churn", LENGTH),
        ("Transportation Warehousing Normalization Continuation", LENGTH),
        ("Freight Costs and", 'it ends with "and"'),
        ("Overtime, Pay Increase", LIST),
        ("Topic Name", NOTHING),
        ("The Company", NOTHING),
        ("We Are Hiring", SENTENCE),
        ("Freight Costs Will Rise", SENTENCE),
        ("Ocean Rates Came Down", SENTENCE),
        ("Growth and Growth", 'it says "growth" twice'),
        ("First Quarter Results", DATE),
        ("Q1 Results", DATE),
        ("2Q Results", DATE),
        ("FY20 Outlook", DATE),
        ("H2 Recovery", DATE),
        ("Outlook for 2020", DATE),
        ("March Orders", DATE),
        ("Sales of 5.4 Billion", FIGURES),
        ("Margin of 3%", FIGURES),
        ("$30 Million", FIGURES),
        ("Top 100 Stores", FIGURES),
        ("Spread of 60bps", FIGURES),
        ("{Freight} Costs", ONE_LINE),
        ("Freight; Costs", ONE_LINE),
        ("Freight / Ports", ONE_LINE),
        ("Freight\nCosts", ONE_LINE),
        ("Freight\u202eCosts Down", ONE_LINE),
        ("<b>Freight Costs", ONE_LINE),
        ("Стоимость Фрахта", SCRIPT),
        ("海运 成本", SCRIPT),
    ],
)
def test_no_names(name: str, reason: str) -> None:
    assert why_refused(name, ["Ocean rates came down.", "Freight is cheaper."]) == reason


def test_the_limits_are_names() -> None:
    assert why_refused("Six Words of a Long Name") is None
    longest = "A" * (MAX_LENGTH - 2) + " B"
    assert why_refused(longest) is None
    assert why_refused(longest + "C") == LENGTH


def test_the_script_is_that_of_the_sentences() -> None:
    assert why_refused("Стоимость Фрахта", ["Стоимость фрахта снизилась."]) is None
    assert why_refused("Freight Costs", ["Стоимость фрахта снизилась."]) is None


@pytest.mark.parametrize(
    ("name", "firm", "mentioned"),
    [
        ("Stryker Robots", ("Stryker Corp", "SYK"), "Stryker"),
        ("Stryker's Robots", ("Stryker Corp", "SYK"), "Stryker"),
        ("SYK Robots", ("Stryker Corp", "SYK"), "SYK"),
        ("General Electric Renewables", ("General Electric Company", "GE"), "General Electric"),
        ("GE Renewables", ("General Electric Company", "GE"), "GE"),
        ("Mills of Harbor", ("Harbor Mills Foods Inc.",), "Harbor"),
    ],
)
def test_the_firm_is_not_in_a_name(name: str, firm: tuple[str, ...], mentioned: str) -> None:
    sentences = ["Stryker sells robots.", "GE is in general good at renewables.", "Harbor has mills."]
    assert why_refused(name, sentences, firm) == f'it must not have the company\'s name "{mentioned}"'
    assert why_refused(name, sentences) is None


@pytest.mark.parametrize(
    ("name", "firm"),
    [
        ("Capital Return", ("Capital One Financial Corp", "COF")),
        ("Frozen Foods", ("Harbor Mills Foods Inc.",)),
        ("Company Cars", ("Cars and Company Inc.",)),
        ("Target for Margins", ("Margins Ltd", "T")),
    ],
)
def test_ordinary_words_of_a_firms_name_are_allowed(name: str, firm: tuple[str, ...]) -> None:
    assert why_refused(name, ["We return capital, sell foods and cars, and keep margins."], firm) is None
