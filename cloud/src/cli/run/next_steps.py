"""What a reader may type after a run: each line is a command that works as it stands."""

from __future__ import annotations

import shlex
from pathlib import Path

from cloud.src.cli import samples
from cloud.src.cli.run import run_folder


def next_steps(folder: Path, quarter: str, is_demo: bool = False) -> list[str]:
    """Commands with what each is for; ``folder`` is the run's output folder."""
    here = shlex.quote(str(folder))
    quarters = run_folder.quarters_in(folder)
    steps = [
        ("read the report", f"ftm report {here} --quarter {quarter} --open"),
        ("why a theme is what it is", f"ftm explain 1 --quarter {quarter} --dir {here}"),
    ]
    if len(quarters) > 1:
        earlier, later = _neighbours(quarters, quarter)
        steps.append(("what has changed", f"ftm themes --quarters {earlier} {later} --dir {here}"))
    if is_demo:
        left = [bundled for bundled in samples.quarters() if bundled not in quarters]
        steps += [("the next quarter", f"ftm demo --quarter {left[0]} --out {here}")] if left else []
        steps.append(("your own transcripts", "ftm run 2020Q2 --input FILE_OR_FOLDER"))
    longest = max(len(purpose) for purpose, _ in steps)
    return ["Next:", *(f"  {purpose:{longest}}  {command}" for purpose, command in steps)]


def _neighbours(quarters: list[str], quarter: str) -> list[str]:
    """The quarter with the one before it, or with the one after it if it is the first."""
    last = max(1, quarters.index(quarter))
    return quarters[last - 1 : last + 1]
