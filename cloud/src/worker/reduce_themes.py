"""Reduce: the topics of all firms become cross-firm themes, and the quarter's tables are written.

Themes are found from topics alone, of which 5,000 firms have some 125,000. Sentences are read once, part by part, when
the tables are written (publish.py).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

import numpy as np
import pyarrow as pa

from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import FtmError
from cloud.src.contract.record import read_record, with_record
from cloud.src.contract.rows import FirmRow, ThemeRow
from cloud.src.models.embeddings import Embedder, Vectors
from cloud.src.naming.ask import BY_KEYWORDS, BY_LLM, Name, TopicToName, in_words
from cloud.src.naming.labels import N_LABELS
from cloud.src.naming.name_rules import why_refused
from cloud.src.naming.namer import Namer
from cloud.src.themes import find_themes, rank
from cloud.src.themes.find_themes import FoundTheme
from cloud.src.themes.rank import Ranked
from cloud.src.topics.keywords import theme_keywords
from cloud.src.worker import answers, publish
from cloud.src.worker.progress import ProgressWriter, ThemesProgress
from cloud.src.worker.settings import ReduceSettings
from cloud.src.worker.store import Store
from cloud.src.worker.topic_evidence import TopicEvidence
from cloud.src.worker.transcripts import read_batches

log = logging.getLogger(__name__)

# What the LLM is shown of a theme: the names of its most central topics, from as many firms.
N_TOPICS_SHOWN = 5


@dataclass(frozen=True)
class FinishedPart:
    """A part of a batch that map has finished."""

    batch_id: str
    number: int


@dataclass(frozen=True)
class MappedQuarter:
    """What the map jobs left. ``topics`` has schema TOPIC, sorted by topic.

    ``names_by``: the models and prompts that named the topics, usually one.
    """

    parts: list[FinishedPart]
    topics: pa.Table
    firms: list[FirmRow]
    names_by: list[dict[str, Any]]

    def embeddings(self) -> Vectors:
        """Shape (topics, dimensions)."""
        numbers = self.topics.column("embedding").combine_chunks().flatten().to_numpy()
        return numbers.reshape(self.topics.num_rows, len(numbers) // max(1, self.topics.num_rows))


def run(settings: ReduceSettings, store: Store, namer: Namer, embedder: Embedder) -> None:
    """Write the quarter's tables, all but themes_for_sentiment."""
    quarter = settings.quarter
    progress = ThemesProgress(quarter, settings.manifest_key)
    writer = ProgressWriter(store, progress)
    writer.write()
    mapped = read_mapped(store, quarter, settings.manifest_key)
    log.info("%d topics of %d firms in %d parts", mapped.topics.num_rows, len(mapped.firms), len(mapped.parts))
    progress.step = f"finding themes among {mapped.topics.num_rows:,} topics"
    writer.write()
    ranked = rank_themes(settings, mapped, embedder)
    found = [each.theme for each in ranked]
    log.info("%d themes; naming them", len(found))
    keywords = keywords_of(mapped, found)
    progress.step, progress.n_themes = "naming themes", len(found)
    writer.write()

    def tell_when_due() -> None:
        progress.n_named = namer.n_themes_named
        if writer.is_due():
            writer.write()

    names = name_themes(store, quarter, themes_to_name(mapped, found, keywords), found, namer, tell_when_due)
    progress.step, progress.n_named = "writing tables", len(names)
    writer.write()
    theme_table = theme_rows(quarter, mapped, ranked, keywords, names, namer)
    topics = with_theme_ids(mapped.topics, theme_table.column("theme_id").to_pylist(), found)

    parts = [(part.batch_id, part.number) for part in mapped.parts]
    publish.publish(store, quarter, parts, theme_table, TopicEvidence(topics, theme_table))
    store.write_table(keys.firms(quarter), pa.Table.from_pylist(mapped.firms, schema=schemas.FIRM))
    store.write_table(keys.topics(quarter), with_record(topics, {"names_by": mapped.names_by}))
    store.write_table(keys.theme_contributions(quarter), contributions(topics))
    naming = namer.tally()
    record = {
        "names_by": [namer.themes_named_by],
        "naming": naming,
    }
    store.write_table(keys.themes(quarter), with_record(theme_table, record))
    log.info("naming: %s", in_words(naming))
    log.info("wrote %d themes, %d topics, %d firms", theme_table.num_rows, topics.num_rows, len(mapped.firms))


