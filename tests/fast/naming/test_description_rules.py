"""Descriptions of themes: one or two sentences that only say what the topics say."""

from __future__ import annotations

import json
import re

import pytest

from cloud.src.naming import ask, prompt
from cloud.src.naming.description_rules import MAX_LENGTH, MIN_SHARE_SAID, why_refused
from cloud.src.naming.said import share_said

SAID = "Ocean Freight Rates, Port Congestion, Trucking Costs of 2 Fleets, freight, carriers"
ADDS = "it says more than the topics"


@pytest.mark.parametrize(
    "description",
    [
        "Companies talk about freight rates and port congestion.",
        "Companies talk about ocean freight. They also talk about what trucking costs the carriers.",
        "Firms discuss the 2 fleets and congested ports.",
    ],
)
def test_descriptions(description: str) -> None:
    assert why_refused(description, SAID) is None


@pytest.mark.parametrize(
    ("description", "reason"),
    [
        ("", "it is not one to 2 sentences"),
        ("Companies talk about freight", "it is not one to 2 sentences"),
        ("Freight. Ports. Carriers.", "it is not one to 2 sentences"),
        ("Companies talk about freight. And about port", "it is not one to 2 sentences"),
        ("Companies talk about\nfreight.", "it is too long or not one line"),
        ("Companies talk about freight" + " freight" * 40 + ".", "it is too long or not one line"),
        ("Companies talk about freight rates of 30.", "it has figures"),
        ("Companies expect freight rates to fall by autumn because demand is weak.", ADDS),
        ("Companies talk about oncology and the approval of drugs.", ADDS),
        ("Companies talk about this.", ADDS),
    ],
)
def test_no_descriptions(description: str, reason: str) -> None:
    assert why_refused(description, SAID) == reason


def test_the_longest_description() -> None:
    longest = "Freight" + " freight" * ((MAX_LENGTH - 8) // 8) + "."

    assert MAX_LENGTH - 8 < len(longest) <= MAX_LENGTH
    assert why_refused(longest, SAID) is None
    assert why_refused("Freight " + longest, SAID) == "it is too long or not one line"


def test_the_prompts_own_examples_pass() -> None:
    *turns, _ = prompt.chat(ask.THEME_PROMPT_VERSION, ["freight"], ["Freight Rates"])
    examples = [(turns[i]["content"], json.loads(turns[i + 1]["content"])) for i in range(1, len(turns), 2)]
    assert len(examples) >= 3
    for question, answer in examples:
        assert why_refused(answer["description"], re.sub(r"Sentences:|Phrases:|Subject:", "", question)) is None


@pytest.mark.parametrize(
    ("written", "said", "share"),
    [
        ("Suspended Production", "We suspend producing.", 1),
        ("Freight and the Drought", "freight", 0.5),
        ("Ports", "The port is busy.", 1),
        ("Freight of Drought", "Nothing is said.", 0),
        ("To the", "to the", 0),
        ("Companies talk about freight", "freight", 0.25),
    ],
)
def test_share_of_words_that_are_said(written: str, said: str, share: float) -> None:
    assert share_said(written, said) == share


def test_words_that_do_not_count() -> None:
    assert share_said("Companies talk about freight", "freight", {"companies", "talk", "about"}) == 1
    assert 0 < MIN_SHARE_SAID < 1
