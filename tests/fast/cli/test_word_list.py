"""The file of ``ftm panel --words``."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud.src.cli.panel.word_list import MAX_CATEGORIES, read_word_list
from cloud.src.contract.errors import InvalidInput


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "words.csv"
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_words_phrases_and_categories(tmp_path: Path, encoding: str) -> None:
    text = 'Category,Word,since\r\nrisk,"Going  concern",1\r\ngood,STRONG,2\r\n"risk",strong,3\r\nrisk,STRONG,4\r\n'
    words = read_word_list(written(tmp_path, text, encoding))

    assert words.categories == ["good", "risk"]
    assert words.phrases == {("going", "concern"): {1}, ("strong",): {0, 1}}


def test_another_file_has_another_digest(tmp_path: Path) -> None:
    first = read_word_list(written(tmp_path, "word,category\na,b\n")).digest
    assert read_word_list(written(tmp_path, "word,category\na,c\n")).digest != first


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column word and no column category: its first row is word,category"),
        ("word,kind\na,b\n", "no column category"),
        ("word,category\n", "has no words"),
        ("word,category\na,b\n...,b\n", "line 3: a word and a category are needed, not '...'"),
        ("word,category\na\n", "line 2: a word and a category are needed, not 'a'"),
        ("word,category\n" + "".join(f"a,{n}\n" for n in range(MAX_CATEGORIES + 1)), "has 101 categories, at most 100"),
    ],
)
def test_what_is_no_list(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_word_list(written(tmp_path, text))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is not UTF-8"):
        read_word_list(written(tmp_path, "word,category\ncafé,b\n", "latin-1"))
    with pytest.raises(InvalidInput, match="No such file or directory"):
        read_word_list(tmp_path / "other.csv")
