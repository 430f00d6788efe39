"""Rows of the tables in ``schemas.py``, as dictionaries with a type for each column."""

from __future__ import annotations

from datetime import date
from typing import Any, TypedDict


class NamedBy(TypedDict):
    """Which model and which of our prompts gave names; both None for names by keywords."""

    llm_model: str | None
    prompt: str | None


class FirmRow(TypedDict):
    """A row of FIRM."""

    firm_id: str
    firm_name: str
    ticker: str | None
    gvkey: str | None
    permno: int | None
    link_date: date | None
    sector: str | None
    industry: str | None
    earnings_call_date: date
    n_sentences: int
    n_topics: int
    quarter: str


class UnnamedTopicRow(TypedDict):
    """A row of TOPIC before the topic has a name."""

    topic_id: str
    firm_id: str
    firm_name: str
    local_topic_id: int
    permno: int | None
    gvkey: str | None
    earnings_call_date: date
    representation: str
    keywords: list[str]
    n_sentences: int
    representative_sentence_ids: list[str]
    embedding: Any  # numbers: an array in the job that makes the row, a list once read from a table
    theme_id: str | None
    quarter: str


class TopicRow(UnnamedTopicRow):
    """A row of TOPIC."""

    summary: str
    naming_method: str


class PhraseOfTheme(TypedDict):
    """A phrase of a theme's dictionary."""

    phrase: str
    purity: float
    share: float


class ThemeRow(TypedDict):
    """A row of THEME."""

    theme_id: str
    name: str
    description: str
    naming_method: str
    keywords: list[str]
    n_topics: int
    n_firms: int
    n_sentences: int
    level: str
    family_id: str | None
    share_of_firms: float
    distinctiveness: float
    general: bool
    stability: float | None
    dictionary: list[PhraseOfTheme]
    centroid: Any  # as embedding above
    evidence_sentence_ids: list[str]
    map_x: float | None
    map_y: float | None
    named_by: str
    quarter: str
