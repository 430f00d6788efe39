"""``ftm explain``: why a theme or family is what it is, down to the sentences that count and those that do not."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from cloud.src.cli.explain import tables
from cloud.src.cli.explain.explanation import Explanation, explain_group, exposures_of, read_groups
from cloud.src.cli.explain.find import Row, find_firm, find_group, find_quarter
from cloud.src.cli.explain.json_object import as_json_object
from cloud.src.cli.run import run_folder
from cloud.src.cli.screen import output_console
from cloud.src.contract import keys, schemas


def explain(
    wanted: str, firm: str | None, quarter: str | None, folder: Path, n_shown: int, as_json: bool = False
) -> None:
    """Print the explanation of a theme or family, for all firms or for one, for people or as JSON.

    Raises InvalidInput when the folder has no such quarter, theme or firm, or a table is missing or damaged.
    """
    quarter = find_quarter(folder, quarter, wanted)
    groups = read_groups(folder, quarter)
    group = find_group(groups, wanted, quarter)
    columns = run_folder.columns(schemas.FIRM, "firm_id firm_name ticker")
    firms: list[Row] = run_folder.read_table(folder, quarter, "firms", columns).to_pylist()
    of_firm = None if firm is None else find_firm(firms, firm, quarter)
    firm_id = None if of_firm is None else of_firm["firm_id"]
    explained = explain_group(folder, quarter, groups, group, firm_id)
    rows = [] if firm_id is None else exposures_of(folder, quarter, group["theme_id"], firm_id)
    if as_json:
        print(json.dumps(as_json_object(explained, len(firms), n_shown, of_firm, rows), indent=1, default=str))
        return
    console = output_console()
    for part in tables.overview(explained, len(firms)):
        console.print(part)
    if of_firm is not None:
        console.print(tables.exposures(rows, of_firm["firm_name"]))
    for table in tables.sentence_tables(explained, n_shown, one_per_firm=of_firm is None):
        console.print(table)
    for line in _closing_lines(explained, folder, is_of_firm=of_firm is not None):
        console.print(line, markup=False, soft_wrap=True)


def _closing_lines(explained: Explanation, folder: Path, is_of_firm: bool) -> list[str]:
    """What is not known, and what to do next."""
    quarter, theme_id, here = explained.quarter, explained.group["theme_id"], shlex.quote(str(folder))
    lines = []
    if any(said.says and said.nearness is None for said in explained.left_out):
        lines.append(
            f"The cosines of what is left out are not known without {folder / keys.sentences_parts_prefix(quarter)}: "
            "run the quarter again"
        )
    lines += [f"All sentences that count: {folder / keys.evidence_prefix(quarter)}"]
    if not is_of_firm:
        example = next((said.firm_id for said in explained.near), None)
        if example:
            lines.append(f"Next, one firm: ftm explain {theme_id} --firm {shlex.quote(example)} --dir {here}")
    elif explained.family:
        lines.append(f"Next, its family: ftm explain {explained.family['theme_id']} --dir {here}")
    else:
        lines.append(f"Next, all firms: ftm explain {theme_id} --dir {here}")
    report = folder / keys.report(quarter)
    if report.is_file():
        lines.append(f"In the report: {report}#{theme_id}")
    return lines
