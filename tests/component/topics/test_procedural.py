"""What runs a call belongs to no topic; what a firm says about its business does."""

import numpy as np
import pytest

from cloud.src.topics.find_topics import FoundTopic
from cloud.src.topics.procedural import ProceduralFilter, are_procedural, is_procedural_topic
from cloud.src.worker.firm_topics import without_procedural
from tests.component.worker_quarter import embedder


@pytest.mark.parametrize(
    ("sentence", "procedural"),
    [
        ("Good morning, and thank you for joining us.", True),
        ("With that, I'll turn the call over to our CFO.", True),
        ("These statements are subject to risks and uncertainties, and actual results may differ.", True),
        ("Ocean freight rates fell by half, and our landed costs fell with them.", False),
        ("We refinanced the notes that were due in June at a higher rate.", False),
        ("Nurses' wages rose nine percent, and we still have vacancies.", False),
    ],
)
def test_procedural_sentences_are_told_from_content(sentence: str, procedural: bool) -> None:
    similarities = ProceduralFilter(embedder()).similarities(embedder().embed([sentence]))
    assert are_procedural(similarities).tolist() == [procedural]


def test_no_sentences() -> None:
    assert ProceduralFilter(embedder()).similarities(embedder().embed([])).shape == (0,)


@pytest.mark.parametrize(
    ("similarities", "procedural"), [([0.5, 0.5, 0.1, 0.1, 0.1], False), ([0.5, 0.5, 0.5, 0.1, 0.1], True)]
)
def test_a_topic_is_procedural_when_over_40_percent_nearly_are(similarities: list[float], procedural: bool) -> None:
    assert is_procedural_topic(np.array(similarities, dtype=np.float32)) is procedural


def test_a_firm_keeps_its_topics_when_all_are_procedural() -> None:
    topic = FoundTopic(np.array([0, 1]), np.ones(2, dtype=np.float32), np.array([0, 1]))
    other = FoundTopic(np.array([2, 3]), np.ones(2, dtype=np.float32), np.array([2, 3]))
    nearly = np.array([0.5, 0.5, 0.1, 0.1], dtype=np.float32)
    assert without_procedural([topic, other], nearly) == [other]
    assert without_procedural([topic], nearly) == [topic]
