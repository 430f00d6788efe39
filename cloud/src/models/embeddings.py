"""Sentence embeddings: a model in ONNX form, run without torch (ADR-013).

A vector depends on its sentence alone, to the last bit: sentences run together only with others of exactly as many
tokens, so that there is no padding, whose amount would depend on the company. So firms can be embedded together, in
any batches.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from cloud.src.contract.errors import InvalidInput
from cloud.src.models import embedding_model
from cloud.src.models.onnx import onnxruntime

log = logging.getLogger("ftm")

Vectors = NDArray[np.float32]

# Larger runs are no faster on a CPU (bench/bench_embeddings.py).
SENTENCES_PER_RUN = 32

# The first that the installed onnxruntime has: only that of the GPU image (cloud/src/worker/Dockerfile) has CUDA.
CUDA = "CUDAExecutionProvider"
PROVIDERS = (CUDA, "CPUExecutionProvider")
INPUTS = {"input_ids", "attention_mask", "token_type_ids"}


class Embedder:
    """Turns sentences into unit vectors. ``model`` is EMBEDDING_MODEL; ``threads`` 0 is one per core."""

    def __init__(self, model: str, threads: int = 0) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        providers = [name for name in PROVIDERS if name in onnxruntime.get_available_providers()]
        self._model = embedding_model.locate(model, half_precision=CUDA in providers)
        self._session = onnxruntime.InferenceSession(self._model.onnx, options, providers)
        # What it has come to: without a GPU or its driver, onnxruntime goes on with the CPU.
        log.info("embedding model %s on %s", model, self._session.get_providers()[0])
        self._inputs = {given.name for given in self._session.get_inputs()}
        self._output = self._session.get_outputs()[0]
        if not self._inputs <= INPUTS or len(self._output.shape) != 3:
            raise InvalidInput(
                f"the embedding model {model!r} wants {', '.join(sorted(self._inputs))} and gives {self._output.name} "
                f"of shape {self._output.shape}; FTM gives {', '.join(sorted(INPUTS))} and wants a vector per token"
            )
        self._tokenizer = Tokenizer.from_file(str(self._model.tokenizer))
        self._tokenizer.enable_truncation(self._model.max_tokens)
        self._tokenizer.no_padding()
        self.identity = self._model.identity()
        self.dimensions: int = self._output.shape[-1]

    def embed(self, sentences: list[str]) -> Vectors:
        """Unit vectors, shape (len(sentences), dimensions). A sentence that is there twice is embedded once."""
        row_of = {sentence: row for row, sentence in enumerate(dict.fromkeys(sentences))}
        encoded = self._tokenizer.encode_batch(list(row_of))
        vectors = np.zeros((len(row_of), self.dimensions), dtype=np.float32)
        for rows in runs([len(encoding) for encoding in encoded]):
            vectors[rows] = self._run([encoded[row] for row in rows])
        return vectors[[row_of[sentence] for sentence in sentences]]

    def _run(self, encoded: list[Encoding]) -> Vectors:
        """Vectors of sentences of the same number of tokens."""
        ids = np.array([encoding.ids for encoding in encoded], dtype=np.int64)
        known = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        [hidden] = self._session.run([self._output.name], {name: known[name] for name in self._inputs})
        tokens = hidden.astype(np.float32)
        return unit(tokens.mean(axis=1) if self._model.pooling == "mean" else tokens[:, 0])


def runs(n_tokens: list[int]) -> Iterator[list[int]]:
    """Rows that run together: of the same number of tokens."""
    rows_of_length: dict[int, list[int]] = defaultdict(list)
    for row, length in enumerate(n_tokens):
        rows_of_length[length].append(row)
    for _, rows in sorted(rows_of_length.items()):
        for start in range(0, len(rows), SENTENCES_PER_RUN):
            yield rows[start : start + SENTENCES_PER_RUN]


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """The vectors scaled to length 1 (a zero vector stays zero), along the last axis."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.where(lengths == 0, 1, lengths)).astype(np.float32)
