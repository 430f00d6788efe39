"""Sentence embeddings: a MiniLM model in ONNX form, run without torch (ADR-013)."""

from __future__ import annotations

import logging

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from cloud.src.llm import packaged_models

log = logging.getLogger("ftm")

Vectors = NDArray[np.float32]

# Sentences longer than this are cut: the model was trained on 128 word pieces.
MAX_TOKENS = 128
SENTENCES_PER_RUN = 32

# The first that the installed onnxruntime has: only that of the GPU image (cloud/src/worker/Dockerfile) has CUDA.
PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")


class Embedder:
    """Turns sentences into unit vectors.

    ``model`` is a packaged model's name or a folder with model.onnx and tokenizer.json.
    """

    def __init__(self, model: str, threads: int = 0) -> None:
        folder = packaged_models.embedding_folder(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        providers = [name for name in PROVIDERS if name in onnxruntime.get_available_providers()]
        self._session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers)
        # What it has come to: without a GPU or its driver, onnxruntime goes on with the CPU.
        log.info("embedding model %s on %s", model, self._session.get_providers()[0])
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.enable_padding()
        self.sha256 = [packaged_models.sha256_of(folder / name) for name in ("model.onnx", "tokenizer.json")]
        self.dimensions: int = self._session.get_outputs()[0].shape[-1]

    def embed(self, sentences: list[str]) -> Vectors:
        """Unit vectors, shape (len(sentences), dimensions).

        Sentences are run in order of length, so that little padding is computed. A firm's sentences are embedded
        in one call: the last bits of a vector depend on what shares its run, and must not depend on the batch.
        """
        vectors = np.zeros((len(sentences), self.dimensions), dtype=np.float32)
        by_length = sorted(range(len(sentences)), key=lambda i: (len(sentences[i]), i))
        for start in range(0, len(by_length), SENTENCES_PER_RUN):
            rows = by_length[start : start + SENTENCES_PER_RUN]
            vectors[rows] = self._run([sentences[i] for i in rows])
        return vectors

    def _run(self, sentences: list[str]) -> Vectors:
        encoded = self._tokenizer.encode_batch(sentences)
        ids = np.array([e.ids for e in encoded], dtype=np.int64)
        mask = np.array([e.attention_mask for e in encoded], dtype=np.int64)
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        [hidden] = self._session.run(None, inputs)
        mean = (hidden * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        return unit(mean)


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """The vectors scaled to length 1 (a zero vector stays zero), along the last axis."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.where(lengths == 0, 1, lengths)).astype(np.float32)
