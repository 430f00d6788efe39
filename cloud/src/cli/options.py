"""Options that several commands share, and quarters as people type them."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cloud.src.contract import keys
from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.files.quarters import QuarterFrom

# 2020Q2, and what else can only mean it. Payloads and keys are strict: contract/keys.py.
_TYPED_QUARTER = re.compile(r"([0-9]{4})[-_ ]?Q([1-4])", re.IGNORECASE)


def quarter_of(typed: str) -> str:
    """Return the quarter that somebody has typed: ``2020q2`` and ``2020-Q2`` are 2020Q2.

    Raises InvalidInput when it is not a quarter.
    """
    match = _TYPED_QUARTER.fullmatch(typed.strip())
    if not match:
        raise InvalidInput(f"{typed!r} is not a quarter: write it like 2023Q1")
    return f"{match[1]}Q{match[2]}"


def quarter_if_given(typed: str | None) -> str | None:
    """The same where it may be left out."""
    return None if typed is None else quarter_of(typed)


def is_quarter(name: str) -> bool:
    """Whether what ``quarter_or_panel`` has returned is a quarter."""
    return _TYPED_QUARTER.fullmatch(name) is not None


def quarter_or_panel(typed: str) -> str:
    """Return the quarter that somebody has typed, or the name of a panel; raise InvalidInput when it is neither."""
    if is_quarter(typed.strip()):
        return quarter_of(typed)
    try:
        return keys.check_panel(typed)
    except InvalidInput as error:
        raise InvalidInput(f"{typed!r} is neither a quarter, like 2023Q1, nor the name of a panel") from error


def panel_of(typed: str) -> str:
    """Return the name of a panel; raise InvalidInput when it is not one, or looks like a quarter."""
    if is_quarter(typed.strip()):
        raise InvalidInput(f"{typed} is a quarter: give the panel another name first, then its quarters")
    return keys.check_panel(typed)


class Down(StrEnum):
    """When vLLM is stopped at the end of ``ftm aws run``."""

    ALWAYS = "always"
    ON_SUCCESS = "on-success"
    NEVER = "never"


Quarter = Annotated[
    str,
    typer.Argument(metavar="QUARTER", help="Quarter of the calls, for example 2020Q2.", callback=quarter_if_given),
]
QuarterOrPanel = Annotated[
    str,
    typer.Argument(metavar="QUARTER|PANEL", help="Quarter, or name of a panel.", callback=quarter_or_panel),
]
QuarterInFolder = Annotated[
    str | None,
    typer.Option(
        "--quarter", metavar="QUARTER", help="Quarter to use when the folder has several.", callback=quarter_if_given
    ),
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Output folder.", show_default=True)]
QuarterFromOption = Annotated[
    QuarterFrom,
    typer.Option(
        "--quarter-from", help="Files: decide a call's quarter by its date, or by the fiscal quarter in the file."
    ),
]
AllLanguages = Annotated[
    bool, typer.Option("--all-languages", help="Keep calls in other languages, although the models know only English.")
]
Jobs = Annotated[
    int | None, typer.Option(min=1, help="Batch jobs to run at the same time.", show_default="number of cores")
]
Containers = Annotated[bool, typer.Option("--containers", help="Run Batch jobs in the ftm-worker image; needs Docker.")]
LlmUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Use this OpenAI-compatible LLM server instead of the small local model, for example http://host:8000/v1. "
        "The model and key come from LLM_MODEL_NAME and LLM_API_KEY.",
    ),
]
LlmModel = Annotated[
    Path | None,
    typer.Option(metavar="FILE.gguf", help="Run your own model on this machine instead of the small one."),
]
LlmTopics = Annotated[
    bool, typer.Option("--llm-topics", help="Have the local LLM name every topic, however long it takes.")
]
NoLlm = Annotated[bool, typer.Option("--no-llm", help="Use no LLM: name topics and themes by their keywords.")]
Open = Annotated[bool, typer.Option("--open", help="Open the report in the browser.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object, for scripts.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Hide progress; still show results and errors.")]


class GridLevel(StrEnum):
    """What the grid of a panel has a row for."""

    FAMILY = "family"
    THEME = "theme"


class FileFormat(StrEnum):
    """How the grid of a panel is written."""

    PARQUET = "parquet"
    CSV = "csv"
    DTA = "dta"
