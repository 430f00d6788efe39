"""What a part file is made with. It goes into the part's fingerprint: a change of any of it makes the part anew.

The engine is described by a hash of its own files. Nobody has to remember to raise a version number, and a test follows
the imports, so that no module is forgotten here.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy
import onnxruntime
import scipy
import sklearn
import tokenizers

from cloud.src.contract import schemas
from cloud.src.llm import name_rules, naming, prompt
from cloud.src.worker.embeddings import Embedder
from cloud.src.worker.settings import MapSettings

_WORKER = Path(__file__).parent
_LLM = Path(naming.__file__).parent

ENGINE_FILES = (
    Path(schemas.__file__),
    _WORKER / "embedding_model.py",
    _WORKER / "embeddings.py",
    _WORKER / "english_stop_words.txt",
    _WORKER / "exact.py",
    _WORKER / "firm_topics.py",
    _WORKER / "keywords.py",
    _WORKER / "labels.py",
    _WORKER / "parts.py",
    _WORKER / "procedural.py",
    _WORKER / "procedural_sentences.txt",
    _WORKER / "stop_words.txt",
    _WORKER / "topics.py",
    _WORKER / "transcripts.py",
)
NAMING_FILES = (
    _WORKER / "names.py",
    _WORKER / "name_guard.py",
    _WORKER / "name_search.py",
    _WORKER / "wording.py",
    _LLM / "completion.py",
    _LLM / "dialect.py",
    _LLM / "naming.py",
    _LLM / "prompt.py",
    _LLM / "said.py",
    _LLM / "xai_client.py",
    Path(name_rules.__file__),
    prompt.file_of(naming.TOPIC_PROMPT_VERSION),
    prompt.file_of(prompt.AGAIN_PROMPT_VERSION),
)
# Their numbers are in the topics; another version may round, split or cluster otherwise.
LIBRARIES = (numpy, onnxruntime, scipy, sklearn, tokenizers)


def recipe(settings: MapSettings, embedder: Embedder, llm_model: str | None) -> dict[str, Any]:
    """Models, prompts and settings of a map job; ``llm_model`` is None when topics are named by keywords."""
    return {
        "engine": hash_of(ENGINE_FILES),
        "libraries": {library.__name__: library.__version__ for library in LIBRARIES},
        "embedding_model": embedder.identity,
        "topics_a_firm": [settings.min_topics, settings.max_topics],
        "naming": hash_of(NAMING_FILES),
        "topic_naming": settings.topic_naming,
        "llm_model": llm_model,
        "prompt": naming.TOPIC_PROMPT_VERSION if llm_model else None,
    }


def names_by(recipe_of_part: dict[str, Any]) -> dict[str, Any]:
    """Of a recipe what a reader of the names wants to know: which model, and which prompt."""
    return {name: recipe_of_part.get(name) for name in ("llm_model", "prompt")}


def hash_of(files: tuple[Path, ...]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
