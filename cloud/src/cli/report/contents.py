"""What a report shows of one quarter, as it is read from the tables (data.py)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from cloud.src.contract.rows import PhraseOfTheme


@dataclass(frozen=True)
class ReportTheme:
    """A theme, or a family of themes.

    ``distinctiveness``: 1 - cosine to what firms say on every call.

    ``general``: every call has it, or it has no phrase that many of its firms say (ADR-014).

    ``stability``: how much of it is found again without a tenth of the firms, 0 to 1; None where there are few firms.
    """

    theme_id: str
    name: str
    description: str
    naming_method: str
    keywords: list[str]
    n_firms: int
    n_topics: int
    n_sentences: int
    general: bool
    distinctiveness: float
    family_id: str | None
    share_of_firms: float
    stability: float | None
    named_by: str
    dictionary: list[PhraseOfTheme]
    evidence_sentence_ids: list[str]
    map_x: float | None
    map_y: float | None


@dataclass(frozen=True)
class Firm:
    """A firm and the day of its call. ``n_said``: its sentences that say something."""

    firm_id: str
    name: str
    ticker: str | None
    sector: str | None
    call_date: date
    n_said: int


@dataclass(frozen=True)
class Sentence:
    """A sentence of a call, as the page shows it."""

    sentence_id: str
    firm_id: str
    text: str
    speaker_name: str | None
    speaker_type: str
    section: str | None
    call_date: date


@dataclass(frozen=True)
class ReportTopic:
    """A firm's topic. ``sentences`` starts with the ``n_representative`` best."""

    topic_id: str
    firm_id: str
    theme_id: str | None
    name: str
    naming_method: str
    keywords: list[str]
    n_sentences: int
    n_representative: int
    sentences: list[Sentence] = field(default_factory=list)


@dataclass(frozen=True)
class Counts:
    """The totals at the top of the page."""

    firms: int
    calls: int
    sentences: int
    sentences_without_topic: int
    sentences_in_theme: int
    topics: int
    topics_without_theme: int
    firms_without_theme: int


@dataclass(frozen=True)
class GroupEvidence:
    """What counts for a theme or family.

    ``n_sentences``: by firm_id. ``evidence``: its sentences, the nearest to its centroid first.
    """

    n_sentences: dict[str, int] = field(default_factory=dict)
    evidence: list[Sentence] = field(default_factory=list)


@dataclass(frozen=True)
class ReportData:
    """One quarter. Families and themes come in their rank, topics with the most sentences first.

    ``measured`` and ``nearest`` (ids of the themes that are most like a theme) are by theme_id. ``topic_methods``: how
    many topics got their name in which way.

    ``is_whole``: whether all of it is here. What is too large for one page has no topics, no counts by firm, and of a
    theme's sentences only those to quote: the rest is for the files beside the page (parts.py).
    """

    quarter: str
    counts: Counts
    families: list[ReportTheme]
    themes: list[ReportTheme]
    firms: list[Firm]
    topics: list[ReportTopic]
    measured: dict[str, GroupEvidence]
    nearest: dict[str, list[str]]
    topic_methods: dict[str, int]
    is_whole: bool

    def themes_of(self, family: ReportTheme) -> list[ReportTheme]:
        """The themes of a family, in their rank."""
        return [theme for theme in self.themes if theme.family_id == family.theme_id]
