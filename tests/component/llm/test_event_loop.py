from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError

import pytest

from cloud.src.llm.event_loop import EventLoopThread


async def thread_id() -> int:
    return threading.get_ident()


async def fail() -> None:
    raise ValueError("no")


def test_work_is_done_in_another_thread() -> None:
    with EventLoopThread() as loop:
        ids = {loop.start(thread_id()).result(), loop.start(thread_id()).result()}

    assert len(ids) == 1
    assert threading.get_ident() not in ids


def test_an_exception_comes_with_the_result() -> None:
    with EventLoopThread() as loop, pytest.raises(ValueError, match="no"):
        loop.start(fail()).result()


def test_what_is_under_way_at_the_end_is_cancelled() -> None:
    started, cleaned_up = threading.Event(), threading.Event()

    async def wait_for_ever() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cleaned_up.set()

    with EventLoopThread() as loop:
        waiting = loop.start(wait_for_ever())
        assert started.wait(60)

    assert cleaned_up.is_set()
    with pytest.raises(CancelledError):
        waiting.result(timeout=60)


def test_ends_with_a_context_that_fails() -> None:
    before = threading.active_count()

    with pytest.raises(ZeroDivisionError), EventLoopThread():
        raise ZeroDivisionError

    assert threading.active_count() == before
