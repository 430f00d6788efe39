from __future__ import annotations

import pytest

from cloud.src.contract.errors import InvalidInput
from cloud.src.models import packaged_models
from cloud.src.worker import settings
from cloud.src.worker.settings import MapSettings, PanelSettings, ReduceSettings

REQUIRED = {
    "QUARTER": "2023Q1",
    "S3_BUCKET": "ftm-pipeline-test",
    "MANIFEST_KEY": "manifests/2023Q1/manifest_1.jsonl",
    "BATCH_ID": "2023Q1_batch_0000",
}
OPTIONAL = [
    "TOPIC_NAMING",
    "THEME_NAMING",
    "CHECKPOINT_INTERVAL",
    "EMBEDDING_MODEL",
    "EMBEDDING_THREADS",
    "FTM_COMMIT",
    "DEPLOYED_COMMIT",
    "LOG_LEVEL",
    "MIN_FIRMS",
    "MAX_FIRM_DOMINANCE",
    "MIN_TOPICS",
    "MAX_TOPICS",
]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OPTIONAL:
        monkeypatch.delenv(name, raising=False)
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)


def test_defaults_are_those_of_the_contract() -> None:
    assert settings.from_environment(MapSettings).model_dump() == {
        "quarter": "2023Q1",
        "s3_bucket": "ftm-pipeline-test",
        "manifest_key": "manifests/2023Q1/manifest_1.jsonl",
        "batch_id": "2023Q1_batch_0000",
        "embedding_model": packaged_models.EMBEDDING,
        "embedding_threads": 0,
        "ftm_commit": "unknown",
        "deployed_commit": "unknown",
        "log_level": "INFO",
        "topic_naming": "llm",
        "checkpoint_interval": 50,
        "min_topics": 1,
        "job_stops_after_s": None,
        "max_topics": 100,
    }
    reduce_settings = settings.from_environment(ReduceSettings)
    assert (reduce_settings.min_firms, reduce_settings.max_firm_dominance) == (2, 0.4)
    assert reduce_settings.theme_naming == "llm"


def test_everything_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = {
        "TOPIC_NAMING": "keywords",
        "CHECKPOINT_INTERVAL": "7",
        "EMBEDDING_MODEL": "/models/own",
        "EMBEDDING_THREADS": "2",
        "FTM_COMMIT": "abc123",
        "DEPLOYED_COMMIT": "def456",
        "LOG_LEVEL": "DEBUG",
        "MIN_FIRMS": "3",
        "MAX_FIRM_DOMINANCE": "0.25",
        "THEME_NAMING": "keywords",
    }
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)

    read = settings.from_environment(MapSettings).model_dump() | settings.from_environment(ReduceSettings).model_dump()

    assert {name: str(read[name.lower()]) for name in chosen} == chosen


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(InvalidInput, match=f"^the job's environment is wrong: {name}: "):
        settings.from_environment(MapSettings)


def test_reduce_needs_no_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BATCH_ID")
    assert settings.from_environment(ReduceSettings).quarter == "2023Q1"


@pytest.mark.parametrize(
    ("kind", "name", "value", "message"),
    [
        (MapSettings, "QUARTER", "2023Q5", "QUARTER: .*'2023Q5' is not a quarter"),
        (MapSettings, "S3_BUCKET", "No_Bucket", "S3_BUCKET: .*'No_Bucket' is not a valid S3 bucket name"),
        (MapSettings, "TOPIC_NAMING", "LLM", "TOPIC_NAMING: .*'llm' or 'keywords'"),
        (MapSettings, "CHECKPOINT_INTERVAL", "0", "CHECKPOINT_INTERVAL: .*greater than or equal to 1"),
        (MapSettings, "CHECKPOINT_INTERVAL", "51", "CHECKPOINT_INTERVAL: .*less than or equal to 50"),
        (MapSettings, "CHECKPOINT_INTERVAL", "many", "CHECKPOINT_INTERVAL: .*valid integer"),
        (MapSettings, "EMBEDDING_THREADS", "-1", "EMBEDDING_THREADS: .*greater than or equal to 0"),
        (MapSettings, "MIN_TOPICS", "101", "wrong: Value error, MIN_TOPICS 101 is more than MAX_TOPICS 100"),
        (MapSettings, "MAX_TOPICS", "0", "MAX_TOPICS: .*greater than or equal to 1"),
        (MapSettings, "LOG_LEVEL", "LOUD", "LOG_LEVEL: .*'DEBUG'"),
        (ReduceSettings, "THEME_NAMING", "none", "THEME_NAMING: .*'llm' or 'keywords'"),
        (ReduceSettings, "MIN_FIRMS", "0", "MIN_FIRMS: .*greater than or equal to 1"),
        (ReduceSettings, "MAX_FIRM_DOMINANCE", "0", "MAX_FIRM_DOMINANCE: .*greater than 0"),
        (ReduceSettings, "MAX_FIRM_DOMINANCE", "1.1", "MAX_FIRM_DOMINANCE: .*less than or equal to 1"),
    ],
)
def test_a_wrong_value_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, kind: type[MapSettings | ReduceSettings], name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput, match=message) as raised:
        settings.from_environment(kind)
    assert "\n" not in str(raised.value)


def test_all_problems_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTER", "Q1")
    monkeypatch.delenv("BATCH_ID")
    with pytest.raises(InvalidInput, match=r"QUARTER: .*; BATCH_ID: "):
        settings.from_environment(MapSettings)


PANEL = {"QUARTERS": "2023Q2 2023Q1", "PANEL_NAME": "spring", "THEMES_FROM": "joint"}


def panel_settings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> PanelSettings:
    for name, value in {**PANEL, **variables}.items():
        monkeypatch.setenv(name, value)
    return settings.from_environment(PanelSettings)


@pytest.mark.parametrize(("given", "themes_from"), [("joint", None), ("2022Q4", "2022Q4")])
def test_what_the_panel_job_is_told(monkeypatch: pytest.MonkeyPatch, given: str, themes_from: str | None) -> None:
    found = panel_settings(monkeypatch, THEMES_FROM=given)

    assert (found.quarters, found.panel_name, found.themes_from) == (["2023Q2", "2023Q1"], "spring", themes_from)
    assert (found.min_firms, found.max_firm_dominance) == (settings.MIN_FIRMS, settings.MAX_FIRM_DOMINANCE)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("QUARTERS", " ", "QUARTERS: Value error, there is no quarter in it"),
        ("QUARTERS", "2023Q1,2023Q2", "quarter '2023Q1,2023Q2' is not a quarter"),
        ("PANEL_NAME", "a/b", "panel 'a/b' is not a name"),
        ("THEMES_FROM", "", "quarter '' is not a quarter"),
    ],
)
def test_what_the_panel_job_cannot_use_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    with pytest.raises(InvalidInput) as error:
        panel_settings(monkeypatch, **{name: value})

    assert message in str(error.value)
