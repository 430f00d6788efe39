import pytest

from cloud.src.cli.estimate import (
    LOCAL_NAMES_PER_SECOND,
    LONGEST_LOCAL_NAMING_S,
    SENTENCES_PER_TOPIC,
    duration,
    plan_naming,
)

MOST_TOPICS = int(LONGEST_LOCAL_NAMING_S * LOCAL_NAMES_PER_SECOND)
LONG_QUARTER = 10 * MOST_TOPICS * SENTENCES_PER_TOPIC


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.42, "0.4 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.7, "1 h 00 min"),
        (7800, "2 h 10 min"),
    ],
)
def test_duration_is_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("n_sentences", "local_model", "llm_topics", "topic_naming"),
    [
        pytest.param(MOST_TOPICS * SENTENCES_PER_TOPIC, True, False, "llm", id="just under five minutes"),
        pytest.param((MOST_TOPICS + 1) * SENTENCES_PER_TOPIC, True, False, "keywords", id="just over"),
        pytest.param(LONG_QUARTER, True, True, "llm", id="asked for with --llm-topics"),
        pytest.param(LONG_QUARTER, False, False, "llm", id="a server of the user's"),
    ],
)
def test_long_quarters_spend_the_local_model_on_themes(
    n_sentences: int, local_model: bool, llm_topics: bool, topic_naming: str
) -> None:
    assert plan_naming(n_sentences, local_model, llm_topics).topic_naming == topic_naming


def test_reason_names_the_estimate_and_the_way_out() -> None:
    reason = plan_naming(LONG_QUARTER, local_model=True, llm_topics=False).reason
    assert "50 min" in reason
    assert "--llm-topics" in reason and "--llm-url" in reason
