"""Writes the tables of a small quarter, from a list of topics, as a run leaves them in its output folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.src.cli.report import data as report_data
from cloud.src.cli.report.command import write_report
from cloud.src.contract import keys, schemas

QUARTER = "2023Q1"
CALL_DATE = date(2023, 2, 14)
N_REPRESENTATIVE = 2
SPEAKERS = [("Ines Okafor", "CEO", "prepared"), ("Tom Brandt", "CFO", "prepared"), ("Mei Larsen", "Analyst", "qa")]


@dataclass(frozen=True)
class FakeTopic:
    """A firm's topic. The last two of its ``texts`` are the representative ones, the second to last is the best."""

    firm: str
    number: int
    name: str
    texts: list[str]
    theme: str | None = None
    keywords: list[str] = field(default_factory=lambda: ["lead times", "suppliers"])
    naming_method: str = "llm"
    embedding: list[float] = field(default_factory=lambda: [1.0, 0.0])


SMALL_QUARTER = [
    FakeTopic(
        "Northfield Foods",
        0,
        "Freight rates easing",
        [
            "We booked ocean freight early.",
            "Container rates fell by half since summer.",
            "Freight was a tailwind of forty basis points.",
        ],
        "theme_2023Q1_001",
        ["freight", "container"],
    ),
    FakeTopic(
        "Brightwater Tools",
        0,
        "Lower shipping costs",
        ["Shipping costs came down faster than planned.", "Freight inflation is behind us."],
        "theme_2023Q1_001",
        ["freight", "shipping"],
    ),
    FakeTopic(
        "Brightwater Tools",
        1,
        "Hiring of service technicians",
        ["We hired ninety technicians.", "Wages for technicians rose six percent."],
        "theme_2023Q1_002",
        ["technicians", "wages"],
        "keywords",
    ),
    FakeTopic(
        "Calder Health",
        0,
        "Nurse staffing and pay",
        ["Agency nurses remain expensive.", "Wages are our largest cost.", "We filled four hundred nurse positions."],
        "theme_2023Q1_002",
        ["nurses", "wages"],
    ),
    FakeTopic("Calder Health", 1, "Dialysis centre openings", ["Nine dialysis centres open in spring."]),
]
SMALL_FAMILIES = {
    "family_2023Q1_001": ("Supply chain", ["theme_2023Q1_001"]),
    "family_2023Q1_002": ("Labor", ["theme_2023Q1_002"]),
}
SMALL_THEMES = {"theme_2023Q1_001": "Freight costs ease", "theme_2023Q1_002": "Wages and hiring"}
WITHOUT_TOPIC = ["Good morning and welcome.", "Next question, please."]


SMALL_SECTORS = {"Northfield Foods": "Consumer Staples", "Brightwater Tools": "Industrials"}  # one is unknown


def write_small_quarter(folder: Path, quarter: str = QUARTER, sectors: dict[str, str] | None = None) -> Path:
    return write_quarter(folder, SMALL_QUARTER, SMALL_THEMES, quarter, SMALL_FAMILIES, sectors)


def write_two_quarters(folder: Path) -> Path:
    """2022Q4, and QUARTER in which nobody speaks of wages any more; what is on freight is alike. Returns ``folder``."""
    write_small_quarter(folder, "2022Q4")
    later = [topic for topic in SMALL_QUARTER if topic.theme != "theme_2023Q1_002"]
    families = {"family_2023Q1_001": SMALL_FAMILIES["family_2023Q1_001"]}
    write_quarter(folder, later, {"theme_2023Q1_001": "Freight"}, QUARTER, families)
    for quarter in ("2022Q4", QUARTER):
        path = folder / keys.topics(quarter)
        rows = pq.read_table(path, partitioning=None).to_pylist()
        for row in rows:
            row["embedding"] = [1.0, 0.0] if "freight" in row["keywords"] else [0.0, 1.0]
        pq.write_table(pa.Table.from_pylist(rows, schemas.TOPIC), path)
    return folder


