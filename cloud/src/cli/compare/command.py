"""``ftm compare``: two runs of a quarter side by side, and the count of a blind judging."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from cloud.src.cli.compare import judging as compare_judging
from cloud.src.cli.compare import tables as compare_tables
from cloud.src.cli.compare.judging import JudgedNames, Question
from cloud.src.cli.compare.runs import Comparison, compare_runs, read_runs
from cloud.src.cli.compare.side_by_side import side_by_side
from cloud.src.cli.quarters.quarter_themes import read_quarter
from cloud.src.cli.run.run_folder import FAMILY
from cloud.src.cli.screen import Screen, output_console
from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.models import packaged_models
from cloud.src.models.embeddings import Embedder

NAMES, GROUP_NAMES = "names.parquet", "theme_names.parquet"


def compare(
    screen: Screen,
    run_a: Path,
    run_b: Path,
    quarter: str | None,
    sample: int,
    seed: int,
    out: Path,
    as_json: bool = False,
) -> None:
    """Show two runs side by side and write the judge's page, its key and the tables of all names into ``out``.

    Raises InvalidInput as read_runs and compare_runs do, FtmError if something cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise InvalidInput(f"{out} is not a folder: choose another one with --out")
    found = read_runs(run_a, run_b, quarter)
    model = os.environ.get("EMBEDDING_MODEL") or packaged_models.EMBEDDING
    if model == packaged_models.EMBEDDING:
        packaged_models.ensure(model, screen.line)
    with screen.stage("compare"):
        embedder = Embedder(model)
        comparison = compare_runs(*found, embedder.embed)
    questions = compare_judging.draw_questions(comparison, sample, seed)
    compare_tables.write_names(comparison, out / NAMES, out / GROUP_NAMES)
    if questions:
        compare_judging.write_judging(comparison, questions, seed, out)
        _add_to_reports(comparison, questions, screen)
    if as_json:
        print(json.dumps(_as_json_object(comparison, len(questions), out), indent=1))
    else:
        _show(comparison, questions, out)


def _add_to_reports(comparison: Comparison, questions: list[Question], screen: Screen) -> None:
    for run in (comparison.a, comparison.b):
        try:
            compare_judging.add_to_reports(comparison, questions, run.folder)
        except FtmError as error:  # a run of somebody else's can be compared, too
            screen.line(f"the list of reports does not have this comparison: {error}")


def _as_json_object(comparison: Comparison, n_questions: int, out: Path) -> dict[str, Any]:
    a, b = (
        {
            "folder": str(run.folder),
            "topics_named_by": run.named_by,
            "groups_named_by": run.groups_named_by,
            "figures": figures,
        }
        for run, figures in zip((comparison.a, comparison.b), compare_tables.figures(comparison), strict=True)
    )
    return {
        "quarter": comparison.quarter,
        "a": a,
        "b": b,
        "topics_matched": len(comparison.pairs),
        "topics_with_the_same_name": sum(pair.same_name for pair in comparison.pairs),
        "groups_matched": len(comparison.groups),
        "groups_with_the_same_name": sum(pair.same_name for pair in comparison.groups),
        "to_judge": n_questions,
        "page": str(out / compare_judging.PAGE) if n_questions else None,
        "key": str(out / compare_judging.KEY) if n_questions else None,
        "names": [str(out / NAMES), str(out / GROUP_NAMES)],
    }


def _show(comparison: Comparison, questions: list[Question], out: Path) -> None:
    judging = "Both runs have the same names: there is nothing to judge"
    if questions:
        page, key = out / compare_judging.PAGE, out / compare_judging.KEY
        judging = f"Blind judging of {len(questions)} names: open {page}; the key is in {key}"
    console = output_console()
    families = {
        side: read_quarter(run.folder, comparison.quarter) for side, run in (("A", comparison.a), ("B", comparison.b))
    }
    if any(of_run[FAMILY] for of_run in families.values()):
        console.print(side_by_side(f"The first families of {comparison.quarter}", families))
    console.print(compare_tables.runs_table(comparison))
    # Not the names on the page, so that readers can still judge blindly.
    asked = [question.pair for question in questions]
    others = [pair for pair in comparison.pairs if not pair.same_name and pair not in asked]
    if others:
        console.print(compare_tables.names_table(others))
    lines = [
        *compare_tables.matching_lines(comparison),
        f"All names: {out / NAMES}, {out / GROUP_NAMES}",
        judging,
    ]
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def judged(choices: Path, folder: Path, as_json: bool = False) -> None:
    """Show how a judge's choices count; ``folder`` is the comparison's, with the key.

    Raises InvalidInput if the choices or the key are missing, or do not belong together.
    """
    verdict = compare_judging.count(choices, folder / compare_judging.KEY)
    if as_json:
        print(json.dumps(_verdict_object(verdict), indent=1))
        return
    console = output_console()
    console.print(compare_tables.verdict_table(verdict))
    for line in (compare_tables.verdict_line(verdict), compare_tables.kinds_line(verdict)):
        console.print(line, markup=False, soft_wrap=True)


def _verdict_object(verdict: JudgedNames) -> dict[str, Any]:
    counts = {name: getattr(verdict, name) for name in ("a_better", "b_better", "same", "neither", "not_judged")}
    decided = {kind: {"a": a, "b": b} for kind, (a, b) in verdict.decided.items()}
    key = verdict.key
    return {"quarter": key.quarter, "a": key.run_a, "b": key.run_b, **counts, "decided": decided, "p": verdict.p_value}
