"""What a judged audit comes to: of each stratum the share of sentences that are about the theme, with its interval."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cloud.src.cli.audit.draw import SIZES
from cloud.src.contract.errors import InvalidInput

KEY = "key.json"
ANSWER = "about the theme? (y/n)"
YES, NO = {"y", "yes", "1", "true"}, {"n", "no", "0", "false"}
Z = 1.959964  # the 97.5 % quantile of the normal distribution


@dataclass(frozen=True)
class Judged:
    """How many sentences of a stratum have been judged, and how many of them are about the theme."""

    n: int
    n_about: int

    @property
    def share(self) -> float:
        """The share that is about the theme; of what counts, the precision; of the others, the miss rate."""
        return self.n_about / self.n if self.n else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the share."""
        return wilson(self.n_about, self.n)


def wilson(n_about: int, n: int) -> tuple[float, float]:
    """Wilson's score interval (1927) at 95 %, which holds for few sentences and near 0 and 1; (0, 1) of none."""
    if not n:
        return 0.0, 1.0
    share, z2 = n_about / n, Z * Z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * (share * (1 - share) / n + z2 / (4 * n * n)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


def read_judged(path: Path) -> dict[str, dict[str, Judged]]:
    """Of each theme, by its id, what has been judged in each stratum; sentences without an answer are left out.

    ``path`` is a sheet, or a folder of sheets; the key lies beside them. Raises InvalidInput for an answer that is
    neither yes nor no, a sentence that is not in the key, or nothing judged at all.
    """
    sheets = sorted(path.glob("*.csv")) if path.is_dir() else [path]
    key_file = (path if path.is_dir() else path.parent) / KEY
    if not sheets or not all(sheet.is_file() for sheet in sheets):
        raise InvalidInput(f"{path} holds no sheet: give a CSV file that ftm audit wrote, or its folder")
    if not key_file.is_file():
        raise InvalidInput(f"{key_file} is missing: judge the sheets in the folder that ftm audit wrote")
    strata = _key(key_file)
    answers: dict[str, dict[str, list[bool]]] = {}
    for sheet in sheets:
        for theme_id, sentence_id, is_about in _answers(sheet):
            stratum = strata.get(theme_id, {}).get(sentence_id)
            if stratum is None:
                raise InvalidInput(
                    f"{sheet}: {theme_id} {sentence_id} is not in {key_file}: does it belong to another audit?"
                )
            answers.setdefault(theme_id, {}).setdefault(stratum, []).append(is_about)
    if not answers:
        raise InvalidInput(f"{path} has no answers yet: write y or n in the column {ANSWER!r}")
    return {
        theme_id: {stratum: Judged(len(of_stratum), sum(of_stratum)) for stratum, of_stratum in of_theme.items()}
        for theme_id, of_theme in answers.items()
    }


def pooled(themes: Iterable[dict[str, Judged]]) -> dict[str, Judged]:
    """The counts of all themes together."""
    found: Sequence[dict[str, Judged]] = list(themes)
    return {
        stratum: Judged(*(sum(getattr(each[stratum], name) for each in found if stratum in each) for name in _COUNTS))
        for stratum in SIZES
    }


_COUNTS = ("n", "n_about")


def _key(file: Path) -> dict[str, dict[str, str]]:
    try:
        strata: dict[str, dict[str, str]] = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidInput(f"{file} is damaged ({error}): make the sheets again with ftm audit") from error
    return strata


def _text_of(sheet: Path) -> str:
    """What a spreadsheet program has saved: UTF-8, often with a mark at its beginning, or Windows' Western letters."""
    saved = sheet.read_bytes()
    try:
        return saved.decode("utf-8-sig")
    except UnicodeDecodeError:
        return saved.decode("cp1252", errors="replace")


def _answers(sheet: Path) -> Iterable[tuple[str, str, bool]]:
    text = _text_of(sheet)
    header = text.partition("\n")[0]
    separator = max(",;\t", key=header.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    if not {"theme_id", "sentence_id", ANSWER} <= set(reader.fieldnames or []):
        raise InvalidInput(f"{sheet} is not a sheet of ftm audit: its first line differs")
    for number, row in enumerate(reader, start=2):
        answer = (row[ANSWER] or "").strip().casefold()
        if answer and answer not in YES | NO:
            raise InvalidInput(f"{sheet}, line {number}: {answer!r} is neither y nor n")
        if answer:
            yield row["theme_id"], row["sentence_id"].removeprefix("'"), answer in YES
