"""Which sentences are left out as procedure, which must not be, and what changes the fingerprint of these rules."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest

from cloud.src.prefetch import chunks
from cloud.src.prefetch.sentences import cleaning, procedure, sentences, speakers
from cloud.src.prefetch.sentences.cleaning import clean, rules_fingerprint
from cloud.src.prefetch.sentences.procedure import is_procedure

PROCEDURE = [
    "With that, I'll turn the call over to Tom Alder.",
    "Let me hand it over to Tom to walk you through our results for 2023.",
    "I would now like to turn the call back over to our CEO, Ada Byrne.",
    "I'll pass it back to you.",
    "With that, operator, please open the line for questions.",
    "Let me stop there and open it up for Q&A.",
    "Tom will join us for the Q&A session.",
    "Please limit yourself to one question and one follow-up.",
    "We're now happy to take your questions.",
    "Today's remarks contain forward-looking statements, which are subject to risks and uncertainties.",
    "Actual results may differ materially from what we expect.",
    "A reconciliation of these non-GAAP measures is in the press release on our website.",
    "A replay of today's call will be available on our website.",
]

KEPT = [
    # negations and answers
    "No.",
    "Yes.",
    "Not at all.",
    "No, thank you for asking, we did not raise prices.",
    "No, thanks for the question, margins will fall further.",
    "No. Thank you, that is not the case.",
    "No, thank you.",
    "Never, thanks for the question, margins were worse.",
    "Don't, thank you, count on lower prices.",
    # words of courtesy that are content
    "Thanks to lower freight rates, margins rose.",
    "Good morning peak sales fell in our cafes.",
    "Hi-tech demand was weak.",
    "We thank our suppliers for their patience.",
    "Welcome growth came from China.",
    # figures and reasons
    "I'll turn the call over to Tom, but demand in China is weak.",
    "Before we open the call for questions, I want to say that we are closing the plant in Duluth.",
    "With that, let me turn to Europe.",
    "I'll now turn to Slide 5, where sales rose 4%.",
    "Thank you for your order of $5 million.",
    "Excluding the non-GAAP items in the press release, margin was 12%.",
    # the rules' words in what firms say
    "My first question is on the loan book.",
    "The question is whether prices hold.",
    "We don't make forward-looking comments on pricing.",
    "Actual results were better than we had forecast.",
    "We have a 401(k) with a safe harbor match.",
    "Looking forward, customers are cautious.",
    "Reconciling the two systems took our team a year.",
    "There are many solar projects in the queue.",
    "Our pipeline is now open and full.",
    "We can turn that into cash.",
    "We went ahead with the buyback.",
    "The line is open around the clock.",
    "Prices will come back to normal.",
    "We pass it on to our customers.",
    "Our new website is recording more visits.",
    "Press coverage of the recall hurt us.",
    "We question the value of that deal.",
]


@pytest.mark.parametrize("sentence", PROCEDURE)
def test_what_runs_the_call_is_procedure(sentence: str) -> None:
    assert is_procedure(sentence)


@pytest.mark.parametrize("sentence", KEPT)
def test_what_says_something_is_not(sentence: str) -> None:
    assert not is_procedure(sentence)


@pytest.mark.parametrize(
    "opening",
    [
        "turn it over to ",
        "open it up ",
        "happy to take ",
        "actual results will ",
        "reconciliation ",
        "release available ",
        "A" * 50 + " ",
        "  [",
        "[ ",
    ],
)
def test_hostile_text_takes_no_time(opening: str) -> None:
    """A rule whose time grew with the square of the length would not end here."""
    sentence = opening * 20_000
    assert not is_procedure(clean(sentence))


@pytest.mark.parametrize(
    ("module", "rule", "other"),
    [
        (procedure, "_LONGEST = 1_500", "_LONGEST = 1_000"),
        (procedure, "re.IGNORECASE | re.VERBOSE", "re.VERBOSE"),
        (cleaning, "x00-", "x01-"),
        (sentences, "add app at", "add at"),
        (speakers, '"management"', '"manager"'),
        (chunks, "FIRMS_PER_CHUNK = 100", "FIRMS_PER_CHUNK = 200"),
    ],
)
def test_the_rules_are_known_by_their_fingerprint(tmp_path: Path, module: ModuleType, rule: str, other: str) -> None:
    room = Path(str(chunks.__file__)).parent
    code = shutil.copytree(room, tmp_path / "prefetch", ignore=shutil.ignore_patterns("__pycache__"))
    assert rules_fingerprint(code) == rules_fingerprint()
    changed = code / Path(str(module.__file__)).relative_to(room)
    text = changed.read_text()
    assert rule in text
    changed.write_text(text.replace(rule, other))
    assert rules_fingerprint(code) != rules_fingerprint()


@pytest.mark.parametrize("library", ["nupunkt", "exchange-calendars", "pyarrow"])
def test_another_version_of_a_library_is_another_rule(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    before = rules_fingerprint()
    monkeypatch.setattr(cleaning, "version", lambda name: "0" if name == library else version(name))
    assert rules_fingerprint() != before
