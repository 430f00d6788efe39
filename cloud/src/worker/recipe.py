"""What a part file is made with. It goes into the part's fingerprint: a change of any of it makes the part anew.

The engine is described by a hash of its own files. Nobody has to remember to raise a version number.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from cloud.src.llm import naming
from cloud.src.worker.embeddings import Embedder
from cloud.src.worker.settings import MapSettings

_WORKER = Path(__file__).parent
_LLM = Path(naming.__file__).parent

ENGINE_FILES = (
    _WORKER / "embeddings.py",
    _WORKER / "firm_topics.py",
    _WORKER / "keywords.py",
    _WORKER / "procedural.py",
    _WORKER / "procedural_sentences.txt",
    _WORKER / "stop_words.txt",
    _WORKER / "topics.py",
)
NAMING_FILES = (
    _WORKER / "names.py",
    _LLM / "naming.py",
    _LLM / "xai_client.py",
    _LLM / "prompts" / f"{naming.TOPIC_PROMPT_VERSION}.txt",
)


def recipe(settings: MapSettings, embedder: Embedder, llm_model: str | None) -> dict[str, Any]:
    """Models, prompts and settings of a map job; ``llm_model`` is None when topics are named by keywords."""
    return {
        "engine": hash_of(ENGINE_FILES),
        "embedding_model": embedder.sha256,
        "naming": hash_of(NAMING_FILES),
        "topic_naming": settings.topic_naming,
        "llm_model": llm_model,
    }


def hash_of(files: tuple[Path, ...]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
