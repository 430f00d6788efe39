"""The files beside a report that is too large for one page: ``data/*.js``, which report_parts.js loads.

Each holds JSON as one string, handed to a function of the page: a page opened from disk may load scripts and nothing
else. There is one for every FIRMS_IN_PART firms (all their topics and sentences, and what counts for which theme), one
for each family and theme (which firms speak of it and how much, of each the nearest sentences, and the names of its
topics), and one for the words with each first letter (how many sentences of each family and theme have the word, and,
of a rare one, in the files of which firms they are).

The rows of JSON are made in DuckDB, some files at a time: a large quarter has millions of sentences.
"""

from __future__ import annotations

import itertools
import json
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterator
from hashlib import sha256
from operator import itemgetter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from cloud.src.cli.pages import page
from cloud.src.cli.report.contents import ReportData
from cloud.src.cli.report.earlier import Earlier
from cloud.src.cli.report.page_data import Parts, firm_before

FOLDER = "data"
FIRMS_IN_PART = 10
SENTENCES_OF_FIRM = 3  # in the file of a family or theme; all are in the firm's
# Of a word that is in more files of firms it is not said in which. FILES_AT_ONCE in report_parts.js.
PARTS_OF_RARE_WORD = 8
# In one query. More takes more memory, fewer takes more time.
_FIRM_FILES_AT_ONCE, _GROUP_FILES_AT_ONCE = 25, 20

# In this order in ``totals``, after "all of them"; SPEAKERS and SECTIONS in report_filters.js.
SPEAKERS = ("CEO", "CFO", "Executive", "Analyst")
SECTIONS = ("prepared", "qa")
_OTHER = "other"  # words that begin with another character than a to z

# A sentence as page_data.Rows has it, and its speaker; of a table with the number of the file and of both within it.
_SENTENCES = """
    SELECT file, json_array(sentence_id, raw_text, speaker, section, strftime(called, '%Y-%m-%d'), firm) FROM said
    ORDER BY file, number
    """
_SPEAKERS = """
    SELECT file, any_value(json_object('name', speaker_name, 'type', speaker_type)) FROM said
    GROUP BY file, speaker ORDER BY file, speaker
    """
_SPEAKER = "dense_rank() OVER (PARTITION BY file ORDER BY speaker_name NULLS FIRST, speaker_type) - 1 AS speaker"


def write_parts(
    tables: duckdb.DuckDBPyConnection, report: ReportData, earlier: Earlier | None, data_folder: Path
) -> Parts:
    """Write the files of a quarter into ``data_folder``, each whole or not at all.

    ``tables``: those of data.open_tables; they get more.

    Raises FtmError when a file cannot be written.
    """
    _number(tables, report)
    sectors = sorted({firm.sector or "" for firm in report.firms}, key=lambda sector: (not sector, sector))
    parts = Parts(sectors, _totals(tables, sectors))
    for name, content in itertools.chain(_firm_parts(tables, report, earlier), _group_parts(tables)):
        _write(data_folder, parts, name, content)
    for name, content in _word_parts(tables):
        _write(data_folder, parts, name, content)
    files = tables.execute("SELECT firm_id, file FROM firm_numbers").fetchall()
    parts.part_of_firm.update({firm_id: _firms_file(file) for firm_id, file in files})
    return parts


def remove_others(data_folder: Path, parts: Parts | None) -> None:
    """Remove the files of an earlier report that are none of this one's."""
    names = set(parts.hashes) if parts else set()
    for path in data_folder.glob("*.js"):
        if path.stem not in names:
            path.unlink()
    if data_folder.is_dir() and not names and not any(data_folder.iterdir()):
        data_folder.rmdir()


def _firms_file(number: int) -> str:
    return f"firms_{number:04d}"


def _write(data_folder: Path, parts: Parts, name: str, content: dict[str, str]) -> None:
    """Write an object; its values are JSON already."""
    text = f"{{{','.join(f'{json.dumps(key)}:{value}' for key, value in content.items())}}}"
    file = f"ftmData({json.dumps(name)},{json.dumps(text, ensure_ascii=False)});\n"
    page.write(data_folder / f"{name}.js", file)
    parts.hashes[name] = _hash(text)
    parts.in_policy.append(f"sha256-{_hash(file)}")


