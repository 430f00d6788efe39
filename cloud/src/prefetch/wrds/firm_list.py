"""A file that lists the firms to take: one id per line, all of one kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.wrds.selection import SelectedCall

# A number alone may be a companyid or a gvkey, so the first line says which.
_KINDS: dict[str, Callable[[SelectedCall], str | None]] = {
    "companyid": lambda call: call.firm_id,
    "gvkey": lambda call: call.gvkey,
    "permno": lambda call: None if call.permno is None else str(call.permno),
}
_GVKEY_DIGITS = 6


@dataclass(frozen=True)
class FirmList:
    """Ids of one kind: companyid, gvkey or permno, in the order of the file."""

    kind: str
    ids: tuple[str, ...]

    def of(self, calls: list[SelectedCall]) -> list[SelectedCall]:
        """The calls of these firms."""
        wanted = set(self.ids)
        return [call for call in calls if _KINDS[self.kind](call) in wanted]

    def not_in(self, calls: list[SelectedCall]) -> list[str]:
        """The ids that appear in none of the calls."""
        there = {_KINDS[self.kind](call) for call in calls}
        return [firm for firm in self.ids if firm not in there]


def read_firm_list(path: Path) -> FirmList:
    """Read one id per line. A first line ``gvkey`` or ``permno`` gives their kind; otherwise they are Capital IQ
    companyids.

    Raises:
        InvalidInput: the file cannot be read, is empty, or a line is not a number.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read the list of firms {path}: {getattr(error, 'strerror', error)}") from error
    numbered = [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
    kind = "companyid"
    if numbered and numbered[0][1].lower() in _KINDS:
        kind = numbered.pop(0)[1].lower()
    for number, text in numbered:
        if not (text.isascii() and text.isdigit()):
            raise InvalidInput(
                f"{path}, line {number}: {text[:40]!r} is not a {kind}: write one number per line, after a first "
                "line that says what they are (companyid, gvkey or permno); WRDS' tables of transcripts have no tickers"
            )
    if not numbered:
        raise InvalidInput(f"the list of firms {path} is empty")
    width = _GVKEY_DIGITS if kind == "gvkey" else 1  # spreadsheets drop a gvkey's leading zeros
    ids = (text.lstrip("0").zfill(width) for _, text in numbered)
    return FirmList(kind, tuple(dict.fromkeys(ids)))
