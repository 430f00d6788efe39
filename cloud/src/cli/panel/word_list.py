"""The user's list of words: a CSV file with a word or phrase and its category in each row."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

from cloud.src.contract.errors import InvalidInput
from cloud.src.worker.panel.words import WordList, words_in

COLUMNS = ("word", "category")
MAX_CATEGORIES = 100  # the table of words has a row for each of them with each exposure


def read_word_list(path: Path) -> WordList:
    """Read a CSV file (UTF-8) with the columns ``word`` and ``category``, in any order and with others beside them.

    A word may be in several categories. Raises InvalidInput when the file cannot be read, a column is missing, a row
    has no word or no category, or there is no row.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8: save it as CSV UTF-8") from error
    rows = list(_rows(path, text))
    if not rows:
        raise InvalidInput(f"{path} has no words: write one in each row, with its category")
    categories = sorted({category for _, category in rows})
    if len(categories) > MAX_CATEGORIES:
        raise InvalidInput(f"{path} has {len(categories):,} categories, at most {MAX_CATEGORIES} fit")
    number_of = {category: number for number, category in enumerate(categories)}
    phrases: dict[tuple[str, ...], set[int]] = {}
    for phrase, category in rows:
        phrases.setdefault(phrase, set()).add(number_of[category])
    digest = hashlib.sha256(content).hexdigest()
    return WordList(categories, {phrase: frozenset(numbers) for phrase, numbers in phrases.items()}, digest)


def _rows(path: Path, text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    names = {name.strip().lower(): name for name in reader.fieldnames or [] if name}
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        raise InvalidInput(f"{path} has no column {' and no column '.join(missing)}: its first row is word,category")
    for row in reader:
        word, category = (" ".join((row[names[column]] or "").split()) for column in COLUMNS)
        phrase = words_in(word)
        if not phrase or not category:
            raise InvalidInput(f"{path}, line {reader.line_num}: a word and a category are needed, not {word!r:.60}")
        yield phrase, category
