"""Which family, theme or firm a user means: by id, by name in upper or lower case, a family by its rank too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cloud.src.cli.run import run_folder
from cloud.src.contract.errors import InvalidInput
from cloud.src.contract.text import one_line

SUGGESTIONS = 3
_LIKENESS = 0.5  # difflib's ratio

Row = dict[str, Any]


def find_quarter(folder: Path, quarter: str | None, wanted: str) -> str:
    """The quarter asked for, or else that of a theme's id, or else the only one in the output folder.

    Raises InvalidInput when the folder does not have it, or has several.
    """
    of_id = [each for each in run_folder.quarters_in(folder) if each.casefold() in wanted.casefold().split("_")]
    return run_folder.one_quarter(folder, quarter or (of_id[0] if len(of_id) == 1 else None))


def find_group(groups: Sequence[Row], wanted: str, quarter: str) -> Row:
    """Return the row of THEME that the user means.

    Raises InvalidInput if none fits (with similar names) or if more than one does.
    """
    by_id = [group for group in groups if group["theme_id"].casefold() == wanted.casefold()]
    by_rank = [group for group in groups if wanted.isdecimal() and group["theme_id"] == _family_id(quarter, wanted)]
    by_name = [group for group in groups if _same(group["name"], wanted)]
    found = by_id or by_rank or by_name
    if len(found) > 1:
        ids = " or ".join(group["theme_id"] for group in found)
        raise InvalidInput(f"{quarter} has more than one {one_line(wanted)!r}: give {ids}")
    if not found:
        names = {f"{group['name']} ({group['theme_id']})": [group["name"], group["theme_id"]] for group in groups}
        raise InvalidInput(f"{quarter} has no theme or family {one_line(wanted)!r}{_suggestions(wanted, names)}")
    return found[0]


def find_firm(firms: Sequence[Row], wanted: str, quarter: str) -> Row:
    """Return the row of FIRM with this id, ticker or name; raise InvalidInput if none or more than one has it."""
    by_id = [firm for firm in firms if firm["firm_id"].casefold() == wanted.casefold()]
    by_name = [firm for firm in firms if _same(firm["firm_name"], wanted) or _same(firm["ticker"] or "", wanted)]
    found = by_id or by_name
    if len(found) > 1:
        ids = " or ".join(firm["firm_id"] for firm in found)
        raise InvalidInput(f"{quarter} has more than one firm {one_line(wanted)!r}: give {ids}")
    if not found:
        names = {f"{firm['firm_name']} ({firm['firm_id']})": [firm["firm_name"]] for firm in firms}
        raise InvalidInput(f"{quarter} has no firm {one_line(wanted)!r}{_suggestions(wanted, names)}")
    return found[0]


def _family_id(quarter: str, rank: str) -> str:
    return f"family_{quarter}_{int(rank):03d}"


def _same(text: str, wanted: str) -> bool:
    return bool(wanted.strip()) and one_line(text).casefold() == one_line(wanted).casefold()


def _suggestions(wanted: str, names: Mapping[str, Sequence[str]]) -> str:
    """For example ``; similar: Freight (theme_2023Q1_004)``; the keys of ``names`` are shown, their values compared."""
    shown = {name.casefold(): label for label, known in names.items() for name in known}
    holding = [name for name in shown if wanted.strip() and wanted.casefold() in name]
    near = [*holding, *get_close_matches(wanted.casefold(), shown, SUGGESTIONS, _LIKENESS)]
    labels = list(dict.fromkeys(one_line(shown[name]) for name in near))[:SUGGESTIONS]
    return f"; similar: {', '.join(labels)}" if labels else ""
