"""The files beside a report that is too large for one page: ``data/*.js``, which report_parts.js loads.

Each holds JSON as one string, handed to a function of the page: a page opened from disk may load scripts and nothing
else. There is one for each family and theme (its sentences, firms and topics), one for every FIRMS_IN_PART firms (all
their topics with their sentences, and what counts for which theme), and one for the words with each first letter (how
many sentences of each family and theme have the word).
"""

from __future__ import annotations

import itertools
import json
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb

from cloud.src.cli.pages import page
from cloud.src.cli.report.contents import ReportData, ReportTopic, Sentence
from cloud.src.cli.report.data import open_tables
from cloud.src.cli.report.earlier import Earlier
from cloud.src.cli.report.page_data import Parts, Rows, firm_before, topic_row

FOLDER = "data"
FIRMS_IN_PART = 10
ROWS_AT_ONCE = 10_000

# In this order in ``totals``, after "all of them"; SPEAKERS and SECTIONS in report_filters.js.
SPEAKERS = ("CEO", "CFO", "Executive", "Analyst")
SECTIONS = ("prepared", "qa")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_OTHER = "other"  # words that begin with another character

Row = dict[str, Any]


def write_parts(folder: Path, report: ReportData, earlier: Earlier | None, data_folder: Path) -> Parts:
    """Write the files of a quarter into ``data_folder``, each whole or not at all.

    Raises InvalidInput when a table is missing or damaged, FtmError when a file cannot be written.
    """
    firm_number = {firm.firm_id: number for number, firm in enumerate(report.firms)}
    with open_tables(folder, report.quarter) as tables:
        sectors = sorted({firm.sector or "" for firm in report.firms}, key=lambda sector: (not sector, sector))
        parts = Parts(sectors, _totals(tables, sectors))
        for name, content in _group_parts(tables, report, firm_number):
            _write(data_folder, parts, name, content)
        for name, firm_ids, content in _firm_parts(tables, report, firm_number):
            before = [[firm_number[firm_id], firm_before(report, earlier, firm_id)] for firm_id in firm_ids]
            _write(data_folder, parts, name, content | {"firms": before})
            parts.part_of_firm.update(dict.fromkeys(firm_ids, name))
        for name, content in _word_parts(tables, group_numbers(report)):
            _write(data_folder, parts, name, content)
    return parts


def remove_others(data_folder: Path, parts: Parts | None) -> None:
    """Remove the files of an earlier report that are none of this one's."""
    names = set(parts.hashes) if parts else set()
    for path in data_folder.glob("*.js"):
        if path.stem not in names:
            path.unlink()
    if data_folder.is_dir() and not names and not any(data_folder.iterdir()):
        data_folder.rmdir()


def group_numbers(report: ReportData) -> dict[str, int]:
    """The place of each family and theme, families first, by theme_id."""
    return {group.theme_id: number for number, group in enumerate([*report.families, *report.themes])}


def _write(data_folder: Path, parts: Parts, name: str, content: Any) -> None:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    file = f"ftmData({json.dumps(name)},{json.dumps(text, ensure_ascii=False)});\n"
    page.write(data_folder / f"{name}.js", file)
    parts.hashes[name] = _hash(text)
    parts.in_policy.append(f"sha256-{_hash(file)}")


