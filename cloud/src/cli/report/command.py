"""The report of a quarter: one self-contained index.html in which a researcher reads themes down to their sentences.

Every text in it is untrusted; page.py says what keeps it harmless.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cloud.src.cli.pages import page
from cloud.src.cli.report import data as report_data
from cloud.src.cli.report.data import Firm, ReportData, ReportTheme, ReportTopic, Sentence
from cloud.src.cli.run import run_folder
from cloud.src.contract import keys
from cloud.src.contract.errors import InvalidInput

# Bars a reader takes in at a glance; the chart folds the smaller families away.
FAMILIES_IN_CHART = 20


def write_report(folder: Path, quarter: str | None = None) -> Path:
    """Write ``reports/quarter=.../index.html`` of one quarter, or of each one in the output folder.

    Returns the page's path, the newest quarter's when there are several. Raises InvalidInput when the folder, the
    quarter or one of its tables is missing or damaged, FtmError when the page cannot be written.
    """
    found = run_folder.quarters_in(folder)
    if quarter is not None and keys.check_quarter(quarter) not in found:
        raise InvalidInput(f"{folder} has no quarter {quarter}, only {', '.join(found)}")
    return [_write_page(folder, each) for each in found if quarter in (None, each)][-1]


def render(report: ReportData, made_at: datetime) -> str:
    """Return the page; ``made_at`` is in UTC."""
    return page.render(
        Path(__file__).parent,
        "report",
        report=report,
        made_at=made_at,
        naming=_naming(report),
        firms_without_theme=len({topic.firm_id for topic in report.topics if topic.theme_id is None}),
        sentences_key=keys.sentences_prefix(report.quarter),
        families_in_chart=FAMILIES_IN_CHART,
        page_data=_page_data(report),
    )


def _write_page(folder: Path, quarter: str) -> Path:
    path = folder / keys.report(quarter)
    page.write(path, render(report_data.load(folder, quarter), datetime.now(UTC)))
    return path


def _naming(report: ReportData) -> dict[str, dict[str, int]]:
    """Return how many families, themes and topics got their name in which way, like {"themes": {"llm": 12}}."""
    return {
        "families": dict(Counter(family.naming_method for family in report.families)),
        "themes": dict(Counter(theme.naming_method for theme in report.themes)),
        "topics": dict(Counter(topic.naming_method for topic in report.topics)),
    }


def _page_data(report: ReportData) -> dict[str, Any]:
    """Return what the page's script works on.

    Firms, families, themes and speakers are named by their place in their lists, and a sentence is a list in a fixed
    order, because a page has tens of thousands of them.
    """
    firm_number = {firm.firm_id: number for number, firm in enumerate(report.firms)}
    theme_number: dict[str | None, int] = {theme.theme_id: number for number, theme in enumerate(report.themes)}
    speakers: dict[tuple[str | None, str], int] = {}

    def sentence_row(sentence: Sentence) -> list[Any]:
        speaker = speakers.setdefault((sentence.speaker_name, sentence.speaker_type), len(speakers))
        return [sentence.sentence_id, sentence.text, speaker, sentence.section, sentence.call_date.isoformat()]

    def topic_record(topic: ReportTopic) -> dict[str, Any]:
        return {
            "id": topic.topic_id,
            "firm": firm_number[topic.firm_id],
            "theme": theme_number.get(topic.theme_id),
            "name": topic.name,
            "method": topic.naming_method,
            "keywords": topic.keywords,
            "total": topic.n_sentences,
            "representative": topic.n_representative,
            "sentences": [sentence_row(sentence) for sentence in topic.sentences],
        }

    topics = [topic_record(topic) for topic in report.topics]
    family_number = {family.theme_id: number for number, family in enumerate(report.families)}
    return {
        "families": [_theme_record(family) for family in report.families],
        "themes": [_theme_record(theme) | {"family": family_number[str(theme.family_id)]} for theme in report.themes],
        "firms": [_firm_record(firm) for firm in report.firms],
        "topics": topics,
        "speakers": [{"name": name, "type": kind} for name, kind in speakers],
    }


def _theme_record(theme: ReportTheme) -> dict[str, Any]:
    return {
        "id": theme.theme_id,
        "name": theme.name,
        "description": theme.description,
        "keywords": theme.keywords,
        "firms": theme.n_firms,
        "sentences": theme.n_sentences,
    }


def _firm_record(firm: Firm) -> dict[str, Any]:
    return {"name": firm.name, "ticker": firm.ticker, "callDate": firm.call_date.isoformat()}
