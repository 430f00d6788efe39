from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from cloud.src.llm import answer_book
from cloud.src.llm.answer_book import AnswerBook, question_key

CHAT = [{"role": "system", "content": "Name it."}, {"role": "user", "content": "Freight rates"}]


class Title(BaseModel):
    title: str


class Theme(BaseModel):
    title: str
    description: str


def test_a_book_survives_as_json() -> None:
    book = AnswerBook()
    book.put("a", '{"title": "Freight"}')
    book.put("b", "\u5b57")

    again = answer_book.from_document(json.loads(json.dumps(book.document())))

    assert (again.get("a"), again.get("b"), again.get("c")) == ('{"title": "Freight"}', "\u5b57", None)
    assert len(again) == 2
    assert not again.has_news


def test_news_are_answers_that_the_last_document_has_not() -> None:
    book = AnswerBook({"a": "Freight"})
    assert not book.has_news

    book.put("a", "Freight")
    assert not book.has_news
    book.put("b", "Ports")
    assert book.has_news
    book.document()
    assert not book.has_news


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"answers": {"a": "Freight"}},
        {"format": "ftm-llm-answers-0", "answers": {}},
        {"format": answer_book.FORMAT},
        {"format": answer_book.FORMAT, "answers": ["Freight"]},
        {"format": answer_book.FORMAT, "answers": {"a": {"title": "Freight"}}},
    ],
)
def test_a_document_not_written_by_a_book_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match="no ftm-llm-answers-1|answers are not text by key"):
        answer_book.from_document(document)


def test_everything_an_answer_depends_on_is_in_its_key() -> None:
    longer = [*CHAT, {"role": "assistant", "content": "Freight"}, {"role": "user", "content": "Again."}]
    keys = [
        question_key("m", CHAT, Title, 64),
        question_key("other", CHAT, Title, 64),
        question_key("m", longer, Title, 64),
        question_key("m", CHAT, Theme, 64),
        question_key("m", CHAT, Title, 65),
        question_key("m", CHAT, Title, 64, temperature=0.7),
        question_key("m", CHAT, Title, 64, sample=1),
    ]

    assert len(set(keys)) == len(keys)
    assert question_key("m", [dict(reversed(turn.items())) for turn in CHAT], Title, 64) == keys[0]
