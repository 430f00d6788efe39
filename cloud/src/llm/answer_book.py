"""The model's earlier answers, kept beside a part's output so that a repeated job asks nothing twice.

An answer is found by a hash of everything that it depends on: the model, the whole chat (including the version of the
prompt), the requested form, and how freely the model may choose its words.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import BaseModel

from cloud.src.llm.completion import schema_of

FORMAT = "ftm-llm-answers-1"


class AnswerBook:
    """Answers by the key of their question. Used by one thread at a time, except for ``document``."""

    def __init__(self, answers: dict[str, str] | None = None) -> None:
        self._answers = dict(answers or {})
        self.has_news = False

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: str) -> str | None:
        """Return the answer kept under this key, or None."""
        return self._answers.get(key)

    def put(self, key: str, text: str) -> None:
        """Keep an answer under this key."""
        if self._answers.get(key) != text:
            self._answers[key] = text
            self.has_news = True

    def take_over(self, other: AnswerBook) -> None:
        """Add the answers of another book."""
        for key, text in other._answers.items():
            self.put(key, text)

    def document(self) -> dict[str, Any]:
        """The book as ``from_document`` reads it. May be called while another thread writes an answer."""
        self.has_news = False  # before the copy: an answer that comes now counts as new
        return {"format": FORMAT, "answers": self._answers.copy()}


def from_document(document: Any) -> AnswerBook:
    """Read a book; raise ValueError if the document was not written by one."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"no {FORMAT}")
    answers = document.get("answers")
    if not isinstance(answers, dict) or not all(isinstance(text, str) for text in answers.values()):
        raise ValueError("answers are not text by key")
    return AnswerBook(answers)


def question_key(
    model: str,
    chat: list[dict[str, str]],
    answer_type: type[BaseModel],
    max_tokens: int,
    temperature: float = 0,
    sample: int = 0,
) -> str:
    """``sample`` numbers several answers to one question, for a model that may choose its words freely."""
    question = [model, chat, schema_of(answer_type), max_tokens, temperature, sample]
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()
