"""Calls and exposures of a few sentences, counted by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from cloud.src.contract import schemas
from cloud.src.worker.calls import calls_of
from cloud.src.worker.exposures import exposures_of

QUARTER = "2023Q1"
THEMES = pa.Table.from_pylist(
    [
        {"theme_id": theme_id, "name": name, "level": level, "quarter": QUARTER}
        | {"description": "", "naming_method": "keywords", "named_by": "keywords", "keywords": [], "dictionary": []}
        | {"n_topics": 1, "n_firms": 1, "n_sentences": 1, "share_of_firms": 1.0, "distinctiveness": 1.0}
        | {"general": False, "centroid": [1.0], "evidence_sentence_ids": []}
        for theme_id, name, level in (
            ("family_2023Q1_001", "Supply Chain", "family"),
            ("theme_2023Q1_001", "Freight", "theme"),
            ("theme_2023Q1_002", "Ports", "theme"),
        )
    ],
    schemas.THEME,
)
# call, section, speaker, says
SPOKEN = [
    ("a", "prepared", "CEO", True),
    ("a", "prepared", "Executive", False),
    ("a", "qa", "Analyst", True),
    ("a", "qa", "CFO", True),
    ("a", None, "Unknown", True),
    ("b", None, "Unknown", True),
    ("b", "qa", "Analyst", False),
]


def sentences(spoken: list[tuple[str, str | None, str, bool]] = SPOKEN) -> pa.Table:
    return pa.Table.from_pylist(
        [row(number, *sentence) for number, sentence in enumerate(spoken)], schemas.SENTENCE_TOPIC
    )


def row(number: int, call: str, section: str | None, speaker_type: str, says: bool) -> dict[str, Any]:
    return {
        "sentence_id": f"1_{call}_{number:04d}",
        "firm_id": "1",
        "firm_name": "Elm Tools",
        "permno": 10_001,
        "sector": "Tools",
        "transcript_id": call,
        "call_id": f"1_{call}",
        "earnings_call_date": date(2023, 2, 1),
        "call_time_utc": datetime(2023, 2, 1, 21, 30, tzinfo=UTC),
        "time_known": True,
        "event_date": date(2023, 2, 2),
        "section": section,
        "speaker_type": speaker_type,
        "position": number,
        "raw_text": "Freight.",
        "cleaned_text": "Freight.",
        "says": says,
        "local_topic_id": -1,
        "quarter": QUARTER,
    }


def evidence(*counted: tuple[int, str, float]) -> pa.Table:
    ids = sentences().column("sentence_id").to_pylist()
    rows = [
        {"sentence_id": ids[number], "theme_id": theme_id, "similarity": similarity, "quarter": QUARTER}
        for number, theme_id, similarity in counted
    ]
    return pa.Table.from_pylist(rows, schemas.EVIDENCE)


def test_a_call_counts_its_sentences_by_section_and_side() -> None:
    calls = calls_of(sentences())

    assert calls.schema == schemas.CALL
    counts = [
        {name.removeprefix("n_sentences"): count for name, count in call.items() if name.startswith("n_sentences")}
        for call in calls.to_pylist()
    ]
    assert counts == [
        {"": 5, "_prepared": 2, "_qa": 2, "_management": 3, "_analysts": 1}
        | {"_said": 4, "_said_prepared": 1, "_said_qa": 2, "_said_management": 2, "_said_analysts": 1},
        {"": 2, "_prepared": 0, "_qa": 1, "_management": 0, "_analysts": 1}
        | {"_said": 1, "_said_prepared": 0, "_said_qa": 0, "_said_management": 0, "_said_analysts": 0},
    ]
    assert calls.column("call_id").to_pylist() == ["1_a", "1_b"]
    assert calls.column("event_date").to_pylist() == [date(2023, 2, 2)] * 2


def test_exposure_is_the_share_of_what_the_call_says() -> None:
    counted = evidence(
        (0, "theme_2023Q1_001", 0.8),
        (0, "family_2023Q1_001", 0.7),
        (3, "theme_2023Q1_001", 0.6),
        (5, "theme_2023Q1_002", 0.5),
    )

    exposures = exposures_of(counted, sentences(), calls_of(sentences()), THEMES)

    assert exposures.schema == schemas.EXPOSURE
    columns = ["call_id", "theme_id", "level", "n_sentences", "exposure", "mean_similarity"]
    assert [tuple(row.values()) for row in exposures.select(columns).to_pylist()] == [
        ("1_a", "family_2023Q1_001", "family", 1, 0.25, 0.7),
        ("1_a", "theme_2023Q1_001", "theme", 2, 0.5, 0.7),
        ("1_b", "theme_2023Q1_002", "theme", 1, 1.0, 0.5),
    ]
    parts = ["exposure_prepared", "exposure_qa", "exposure_management", "exposure_analysts"]
    assert [tuple(row.values()) for row in exposures.select(parts).to_pylist()] == [
        (1.0, 0.0, 0.5, 0.0),
        (1.0, 0.5, 1.0, 0.0),
        (None, None, None, None),
    ]
    assert set(exposures.column("theme_name").to_pylist()) == {"Supply Chain", "Freight", "Ports"}
    assert set(exposures.column("sector").to_pylist()) == {"Tools"}


def test_nothing_counts() -> None:
    none = exposures_of(evidence(), sentences(), calls_of(sentences()), THEMES)
    nobody = sentences([])

    assert (none.num_rows, none.schema) == (0, schemas.EXPOSURE)
    assert (calls_of(nobody).num_rows, calls_of(nobody).schema) == (0, schemas.CALL)
    assert exposures_of(evidence(), nobody, calls_of(nobody), THEMES.slice(0, 0)).num_rows == 0
