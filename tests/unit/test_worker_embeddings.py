from __future__ import annotations

import logging
from typing import Any

import numpy as np
import onnxruntime
import pytest

from cloud.src.llm import packaged_models
from cloud.src.worker.embeddings import Embedder

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


def test_vectors_have_length_1_and_their_log_line_says_where_they_are_made(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        embedder = Embedder(packaged_models.EMBEDDING)
    vectors = embedder.embed(["Freight costs more.", "Energy is dear."])
    assert vectors.shape == (2, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert f"embedding model {packaged_models.EMBEDDING} on {CPU}" in caplog.messages
