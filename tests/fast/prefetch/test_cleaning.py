"""Which sentences are left out by which rule, and what is cut from the others; each rule with what it must not take."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import ModuleType

import nupunkt
import pyarrow
import pytest

from cloud.src.prefetch import chunks
from cloud.src.prefetch.sentences import cleaning, courtesies, procedure, sentences, speakers
from cloud.src.prefetch.sentences.cleaning import clean_sentence, rules_fingerprint

DROPPED = {
    "greetings": [
        "Good morning.",
        "Good morning, everyone, and thank you for joining us.",
        "Hi, Ada, it's Tom on for Raj Patel.",
        "Hey, good morning, guys.",
        "Good afternoon, and welcome to Harbor Tools' first quarter 2023 earnings conference call.",
        "Good evening Ms. Byrne.",
        "Hello, Ada, Tom, and Raj.",
        "Good morning Ada, Tom and Raj.",
        "Hi, P.J.",
        "Welcome, everyone, and thanks for joining us today.",
    ],
    "thanks": [
        "Thank you.",
        "Okay, great, thanks a lot.",
        "Thank you, Ada, and good morning, everyone.",
        "Thanks for taking my questions.",
        "Thank you very much for your time today.",
        "Yes, thanks for the question, Raj.",
        "I appreciate the color.",
        "Ada, thank you.",
        "Thank you for taking my question, it's Tom.",
    ],
    "safe-harbour notices": [
        "Today's remarks contain forward-looking statements, which are subject to risks and uncertainties.",
        "I would like to remind you that we will make forward-looking statements today.",
        "Actual results may differ materially from what we expect because of various factors.",
        "For the risk factors please see our Form 10-K for 2022 and our other filings with the SEC.",
        "We undertake no obligation to update these statements.",
        "Please refer to slide two for our safe harbor statement.",
        "A reconciliation of these non-GAAP measures is in the press release on our website.",
    ],
    "notices of the call": [
        "This call is being recorded.",
        "A replay of today's call will be available on our website.",
        "The slides are posted in the investor relations section of harbortools.com.",
    ],
    "calls for questions": [
        "Next question, please.",
        "Operator, next question.",
        "Our next question comes from Raj Patel of Elm Securities.",
        "Operator, can we have the next question, please?",
        "We have time for one more question.",
        "With that, operator, please open the line for questions.",
        "We're now happy to take your questions.",
        "Please limit yourself to one question and one follow-up.",
        "There are no further questions at this time.",
    ],
    "operator sentences": [
        "Please press star 1 on your telephone.",
        "Your line is now open.",
        "All participants are in a listen-only mode.",
        "You may now disconnect.",
        "Raj, please go ahead.",
        "I'll get back in the queue.",
    ],
    "hand-overs": [
        "With that, I'll turn the call over to Tom Alder.",
        "And now let me hand it over to Tom to walk you through our results for 2023.",
        "I would now like to turn the conference back over to our CEO, Ada Byrne.",
        "Back to you, Ada.",
        "Tom, do you want to take that one?",
        "Sure, I'll take that.",
    ],
}

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


@pytest.mark.parametrize(("rule", "sentence"), [(rule, text) for rule, texts in DROPPED.items() for text in texts])
def test_procedure_is_left_out_by_its_rule(rule: str, sentence: str) -> None:
    assert clean_sentence(sentence)[1] == rule


@pytest.mark.parametrize("sentence", KEPT)
def test_what_says_something_stays_as_it_is(sentence: str) -> None:
    assert clean_sentence(sentence) == (sentence, None)


@pytest.mark.parametrize(
    ("sentence", "cleaned"),
    [
        ("Thanks, Tom, and good morning, everyone, sales did not fall.", "Sales did not fall."),
        ("Good morning, everyone, and we grew 5%.", "We grew 5%."),
        ("Hi, it's Raj Patel, what about margins in Europe?", "What about margins in Europe?"),
        ("Yes, thanks for the question, no, we will not cut prices.", "No, we will not cut prices."),
        ("Thank you [ph], our costs rose.", "Our costs rose."),
        ("Tom, good morning, Not all of our plants run.", "Not all of our plants run."),
        ("Good morning, China, No, that is not what we see.", "No, that is not what we see."),
        ("Thanks, it's Tom on for Raj, what about margins?", "What about margins?"),
        ("Thanks, Tom, and I think we grew.", "I think we grew."),
        # one name next to a courtesy, and none that may begin a list or is no name
        (
            "Thanks, Tom, China, Japan, and Korea all declined sharply.",
            "Tom, China, Japan, and Korea all declined sharply.",
        ),
        ("Thanks, China and Japan, our largest markets, fell.", "China and Japan, our largest markets, fell."),
        ("Thanks, China, Japan and Korea declined.", "China, Japan and Korea declined."),
        ("Thanks, China, and Japan declined sharply.", "China, and Japan declined sharply."),
        ("Thank you Tom, China, where demand fell, is weak.", "China, where demand fell, is weak."),
        ("Thanks, all, China, where demand fell, is weak.", "China, where demand fell, is weak."),
        ("Thanks, it's Europe, where demand fell sharply.", "It's Europe, where demand fell sharply."),
        ("Good morning, Q1, Q2 and Q3 were all weak.", "Q1, Q2 and Q3 were all weak."),
        # what is left would not stand alone
        ("Thank you, stay safe.", "Thank you, stay safe."),
        ("Thanks, Ada, for your patience with our plant.", "Thanks, Ada, for your patience with our plant."),
        # no punctuation ends the courtesy
        ("Hello Ada and Tom run the plant.", "Hello Ada and Tom run the plant."),
    ],
)
def test_courtesies_before_content_are_cut_from_the_cleaned_text(sentence: str, cleaned: str) -> None:
    assert clean_sentence(sentence) == (cleaned, None)


@pytest.mark.parametrize(
    "opening",
    [
        "Good morning, ",
        "Thanks and ",
        "A" * 50 + " ",
        "Hi, A.B ",
        "forward-looking statements ",
        "risk factors ",
        "  [",
        "[ ",
        "Hi, Ada, ",
        "Thanks Ada Tom ",
        "Thanks, A-B'",
        "Thanks, P.J.",
    ],
)
def test_hostile_text_takes_no_time(opening: str) -> None:
    """A rule whose time grew with the square of the length would not end here."""
    sentence = opening * 20_000
    text, _ = clean_sentence(sentence)
    assert isinstance(text, str)


@pytest.mark.parametrize(
    ("module", "rule", "other"),
    [
        (courtesies, "_FEWEST_WORDS = 3", "_FEWEST_WORDS = 4"),
        (procedure, '_hints("web|.com|replay', '_hints("web|replay'),
        (procedure, "_LONGEST = 1_500", "_LONGEST = 1_000"),
        (procedure, "unless=_REFUSES", "unless=_SAYS_MORE"),
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


@pytest.mark.parametrize("library", [nupunkt, pyarrow])
def test_another_version_of_a_library_is_another_rule(monkeypatch: pytest.MonkeyPatch, library: ModuleType) -> None:
    before = rules_fingerprint()
    monkeypatch.setattr(library, "__version__", "0")
    assert rules_fingerprint() != before
