"""Reduce: the topics of all firms become cross-firm themes, measured on all sentences, and the tables are written.

Themes are found from topics, of which 5,000 firms have some 125,000. Their sentences, 2.3 million, are read part by
part: once to fit the themes to a sample of them, once to count them, and once to write the tables.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from cloud.src.contract import keys, schemas
from cloud.src.contract.record import of_run, with_record
from cloud.src.models.embeddings import Embedder
from cloud.src.naming.ask import in_words
from cloud.src.naming.namer import Namer
from cloud.src.themes.measure import Limits, Sentences
from cloud.src.themes.rank import sentences_of_any_call
from cloud.src.themes.refine import NO_THEME
from cloud.src.worker import earlier_parts, publish
from cloud.src.worker.find_quarter_themes import QuarterTopics, Stability, find_and_fit, stability
from cloud.src.worker.mapped_quarter import MappedQuarter, read_mapped
from cloud.src.worker.measure_quarter import MeasuredQuarter, QuarterEvidence, measure_quarter
from cloud.src.worker.name_quarter import candidates_of, name_quarter, names_lost, speaker_words
from cloud.src.worker.progress import ProgressWriter, ThemesProgress
from cloud.src.worker.quarter_sentences import SpokenPart, SpokenSentences
from cloud.src.worker.rank_quarter import RankedQuarter, ids_by_number, rank_quarter
from cloud.src.worker.settings import ReduceSettings
from cloud.src.worker.store import Store
from cloud.src.worker.theme_table import theme_table

log = logging.getLogger(__name__)


class Steps:
    """Tells in the progress file and the log what the job is doing."""

    def __init__(self, store: Store, progress: ThemesProgress) -> None:
        self.progress = progress
        self.writer = ProgressWriter(store, progress)
        self.writer.write()

    def begin(self, step: str) -> None:
        """Tell that a step begins."""
        log.info("%s", step)
        self.progress.step = step
        self.writer.write()


def run(settings: ReduceSettings, store: Store, namer: Namer, embedder: Embedder) -> None:
    """Write the quarter's tables, all but themes_for_sentiment."""
    quarter = settings.quarter
    steps = Steps(store, ThemesProgress(quarter, settings.manifest_key))
    mapped = read_mapped(store, quarter, settings.manifest_key)
    log.info("%d topics of %d firms in %d parts", mapped.topics.num_rows, len(mapped.firms), len(mapped.parts))
    found = find_and_measure(settings, store, mapped, embedder, steps)
    measured = found.measured
    firm_names = [firm["firm_name"] for firm in mapped.firms]
    speakers = speaker_words(found.sample, len(firm_names))
    phrases = candidates_of(measured.fitted, found.sentences, speakers, firm_names, embedder)
    ranked = rank_quarter(quarter, measured, found.stable, sentences_of_any_call(embedder), phrases)

    steps.progress.n_themes = len(ranked.families) + len(ranked.themes)
    steps.begin(f"naming {len(ranked.families)} families and {len(ranked.themes)} themes")

    def tell_when_due() -> None:
        steps.progress.n_named = namer.n_themes_named
        if steps.writer.is_due():
            steps.writer.write()

    waiting_since = time.monotonic()
    names = name_quarter(store, quarter, ranked, phrases, namer, tell_when_due)
    steps.progress.n_named, steps.progress.naming = steps.progress.n_themes, namer.tally()
    if steps.progress.naming.get("requests"):
        steps.progress.waited_s = round(time.monotonic() - waiting_since, 3)
    steps.begin("writing tables")
    themes = theme_table(quarter, ranked, names, namer.themes_named_by["llm_model"])
    steps.progress.run = run_id(mapped, themes)
    steps.writer.write()
    write_tables(store, quarter, mapped, measured, ranked, themes, steps.progress.run)
    naming = namer.tally()
    record = {
        "names_by": [namer.themes_named_by],
        "naming": naming,
        "names_lost": names_lost(ranked, names),
        "settings": settings.model_dump(include={"embedding_model", "min_firms", "max_firm_dominance"}),
    }
    store.write_table(keys.themes(quarter), of_run(with_record(themes, record), steps.progress.run))
    log.info("naming: %s", in_words(naming))
    earlier_parts.remove(store, quarter, [part.name for part in mapped.parts], mapped.unsettled)
    log.info("wrote %d families, %d themes of %d firms", len(ranked.families), len(ranked.themes), len(mapped.firms))


