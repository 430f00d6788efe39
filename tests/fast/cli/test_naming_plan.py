import pytest

from cloud.src.cli.run.naming_plan import plan_naming
from cloud.src.cli.screen import duration


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
    ("n_firms", "names_per_second", "llm_topics", "topic_naming"),
    [
        pytest.param(15, 0.7, False, "llm", id="just under five minutes"),
        pytest.param(16, 0.7, False, "keywords", id="just over"),
        pytest.param(15, 0.6, False, "keywords", id="a larger model"),
        pytest.param(150, 0.7, True, "llm", id="asked for with --llm-topics"),
        pytest.param(150, None, False, "llm", id="a server of the user's"),
    ],
)
def test_long_quarters_spend_the_local_model_on_themes(
    n_firms: int, names_per_second: float | None, llm_topics: bool, topic_naming: str
) -> None:
    plan = plan_naming(n_firms, n_firms * 70, names_per_second, llm_topics)

    assert (plan.topic_naming, plan.theme_naming) == (topic_naming, "llm")


@pytest.mark.parametrize("names_per_second", [0.7, None])
def test_without_an_llm_nothing_is_named_by_one(names_per_second: float | None) -> None:
    plan = plan_naming(5, 350, names_per_second, llm_topics=False, no_llm=True)

    assert (plan.topic_naming, plan.theme_naming) == ("keywords", "keywords")
    assert "named by their keywords" in plan.reason


def test_reason_names_the_estimate_and_the_way_out() -> None:
    reason = plan_naming(150, 150 * 70, names_per_second=0.7, llm_topics=False).reason
    assert "up to 1,950 topics" in reason
    assert "49 min" in reason
    assert "--llm-topics" in reason
    assert "--llm-url" in reason
