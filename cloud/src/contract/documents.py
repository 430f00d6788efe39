"""The JSON documents by which the jobs and functions tell each other what there is, checked as they are read.

What lies in a bucket may be anything: half a document, or one of somebody else's. Whoever reads it says in one line
which object it is and what is wrong with it. Standard library only: the Lambda functions use this module too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cloud.src.contract.cost import ExecutionCost, JobsCost, Prices
from cloud.src.contract.errors import InvalidInput

NUMBER = (int, float)
_NAMES = {dict: "an object", list: "a list", str: "text", int: "a number", NUMBER: "a number"}


class _Damage(Exception):
    """What is wrong with a document."""


def prefetched_firms(body: bytes, where: str) -> dict[str, str]:
    """The chunk that each firm of a prefetch manifest is in; ``where`` is the object's address. Raises InvalidInput."""
    with _read_as("a prefetch manifest", where, "prefetch again"):
        firms: dict[str, str] = _field(_parsed(body), "firms", dict)
        for firm_id, chunk in firms.items():
            _expect(chunk, str, f"the chunk of firm {firm_id!r:.50}")
        return firms


def batches(body: bytes, where: str) -> dict[str, list[str]]:
    """The firms of each batch of a batch manifest, one JSON object per line; raises InvalidInput."""
    with _read_as("a batch manifest", where, "start the quarter again"):
        parsed = [_parsed(line) for line in body.splitlines()]
        return {_field(batch, "batch_id", str): _texts(batch, "firm_ids") for batch in parsed}


def batch_progress(body: bytes, where: str) -> dict[str, Any]:
    """A batch's progress, with ``manifest_key``, ``done`` (firm ids) and ``skipped`` (with ``firm_id``).

    An image that is older than its reader may not write all of the rest. Raises InvalidInput.
    """
    with _read_as("the progress of a batch", where, "start the quarter again"):
        progress: dict[str, Any] = _expect(_parsed(body), dict, "it")
        _field(progress, "manifest_key", str)
        _texts(progress, "done")
        for firm in _field(progress, "skipped", list):
            _field(firm, "firm_id", str)
        _naming(progress)
        _waited(progress)
        for name in ("commit", "deployed_commit", "reason"):
            _field({name: "unknown", **progress}, name, str)
        return progress


def themes_progress(body: bytes, where: str) -> dict[str, Any]:
    """The progress of reduce, with ``manifest_key``; an older image does not write ``naming``. Raises InvalidInput."""
    with _read_as("the progress of the themes", where, "start the quarter again"):
        progress: dict[str, Any] = _expect(_parsed(body), dict, "it")
        _field(progress, "manifest_key", str)
        _naming(progress)
        _waited(progress)
        return progress


def cost(body: bytes, where: str) -> list[ExecutionCost]:
    """What a quarter's executions have cost. Raises InvalidInput."""
    with _read_as("the cost of a quarter", where, "delete it: what it said is lost"):
        return [_execution_cost(one) for one in _field(_parsed(body), "executions", list)]


def running_execution(body: bytes, where: str) -> str:
    """The ARN of the execution that runs a quarter. Raises InvalidInput."""
    with _read_as("the mark of a running quarter", where, "delete it if no execution runs the quarter"):
        execution: str = _field(_parsed(body), "execution", str)
        return execution


@contextmanager
def _read_as(kind: str, where: str, remedy: str) -> Iterator[None]:
    try:
        yield
    except _Damage as damage:
        raise InvalidInput(f"{where} is not {kind} ({damage}): {remedy}") from damage


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _Damage(f"not JSON: {error}") from error


def _naming(progress: dict[str, Any]) -> None:
    for reason, count in _field({"naming": {}, **progress}, "naming", dict).items():
        _expect(count, int, f"the count of {reason!r:.50}")


def _waited(progress: dict[str, Any]) -> None:
    _field({"waited_s": 0, **progress}, "waited_s", NUMBER)


def _execution_cost(document: Any) -> ExecutionCost:
    _expect(document, dict, "an execution")
    texts = {name: _field(document, name, str) for name in ("manifest_key", "since", "until", "outcome")}
    counts = ("n_firms", "names_by_llm", "prompt_tokens", "answer_tokens")
    jobs = _field(document, "jobs", dict) if document.get("jobs") is not None else None
    hours = _field(document, "vllm_hours", NUMBER) if document.get("vllm_hours") is not None else None
    price = _field(document, "prices", dict)
    return ExecutionCost(
        **texts,
        **{name: _field(document, name, int) for name in counts},
        jobs=None if jobs is None else {kind: _jobs_cost(jobs, kind) for kind in jobs},
        vllm_hours=hours,
        prices=Prices(
            _field(price, "vllm_hour", NUMBER), _field(price, "job_vcpu_hour", NUMBER), _field(price, "as_of", str)
        ),
    )


def _jobs_cost(jobs: dict[str, Any], kind: str) -> JobsCost:
    of_kind = _field(jobs, kind, dict)
    seconds = (_field(of_kind, name, NUMBER) for name in ("seconds", "vcpu_seconds", "waited_s"))
    return JobsCost(_field(of_kind, "n_jobs", int), *seconds)


def _texts(document: Any, name: str) -> list[str]:
    texts: list[str] = _field(document, name, list)
    for text in texts:
        _expect(text, str, f"an element of {name}")
    return texts


def _field(document: Any, name: str, kind: type | tuple[type, ...]) -> Any:
    _expect(document, dict, "what should have fields")
    if name not in document:
        raise _Damage(f"it has no {name}")
    return _expect(document[name], kind, name)


def _expect(value: Any, kind: type | tuple[type, ...], what: str) -> Any:
    if not isinstance(value, kind):
        raise _Damage(f"{what} is {value!r:.50}, not {_NAMES[kind]}")
    return value
