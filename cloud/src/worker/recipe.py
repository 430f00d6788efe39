"""What a part file is made with. It goes into the part's fingerprint: a change to any of it makes the part again.

The engine is described by a hash of its rooms. Nobody has to remember to raise a version number, and a test follows
the imports, so that no module is forgotten here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict

import numpy
import scipy
import tokenizers

from cloud.src.contract.rows import NamedBy
from cloud.src.models.embeddings import Embedder
from cloud.src.models.onnx import onnxruntime
from cloud.src.naming import ask
from cloud.src.worker.settings import MapSettings

_SOURCES = Path(__file__).parents[1]
# What finds a firm's topics and their names: whole rooms, and what the worker adds.
ENGINE = (
    *(_SOURCES / room for room in ("models", "topics", "naming")),
    *(_SOURCES / "contract" / name for name in ("columns.py", "schemas.py", "text.py")),
    *(_SOURCES / "worker" / name for name in ("firm_topics.py", "parts.py", "transcripts.py")),
    *(_SOURCES / "llm" / name for name in ("completion.py", "dialect.py", "manners.py", "xai_client.py")),
)
# Their numbers are in the topics; another version may round, split or cluster otherwise.
LIBRARIES = (numpy, onnxruntime, scipy, tokenizers)


class Recipe(TypedDict):
    """Models, prompts and settings of a map job; ``llm_model`` and ``prompt`` are None without an LLM."""

    engine: str
    libraries: dict[str, str]
    embedding_model: dict[str, str | int]
    topics_a_firm: list[int]
    topic_naming: str
    llm_model: str | None
    prompt: str | None


def recipe(settings: MapSettings, embedder: Embedder, llm_model: str | None) -> Recipe:
    """What a map job makes parts with; ``llm_model`` is None when topics are named by keywords."""
    return {
        "engine": hash_of(ENGINE),
        "libraries": {library.__name__: library.__version__ for library in LIBRARIES},
        "embedding_model": embedder.identity,
        "topics_a_firm": [settings.min_topics, settings.max_topics],
        "topic_naming": settings.topic_naming,
        "llm_model": llm_model,
        "prompt": ask.TOPIC_PROMPT_VERSION if llm_model else None,
    }


def named_by(made_with: Recipe) -> NamedBy:
    """The part of a recipe that matters to a reader of the names: which model, and which prompt."""
    return {"llm_model": made_with["llm_model"], "prompt": made_with["prompt"]}


def hash_of(places: Iterable[Path]) -> str:
    """The content of files and of all files in folders, in the order of their paths."""
    files = [file for place in places for file in ([place] if place.is_file() else _files_in(place))]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _files_in(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix in (".py", ".txt"))
