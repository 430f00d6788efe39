"""The bundled transcripts of fictional firms."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from cloud.src.cli.options import quarter_of
from cloud.src.contract.errors import InvalidInput

FOLDER = Path(__file__).parents[3] / "samples"


def quarters() -> dict[str, Path]:
    """The bundled quarters, oldest first, each with its CSV file."""
    return {path.stem.removeprefix("transcripts_"): path for path in sorted(FOLDER.glob("transcripts_*.csv"))}


def bundled_quarter(typed: str) -> str:
    """Return the bundled quarter that somebody has typed; raise InvalidInput, which lists them, if it is not one."""
    with suppress(InvalidInput):
        quarter = quarter_of(typed)
        if quarter in quarters():
            return quarter
    raise InvalidInput(f"there is no bundled quarter {typed}: choose {' or '.join(quarters())}")


def transcripts(quarter: str) -> Path:
    """Return the CSV file of a bundled quarter; raise InvalidInput if that quarter is not bundled."""
    return quarters()[bundled_quarter(quarter)]