def _hash(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


def _fetched(rows: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    columns = [name for name, *_ in rows.description or []]
    while some := rows.fetchmany(ROWS_AT_ONCE):
        for row in some:
            yield dict(zip(columns, row, strict=True))


def _sentence(row: Row) -> Sentence:
    names = ("sentence_id", "firm_id", "text", "speaker_name", "speaker_type", "section", "call_date")
    return Sentence(**{name: row[name] for name in names})


def _content(rows: Rows, topics: list[Row], counted: Iterable[tuple[int, list[int]]] = ()) -> Row:
    return {
        "speakers": rows.speaker_list(),
        "sentences": rows.sentences,
        "topics": topics,
        "counted": list(counted),
    }


def _group_parts(
    tables: duckdb.DuckDBPyConnection, report: ReportData, firm_number: dict[str, int]
) -> Iterator[tuple[str, Row]]:
    """Of each family and theme: its sentences, the nearest first; its topics are there by name only."""
    theme_number: dict[str | None, int] = {theme.theme_id: number for number, theme in enumerate(report.themes)}
    topics_of: dict[str | None, list[ReportTopic]] = defaultdict(list)
    for topic in report.topics:
        topics_of[topic.theme_id].append(topic)
    known = group_numbers(report)
    found = tables.execute("""
        SELECT theme_id, sentence_id, firm_id, raw_text AS text, speaker_name, speaker_type, section,
               earnings_call_date AS call_date
        FROM evidence JOIN sentences USING (sentence_id)
        ORDER BY theme_id, similarity DESC, sentence_id
        """)
    for theme_id, counted in itertools.groupby(_fetched(found), key=lambda row: str(row["theme_id"])):
        if theme_id not in known:
            continue
        rows = Rows(firm_number)
        for row in counted:
            rows.number_of(_sentence(row))
        topics = [topic_row(topic, rows, theme_number, ()) for topic in topics_of[theme_id]]
        by_firm = [[firm_number[firm_id], n] for firm_id, n in report.measured[theme_id].n_sentences.items()]
        # Not by its id, which comes from a table: a file's name must not lead anywhere else.
        yield f"group_{known[theme_id]:04d}", _content(rows, topics) | {"byFirm": by_firm}


def _firm_parts(
    tables: duckdb.DuckDBPyConnection, report: ReportData, firm_number: dict[str, int]
) -> Iterator[tuple[str, list[str], Row]]:
    """Of some firms each: their topics with all sentences, the representative ones first, and what counts for what."""
    topics_of: dict[str, list[ReportTopic]] = defaultdict(list)
    for topic in report.topics:
        topics_of[topic.firm_id].append(topic)
    found = tables.execute("""
        WITH counted AS (
            SELECT sentence_id, list(theme_id ORDER BY theme_id) AS groups FROM evidence GROUP BY sentence_id
        )
        SELECT sentence_id, firm_id, raw_text AS text, speaker_name, speaker_type, section,
               sentences.earnings_call_date AS call_date, topic_id, groups
        FROM sentences LEFT JOIN topics USING (firm_id, local_topic_id) LEFT JOIN counted USING (sentence_id)
        WHERE topic_id IS NOT NULL OR groups IS NOT NULL
        ORDER BY firm_id, topic_id, list_position(representative_sentence_ids, sentence_id) NULLS LAST,
                 sentences.earnings_call_date, transcript_id, position
        """)
    by_firm = itertools.groupby(_fetched(found), key=lambda row: str(row["firm_id"]))
    known = group_numbers(report)
    theme_number: dict[str | None, int] = {theme.theme_id: number for number, theme in enumerate(report.themes)}
    for number in itertools.count():
        said = {firm_id: list(rows) for firm_id, rows in itertools.islice(by_firm, FIRMS_IN_PART)}
        if not said:
            return
        rows = Rows(firm_number)
        counted, in_topic = _placed(itertools.chain.from_iterable(said.values()), rows, known)
        topics = [
            topic_row(topic, rows, theme_number, in_topic[topic.topic_id])
            for firm_id in said
            for topic in topics_of[firm_id]
        ]
        yield f"firms_{number:04d}", list(said), _content(rows, topics, sorted(counted.items()))


def _placed(
    said: Iterable[Row], rows: Rows, known: dict[str, int]
) -> tuple[dict[int, list[int]], dict[str | None, list[Sentence]]]:
    """The numbers of the sentences of each family and theme, and the sentences of each topic."""
    counted: dict[int, list[int]] = defaultdict(list)
    in_topic: dict[str | None, list[Sentence]] = defaultdict(list)
    for row in said:
        sentence = _sentence(row)
        in_topic[row["topic_id"]].append(sentence)
        for group in row["groups"] or []:
            if group in known:
                counted[known[group]].append(rows.number_of(sentence))
    return counted, in_topic


def _word_parts(tables: duckdb.DuckDBPyConnection, known: dict[str, int]) -> Iterator[tuple[str, dict[str, list[int]]]]:
    """Of the words with each first letter: group, number of its sentences with the word, group, number, ..."""
    found = tables.execute(r"""
        SELECT word, theme_id, count(*) AS n
        FROM (
            SELECT theme_id, unnest(list_distinct(regexp_extract_all(lower(raw_text), '[\p{L}\p{N}]+'))) AS word
            FROM evidence JOIN sentences USING (sentence_id)
        )
        GROUP BY word, theme_id
        ORDER BY word, theme_id
        """)
    words: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in _fetched(found):
        if row["theme_id"] in known:
            letter = row["word"][0] if row["word"][0] in _LETTERS else _OTHER
            words[letter][row["word"]] += [known[row["theme_id"]], row["n"]]
    return ((f"words_{letter}", dict(said)) for letter, said in words.items())


def _totals(tables: duckdb.DuckDBPyConnection, sectors: list[str]) -> dict[str, list[int]]:
    found = tables.execute("""
        SELECT theme_id, sector, speaker_type, section, grouping(speaker_type) AS any_speaker,
               grouping(section) AS any_section, count(DISTINCT firm_id) AS n_firms, count(*) AS n_sentences
        FROM (
            SELECT theme_id, firm_id, coalesce(sector, '') AS sector, speaker_type, section
            FROM evidence JOIN sentences USING (sentence_id) JOIN firms USING (firm_id)
        )
        GROUP BY GROUPING SETS (
            (theme_id, sector), (theme_id, sector, speaker_type), (theme_id, sector, section),
            (theme_id, sector, speaker_type, section)
        )
        """)
    length = (1 + len(SPEAKERS)) * (1 + len(SECTIONS)) * len(sectors) * 2
    totals: dict[str, list[int]] = defaultdict(lambda: [0] * length)
    for row in _fetched(found):
        speaker = 0 if row["any_speaker"] else _place(SPEAKERS, row["speaker_type"])
        section = 0 if row["any_section"] else _place(SECTIONS, row["section"])
        if speaker is None or section is None:
            continue
        place = 2 * ((speaker * (1 + len(SECTIONS)) + section) * len(sectors) + sectors.index(row["sector"]))
        totals[row["theme_id"]][place : place + 2] = [row["n_firms"], row["n_sentences"]]
    return dict(totals)


def _place(names: tuple[str, ...], name: str | None) -> int | None:
    return 1 + names.index(name) if name in names else None
