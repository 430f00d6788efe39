"""``ftm bundle``: a quarter in one file, for whoever wants to make it again."""

from __future__ import annotations

import csv
import io
import json
import shlex
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from cloud.src.cli.bundle.contents import DOCUMENT, described, read_tables
from cloud.src.cli.run import run_folder
from cloud.src.cli.screen import Screen, output_console
from cloud.src.contract import describe_tables, keys, schemas
from cloud.src.contract.errors import FtmError
from cloud.src.contract.files import written_whole
from cloud.src.naming import prompt

# The same folder gives the same bytes: no file has the time at which it was written.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
TABLES, ANSWERS = "tables/", "answers/"


def bundle(screen: Screen, folder: Path, quarter: str | None, out: Path, with_text: bool) -> None:
    """Write a quarter's bundle.

    Raises InvalidInput when the folder has no finished run of it, FtmError when a file is damaged or cannot be written.
    """
    quarter = run_folder.one_quarter(folder, quarter)
    with screen.stage("read the run"):
        document = described(folder, quarter, with_text)
    try:
        with screen.stage("write the bundle"), written_whole(out) as unfinished:
            write(unfinished, folder, quarter, document)
    except OSError as error:
        raise FtmError(f"cannot write {out}: {error.strerror or error}") from error
    console = output_console()
    text = "with the transcripts' text" if with_text else "without transcript text"
    for line in (
        f"{quarter}, {text}, {out.stat().st_size / 1e6:,.1f} MB: {out}",
        f"To make it again: {document['command']}",
        f"Next, check that it works: ftm verify {shlex.quote(str(out))} --input TRANSCRIPTS",
    ):
        console.print(line, markup=False, soft_wrap=True)


def write(path: Path, folder: Path, quarter: str, document: dict[str, Any]) -> None:
    """Write all files of a bundle into a zip."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, DOCUMENT, json.dumps(document, indent=1, default=str))
        _add(archive, "README.txt", _readme(document))
        _add(archive, "codebook.md", describe_tables.page())
        for file in sorted(Path(prompt.__file__).with_name("prompts").glob("*.txt")):
            _add(archive, f"prompts/{file.name}", file.read_bytes())
        for file in sorted((folder / keys.llm_answers_prefix(quarter)).glob("*.json")):
            _add(archive, ANSWERS + file.name, file.read_bytes())
        _add(archive, "dictionaries.csv", _dictionaries(folder, quarter))
        with tempfile.TemporaryDirectory() as work:
            for name, table in read_tables(folder, quarter, document["with_text"]):
                pq.write_table(table, Path(work) / name)
                _add(archive, f"{TABLES}{name}.parquet", (Path(work) / name).read_bytes())


def _add(archive: zipfile.ZipFile, name: str, content: str | bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, _NO_TIME), content, zipfile.ZIP_DEFLATED)


def _dictionaries(folder: Path, quarter: str) -> str:
    """A row per phrase of a theme's dictionary."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(["theme_id", "name", "phrase", "purity", "share"])
    columns = run_folder.columns(schemas.THEME, "theme_id name dictionary")
    themes: list[Any] = run_folder.read_table(folder, quarter, "themes", columns).to_pylist()
    for theme in themes:
        for entry in theme["dictionary"]:
            writer.writerow([theme["theme_id"], theme["name"], entry["phrase"], entry["purity"], entry["share"]])
    return file.getvalue()


def _readme(document: dict[str, Any]) -> str:
    left_out = document["left_out"]
    return f"""Themes of {document["quarter"]} by FTM, commit {", ".join(document["commits"]) or "unknown"}.

To make them again from the same transcripts:

    {document["command"]}

To compare the result with this bundle:

    ftm verify BUNDLE.zip --input TRANSCRIPTS

bundle.json       settings, versions, models with their sha256 and licences, what was left out
                  ({len(left_out["skipped"]):,} firms skipped, {len(left_out["failed"]):,} failed)
codebook.md       every table and column
dictionaries.csv  the phrases of each theme
prompts/          what a language model is asked
answers/          its answers, by a hash of the question; empty where names come from keywords
tables/           the tables{"" if document["with_text"] else ", without the text of the transcripts"}
"""
