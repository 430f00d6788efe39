"""The LLM's answers between two runs of a job: a small file for each part, written while its firms are being named."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from cloud.src.contract.errors import FtmError
from cloud.src.llm import answer_book
from cloud.src.llm.answer_book import AnswerBook
from cloud.src.worker.store import Store

# How often a job that waits for the LLM looks after its other duties.
SECONDS_BETWEEN_LOOKS = 1.0

Result = TypeVar("Result")

log = logging.getLogger(__name__)


def read(store: Store, key: str) -> AnswerBook:
    """The answers of an earlier run of the job; an empty book when there are none, or when they cannot be read."""
    try:
        document = store.read_json_if_there(key)
        return AnswerBook() if document is None else answer_book.from_document(document)
    except (FtmError, ValueError) as error:
        log.warning("%s is not used, the LLM is asked again: %s", key, error)
        return AnswerBook()


def write(store: Store, key: str, book: AnswerBook) -> None:
    """Write the book unless it is as it was."""
    if book.has_news:
        store.write_json(key, book.document())


def wait_for(names: Future[Result], meanwhile: Callable[[], None]) -> Result:
    """The future's result, or its exception. ``meanwhile`` is called every now and then until it is there."""
    while not names.done():
        try:
            names.exception(timeout=SECONDS_BETWEEN_LOOKS)
        except TimeoutError:
            meanwhile()
    return names.result()
