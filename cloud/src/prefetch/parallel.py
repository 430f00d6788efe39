"""Splits and cleans on all cores: firms are distributed among processes and returned in their order."""

from __future__ import annotations

import functools
import itertools
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection

from cloud.src.contract.errors import FtmError
from cloud.src.prefetch.calls import Call
from cloud.src.prefetch.sentences.sentences import FirmSentences, firm_sentences

# Firms per process: a new process takes a second to start, in which one process alone splits some 50 firms.
_FIRMS_WORTH_A_PROCESS = 50
_IN_FLIGHT_PER_PROCESS = 4  # firms; enough that no process waits, few enough for the memory


def sentences_of_firms(
    firms: Iterator[list[Call]],
    quarter: str,
    n_firms: int,
    all_languages: bool = False,
    processes: int | None = None,
) -> Iterator[FirmSentences]:
    """Yield the sentences of each firm, in the order of ``firms`` whatever the number of processes.

    Args:
        firms: the calls of each firm. n_firms: roughly how many: a few are not worth a process of their own.
        all_languages: also calls that are not in English. processes: how many; default: one per core.

    Raises:
        FtmError: a process was killed from outside, for example because memory ran out.
    """
    split = functools.partial(firm_sentences, quarter=quarter, all_languages=all_languages)
    processes = processes or min(_cores(), n_firms // _FIRMS_WORTH_A_PROCESS)
    if processes <= 1:
        for calls in firms:
            yield split(calls)
        return
    # Not forked from this process, which has threads of its own (boto3, Arrow) that a fork would cut in two.
    start = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, start, initializer=_begin_process)
    try:
        yield from _in_order(pool, firms, split, processes * _IN_FLIGHT_PER_PROCESS)
    except BrokenProcessPool as error:
        raise FtmError("a sentence-splitting process was killed (out of memory?): run the command again") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _in_order(
    pool: ProcessPoolExecutor, firms: Iterator[list[Call]], split: Callable[[list[Call]], FirmSentences], in_flight: int
) -> Iterator[FirmSentences]:
    waiting: deque[Future[FirmSentences]] = deque()
    for calls in itertools.islice(firms, in_flight):
        waiting.append(pool.submit(split, calls))
    while waiting:
        firm = waiting.popleft().result()
        for calls in itertools.islice(firms, 1):
            waiting.append(pool.submit(split, calls))
        yield firm


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begin_process() -> None:
    """Leave Ctrl-C to the parent, and end with it: a killed parent cannot say so, and we would wait forever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
