"""Parquet schemas of every table FTM writes. A column that may be empty is nullable, all others are not."""

from __future__ import annotations

import pyarrow as pa


def _required(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


def _optional(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=True)


# One row a sentence, as the prefetch leaves it for the map jobs.
SENTENCE = pa.schema(
    [
        _required("sentence_id", pa.string()),
        _required("firm_id", pa.string()),
        _required("firm_name", pa.string()),
        _optional("ticker", pa.string()),
        _optional("permno", pa.int64()),
        _optional("gvkey", pa.string()),
        _optional("link_date", pa.date32()),
        _required("transcript_id", pa.string()),
        _required("earnings_call_date", pa.date32()),
        _optional("section", pa.string()),
        _optional("speaker_name", pa.string()),
        _required("speaker_type", pa.string()),
        _required("position", pa.int32()),
        _required("raw_text", pa.string()),
        _required("cleaned_text", pa.string()),
        _required("quarter", pa.string()),
    ]
)

# One row a sentence, with the topic the map job put it in (-1: none).
SENTENCE_TOPIC = pa.schema(
    [
        _required("sentence_id", pa.string()),
        _required("firm_id", pa.string()),
        _required("firm_name", pa.string()),
        _optional("ticker", pa.string()),
        _optional("permno", pa.int64()),
        _optional("gvkey", pa.string()),
        _optional("link_date", pa.date32()),
        _required("transcript_id", pa.string()),
        _required("earnings_call_date", pa.date32()),
        _optional("section", pa.string()),
        _optional("speaker_name", pa.string()),
        _required("speaker_type", pa.string()),
        _required("position", pa.int32()),
        _required("raw_text", pa.string()),
        _required("cleaned_text", pa.string()),
        _required("local_topic_id", pa.int32()),
        _required("quarter", pa.string()),
    ]
)

FIRM = pa.schema(
    [
        _required("firm_id", pa.string()),
        _required("firm_name", pa.string()),
        _optional("ticker", pa.string()),
        _optional("gvkey", pa.string()),
        _optional("permno", pa.int64()),
        _optional("link_date", pa.date32()),
        _required("earnings_call_date", pa.date32()),
        _required("n_sentences", pa.int32()),
        _required("n_topics", pa.int32()),
        _required("quarter", pa.string()),
    ]
)

TOPIC = pa.schema(
    [
        _required("topic_id", pa.string()),
        _required("firm_id", pa.string()),
        _required("firm_name", pa.string()),
        _required("local_topic_id", pa.int32()),
        _optional("permno", pa.int64()),
        _optional("gvkey", pa.string()),
        _required("earnings_call_date", pa.date32()),
        _required("representation", pa.string()),
        _required("keywords", pa.list_(pa.string())),
        _required("summary", pa.string()),
        _required("naming_method", pa.string()),
        _required("n_sentences", pa.int32()),
        _required("representative_sentence_ids", pa.list_(pa.string())),
        _required("embedding", pa.list_(pa.float32())),
        _optional("theme_id", pa.string()),
        _required("quarter", pa.string()),
    ]
)

THEME = pa.schema(
    [
        _required("theme_id", pa.string()),
        _required("name", pa.string()),
        _required("description", pa.string()),
        _required("naming_method", pa.string()),
        _required("keywords", pa.list_(pa.string())),
        _required("n_topics", pa.int32()),
        _required("n_firms", pa.int32()),
        _required("n_sentences", pa.int32()),
        _required("quarter", pa.string()),
    ]
)

THEME_CONTRIBUTION = pa.schema(
    [
        _required("theme_id", pa.string()),
        _required("firm_id", pa.string()),
        _required("firm_name", pa.string()),
        _optional("permno", pa.int64()),
        _optional("gvkey", pa.string()),
        _required("earnings_call_date", pa.date32()),
        _required("topic_id", pa.string()),
        _required("n_sentences", pa.int32()),
        _required("quarter", pa.string()),
    ]
)

# One row a (theme, firm, topic), with the sentences themselves: what a sentiment model or an event study reads.
THEME_FOR_SENTIMENT = pa.schema(
    [
        _required("theme_id", pa.string()),
        _required("theme_name", pa.string()),
        _required("theme_description", pa.string()),
        _required("theme_keywords", pa.list_(pa.string())),
        _required("firm_id", pa.string()),
        _required("firm_name", pa.string()),
        _optional("ticker", pa.string()),
        _required("permno", pa.int64()),
        _optional("gvkey", pa.string()),
        _optional("link_date", pa.date32()),
        _required("earnings_call_date", pa.date32()),
        _required("topic_id", pa.string()),
        _required("topic_summary", pa.string()),
        _required(
            "sentences",
            pa.list_(
                pa.struct(
                    [
                        pa.field("sentence_id", pa.string()),
                        pa.field("text", pa.string()),
                        pa.field("speaker_type", pa.string()),
                        pa.field("position", pa.int32()),
                    ]
                )
            ),
        ),
        _required("n_sentences", pa.int32()),
        _required("quarter", pa.string()),
    ]
)
