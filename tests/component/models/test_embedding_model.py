"""EMBEDDING_MODEL: which folders hold a model that FTM can run, and how its vectors are made."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.models import embedding_model, packaged_models
from cloud.src.models.embeddings import Embedder


def folder_of(path: Path, onnx: str = "onnx/model.onnx", **configs: Any) -> Path:
    """The packaged model in the layout of sentence-transformers; ``configs`` are JSON files by name."""
    packaged = packaged_models.ensure(packaged_models.EMBEDDING)
    (path / "onnx").mkdir(parents=True)
    (path / "1_Pooling").mkdir()
    shutil.copy(packaged / "model.onnx", path / onnx)
    shutil.copy(packaged / "tokenizer.json", path)
    for name, content in configs.items():
        (path / f"{name.replace('__', '/')}.json").write_text(json.dumps(content))
    return path


def test_a_sentence_transformers_folder_gives_the_packaged_models_vectors(tmp_path: Path) -> None:
    modules = [{"type": f"sentence_transformers.models.{name}"} for name in ("Transformer", "Pooling", "Normalize")]
    folder = folder_of(tmp_path / "model", modules=modules, sentence_bert_config={"max_seq_length": 128})

    one, other = Embedder(str(folder), 1), Embedder(packaged_models.EMBEDDING, 1)

    assert one.embed(["Freight fell."]).tobytes() == other.embed(["Freight fell."]).tobytes()
    assert one.identity == other.identity


def test_pooling_by_the_first_token_gives_other_vectors(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "model")
    (folder / "1_Pooling/config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))

    cls, mean = Embedder(str(folder), 1), Embedder(packaged_models.EMBEDDING, 1)

    assert embedding_model.locate(str(folder)).pooling == "cls"
    assert cls.identity != mean.identity
    assert abs(float((cls.embed(["Freight fell."]) @ mean.embed(["Freight fell."]).T)[0, 0])) < 0.99


def test_a_gpu_uses_half_precision_where_there_is_one(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "model")
    assert embedding_model.locate(str(folder), half_precision=True).onnx == folder / "onnx/model.onnx"

    (folder / "onnx/model_fp16.onnx").touch()

    assert embedding_model.locate(str(folder), half_precision=True).onnx == folder / "onnx/model_fp16.onnx"
    assert embedding_model.locate(str(folder)).onnx == folder / "onnx/model.onnx"


@pytest.mark.parametrize(
    ("configs", "max_tokens"),
    [
        ({}, 128),
        ({"tokenizer_config": {"model_max_length": 512}}, 512),
        ({"tokenizer_config": {"model_max_length": 512}, "sentence_bert_config": {"max_seq_length": 384}}, 384),
        ({"tokenizer_config": {"model_max_length": 1e30}}, 128),
    ],
)
def test_sentences_are_cut_where_the_model_says(tmp_path: Path, configs: dict[str, Any], max_tokens: int) -> None:
    assert embedding_model.locate(str(folder_of(tmp_path / "model", **configs))).max_tokens == max_tokens


@pytest.mark.parametrize(
    ("configs", "removed", "message"),
    [
        ({}, "onnx/model.onnx", "has no model.onnx or onnx/model.onnx: FTM runs models without torch"),
        ({}, "tokenizer.json", "has no tokenizer.json"),
        ({"modules": [{"type": "sentence_transformers.models.Dense"}]}, None, "has a module that FTM does not know"),
        ({"1_Pooling__config": {"pooling_mode_max_tokens": True}}, None, "FTM knows mean and cls"),
    ],
)
def test_a_folder_that_cannot_be_run_is_one_clear_line(
    tmp_path: Path, configs: dict[str, Any], removed: str | None, message: str
) -> None:
    folder = folder_of(tmp_path / "model", **configs)
    if removed:
        (folder / removed).unlink()

    with pytest.raises(InvalidInput, match=message) as error:
        embedding_model.locate(str(folder))
    assert "\n" not in str(error.value)


def test_what_is_neither_a_folder_nor_a_hub_name() -> None:
    with pytest.raises(InvalidInput, match="is neither all-MiniLM-L6-v2-int8 nor a folder nor a hub name"):
        embedding_model.locate("/no/such/folder")


def test_a_hub_name_without_internet_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The client has read its environment when it was imported.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))

    with pytest.raises(FtmError, match="'sentence-transformers/all-mpnet-base-v2' from the Hugging Face hub") as error:
        embedding_model.locate("all-mpnet-base-v2")
    assert "\n" not in str(error.value)
