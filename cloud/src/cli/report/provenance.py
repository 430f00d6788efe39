"""How a quarter was made, as far as its output folder says: versions, models, input, and what was left out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cloud.src.cli import version
from cloud.src.contract import describe_tables, documents, keys, names_count
from cloud.src.contract.cost import ExecutionCost
from cloud.src.contract.errors import InvalidInput
from cloud.src.contract.record import read_metadata

Line = tuple[str, str]


@dataclass(frozen=True)
class Provenance:
    """``lines``: what is known, each with its name. ``columns``: of each table, the columns and what they mean."""

    lines: list[Line]
    citation: str
    columns: dict[str, list[Line]]


def provenance(folder: Path, quarter: str) -> Provenance:
    """Read it; a file that is missing or damaged leaves its lines out."""
    themes = read_metadata(pq.read_schema(folder / keys.themes(quarter)))
    topics = read_metadata(pq.read_schema(folder / keys.topics(quarter)))
    jobs = [_json(path) for path in sorted((folder / "progress" / quarter).glob("*_batch_*.json"))]
    manifest = _json(folder / keys.prefetch_manifest(quarter))
    executions = _executions(folder / keys.cost(quarter))
    settings = themes.get("settings", {})
    commits = sorted({str(job["commit"]) for job in jobs if job.get("commit")})
    lines: list[Line] = [
        ("Commit of the jobs", ", ".join(commits)),
        ("Run", str(themes.get("run", ""))),
        ("Embedding model", settings.get("embedding_model", "")),
        ("Names of topics", _names_by(topics.get("names_by", []))),
        ("Names of themes", _names_by(themes.get("names_by", []))),
        ("Settings", _settings(jobs, settings)),
        ("Input", _input(manifest)),
        ("Left out of the input", _counted(manifest.get("skipped", {}))),
        ("Firms left out by the jobs", _of_jobs(jobs, "skipped")),
        ("Firms that failed", _of_jobs(jobs, "failed")),
        ("Time of the last execution", _time(_json(folder / keys.cost(quarter)).get("executions", []))),
        ("Asked of the LLM", _asked(executions)),
        ("Cost", _cost(executions)),
        ("Why names are by keywords", _counted(names_count.reasons_for_keywords(themes.get("naming", {})))),
    ]
    citation = f"FTM: Financial Topic Modeling, version {version.VERSION}, commit {', '.join(commits) or 'unknown'}"
    columns = {
        table.name: [(field.name, _description(field)) for field in table.schema]
        for table in describe_tables.tables()
        if table.where.startswith("processed/")
    }
    return Provenance([line for line in lines if line[1]], f"{citation}, themes of {quarter}.", columns)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _names_by(named: list[dict[str, Any]]) -> str:
    found = [
        f"{by['llm_model']}, prompt {by.get('prompt') or 'unknown'}" if by.get("llm_model") else "keywords"
        for by in named
    ]
    return "; ".join(dict.fromkeys(found))


def _input(manifest: dict[str, Any]) -> str:
    if not manifest:
        return ""
    counts = ", ".join(f"{manifest.get(f'n_{what}', 0):,} {what}" for what in ("firms", "calls", "sentences"))
    selection = f", {manifest['selection']}" if manifest.get("selection") else ""
    return f"{counts}, from {manifest.get('source')}{selection}, read {manifest.get('created_at')}"


def _settings(jobs: list[dict[str, Any]], of_themes: dict[str, Any]) -> str:
    largest = max((job.get("n_firms", 0) for job in jobs), default=0)
    per_firm = {tuple(job["topics_per_firm"]) for job in jobs if job.get("topics_per_firm")}
    found = [f"batches of up to {largest:,} firms"] if largest else []
    found += [f"{fewest} to {most} topics per firm" for fewest, most in sorted(per_firm)]
    if of_themes:
        shared = f"{of_themes['min_firms']} or more firms in a theme"
        found.append(f"{shared}, none with more than {of_themes['max_firm_dominance']:.0%} of it")
    return "; ".join(found)


def _executions(path: Path) -> list[ExecutionCost]:
    """All that have made this quarter; none where the file is missing or damaged."""
    try:
        return documents.cost(path.read_bytes(), str(path))
    except (OSError, InvalidInput):
        return []


def _asked(executions: list[ExecutionCost]) -> str:
    names, read, written = (
        sum(getattr(one, what) for one in executions) for what in ("names_by_llm", "prompt_tokens", "answer_tokens")
    )
    tokens = f"; {read:,} tokens in, {written:,} out" if read or written else ""
    return f"{names:,} names{tokens}" if names or tokens else ""


def _cost(executions: list[ExecutionCost]) -> str:
    """Of all executions. Where they ran is not written down, but only AWS knows vLLM's hours."""
    jobs, vllm = sum(one.jobs_usd() for one in executions), sum(one.vllm_usd() for one in executions)
    as_of = f"at prices assumed on {' and '.join(sorted({one.prices.as_of for one in executions}))}"
    if vllm:
        return f"about ${jobs + vllm:.2f} (jobs ${jobs:.2f}, vLLM ${vllm:.2f}), {as_of}"
    return f"on AWS about ${jobs:.2f} for the jobs, {as_of}; nothing on one's own machine" if jobs else ""


def _time(executions: list[dict[str, Any]]) -> str:
    """Of the last execution: from its start to its end, and what its jobs took on all their cores, if known."""
    if not executions:
        return ""
    last = executions[-1]
    jobs = last.get("jobs")  # None where Batch could not be asked
    try:
        took = datetime.fromisoformat(last["until"]) - datetime.fromisoformat(last["since"])
    except (KeyError, TypeError, ValueError):
        return ""
    computed = f"; jobs: {sum(job['vcpu_seconds'] for job in jobs.values()):,.0f} core-seconds" if jobs else ""
    return f"{took.total_seconds():,.0f} s from start to end{computed}"


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in counts.items())


def _of_jobs(jobs: list[dict[str, Any]], what: str) -> str:
    found = [each for job in jobs for each in job.get(what, [])]
    return f"{len(found):,}" if found else ""


def _description(field: pa.Field[Any]) -> str:
    described: bytes = (field.metadata or {}).get(b"description", b"")
    return described.decode()