def read_mapped(store: Store, quarter: str, manifest_key: str) -> MappedQuarter:
    """The finished parts of this execution's batches; raise FtmError when there is none.

    The progress files say which parts count: a part left by an earlier execution with other batches is not theirs.
    """
    finished, tables = [], []
    firms: list[FirmRow] = []
    names_by: list[dict[str, Any]] = []
    for batch_id, firms_of_batch in read_batches(store, manifest_key).items():
        progress = store.read_json_if_there(keys.progress(quarter, batch_id))
        if progress is None or progress["manifest_key"] != manifest_key:
            continue
        unclaimed = firms_of_batch
        for number in progress["parts"]:
            table = store.read_table(keys.topics_part(quarter, batch_id, number))
            finished.append(FinishedPart(batch_id, number))
            record = read_record(table)
            firms_of_part = [firm_with_dates(firm) for firm in record["firms"]]
            unclaimed = claim_firms(unclaimed, firms_of_part, keys.topics_part(quarter, batch_id, number))
            firms += firms_of_part
            if record["names_by"] not in names_by:
                names_by.append(record["names_by"])
            tables.append(table.replace_schema_metadata(None))
    if not finished:
        raise FtmError(f"no batch of {manifest_key} left any result: see the reasons in progress/{quarter}/")
    # Sorted, so that the themes do not depend on how the firms were put into batches.
    topics = pa.concat_tables(tables).sort_by([("firm_id", "ascending"), ("local_topic_id", "ascending")])
    return MappedQuarter(finished, topics, sorted(firms, key=lambda firm: firm["firm_id"]), names_by)


def claim_firms(unclaimed: set[str], firms_of_part: list[FirmRow], key: str) -> set[str]:
    """The firms of a batch that are still unclaimed after this part; raise FtmError when one of the part's is not.

    Two executions of one quarter with other batch sizes write parts of the same names: no firm must count twice.
    """
    still_unclaimed = set(unclaimed)
    for firm in firms_of_part:
        if firm["firm_id"] not in still_unclaimed:
            raise FtmError(
                f"{key} holds firm {firm['firm_id']}, which this execution has elsewhere: another execution of the "
                "quarter has overwritten it; start the quarter again when no other one is running"
            )
        still_unclaimed.remove(firm["firm_id"])
    return still_unclaimed


def firm_with_dates(firm: dict[str, Any]) -> FirmRow:
    """A firm's row from a part's metadata, where JSON has made strings of its dates."""
    link_date = firm["link_date"]
    return cast(
        "FirmRow",
        {
            **firm,
            "earnings_call_date": date.fromisoformat(firm["earnings_call_date"]),
            "link_date": date.fromisoformat(link_date) if link_date else None,
        },
    )


def rank_themes(settings: ReduceSettings, mapped: MappedQuarter, embedder: Embedder) -> list[Ranked]:
    """The quarter's themes in the order in which they are worth reading."""
    firm_ids = mapped.topics.column("firm_id").to_pylist()
    keywords = mapped.topics.column("keywords").to_pylist()
    n_sentences = mapped.topics.column("n_sentences").to_numpy()
    found = find_themes.find_themes(
        mapped.embeddings(), firm_ids, keywords, settings.min_firms, settings.max_firm_dominance
    )
    return rank.rank(found, firm_ids, keywords, n_sentences, rank.sentences_of_any_call(embedder))


def keywords_of(mapped: MappedQuarter, found: list[FoundTheme]) -> list[list[str]]:
    """The keywords of each theme."""
    keywords_of_topic = mapped.topics.column("keywords").to_pylist()
    return theme_keywords([[keywords_of_topic[i] for i in theme.rows] for theme in found])


def themes_to_name(mapped: MappedQuarter, found: list[FoundTheme], keywords: list[list[str]]) -> list[TopicToName]:
    """What the LLM is told of each theme."""
    topic_names = mapped.topics.column("summary").to_pylist()
    return [
        TopicToName(
            keywords=words,
            examples=[topic_names[i] for i in theme.row_of_firm[:N_TOPICS_SHOWN]],
            labels=theme_labels([topic_names[i] for i in theme.rows]),
        )
        for words, theme in zip(keywords, found, strict=True)
    ]