@dataclass(frozen=True)
class FoundQuarter:
    """What has been found; ``sentences`` are those of ``sample``, which the themes were fitted to."""

    measured: MeasuredQuarter
    stable: Stability
    sample: list[SpokenPart]
    sentences: Sentences


def find_and_measure(
    settings: ReduceSettings, store: Store, mapped: MappedQuarter, embedder: Embedder, steps: Steps
) -> FoundQuarter:
    """The themes of the quarter, what counts for them, and how stable they are."""
    limits = Limits(settings.min_firms, settings.max_firm_dominance)
    firm_ids: list[Any] = mapped.topics.column("firm_id").to_pylist()
    keywords: list[Any] = mapped.topics.column("keywords").to_pylist()
    topics = QuarterTopics(mapped.embeddings(), firm_ids, keywords)
    spoken = SpokenSentences([firm["firm_id"] for firm in mapped.firms], mapped.topics)

    def read_parts(share: float = 1.0) -> Iterator[SpokenPart]:
        for _, table in publish.sentence_parts(store, settings.quarter, mapped.parts):
            yield spoken.of(table, share)

    n_sentences = sum(firm["n_sentences"] for firm in mapped.firms)
    found = find_and_fit(topics, read_parts, n_sentences, limits, embedder, steps.begin)
    steps.begin(f"measuring {len(found.fitted.family_of):,} themes on all sentences")
    topic_sizes = mapped.topics.column("n_sentences").to_numpy()
    measured = measure_quarter(read_parts, found.fitted, limits, len(mapped.firms), topic_sizes)
    if not settings.stability:
        return FoundQuarter(measured, Stability(), found.sample, found.sentences)
    steps.begin("measuring how stable the themes are")
    topic_of_sentence = np.concatenate([part.topics for part in found.sample])
    stable = stability(measured.fitted, found.sentences, topics, topic_of_sentence, limits)
    return FoundQuarter(measured, stable, found.sample, found.sentences)


def write_tables(
    store: Store,
    quarter: str,
    mapped: MappedQuarter,
    measured: MeasuredQuarter,
    ranked: RankedQuarter,
    themes: pa.Table,
    run: str,
) -> None:
    """Write all tables but themes, whose presence says that the others are there; ``run`` is the id in all of them."""
    theme_ids = ids_by_number(ranked.themes)
    topics = with_theme_ids(mapped.topics, theme_ids, measured)
    evidence = QuarterEvidence(measured, theme_ids, ids_by_number(ranked.families))
    publish.publish(store, quarter, mapped.parts, themes, evidence, run)
    others = {
        keys.firms: pa.Table.from_pylist(mapped.firms, schema=schemas.FIRM),
        keys.topics: with_record(topics, {"names_by": mapped.names_by}),
        keys.theme_contributions: contributions(topics),
    }
    for key, table in others.items():
        store.write_table(key(quarter), of_run(table, run))


def run_id(mapped: MappedQuarter, themes: pa.Table) -> str:
    """What tells the tables of this run from those of any other: a hash of what its firms were made of and its themes.

    Runs that come to the same have the same id, so that their files are the same, too.
    """
    made_of = json.dumps([sorted(mapped.made_of.items()), themes.to_pylist()], default=str)
    return hashlib.sha256(made_of.encode()).hexdigest()[:16]


def with_theme_ids(topics: pa.Table, theme_ids: list[str], measured: MeasuredQuarter) -> pa.Table:
    """The topics with the themes that they belong to."""
    of_topic = [None if theme == NO_THEME else theme_ids[theme] for theme in measured.theme_of_topic]
    column = topics.schema.get_field_index("theme_id")
    return topics.set_column(column, schemas.TOPIC.field("theme_id"), pa.array(of_topic, pa.string()))


def contributions(topics: pa.Table) -> pa.Table:
    """Which topic of which firm is part of which theme, as schema THEME_CONTRIBUTION."""
    # First the columns, then the rows: the embeddings, most of the table's bytes, are not copied.
    columns = topics.select(schemas.THEME_CONTRIBUTION.names)
    in_a_theme = columns.filter(columns.column("theme_id").is_valid()).cast(schemas.THEME_CONTRIBUTION)
    return in_a_theme.sort_by([("theme_id", "ascending"), ("firm_id", "ascending"), ("topic_id", "ascending")])