def write_in_parts(folder: Path, max_page_bytes: int = 1_750) -> Path:
    """Write the report of a small quarter as that of a large one is written: with files beside it; return its path."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report_data, "MAX_PAGE_BYTES", max_page_bytes)
        return write_report(folder)


def write_quarter(
    folder: Path,
    topics: list[FakeTopic],
    theme_names: dict[str, str],
    quarter: str = QUARTER,
    families: dict[str, tuple[str, list[str]]] | None = None,
    sectors: dict[str, str] | None = None,
) -> Path:
    """Write the report's tables; each firm also says the two sentences without a topic. Returns ``folder``.

    What is in a theme's topics counts for the theme and for its family.

    ``families`` has the name of each and its themes; by default each theme has a family of its own, without a name.
    ``sectors``: by the firm's name.
    """
    families = families or {theme_id.replace("theme", "family"): ("", [theme_id]) for theme_id in theme_names}
    firms = {name: f"{1000 + number}" for number, name in enumerate(dict.fromkeys(topic.firm for topic in topics))}
    sentences = {name: _sentence_rows(name, firm_id, topics, quarter) for name, firm_id in firms.items()}
    topic_rows = [_topic_row(topic, firms[topic.firm], sentences[topic.firm], quarter) for topic in topics]
    _write(folder / keys.topics(quarter), topic_rows, schemas.TOPIC)
    _write(folder / keys.themes(quarter), _theme_rows(topics, theme_names, families, quarter), schemas.THEME)
    _write(folder / keys.firms(quarter), _firm_rows(firms, topics, sentences, quarter, sectors or {}), schemas.FIRM)
    for part, (firm, rows) in enumerate(sentences.items()):
        part_name = (quarter, keys.batch_id(quarter, 0), part)
        _write(folder / keys.sentences(*part_name), rows, schemas.SENTENCE_TOPIC)
        evidence = _evidence_rows(rows, [topic for topic in topics if topic.firm == firm], families, quarter)
        _write(folder / keys.evidence(*part_name), evidence, schemas.EVIDENCE)
    return folder


def _sentence_rows(firm: str, firm_id: str, topics: list[FakeTopic], quarter: str) -> list[dict[str, object]]:
    placed = [(text, topic.number) for topic in topics if topic.firm == firm for text in topic.texts]
    rows = []
    for position, (text, number) in enumerate(placed + [(text, -1) for text in WITHOUT_TOPIC]):
        speaker_name, speaker_type, section = SPEAKERS[position % len(SPEAKERS)]
        rows.append(
            {
                "sentence_id": f"{firm_id}_9{firm_id}_{position:04d}",
                "firm_id": firm_id,
                "firm_name": firm,
                "transcript_id": f"9{firm_id}",
                "call_id": f"{firm_id}_9{firm_id}",
                "earnings_call_date": CALL_DATE,
                "time_known": False,
                "section": section,
                "speaker_name": speaker_name,
                "speaker_type": speaker_type,
                "position": position,
                "raw_text": text,
                "cleaned_text": text.lower(),
                "says": number >= 0,
                "local_topic_id": number,
                "quarter": quarter,
            }
        )
    return rows


def _evidence_rows(
    sentences: list[dict[str, object]],
    topics: list[FakeTopic],
    families: dict[str, tuple[str, list[str]]],
    quarter: str,
) -> list[dict[str, object]]:
    theme_of = {topic.number: topic.theme for topic in topics}
    pairs = [(row["sentence_id"], theme_of.get(int(str(row["local_topic_id"])))) for row in sentences]
    return [
        {"sentence_id": sentence_id, "theme_id": group, "similarity": 0.6, "phrase": None, "quarter": quarter}
        for sentence_id, theme in pairs
        for group in [*(family for family, (_, themes) in families.items() if theme in themes), theme]
        if group is not None
    ]


def _topic_row(topic: FakeTopic, firm_id: str, rows: list[dict[str, object]], quarter: str) -> dict[str, object]:
    own_ids = [row["sentence_id"] for row in rows if row["local_topic_id"] == topic.number]
    return {
        "topic_id": f"{firm_id}_{topic.number}",
        "firm_id": firm_id,
        "firm_name": topic.firm,
        "local_topic_id": topic.number,
        "earnings_call_date": CALL_DATE,
        "representation": ", ".join(topic.keywords),
        "keywords": topic.keywords,
        "summary": topic.name,
        "naming_method": topic.naming_method,
        "n_sentences": len(own_ids),
        "representative_sentence_ids": own_ids[-N_REPRESENTATIVE:],
        "embedding": topic.embedding,
        "theme_id": topic.theme,
        "quarter": quarter,
    }


def _theme_rows(
    topics: list[FakeTopic], names: dict[str, str], families: dict[str, tuple[str, list[str]]], quarter: str
) -> list[dict[str, object]]:
    family_of = {theme_id: family_id for family_id, (_, theme_ids) in families.items() for theme_id in theme_ids}
    return [
        *(
            _theme_row(family_id, name, theme_ids, None, topics, quarter)
            for family_id, (name, theme_ids) in families.items()
        ),
        *(
            _theme_row(theme_id, name, [theme_id], family_of[theme_id], topics, quarter)
            for theme_id, name in names.items()
        ),
    ]


def _theme_row(
    theme_id: str, name: str, theme_ids: list[str], family_id: str | None, topics: list[FakeTopic], quarter: str
) -> dict[str, object]:
    """A theme, or a family of the ``theme_ids``."""
    own = [topic for topic in topics if topic.theme in theme_ids]
    n_firms, n_all = len({topic.firm for topic in own}), len({topic.firm for topic in topics})
    return {
        "theme_id": theme_id,
        "name": name,
        "description": f"What firms say about: {name}.",
        "naming_method": "llm",
        "keywords": own[0].keywords,
        "n_topics": len(own),
        "n_firms": n_firms,
        "n_sentences": sum(len(topic.texts) for topic in own),
        "level": "theme" if family_id else "family",
        "family_id": family_id,
        "share_of_firms": n_firms / n_all,
        "distinctiveness": 0.5,
        "general": False,
        "stability": 0.75 if family_id else 0.5,
        "dictionary": [{"phrase": phrase, "purity": 0.75, "share": 0.5} for phrase in own[0].keywords],
        "centroid": own[0].embedding,
        "evidence_sentence_ids": [],
        "map_x": 10.0 * int(theme_id[-3:]),
        "map_y": 0.0,
        "named_by": "Qwen/Qwen3-8B",
        "quarter": quarter,
    }


def _firm_rows(
    firms: dict[str, str],
    topics: list[FakeTopic],
    sentences: dict[str, list[dict[str, object]]],
    quarter: str,
    sectors: dict[str, str],
) -> list[dict[str, object]]:
    return [
        {
            "firm_id": firm_id,
            "firm_name": name,
            "ticker": "".join(word[0] for word in name.split()),
            "sector": sectors.get(name),
            "earnings_call_date": CALL_DATE,
            "n_sentences": len(sentences[name]),
            "n_topics": sum(topic.firm == name for topic in topics),
            "quarter": quarter,
        }
        for name, firm_id in firms.items()
    ]


def _write(path: Path, rows: list[dict[str, object]], schema: pa.Schema) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
