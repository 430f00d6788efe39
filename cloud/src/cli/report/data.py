"""What a report shows of one quarter: read from the tables of an output folder.

What is too large for one page is not read here: parts.py puts it into files beside the page.

The folder has the S3 layout of ``cloud.src.contract.keys``. Nothing here knows about HTML.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from cloud.src.cli.report.contents import Counts, Firm, GroupEvidence, ReportData, ReportTheme, ReportTopic, Sentence
from cloud.src.cli.run import run_folder
from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.contract.text import one_line

# A browser opens and searches a page of this size without delay.
MAX_PAGE_BYTES = 20_000_000
# What the page's JSON needs beside the texts. A sentence: speaker, section, date. A topic: ids, counts, field names.
# Beside both: which firms speak of a theme and how much, and which sentences count for it.
BYTES_BESIDE_SENTENCE = 60
BYTES_BESIDE_TOPIC = 130
BYTES_OF_FIRM_IN_THEME = 10
NEAREST_THEMES = 5
# Of a theme, in a page that is not whole: among them are those that are quoted.
NEAREST_SENTENCES = 50
# What needs more is put on disk, as the tables themselves are.
_DUCKDB: dict[str, Any] = {"memory_limit": "500MB", "threads": 2}

# The columns a report needs. Embeddings, for one, would double its time and memory.
_TABLES = {
    "firms": run_folder.columns(schemas.FIRM, "firm_id firm_name ticker sector earnings_call_date"),
    "topics": run_folder.columns(
        schemas.TOPIC,
        "topic_id firm_id local_topic_id theme_id summary naming_method keywords n_sentences"
        " representative_sentence_ids",
    ),
    "sentences": run_folder.columns(
        schemas.SENTENCE_TOPIC,
        "sentence_id firm_id local_topic_id transcript_id earnings_call_date section speaker_name speaker_type position"
        " raw_text says",
    ),
    "evidence": run_folder.columns(schemas.EVIDENCE, "sentence_id theme_id similarity"),
}


def load(folder: Path, quarter: str) -> ReportData:
    """Read a quarter's tables; raises as open_tables and read do."""
    with open_tables(folder, quarter) as tables:
        return read(tables, folder, quarter)


def read(tables: duckdb.DuckDBPyConnection, folder: Path, quarter: str) -> ReportData:
    """Read the opened tables: all of them where that makes a page of at most about MAX_PAGE_BYTES.

    Raises InvalidInput when topics, themes and firms are not of the same run.
    """
    families, themes = _ranked(tables, "families"), _ranked(tables, "themes")
    firms = _firms(tables)
    _check_same_run(tables, folder, quarter)
    _check_families(folder / keys.themes(quarter), families, themes)
    groups = [*families, *themes]
    is_whole = _page_bytes(tables) <= MAX_PAGE_BYTES
    topics = _topics(tables) if is_whole else []
    said = _said(tables, _ALL, {}) if is_whole else _said(tables, _TO_QUOTE, {"nearest": NEAREST_SENTENCES})
    _add_sentences(tables, topics, said)
    return ReportData(
        quarter,
        _counts(tables),
        families,
        themes,
        firms,
        topics,
        _measured(tables, said, groups, is_whole),
        _nearest(run_folder.read_themes(folder, quarter, "theme_id centroid")),
        dict(tables.execute("SELECT naming_method, count(*) FROM topics GROUP BY ALL ORDER BY ALL").fetchall()),
        is_whole,
    )


