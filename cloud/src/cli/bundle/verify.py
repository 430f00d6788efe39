"""``ftm verify``: the quarter of a bundle made again from its transcripts, and compared with the bundle's tables."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.table import Table

from cloud.src.cli import version
from cloud.src.cli.bundle.command import ANSWERS, TABLES
from cloud.src.cli.bundle.compare import Compared, compare
from cloud.src.cli.bundle.contents import (
    DOCUMENT,
    FOLDERS,
    FORMAT,
    ONLY_WITH_TEXT,
    Settings,
    described,
    machine,
    read_tables,
)
from cloud.src.cli.environment.local_environment import LocalEnvironment, start_environment
from cloud.src.cli.environment.run_llm import LlmChoice
from cloud.src.cli.environment.settings import check_job_settings
from cloud.src.cli.run.execution import NamesIncomplete
from cloud.src.cli.run.naming_plan import NamingPlan
from cloud.src.cli.run.run_quarter import RunRequest, run_quarter
from cloud.src.cli.screen import Screen, output_console
from cloud.src.contract import keys
from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.files.quarters import QuarterFrom
from cloud.src.prefetch.files.source import FileTranscripts

# Nobody is waited for: an answer that is not in the bundle is a difference, and the name is made of keywords.
_NO_WAITING = {"LLM_OUTAGE_LIMIT_S": "0"}
_LOST = "these names come from keywords, because the bundle has no answer to their questions"
# What is read of a bundle's document, and what it has to be.
_KINDS = {"settings": dict, "with_text": bool, "commits": list, "input": dict, "bundled_by": dict, "made_of": dict}


def verify(screen: Screen, file: Path, source: Path, jobs: int | None) -> bool:
    """Make the quarter again in a folder of its own, and show what differs; return whether nothing does.

    The language model's answers are those of the bundle: no model is asked.

    Raises InvalidInput when the file is not a bundle or the transcripts cannot be used, FtmError when the run fails.
    """
    check_job_settings()
    with _opened(file) as archive, tempfile.TemporaryDirectory() as work:
        document = _document(archive, file)
        quarter, settings = document["quarter"], Settings(**document["settings"])
        out = Path(work) / "out"
        _unpack_answers(archive, out / keys.llm_answers_prefix(quarter))
        with screen.stage("read transcripts"):
            transcripts = FileTranscripts(source, quarter, QuarterFrom(settings.quarter_from), settings.all_languages)
        plan = NamingPlan(settings.topic_naming, settings.theme_naming, "names are those of the bundle")
        request = RunRequest(quarter, transcripts, out, settings.batch_size, plan=plan)
        llm = LlmChoice(replayed=settings.llm_model) if settings.llm_model else LlmChoice(none=True)
        os.environ |= _NO_WAITING
        with start_environment(screen.line, jobs, llm) as environment:
            names_are_lost = _run(request, environment, screen)
        with screen.stage("compare"):
            after = dict(read_tables(out, quarter, document["with_text"]))
            found = {name: compare(before, after[name]) for name, before in _tables(archive, document)}
        made_again = described(out, quarter, document["with_text"])
    _show(found, [*_reasons(document, made_again), *([_LOST] if names_are_lost else [])])
    return all(each.is_same for each in found.values())


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(file)
    except (OSError, zipfile.BadZipFile) as error:
        raise InvalidInput(f"{file} is not a bundle ({error}): give a file that ftm bundle has written") from error
    with archive:
        yield archive


def _document(archive: zipfile.ZipFile, file: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(archive.read(DOCUMENT))
        if document["format"] != FORMAT:
            raise ValueError(f"its format is {document['format']!r:.40}, not {FORMAT}")
        _check(document)
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise InvalidInput(f"{file} is not a bundle of this version of ftm ({error})") from error
    return document


def _check(document: dict[str, Any]) -> None:
    """Raise KeyError, TypeError or ValueError for what verify could not use."""
    keys.check_quarter(document["quarter"])
    for name, kind in _KINDS.items():
        if not isinstance(document[name], kind):
            raise TypeError(f"its {name} is {document[name]!r:.40}")
    settings = Settings(**document["settings"])
    keys.check_batch_size(settings.batch_size)
    QuarterFrom(settings.quarter_from)
    if "machine" not in document["bundled_by"]:
        raise KeyError("machine")


def _run(request: RunRequest, environment: LocalEnvironment, screen: Screen) -> bool:
    """Make the quarter; return whether many names are lost, with which the tables are complete all the same."""
    try:
        run_quarter(request, environment, screen)
    except NamesIncomplete:
        return True
    return False


def _unpack_answers(archive: zipfile.ZipFile, folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in archive.namelist():
        if name.startswith(ANSWERS) and name.endswith(".json"):
            # The last part of the name alone: a file from elsewhere may name any place.
            (folder / PurePosixPath(name).name).write_bytes(archive.read(name))


def _tables(archive: zipfile.ZipFile, document: dict[str, Any]) -> Iterator[tuple[str, pa.Table]]:
    there = set(archive.namelist())
    for name in FOLDERS:
        if f"{TABLES}{name}.parquet" in there:
            try:
                yield name, pq.read_table(pa.BufferReader(archive.read(f"{TABLES}{name}.parquet")))
            except (pa.ArrowException, zipfile.BadZipFile) as error:
                raise InvalidInput(f"the bundle's table {name} is damaged ({error}): get the file again") from error
        elif name != ONLY_WITH_TEXT or document["with_text"]:
            raise InvalidInput(f"the bundle has no table {name}: write it again with ftm bundle")


def _reasons(document: dict[str, Any], made_again: dict[str, Any]) -> list[str]:
    """What is not as it was, and may be why the tables differ; ``made_again``: the new quarter's document."""
    here, there = machine(), document["bundled_by"]["machine"]
    commits, commit = document["commits"], version.commit()
    reasons = []
    if made_again["input"].get("fingerprint") != document["input"].get("fingerprint"):
        reasons.append("the transcripts, or how they are read, are not those of the bundle")
    made_of = document["made_of"]
    n_others = sum(made_of.get(firm_id, made) != made for firm_id, made in made_again["made_of"].items())
    if n_others:
        reasons.append(f"firms made of other sentences, or with other code, models or settings: {n_others:,}")
    if commits != [commit]:
        reasons.append(f"the bundle is of commit {', '.join(commits) or 'unknown'}, this is {commit}")
    if here != there:
        reasons.append(f"the bundle was written on {there}, this is {here}: the last digits of numbers may differ")
    return reasons


def _show(found: dict[str, Compared], reasons: list[str]) -> None:
    table = Table(title="The bundle's tables, and those made again", title_justify="left")
    for header in ("Table", "Rows in the bundle", "Made again", "The same"):
        table.add_column(header, justify="left" if header == "Table" else "right")
    for name, each in found.items():
        table.add_row(name, *(f"{count:,}" for count in (each.n_before, each.n_after, each.n_same)))
    console = output_console()
    console.print(table)
    differ = [name for name, each in found.items() if not each.is_same]
    lines = [f"Not the same: {', '.join(differ)}", *reasons] if differ else ["All tables are the same."]
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
