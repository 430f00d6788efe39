from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from cloud.src.models import packaged_models
from cloud.src.models.embeddings import Embedder
from cloud.src.models.onnx import onnxruntime

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


@pytest.mark.parametrize(
    ("available", "chosen"),
    [
        (["AzureExecutionProvider", CPU], [CPU]),
        (["TensorrtExecutionProvider", CUDA, CPU], [CUDA, CPU]),
    ],
)
def test_the_gpu_is_used_where_the_runtime_offers_it(
    monkeypatch: pytest.MonkeyPatch, available: list[str], chosen: list[str]
) -> None:
    asked: list[list[str]] = []

    def session(path: Any, options: Any, providers: list[str]) -> onnxruntime.InferenceSession:
        asked.append(providers)
        return onnxruntime_session(path, options, [CPU])  # all that there is here

    onnxruntime_session = onnxruntime.InferenceSession
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: available)
    Embedder(packaged_models.EMBEDDING)
    assert asked == [chosen]


def test_vectors_have_length_1_and_the_log_says_where_made(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        embedder = Embedder(packaged_models.EMBEDDING)
    vectors = embedder.embed(["Freight costs more.", "Energy is dear."])
    assert vectors.shape == (2, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert f"embedding model {packaged_models.EMBEDDING} on {CPU}" in caplog.messages


SENTENCES = [f"Freight costs rose {'again ' * n}in the {place} ports." for n in range(6) for place in ("Ohio", "Lyon")]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_vector_depends_on_its_sentence_alone(threads: int) -> None:
    alone = Embedder(packaged_models.EMBEDDING, threads=1)
    expected = [alone.embed([sentence])[0].tobytes() for sentence in SENTENCES]
    embedder = Embedder(packaged_models.EMBEDDING, threads)

    for batch in (SENTENCES, SENTENCES[::-1], SENTENCES[3:7] + SENTENCES[:2]):
        found = dict(zip(batch, embedder.embed(batch), strict=True))
        assert all(found[text].tobytes() == expected[SENTENCES.index(text)] for text in batch)


def test_a_sentence_that_is_said_twice_is_embedded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = Embedder(packaged_models.EMBEDDING, threads=1)
    run, n_embedded = embedder._run, []

    def counting(encoded: list[Any]) -> Any:
        n_embedded.append(len(encoded))
        return run(encoded)

    monkeypatch.setattr(embedder, "_run", counting)
    vectors = embedder.embed(["Energy is dear.", "Freight fell.", "Energy is dear."])

    assert sum(n_embedded) == 2
    assert vectors[0].tobytes() == vectors[2].tobytes() != vectors[1].tobytes()
    assert embedder.embed([]).shape == (0, 384)