@contextmanager
def open_tables(folder: Path, quarter: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables that a report is made of, under their names; ``families`` and ``themes`` are one each.

    They are put into a file of their own, because a large quarter's would fill the memory. Raises InvalidInput when one
    is missing or damaged, FtmError when there is no room for them.
    """
    with (
        TemporaryDirectory(prefix="ftm-report-") as place,
        _room_for_tables(place),
        duckdb.connect(Path(place) / "tables.duckdb", config=_DUCKDB) as tables,
    ):
        for name, schema in _TABLES.items():
            _keep(tables, name, run_folder.read_parts(folder, quarter, name, schema))
        columns = " ".join(field.name for field in fields(ReportTheme))
        for name, level in (("families", run_folder.FAMILY), ("themes", run_folder.THEME)):
            _keep(tables, name, [run_folder.read_themes(folder, quarter, columns, level)])
        yield tables


@contextmanager
def _room_for_tables(place: str) -> Iterator[None]:
    try:
        yield
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise FtmError(f"the report's tables do not fit into {place} (see TMPDIR): {one_line(str(error))}") from error


def _keep(tables: duckdb.DuckDBPyConnection, name: str, parts: Iterable[pa.Table]) -> None:
    tables.begin()
    for number, part in enumerate(parts):
        tables.register("part", part)
        tables.execute(f"INSERT INTO {name} FROM part" if number else f"CREATE TABLE {name} AS FROM part")
    tables.unregister("part")
    tables.commit()


def _ranked(tables: duckdb.DuckDBPyConnection, level: str) -> list[ReportTheme]:
    # Numbers of more than three digits are longer, and come after the shorter ones.
    rows = tables.execute(f"SELECT * FROM {level} ORDER BY length(theme_id), theme_id")
    return [ReportTheme(**row) for row in _by_column(rows)]


def _firms(tables: duckdb.DuckDBPyConnection) -> list[Firm]:
    rows = tables.execute("""
        SELECT firm_id, firm_name AS name, ticker, sector, earnings_call_date AS call_date,
               coalesce(n_said, 0) AS n_said
        FROM firms LEFT JOIN (SELECT firm_id, count(*) FILTER (says) AS n_said FROM sentences GROUP BY firm_id)
             USING (firm_id)
        ORDER BY firm_name, firm_id
        """)
    return [Firm(**row) for row in _by_column(rows)]


def _topics(tables: duckdb.DuckDBPyConnection) -> list[ReportTopic]:
    rows = tables.execute("""
        SELECT topic_id, firm_id, theme_id, summary AS name, naming_method, keywords, n_sentences,
               len(representative_sentence_ids) AS n_representative
        FROM topics
        ORDER BY n_sentences DESC, topic_id
        """)
    return [ReportTopic(**row) for row in _by_column(rows)]


def _by_column(rows: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The rows as dictionaries: what is made of them has a field for each column."""
    columns = [name for name, *_ in rows.description or []]
    return [dict(zip(columns, row, strict=True)) for row in rows.fetchall()]


def _page_bytes(tables: duckdb.DuckDBPyConnection) -> int:
    """Return about how large a page with all topics and sentences would be."""
    found = tables.execute(
        """
        SELECT coalesce((SELECT sum(strlen(raw_text) + strlen(sentence_id) + $beside_sentence)
                         FROM sentences
                         WHERE local_topic_id <> -1 OR sentence_id IN (SELECT sentence_id FROM evidence)), 0)
             + coalesce((SELECT sum($beside_topic + strlen(summary) + strlen(array_to_string(keywords, '","')))
                         FROM topics), 0)
             + $firm_in_theme * (
                   SELECT count(DISTINCT (theme_id, firm_id)) FROM evidence JOIN sentences USING (sentence_id)
               )
        """,
        {
            "beside_sentence": BYTES_BESIDE_SENTENCE,
            "beside_topic": BYTES_BESIDE_TOPIC,
            "firm_in_theme": BYTES_OF_FIRM_IN_THEME,
        },
    )
    [(n_bytes,)] = found.fetchall()
    return int(n_bytes)


# Which sentences are read.
_ALL = "local_topic_id <> -1 OR sentence_id IN (SELECT sentence_id FROM evidence)"
_TO_QUOTE = """
    sentence_id IN (SELECT unnest(evidence_sentence_ids) FROM families)
    OR sentence_id IN (SELECT unnest(evidence_sentence_ids) FROM themes)
    OR sentence_id IN (
        SELECT sentence_id FROM evidence
        QUALIFY row_number() OVER (PARTITION BY theme_id ORDER BY similarity DESC, sentence_id) <= $nearest
    )
    """


def _said(tables: duckdb.DuckDBPyConnection, which: str, parameters: dict[str, int]) -> dict[str, Sentence]:
    """The sentences of which a condition is true, by id."""
    rows = tables.execute(
        f"""
        SELECT sentence_id, firm_id, raw_text AS text, speaker_name, speaker_type, section,
               earnings_call_date AS call_date
        FROM sentences
        WHERE {which}
        """,
        parameters,
    )
    return {row["sentence_id"]: Sentence(**row) for row in _by_column(rows)}


def _add_sentences(tables: duckdb.DuckDBPyConnection, topics: list[ReportTopic], said: dict[str, Sentence]) -> None:
    """Fill each topic's sentences: representative ones first, then in the order they were said."""
    if not topics:
        return
    rows = tables.execute("""
        SELECT topic_id, sentence_id
        FROM sentences JOIN topics USING (firm_id, local_topic_id)
        ORDER BY topic_id, list_position(representative_sentence_ids, sentence_id) NULLS LAST,
                 sentences.earnings_call_date, transcript_id, position
        """)
    by_id = {topic.topic_id: topic for topic in topics}
    for topic_id, sentence_id in rows.fetchall():
        by_id[topic_id].sentences.append(said[sentence_id])


def _measured(
    tables: duckdb.DuckDBPyConnection, said: dict[str, Sentence], groups: list[ReportTheme], is_whole: bool
) -> dict[str, GroupEvidence]:
    measured = {group.theme_id: GroupEvidence() for group in groups}
    counted = tables.execute(
        """
        SELECT theme_id, firm_id, count(*)
        FROM evidence JOIN sentences USING (sentence_id)
        WHERE $is_whole
        GROUP BY ALL
        ORDER BY count(*) DESC, firm_id
        """,
        {"is_whole": is_whole},
    )
    for theme_id, firm_id, n_sentences in counted.fetchall():
        if theme_id in measured:
            measured[theme_id].n_sentences[firm_id] = n_sentences
    tables.register("said", pa.table({"sentence_id": pa.array(said, pa.string())}))
    pairs = tables.execute("""
        SELECT theme_id, sentence_id
        FROM evidence JOIN said USING (sentence_id)
        ORDER BY similarity DESC, sentence_id
        """)
    for theme_id, sentence_id in pairs.fetchall():
        if theme_id in measured:
            measured[theme_id].evidence.append(said[sentence_id])
    tables.unregister("said")
    return measured


def _nearest(themes: pa.Table) -> dict[str, list[str]]:
    """The ids of the themes that are most like each, by the cosine of their centroids."""
    ids = [str(theme_id) for theme_id in themes.column("theme_id").to_pylist()]
    if not ids:
        return {}
    centroids = np.array(themes.column("centroid").to_pylist(), dtype=np.float32)
    cosines = centroids @ centroids.T
    np.fill_diagonal(cosines, -np.inf)
    return {
        theme_id: [ids[other] for other in np.argsort(-row, kind="stable")[:NEAREST_THEMES] if other != number]
        for number, (theme_id, row) in enumerate(zip(ids, cosines, strict=True))
    }


def _counts(tables: duckdb.DuckDBPyConnection) -> Counts:
    totals = tables.execute("""
        SELECT (SELECT count(*) FROM firms),
               count(DISTINCT (firm_id, transcript_id)),
               count(*),
               count(*) FILTER (WHERE local_topic_id = -1),
               (SELECT count(DISTINCT sentence_id) FROM evidence JOIN themes USING (theme_id)),
               (SELECT count(*) FROM topics),
               (SELECT count(*) FROM topics WHERE theme_id IS NULL),
               (SELECT count(DISTINCT firm_id) FROM topics WHERE theme_id IS NULL)
        FROM sentences
        """)
    [found] = totals.fetchall()
    return Counts(*found)


def _check_families(file: Path, families: list[ReportTheme], themes: list[ReportTheme]) -> None:
    """Raise InvalidInput when a theme is in no family: no reader would find it."""
    known = {family.theme_id for family in families}
    alone = [theme.theme_id for theme in themes if theme.family_id not in known]
    if alone:
        raise InvalidInput(f"{file} has no family of {alone[0]}: run the quarter again")


def _check_same_run(tables: duckdb.DuckDBPyConnection, folder: Path, quarter: str) -> None:
    """Raise InvalidInput when a topic belongs to a theme or firm that there is not."""
    for kind, file in (("theme", keys.themes(quarter)), ("firm", keys.firms(quarter))):
        unknown = tables.execute(
            f"SELECT min({kind}_id) FROM topics WHERE {kind}_id NOT IN (SELECT {kind}_id FROM {kind}s)"
        ).fetchall()
        if unknown != [(None,)]:
            raise InvalidInput(
                f"{folder / file} has no {kind} {unknown[0][0]}, which topics belong to: the tables are of different"
                " runs, run the quarter again"
            )