def _hash(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


def _number(tables: duckdb.DuckDBPyConnection, report: ReportData) -> None:
    """Add what firms, families and themes are called in the files, and ``counted``: what counts for what."""
    by_id = sorted((firm.firm_id, number) for number, firm in enumerate(report.firms))
    firms = [(firm_id, number, place // FIRMS_IN_PART) for place, (firm_id, number) in enumerate(by_id)]
    groups = [group.theme_id for group in [*report.families, *report.themes]]
    _add(tables, "firm_numbers", ["firm_id", "firm", "file"], firms)
    _add(tables, "group_numbers", ["theme_id", "group_number"], [(each, n) for n, each in enumerate(groups)])
    _add(tables, "theme_places", ["theme_id", "theme"], [(each.theme_id, n) for n, each in enumerate(report.themes)])
    tables.execute("""
        CREATE TABLE counted AS
        SELECT group_number, firm_numbers.firm, firm_numbers.file AS firm_file, sentence_id, similarity,
               row_number() OVER (
                   PARTITION BY group_number, firm_numbers.firm ORDER BY similarity DESC, sentence_id
               ) AS place
        FROM evidence JOIN group_numbers USING (theme_id) JOIN sentences USING (sentence_id)
             JOIN firm_numbers USING (firm_id)
        """)


def _add(tables: duckdb.DuckDBPyConnection, name: str, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
    types = [pa.string(), *(pa.int32() for _ in columns[1:])]
    values = [pa.array([row[place] for row in rows], kind) for place, kind in enumerate(types)]
    tables.register("added", pa.table(values, names=columns))
    tables.execute(f"CREATE TABLE {name} AS FROM added")
    tables.unregister("added")


def _lists(tables: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, int]) -> dict[int, str]:
    """Of each file, by its number, the rows of a query as one list; the rows are (number, JSON), files together."""
    found = tables.execute(query, parameters).fetchall()
    by_file = itertools.groupby(found, key=itemgetter(0))
    return defaultdict(lambda: "[]", {file: f"[{','.join(row for _, row in rows)}]" for file, rows in by_file})


def _steps(n_files: int, at_once: int) -> Iterator[dict[str, int]]:
    return ({"first": first, "last": first + at_once - 1} for first in range(0, n_files, at_once))


def _firm_parts(
    tables: duckdb.DuckDBPyConnection, report: ReportData, earlier: Earlier | None
) -> Iterator[tuple[str, dict[str, str]]]:
    """Of some firms each: their topics with all sentences, the representative ones first, and what counts for what."""
    tables.execute("CREATE TABLE said_of_groups (word VARCHAR, group_number INTEGER, n BIGINT)")
    tables.execute("CREATE TABLE said_in_files (word VARCHAR, file INTEGER)")
    n_files = -(-len(report.firms) // FIRMS_IN_PART)
    in_file: dict[int, list[Any]] = defaultdict(list)
    for firm_id, firm, file in tables.execute("SELECT * FROM firm_numbers ORDER BY firm_id").fetchall():
        in_file[file].append([firm, firm_before(report, earlier, firm_id)])
    for step in _steps(n_files, _FIRM_FILES_AT_ONCE):
        _take_said_by_firms(tables, step)
        _count_words(tables, step)
        sentences, speakers = _lists(tables, _SENTENCES, {}), _lists(tables, _SPEAKERS, {})
        topics, counted = _lists(tables, _TOPICS_OF_FIRMS, step), _lists(tables, _COUNTED_OF_FIRMS, step)
        for file in range(step["first"], min(step["last"] + 1, n_files)):
            yield (
                _firms_file(file),
                {
                    "speakers": speakers[file],
                    "sentences": sentences[file],
                    "topics": topics[file],
                    "counted": counted[file],
                    "firms": json.dumps(in_file[file], separators=(",", ":")),
                },
            )


def _take_said_by_firms(tables: duckdb.DuckDBPyConnection, step: dict[str, int]) -> None:
    tables.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE said AS
        SELECT file, firm, sentence_id, topic_id, raw_text, section, sentences.earnings_call_date AS called,
               speaker_name, speaker_type, {_SPEAKER},
               row_number() OVER (
                   PARTITION BY file
                   ORDER BY firm_id, topic_id, list_position(representative_sentence_ids, sentence_id) NULLS LAST,
                            sentences.earnings_call_date, transcript_id, position
               ) - 1 AS number
        FROM sentences JOIN firm_numbers USING (firm_id) LEFT JOIN topics USING (firm_id, local_topic_id)
        WHERE file BETWEEN $first AND $last
          AND (topic_id IS NOT NULL
               OR sentence_id IN (SELECT sentence_id FROM counted WHERE firm_file BETWEEN $first AND $last))
        """,
        step,
    )


_TOPIC = """
    'id', topic_id, 'firm', firm, 'theme', theme, 'name', summary, 'method', naming_method, 'keywords', keywords,
    'total', n_sentences, 'representative', len(representative_sentence_ids)
    """
_TOPICS_OF_FIRMS = f"""
    SELECT file, json_object({_TOPIC}, 'sentences', coalesce(numbers, []))
    FROM topics JOIN firm_numbers USING (firm_id) LEFT JOIN theme_places USING (theme_id)
         LEFT JOIN (SELECT topic_id, list(number ORDER BY number) AS numbers FROM said GROUP BY topic_id)
         USING (topic_id)
    WHERE file BETWEEN $first AND $last
    ORDER BY file, firm_id, n_sentences DESC, topic_id
    """
_COUNTED_OF_FIRMS = """
    SELECT file, json_array(group_number, list(number ORDER BY number))
    FROM counted JOIN said USING (sentence_id)
    WHERE firm_file BETWEEN $first AND $last
    GROUP BY file, group_number
    ORDER BY file, group_number
    """


def _group_parts(tables: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, dict[str, str]]]:
    """Of each family and theme: the nearest sentences of each of its firms; its topics are there by name only."""
    [(n_groups,)] = tables.execute("SELECT count(*) FROM group_numbers").fetchall()
    for step in _steps(n_groups, _GROUP_FILES_AT_ONCE):
        tables.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE said AS
            SELECT group_number AS file, firm, sentence_id, raw_text, section, earnings_call_date AS called,
                   speaker_name, speaker_type, {_SPEAKER},
                   row_number() OVER (PARTITION BY file ORDER BY similarity DESC, sentence_id) - 1 AS number
            FROM counted JOIN sentences USING (sentence_id)
            WHERE group_number BETWEEN $first AND $last AND place <= $of_firm
            """,
            step | {"of_firm": SENTENCES_OF_FIRM},
        )
        sentences, speakers = _lists(tables, _SENTENCES, {}), _lists(tables, _SPEAKERS, {})
        topics, firms = _lists(tables, _TOPICS_OF_GROUPS, step), _lists(tables, _FIRMS_OF_GROUPS, step)
        for file in range(step["first"], min(step["last"] + 1, n_groups)):
            # Not by its id, which comes from a table: a file's name must not lead anywhere else.
            yield (
                f"group_{file:04d}",
                {
                    "speakers": speakers[file],
                    "sentences": sentences[file],
                    "topics": topics[file],
                    "byFirm": firms[file],
                },
            )


_TOPICS_OF_GROUPS = f"""
    SELECT group_number, json_object({_TOPIC}, 'sentences', [])
    FROM topics JOIN firm_numbers USING (firm_id) JOIN theme_places USING (theme_id) JOIN group_numbers USING (theme_id)
    WHERE group_number BETWEEN $first AND $last
    ORDER BY group_number, n_sentences DESC, topic_id
    """
_FIRMS_OF_GROUPS = """
    SELECT group_number, json_array(firm, count(*))
    FROM counted
    WHERE group_number BETWEEN $first AND $last
    GROUP BY group_number, firm
    ORDER BY group_number, count(*) DESC, any_value(firm)
    """


def _count_words(tables: duckdb.DuckDBPyConnection, step: dict[str, int]) -> None:
    """Add the words of the sentences at hand that count for something."""
    tables.execute(
        r"""
        CREATE OR REPLACE TEMP TABLE words AS
        SELECT file, groups, unnest(list_distinct(regexp_extract_all(lower(raw_text), '[\p{L}\p{N}]+'))) AS word
        FROM said JOIN (
            SELECT sentence_id, list(group_number) AS groups
            FROM counted
            WHERE firm_file BETWEEN $first AND $last
            GROUP BY sentence_id
        ) USING (sentence_id)
        """,
        step,
    )
    tables.execute("INSERT INTO said_in_files SELECT DISTINCT word, file FROM words")
    tables.execute("""
        INSERT INTO said_of_groups
        SELECT word, group_number, count(*) FROM (SELECT word, unnest(groups) AS group_number FROM words) GROUP BY ALL
        """)


def _word_parts(tables: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, dict[str, str]]]:
    """Of the words with each first letter: ``said`` has group, number of its sentences with the word, group, ...

    ``files``: the numbers of the files of firms that have them, of rare words.
    """
    found = tables.execute(
        """
        WITH counted AS (SELECT word, group_number, sum(n)::BIGINT AS n FROM said_of_groups GROUP BY ALL),
        groups AS (
            SELECT word, string_agg(group_number || ',' || n, ',' ORDER BY group_number) AS said
            FROM counted GROUP BY word
        ),
        files AS (
            SELECT word, string_agg(file, ',' ORDER BY file) AS files
            FROM said_in_files GROUP BY word HAVING count(*) <= $rare
        )
        SELECT CASE WHEN word[1] BETWEEN 'a' AND 'z' THEN word[1] ELSE $other END AS letter,
               to_json(word) || ':[' || said || ']', to_json(word) || ':[' || files || ']'
        FROM groups LEFT JOIN files USING (word)
        ORDER BY letter, word
        """,
        {"rare": PARTS_OF_RARE_WORD, "other": _OTHER},
    ).fetchall()
    for letter, rows in itertools.groupby(found, key=itemgetter(0)):
        words = list(rows)
        said, files = ",".join(row[1] for row in words), ",".join(row[2] for row in words if row[2])
        yield f"words_{letter}", {"said": f"{{{said}}}", "files": f"{{{files}}}"}


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
    for theme_id, sector, speaker_type, said_in, any_speaker, any_section, *counted in found.fetchall():
        speaker = 0 if any_speaker else _place(SPEAKERS, speaker_type)
        section = 0 if any_section else _place(SECTIONS, said_in)
        if speaker is None or section is None:
            continue
        place = 2 * ((speaker * (1 + len(SECTIONS)) + section) * len(sectors) + sectors.index(sector))
        totals[theme_id][place : place + 2] = counted
    return dict(totals)


def _place(names: tuple[str, ...], name: str | None) -> int | None:
    return 1 + names.index(name) if name in names else None
