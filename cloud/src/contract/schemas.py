"""Parquet schemas of every table FTM writes. A column that may be null has a `?`; all others have a value in every row.

Every column of the contract is present from the start; one that no step fills yet is null.
"""

from __future__ import annotations

from cloud.src.contract.columns import table

_DATES = "earnings_call_date call_time_utc? first_trading_day? time_known event_date?"
_SENTENCE = f"""
    sentence_id firm_id firm_name ticker? permno? gvkey? link_date? sector? industry? transcript_id call_id {_DATES}
    fiscal_quarter? section? speaker_name? speaker_type position raw_text cleaned_text
"""

_EXPOSURE = f"""
    call_id firm_id firm_name ticker? permno? gvkey? sector? industry? {_DATES} theme_id theme_name level n_sentences
    exposure exposure_prepared? exposure_qa? exposure_management? exposure_analysts? mean_similarity quarter
"""

# One row per sentence, as the prefetch leaves it for the map jobs.
SENTENCE = table(f"{_SENTENCE} quarter")

# One row per sentence, with what the map job found out about it.
SENTENCE_TOPIC = table(f"{_SENTENCE} says local_topic_id quarter")

# The same with the sentence's vector: map writes it for reduce, and nothing else reads it.
SENTENCE_VECTOR = table(f"{_SENTENCE} says local_topic_id vector? quarter")

# One row per firm; if it has several calls in the quarter, the date is that of the last.
FIRM = table(
    """
    firm_id firm_name ticker? gvkey? permno? link_date? sector? industry? earnings_call_date n_sentences n_topics
    quarter
    """,
    earnings_call_date="Day of the firm's last call in the quarter.",
    n_sentences="Sentences of all its calls in the quarter.",
)

# One row per call.
CALL = table(
    f"""
    call_id transcript_id firm_id firm_name ticker? permno? gvkey? link_date? sector? industry? {_DATES}
    fiscal_quarter? n_sentences n_sentences_prepared n_sentences_qa n_sentences_management n_sentences_analysts
    n_sentences_said n_sentences_said_prepared n_sentences_said_qa n_sentences_said_management
    n_sentences_said_analysts quarter
    """,
    n_sentences="Sentences of the call. Those of unknown section or speaker count here only.",
)

# One row per topic of a firm.
TOPIC = table(
    """
    topic_id firm_id firm_name local_topic_id permno? gvkey? earnings_call_date representation keywords summary
    naming_method n_sentences representative_sentence_ids embedding theme_id? quarter
    """,
    n_sentences="Sentences of the topic.",
    theme_id="Theme that the topic belongs to; null where it belongs to no theme.",
)

# One row per theme and per family: filter by level.
THEME = table(
    """
    theme_id name description naming_method keywords n_topics n_firms n_sentences level family_id? share_of_firms
    distinctiveness general stability? dictionary centroid evidence_sentence_ids map_x? map_y? named_by quarter
    """,
    n_topics="Topics that it was found from.",
    n_firms="Firms with at least one sentence that counts for it.",
    n_sentences="Sentences that count for it.",
)

# One row per topic that belongs to a theme.
THEME_CONTRIBUTION = table(
    "theme_id firm_id firm_name permno? gvkey? earnings_call_date topic_id n_sentences quarter",
    n_sentences="Sentences of the topic.",
)

# One row per call and theme, and per call and family, with at least one sentence that counts.
EXPOSURE = table(_EXPOSURE, n_sentences="Sentences of the call that count for it.")

# One row per sentence and theme, and per sentence and family, that it counts for; exposures are its counts.
EVIDENCE = table("sentence_id theme_id similarity phrase? quarter")

# One row per theme, call and topic, with the sentences themselves: what a sentiment model or an event study reads.
THEME_FOR_SENTIMENT = table(
    f"""
    theme_id theme_name theme_description theme_keywords call_id firm_id firm_name ticker? permno gvkey? link_date?
    {_DATES} topic_id? topic_summary? sentences n_sentences quarter
    """,
    topic_id="Topic of the sentences; null for those of the theme that are in no topic.",
    n_sentences="Number of sentences in the row.",
)

# --- panels: several quarters measured with one set of themes ----------------------------------

_PANEL_ID = "Id of the theme, theme_{panel}_{number:03d}, or of the family, family_{panel}_{number:03d}."

# One row per theme and per family of the panel.
PANEL_THEME = table(
    """
    theme_id name description naming_method keywords n_topics n_firms n_sentences level family_id? share_of_firms
    distinctiveness general stability? dictionary centroid evidence_sentence_ids named_by panel
    """,
    theme_id=_PANEL_ID,
    n_topics="Topics that it was found from.",
    n_firms="Firms with at least one sentence that counts for it, in the quarters that it was found in.",
    n_sentences="Sentences that count for it, in the quarters that it was found in.",
    share_of_firms="n_firms divided by the number of firms in those quarters.",
)

# One row per theme or family and quarter.
PANEL_QUARTER = table(
    "theme_id theme_name level quarter n_firms n_firms_near n_sentences share_of_firms novelty? in_sample",
    theme_id=_PANEL_ID,
    n_firms="Firms with at least one sentence that counts for it in the quarter.",
    n_sentences="Sentences of the quarter that count for it.",
    quarter="Quarter of the calls, for example 2023Q1.",
)

# One row per call and theme, and per call and family, with at least one sentence that counts.
PANEL_EXPOSURE = table(
    f"{_EXPOSURE} in_sample",
    theme_id=_PANEL_ID,
    n_sentences="Sentences of the call that count for it.",
    quarter="Quarter of the call, for example 2023Q1.",
)

# One row per exposure and category of the user's words: also where no sentence has one of them.
PANEL_WORDS = table(
    """
    call_id firm_id theme_id theme_name level category n_sentences n_sentences_of_category share_of_category in_sample
    quarter
    """,
    theme_id=_PANEL_ID,
    n_sentences="Sentences of the call that count for it.",
    quarter="Quarter of the call, for example 2023Q1.",
)

# One row per call and family, or per call and theme: also where none of the call's sentences counts.
GRID = table(
    f"""
    call_id firm_id firm_name ticker? permno? gvkey? sector? industry? {_DATES} theme_id theme_name level n_sentences
    n_sentences_said exposure exposure_prepared? exposure_qa? exposure_management? exposure_analysts? mean_similarity?
    momentum? affinity? in_sample quarter
    """,
    theme_id=_PANEL_ID,
    n_sentences="Sentences of the call that count for it; 0 where none does.",
    exposure="n_sentences divided by n_sentences_said; 0 where nothing is said.",
    mean_similarity="Mean similarity of the sentences that count; null where none does.",
    quarter="Quarter of the call, for example 2023Q1.",
)
