"""The bundled transcripts of fictional firms."""

from __future__ import annotations

from pathlib import Path

from cloud.src.contract.errors import InvalidInput

FOLDER = Path(__file__).parents[3] / "samples"


def transcripts(quarter: str) -> Path:
    """Return the CSV file of a bundled quarter; raise InvalidInput if that quarter is not bundled."""
    path = FOLDER / f"transcripts_{quarter}.csv"
    if not path.is_file():
        bundled = sorted(found.stem.removeprefix("transcripts_") for found in FOLDER.glob("transcripts_*.csv"))
        raise InvalidInput(f"there is no bundled quarter {quarter}: choose {' or '.join(bundled)}")
    return path
