"""The search for names: what is taken, what is asked for again, and what is named by keywords in the end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from cloud.src.llm.answer_book import AnswerBook
from cloud.src.llm.errors import EMPTY, FAILS_EVERY_TIME, REFUSED, LlmBadAnswer, LlmMisconfigured, LlmUnavailable
from cloud.src.models.embeddings import Vectors, unit
from cloud.src.naming import search as name_search
from cloud.src.naming.ask import Manner, Proposal, TopicToName
from cloud.src.naming.namer import KeywordNamer, with_best_labels
from cloud.src.naming.search import FRESH_ANSWERS, MAX_TRIES, Found, NameSearch
from tests.component.worker_quarter import embedder

FREIGHT = TopicToName(
    ["freight", "ocean freight", "ports"],
    [
        "Ocean freight rates came down from their peak.",
        "Container freight from Asia is cheaper than a year ago.",
        "Port congestion has eased and shipping costs fell.",
    ],
    labels=["Ocean Freight", "Port Congestion"],
    firm=["Acme Corp"],
)
WAGES = TopicToName(
    ["wages", "wage inflation", "hiring"],
    [
        "Wage inflation is easing in our plants.",
        "We raised wages by 5% for all hourly workers.",
        "Hiring workers at these wages is easier now.",
    ],
    labels=["Wage Inflation", "Hourly Workers"],
)
GOOD, OTHER_GOOD, SAME_AS_GOOD = "Ocean Freight Rates", "Container Shipping Costs", "Rates of Ocean Freight"
OFF, OF_WAGES, SENTENCE = "Oncology Drug Trials", "Wage Inflation of Workers", "We Talk About Ocean Freight Rates"

Answer = str | Exception


class Script:
    """Answers the questions about each topic in the order of its list, and remembers how it was asked."""

    def __init__(self, *answers: list[Answer]) -> None:
        self.answers = dict(zip((id(FREIGHT), id(WAGES)), answers, strict=False))
        self.asked: list[tuple[str, Manner]] = []

    async def propose(self, topic: TopicToName, manner: Manner) -> Proposal:
        self.asked.append((topic.keywords[0], manner))
        answers = self.answers[id(topic)]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return Proposal(answer, f"Firms on {answer}.")


def centroids(*topics: TopicToName) -> Vectors:
    return np.stack([unit(embedder().embed(list(topic.examples)).mean(axis=0)) for topic in topics])


def search(script: Script, *topics: TopicToName) -> tuple[list[Found], Counter[str]]:
    tally: Counter[str] = Counter()
    found = asyncio.run(NameSearch(script.propose, embedder(), tally).run(list(topics), centroids(*topics)))
    return found, tally


def test_a_good_name_is_asked_for_once() -> None:
    script = Script([GOOD], ["Wage Inflation"])

    found, tally = search(script, FREIGHT, WAGES)

    assert [result.proposal for result in found] == [
        Proposal(GOOD, f"Firms on {GOOD}."),
        Proposal("Wage Inflation", "Firms on Wage Inflation."),
    ]
    assert script.asked == [("freight", Manner()), ("wages", Manner())]
    assert not tally


@pytest.mark.parametrize(
    ("refused", "case", "reason"),
    [
        (OFF, "off topic", "about something else"),
        (SENTENCE, "against the rules", "a sentence"),
        ("Freight", "against the rules", "2 to 6 words"),
        ("Acme Freight Rates", "against the rules", "the company's name"),
        ("Freight Rates in 2023", "against the rules", "quarter, month or year"),
        ("Стоимость Фрахта", "against the rules", "script"),
        (LlmBadAnswer("nothing", EMPTY), "empty", "it is empty"),
    ],
)
def test_a_refused_name_is_asked_for_again_with_the_reason(refused: Answer, case: str, reason: str) -> None:
    script = Script([refused, GOOD])

    [found], tally = search(script, FREIGHT)

    assert found.proposal is not None
    assert found.proposal.name == GOOD
    assert tally == {f"asked again: {case}": 1}
    [_, (_, with_reason), *fresh] = script.asked
    [objection] = with_reason.objections
    assert objection.name == (refused if isinstance(refused, str) else "")
    assert reason in objection.reason
    assert len(fresh) == FRESH_ANSWERS
    assert all(not manner.objections and manner.temperature > 0 for _, manner in fresh)
    assert len({manner.sample for _, manner in script.asked[1:]}) == FRESH_ANSWERS + 1


def test_of_several_answers_the_nearest_is_taken() -> None:
    script = Script([OFF, OFF, "Freight", "Shipping Costs Abroad", GOOD])

    [found], _ = search(script, FREIGHT)

    assert found.proposal is not None
    assert found.proposal.name == GOOD


def test_a_name_of_another_topic_is_refused() -> None:
    script = Script([OF_WAGES, GOOD], ["Higher Wages"])

    found, tally = search(script, FREIGHT, WAGES)

    assert [result.proposal.name for result in found if result.proposal] == [GOOD, "Higher Wages"]
    assert tally.total() == 1


def test_of_two_topics_with_the_same_name_one_keeps_it() -> None:
    also_freight = TopicToName(FREIGHT.keywords, FREIGHT.examples)
    script = Script([GOOD, OTHER_GOOD])
    script.answers[id(also_freight)] = [SAME_AS_GOOD, OTHER_GOOD]
    # Each name lies nearest to its own topic.
    vectors = embedder().embed([GOOD, SAME_AS_GOOD])
    tally: Counter[str] = Counter()

    found = asyncio.run(NameSearch(script.propose, embedder(), tally).run([FREIGHT, also_freight], vectors))

    names = [result.proposal.name if result.proposal else result.because for result in found]
    assert tally["asked again: duplicate"] == 1
    assert len({GOOD, SAME_AS_GOOD} & set(names)) == 1
    assert len(script.asked) > 2


def test_after_the_last_try_there_is_no_name() -> None:
    script = Script([OFF])

    [found], tally = search(script, FREIGHT)

    assert (found.proposal, found.because) == (None, "repeated")
    assert found.refused == [OFF] * MAX_TRIES
    assert tally == {"asked again: off topic": 1, "asked again: repeated": 1}
    assert len(script.asked) == 1 + (MAX_TRIES - 1) * (1 + FRESH_ANSWERS)


@pytest.mark.parametrize("case", [REFUSED, FAILS_EVERY_TIME])
def test_what_would_end_the_same_way_is_not_asked_again(case: str) -> None:
    script = Script([LlmBadAnswer("no", case)], ["Wage Inflation"])

    [freight, wages], tally = search(script, FREIGHT, WAGES)

    assert (freight.proposal, freight.because) == (None, case)
    assert wages.proposal is not None
    assert wages.proposal.name == "Wage Inflation"
    assert [topic for topic, _ in script.asked] == ["freight", "wages"]
    assert not tally


@pytest.mark.parametrize("answers", [[LlmUnavailable("down")], [OFF, LlmUnavailable("down")]])
def test_an_outage_ends_the_search(answers: list[Answer]) -> None:
    script = Script(answers, ["Wage Inflation"])

    found, _ = search(script, FREIGHT, WAGES)

    assert [result.because for result in found] == [name_search.OUTAGE, ""]
    assert len(script.asked) <= 2 + 1 + FRESH_ANSWERS


def test_a_wrong_configuration_passes_through() -> None:
    with pytest.raises(LlmMisconfigured, match="no key"):
        search(Script([LlmMisconfigured("no key")]), FREIGHT)


def test_nothing_to_name() -> None:
    no_topics = np.zeros((0, embedder().dimensions), dtype=np.float32)

    assert asyncio.run(NameSearch(Script().propose, embedder(), Counter()).run([], no_topics)) == []
    assert KeywordNamer(embedder()).start_topics([], no_topics, AnswerBook()).result() == []


def told_counts(script: Script, *topics: TopicToName) -> list[int]:
    told: list[int] = []
    asyncio.run(NameSearch(script.propose, embedder(), Counter(), told.append).run(list(topics), centroids(*topics)))
    return told


def test_it_tells_how_many_have_been_named() -> None:
    told = told_counts(Script([GOOD], [SENTENCE, "Wage Inflation"]), FREIGHT, WAGES)

    assert len(told) == 3  # two answers, and the one to the question that was asked again
    assert told[1:] == [1, 2]


def test_a_topic_left_without_a_name_counts_as_done() -> None:
    assert told_counts(Script([SENTENCE]), FREIGHT) == [0, 0, 1]
    assert told_counts(Script([LlmUnavailable("gone")]), FREIGHT) == [1]


# --- names without an LLM ---------------------------------------------------------------------


def names_of(start: Callable[..., object], *topics: TopicToName) -> list[tuple[str, str, str]]:
    future = start(list(topics), centroids(*topics), AnswerBook())
    return [(name.text, name.method, name.because) for name in future.result()]  # type: ignore[attr-defined]


def test_keyword_namer_takes_the_label_that_fits_best() -> None:
    namer = KeywordNamer(embedder())

    assert names_of(namer.start_topics, FREIGHT, WAGES) == [
        ("Ocean Freight", "keywords", ""),
        ("Wage Inflation", "keywords", ""),
    ]


def test_a_label_already_used_as_a_name_is_avoided() -> None:
    [freight, wages] = with_best_labels(
        [FREIGHT, WAGES], centroids(FREIGHT, WAGES), embedder(), ["", "Oceans' Freight"]
    )

    assert list(freight.labels) == ["Port Congestion"]
    assert list(wages.labels) == []


@pytest.mark.parametrize(
    ("topics", "names"),
    [
        (  # all have the same label only
            [TopicToName(["freight", word], FREIGHT.examples, labels=["Ocean Freight"]) for word in ("ports", "fuel")],
            ["Ocean Freight", "Freight / Fuel"],
        ),
        (  # and the same first keyword
            [TopicToName(["freight"], FREIGHT.examples, labels=["Freights"])] * 3,
            ["Freights", "Freights (2)", "Freights (3)"],
        ),
        ([TopicToName(["freight", "ports"], FREIGHT.examples)] * 2, ["Freight / Ports", "Freight / Ports (2)"]),
        ([TopicToName([], ["We will."])] * 3, ["Other", "Other (2)", "Other (3)"]),
        (  # of the same meaning in other words
            [
                TopicToName(["freight"], FREIGHT.examples, labels=["Freight of the Ocean"]),
                TopicToName(["freight", "ports"], FREIGHT.examples, labels=["Ocean Freights"]),
            ],
            ["Freight of the Ocean", "Freight / Ports"],
        ),
    ],
)
def test_labels_are_unique_within_a_firm(topics: list[TopicToName], names: list[str]) -> None:
    start = KeywordNamer(embedder()).start_topics

    assert [name for name, _, _ in names_of(start, *topics)] == names


def test_a_label_never_repeats_an_llm_name() -> None:
    only = TopicToName(["freight", "ports"], FREIGHT.examples, labels=["Ocean Freight"])

    [_, label] = with_best_labels([FREIGHT, only], centroids(FREIGHT, only), embedder(), ["Freight of Oceans", ""])

    assert list(label.labels) == ["Freight / Ports"]
