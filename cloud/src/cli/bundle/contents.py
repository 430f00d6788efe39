"""What a bundle says of a quarter, and its tables: enough to make the quarter again and to see that it is the same.

Without transcript text, unless it is asked for: transcripts are licensed, and a bundle is to be published.
"""

from __future__ import annotations

import platform
import shlex
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from cloud.src.cli import version
from cloud.src.cli.run import run_folder
from cloud.src.cli.run.naming_plan import KEYWORDS, LLM
from cloud.src.contract import documents, keys
from cloud.src.contract.errors import InvalidInput
from cloud.src.contract.record import read_metadata
from cloud.src.models import packaged_models
from cloud.src.prefetch.files.quarters import QuarterFrom, file_options
from cloud.src.prefetch.sentences.languages import ALL_LANGUAGES
from cloud.src.worker import recipe
from cloud.src.worker.mapped_quarter import MappedQuarter, read_mapped
from cloud.src.worker.store import FolderStore

FORMAT = "ftm-bundle-1"
DOCUMENT = "bundle.json"
TEXT_COLUMNS = ("raw_text", "cleaned_text")
# A table of nothing but text, and all that is in it is in the others.
ONLY_WITH_TEXT = "themes_for_sentiment"

FOLDERS = {
    "firms": keys.firms,
    "calls": keys.calls,
    "topics": keys.topics,
    "themes": keys.themes,
    "theme_contributions": keys.theme_contributions,
    "exposures": keys.exposures,
    ONLY_WITH_TEXT: keys.themes_for_sentiment,
    "sentences": keys.sentences_prefix,
    "evidence": keys.evidence_prefix,
}


@dataclass(frozen=True)
class Settings:
    """How the quarter was run. ``llm_model`` is None where names are by keywords."""

    batch_size: int
    topic_naming: str
    theme_naming: str
    llm_model: str | None
    prompts: list[str]
    quarter_from: str
    all_languages: bool


def command(quarter: str, settings: Settings) -> str:
    """The command that makes the quarter again, from the same transcripts."""
    parts = ["ftm run", quarter, "--input TRANSCRIPTS", f"--batch-size {settings.batch_size}"]
    parts += filter(None, [file_options(QuarterFrom(settings.quarter_from), settings.all_languages)])
    if settings.llm_model is None:
        parts.append("--no-llm")
    elif settings.llm_model != packaged_models.LLM:
        parts = [f"LLM_MODEL_NAME={shlex.quote(settings.llm_model)}", *parts, "--llm-url URL"]
    elif settings.topic_naming == LLM:
        parts.append("--llm-topics")
    return " ".join(parts)


def described(folder: Path, quarter: str, with_text: bool) -> dict[str, Any]:
    """The document of a bundle: settings, versions, models, counts of what was left out, and the command.

    Raises InvalidInput when the quarter has no finished run in the folder, FtmError when a file of it is damaged.
    """
    store = FolderStore(folder)
    progress: dict[str, Any] | None = store.read_json_if_there(keys.themes_progress(quarter))
    if progress is None:
        raise InvalidInput(f"{folder} has no finished run of {quarter}: run the quarter to its end")
    manifest_key = str(progress["manifest_key"])
    mapped = read_mapped(store, quarter, manifest_key)
    prefetched: dict[str, Any] = store.read_json_if_there(keys.prefetch_manifest(quarter)) or {}
    batches = documents.batches(store.require(manifest_key), store.where(manifest_key))
    jobs: list[dict[str, Any]] = [
        store.read_json_if_there(keys.progress(quarter, batch_id)) or {} for batch_id in batches
    ]
    settings = _settings(folder, quarter, mapped, max(map(len, batches.values())), prefetched)
    return {
        "format": FORMAT,
        "quarter": quarter,
        "run": progress.get("run"),
        "with_text": with_text,
        "command": command(quarter, settings),
        "settings": asdict(settings),
        "commits": sorted({str(job["commit"]) for job in jobs if job.get("commit")}),
        "bundled_by": {"ftm": version.VERSION, "commit": version.commit(), "machine": machine(), **_libraries()},
        "made_of": mapped.made_of,
        "input": {name: value for name, value in prefetched.items() if name not in ("firms", "chunks", "columns")},
        "left_out": {what: [each for job in jobs for each in job.get(what, [])] for what in ("skipped", "failed")},
        "models": _models(settings),
    }


def _settings(
    folder: Path, quarter: str, mapped: MappedQuarter, batch_size: int, prefetched: dict[str, Any]
) -> Settings:
    of_topics = mapped.names_by
    of_themes = read_metadata(run_folder.schema_of(folder / keys.themes(quarter))).get("names_by", [])
    models = [by["llm_model"] for by in [*of_topics, *of_themes] if by.get("llm_model")]
    if len(set(models)) > 1:
        raise InvalidInput(f"{quarter} is named by {' and '.join(sorted(set(models)))}: run it with one of them")
    prompts = {str(by["prompt"]) for by in [*of_topics, *of_themes] if by.get("prompt")}
    selected: str = prefetched.get("selection", "")
    return Settings(
        batch_size,
        LLM if any(by.get("llm_model") for by in of_topics) else KEYWORDS,
        LLM if any(by.get("llm_model") for by in of_themes) else KEYWORDS,
        models[0] if models else None,
        sorted(prompts),
        (QuarterFrom.file if QuarterFrom.file.selection in selected else QuarterFrom.date).value,
        ALL_LANGUAGES in selected,
    )


def _models(settings: Settings) -> list[dict[str, Any]]:
    """The packaged models with their files; of another model only its name is known."""
    used = [packaged_models.EMBEDDING, *filter(None, [settings.llm_model])]
    return [
        {
            "name": name,
            "licence": packaged_models.LICENCE if name in packaged_models.MODELS else "not known to FTM",
            "files": [asdict(file) for file in packaged_models.MODELS.get(name, ())],
        }
        for name in used
    ]


def machine() -> str:
    """The kind of CPU: between two kinds, the last bits of numbers may differ."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{platform.machine()} {names[0] if names else platform.processor()}".strip()


def _libraries() -> dict[str, str]:
    libraries = {library.__name__: library.__version__ for library in (*recipe.LIBRARIES, pa)}
    return {"python": platform.python_version(), **libraries}


def read_tables(folder: Path, quarter: str, with_text: bool) -> Iterator[tuple[str, pa.Table]]:
    """Each table of the quarter by its name, as it is in a bundle; raises InvalidInput when one is missing."""
    for name, key in FOLDERS.items():
        if name == ONLY_WITH_TEXT and not with_text:
            continue
        path = folder / key(quarter)
        files = [path] if path.is_file() else sorted(path.glob("*.parquet"))
        if not files:
            raise InvalidInput(f"{path} is missing: run the quarter to its end")
        table = pa.concat_tables([run_folder.read_file(file, run_folder.schema_of(file)) for file in files])
        yield name, table if with_text else table.drop_columns([c for c in TEXT_COLUMNS if c in table.column_names])