def name_themes(
    store: Store,
    quarter: str,
    to_name: list[TopicToName],
    found: list[FoundTheme],
    namer: Namer,
    tell: Callable[[], None],
) -> list[Name]:
    """Have the themes named. What the LLM answers is kept, in case this job is repeated.

    ``tell`` is called now and then while the names come in.
    """
    centroids = np.array([theme.centroid for theme in found], dtype=np.float32)
    key = keys.llm_answers_for_themes(quarter)
    book = answers.read(store, key)

    def save_and_tell() -> None:
        answers.write(store, key, book)
        tell()

    try:
        names = namer.start_themes(to_name, centroids, book)
        return answers.wait_for(names, meanwhile=save_and_tell)
    finally:
        answers.write(store, key, book)


def theme_labels(topic_names: list[str]) -> list[str]:
    """Candidates for a theme's name: what most of its topics are called; they are given the most central first.

    What one firm's topic alone is called is its own case ("Sizable China Exposure"), and a candidate only where no two
    have the same name.
    """
    counts = Counter(name for name in topic_names if why_refused(name) is None)
    most_common = counts.most_common(N_LABELS)
    return [name for name, n_topics in most_common if n_topics > 1] or [name for name, _ in most_common]


def theme_rows(
    quarter: str,
    mapped: MappedQuarter,
    ranked: list[Ranked],
    keywords: list[list[str]],
    names: list[Name],
    namer: Namer,
) -> pa.Table:
    """The themes with keywords, names and descriptions, as schema THEME, in their order."""
    sizes = mapped.topics.column("n_sentences").to_numpy()
    firm_ids = mapped.topics.column("firm_id").to_numpy()
    rows: list[ThemeRow] = [
        {
            "theme_id": f"theme_{quarter}_{number:03d}",
            "name": name.text,
            "description": name.description,
            "naming_method": name.method,
            "keywords": words,
            "n_topics": len(each.theme.rows),
            "n_firms": len(set(firm_ids[each.theme.rows])),
            "n_sentences": int(sizes[each.theme.rows].sum()),
            "level": "theme",
            "family_id": None,
            "share_of_firms": each.measures.share_of_firms,
            "distinctiveness": (1 - each.measures.similarity_to_any_call) * each.measures.word_agreement,
            "general": each.measures.is_general,
            "stability": None,
            "dictionary": [],
            "centroid": each.theme.centroid,
            "evidence_sentence_ids": [],
            "map_x": None,
            "map_y": None,
            "named_by": namer.themes_named_by["llm_model"] if name.method == BY_LLM else BY_KEYWORDS,
            "quarter": quarter,
        }
        for number, (each, words, name) in enumerate(zip(ranked, keywords, names, strict=True), start=1)
    ]
    return pa.Table.from_pylist(rows, schema=schemas.THEME)


def with_theme_ids(topics: pa.Table, theme_ids: list[str], found: list[FoundTheme]) -> pa.Table:
    """The topics, each with the id of the theme that it belongs to, if any."""
    theme_of_topic: list[str | None] = [None] * topics.num_rows
    for theme_id, theme in zip(theme_ids, found, strict=True):
        for row in theme.rows:
            theme_of_topic[row] = theme_id
    column = topics.schema.get_field_index("theme_id")
    return topics.set_column(column, schemas.TOPIC.field("theme_id"), pa.array(theme_of_topic, pa.string()))


def contributions(topics: pa.Table) -> pa.Table:
    """Which topic of which firm is part of which theme, as schema THEME_CONTRIBUTION."""
    # First the columns, then the rows: the embeddings, most of the table's bytes, are not copied.
    columns = topics.select(schemas.THEME_CONTRIBUTION.names)
    in_a_theme = columns.filter(columns.column("theme_id").is_valid()).cast(schemas.THEME_CONTRIBUTION)
    return in_a_theme.sort_by([("theme_id", "ascending"), ("firm_id", "ascending"), ("topic_id", "ascending")])
