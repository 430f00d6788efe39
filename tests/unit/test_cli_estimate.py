import pytest

from cloud.src.cli.estimate import duration, plan_naming


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


# A firm with 70 sentences has up to 13 topics. With 6 % for the themes, 15 firms make 207 names and 16 make 220; the
# local model makes 210 in the five minutes it is given.
@pytest.mark.parametrize(
    ("n_firms", "local_model", "llm_topics", "topic_naming"),
    [
        pytest.param(15, True, False, "llm", id="just under five minutes"),
        pytest.param(16, True, False, "keywords", id="just over"),
        pytest.param(150, True, True, "llm", id="asked for with --llm-topics"),
        pytest.param(150, False, False, "llm", id="a server of the user's"),
    ],
)
def test_long_quarters_spend_the_local_model_on_themes(
    n_firms: int, local_model: bool, llm_topics: bool, topic_naming: str
) -> None:
    assert plan_naming(n_firms, n_firms * 70, local_model, llm_topics).topic_naming == topic_naming


def test_reason_names_the_estimate_and_the_way_out() -> None:
    reason = plan_naming(150, 150 * 70, local_model=True, llm_topics=False).reason
    assert "up to 1,950 topics" in reason and "49 min" in reason
    assert "--llm-topics" in reason and "--llm-url" in reason
