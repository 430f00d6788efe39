"""What each column of FTM's tables holds, in one sentence. The text is in every file, as metadata of its field.

A column has the same type and meaning in every table; a table may describe its own more precisely.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

DESCRIPTION = b"description"

_TEXT, _TEXTS = pa.string(), pa.list_(pa.string())
_DAY, _TIME = pa.date32(), pa.timestamp("us", tz="UTC")
_INT, _LONG, _DOUBLE, _BOOL = pa.int32(), pa.int64(), pa.float64(), pa.bool_()
_VECTOR = pa.list_(pa.float32())

PHRASE = pa.struct([("phrase", _TEXT), ("purity", _DOUBLE), ("share", _DOUBLE)])
SPOKEN = pa.struct(
    [
        ("sentence_id", _TEXT),
        ("text", _TEXT),
        ("speaker_name", _TEXT),
        ("speaker_type", _TEXT),
        ("section", _TEXT),
        ("position", _INT),
    ]
)

COLUMNS: dict[str, tuple[pa.DataType, str]] = {
    # firm and call
    "firm_id": (_TEXT, "Capital IQ company id, or the firm's id in the user's own files."),
    "firm_name": (_TEXT, "Name of the firm as the source has it."),
    "ticker": (_TEXT, "Ticker symbol, where the source has one."),
    "permno": (_LONG, "CRSP PERMNO on the day of the call; null where the firm is not linked to CRSP."),
    "gvkey": (_TEXT, "Compustat GVKEY, where the source has one."),
    "link_date": (_DAY, "First day on which the link between the firm and its PERMNO is valid."),
    "sector": (_TEXT, "Sector of the firm, where the source has one."),
    "industry": (_TEXT, "Industry of the firm, where the source has one."),
    "transcript_id": (_TEXT, "Id of the transcript; unique within the firm."),
    "call_id": (_TEXT, "Id of the call, unique over all firms: {firm_id}_{transcript_id}."),
    "earnings_call_date": (_DAY, "Day of the call; New York's date where the time of day is known, else the source's."),
    "call_time_utc": (_TIME, "Time at which the call began, in UTC; null where the source has only a date."),
    "first_trading_day": (_DAY, "First NYSE trading day on or after the day of the call."),
    "time_known": (_BOOL, "Whether the source has the time of day of the call."),
    "event_date": (
        _DAY,
        "First NYSE trading day on which the market can react: the day of the call when it begins before that day's"
        " close, else the next trading day; null where the time of day is unknown.",
    ),
    "fiscal_quarter": (
        _TEXT,
        "The firm's fiscal quarter by the source, for example 2023Q1; null where the source does not tell. The day"
        " decides of which quarter the call is.",
    ),
    "quarter": (_TEXT, "Quarter of the table, for example 2023Q1; also in the path."),
    # sentence
    "sentence_id": (_TEXT, "Id of the sentence: {firm_id}_{transcript_id}_{position:04d}."),
    "section": (_TEXT, "Part of the call: prepared or qa; null where the source does not tell."),
    "speaker_name": (_TEXT, "Name of the speaker, where the source has it."),
    "speaker_type": (_TEXT, "CEO, CFO, Executive, Analyst, Operator or Unknown."),
    "position": (_INT, "Place of the sentence in its call, from 0."),
    "raw_text": (_TEXT, "The sentence as it was transcribed."),
    "cleaned_text": (_TEXT, "The sentence without stage directions and invisible characters: what is embedded."),
    "says": (_BOOL, "Whether the sentence says something: at least two content words, and not procedural."),
    "local_topic_id": (_INT, "Number of the topic within its firm, from 0; -1: no topic."),
    "vector": (
        pa.binary(),
        "Embedding of the sentence, one signed byte per dimension in steps of 1/508, clipped at 127 steps;"
        " null where the sentence says nothing.",
    ),
    # topic
    "topic_id": (_TEXT, "Id of the topic: {firm_id}_{local_topic_id}."),
    "representation": (_TEXT, "The keywords, joined by commas."),
    "keywords": (_TEXTS, "Words that tell it from the others, most telling first."),
    "summary": (_TEXT, "Name of the topic as a reader sees it."),
    "naming_method": (_TEXT, "Where the name comes from: llm or keywords."),
    "representative_sentence_ids": (_TEXTS, "Its most central sentences, none repeating another, best first."),
    "embedding": (_VECTOR, "Unit vector: the mean direction of the topic's sentences."),
    "topic_summary": (_TEXT, "Name of the topic; null for sentences without a topic."),
    # theme
    "theme_id": (
        _TEXT,
        "Id of the theme, theme_{quarter}_{number:03d}, or of the family, family_{quarter}_{number:03d}."
        " Lower numbers rank higher.",
    ),
    "level": (_TEXT, "family (a subject a headline would name) or theme (a part of one)."),
    "family_id": (_TEXT, "Of a theme: the family it is part of."),
    "name": (_TEXT, "Name of the theme or family, unique within its level."),
    "description": (_TEXT, "What firms say about it, in a sentence or two."),
    "theme_name": (_TEXT, "Name of the theme or family."),
    "theme_description": (_TEXT, "What firms say about the theme."),
    "theme_keywords": (_TEXTS, "Keywords of the theme."),
    "share_of_firms": (_DOUBLE, "n_firms divided by the number of firms in the quarter."),
    "distinctiveness": (_DOUBLE, "1 - cosine to what firms say on every call."),
    "general": (_BOOL, "Whether it is on every call, or has no phrase that many of its firms say: ranked last."),
    "stability": (
        _DOUBLE,
        "Mean, over five runs each without a tenth of the firms, of the best Jaccard index of its sentences with"
        " those of a theme of that run; null with fewer than 20 firms.",
    ),
    "dictionary": (
        pa.list_(PHRASE),
        "Phrases that are its own. purity: share of the sentences with the phrase that count for it; share: share of"
        " its sentences that have the phrase.",
    ),
    "centroid": (_VECTOR, "Unit vector: its mean direction."),
    "evidence_sentence_ids": (_TEXTS, "Sentences that its name was judged by, best first."),
    "map_x": (_DOUBLE, "Horizontal place on the report's map, on which a theme's bubble has the radius sqrt(n_firms)."),
    "map_y": (_DOUBLE, "Vertical place on the report's map."),
    "named_by": (_TEXT, "What gave the name: the LLM's model, or keywords."),
    # measures
    "n_sentences": (_INT, "Number of sentences."),
    "n_sentences_said": (_INT, "Sentences that say something: the denominator of exposure."),
    "n_topics": (_INT, "Number of topics."),
    "n_firms": (_INT, "Number of firms."),
    "n_firms_near": (
        _INT,
        "Those of n_firms with a sentence that is near to it, or to a theme of the family, without a phrase.",
    ),
    "n_sentences_prepared": (_INT, "Sentences of the prepared remarks."),
    "n_sentences_qa": (_INT, "Sentences of questions and answers."),
    "n_sentences_management": (_INT, "Sentences by CEO, CFO or other executives."),
    "n_sentences_analysts": (_INT, "Sentences by analysts."),
    "n_sentences_said_prepared": (_INT, "Sentences of the prepared remarks that say something."),
    "n_sentences_said_qa": (_INT, "Sentences of questions and answers that say something."),
    "n_sentences_said_management": (_INT, "Sentences by CEO, CFO or other executives that say something."),
    "n_sentences_said_analysts": (_INT, "Sentences by analysts that say something."),
    "exposure": (_DOUBLE, "n_sentences divided by the call's n_sentences_said."),
    "exposure_prepared": (_DOUBLE, "The same within the prepared remarks; null where nothing is said there."),
    "exposure_qa": (_DOUBLE, "The same within questions and answers; null where nothing is said there."),
    "exposure_management": (_DOUBLE, "The same within what management says; null where it says nothing."),
    "exposure_analysts": (_DOUBLE, "The same within what analysts say; null where they say nothing."),
    "similarity": (_DOUBLE, "Cosine of the sentence to the centroid, the quarter's mean taken off both."),
    "mean_similarity": (_DOUBLE, "Mean similarity of the sentences that count."),
    "phrase": (_TEXT, "Phrase of the dictionary that the sentence has; null where it counts by nearness alone."),
    # words of the user's
    "category": (_TEXT, "Category of the user's list of words."),
    "n_sentences_of_category": (
        _INT,
        "Of the sentences of the call that count for the theme, those with at least one word of the category.",
    ),
    "share_of_category": (_DOUBLE, "n_sentences_of_category divided by n_sentences."),
    # panel
    "panel": (_TEXT, "Name of the panel."),
    "in_sample": (_BOOL, "Whether the themes were found with this quarter's calls; otherwise only before them."),
    "momentum": (
        _DOUBLE,
        "exposure - mean of the firm's exposures in its up to 4 earlier calls of the panel; null in its first call.",
    ),
    "affinity": (
        _DOUBLE,
        "exposure - mean over the other firms of the sector, each with its last call of the 365 days before this day;"
        " null where they are fewer than 5, or the sector is not known.",
    ),
    "novelty": (
        _DOUBLE,
        "share_of_firms - mean of share_of_firms in the up to 4 earlier quarters of the panel; null in the first.",
    ),
    "sentences": (pa.list_(SPOKEN), "The sentences that count, in spoken order; text is the cleaned text."),
}


def table(columns: str, **own: str) -> pa.Schema:
    """Build a schema from column names separated by spaces; `?` marks a column that may be null.

    Args:
        columns: for example ``"firm_id ticker?"``.
        own: more precise descriptions of columns, for this table only.
    """
    return pa.schema([_field(column.removesuffix("?"), column.endswith("?"), own) for column in columns.split()])


def _field(name: str, nullable: bool, own: dict[str, str]) -> pa.Field[Any]:
    kind, description = COLUMNS[name]
    return pa.field(name, kind, nullable, {DESCRIPTION: own.get(name, description).encode()})
