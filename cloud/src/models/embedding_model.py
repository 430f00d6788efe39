"""The files of an embedding model in ONNX form, and how its vectors are made: EMBEDDING_MODEL (ADR-013).

The setting is the packaged model's name, a folder (FTM's own layout or that of sentence-transformers), or a name on
the Hugging Face hub.
"""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.models import packaged_models

Pooling = Literal["mean", "cls"]

# For a model that states no limit; the packaged MiniLM was trained on 128 word pieces.
DEFAULT_MAX_TOKENS = 128
# Tokenizers of models without a limit say 1e30.
NO_LIMIT = 1_000_000
ONNX_FILES = ("model.onnx", "onnx/model.onnx")
HALF_PRECISION_FILES = ("model_fp16.onnx", "onnx/model_fp16.onnx")
# The steps of sentence-transformers that Embedder does too; others, such as "Dense", would change the vectors.
MODULES = {"Transformer", "Pooling", "Normalize"}
# sentence-transformers also knows a model by its name alone, such as "all-mpnet-base-v2".
HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
DEFAULT_OWNER = "sentence-transformers"
MAX_REASON = 200  # characters of the hub client's message


@dataclass(frozen=True)
class EmbeddingModel:
    """The files of an embedding model, and how sentences become vectors with it."""

    onnx: Path
    tokenizer: Path
    pooling: Pooling  # the sentence's vector: the mean of its tokens' vectors, or that of the first token
    max_tokens: int  # longer sentences are cut

    def identity(self) -> dict[str, str | int]:
        """Everything that its vectors depend on; the same model in another folder has the same identity."""
        return {
            "onnx": packaged_models.sha256_of(self.onnx),
            "tokenizer": packaged_models.sha256_of(self.tokenizer),
            "pooling": self.pooling,
            "max_tokens": self.max_tokens,
        }


def locate(name_or_path: str, half_precision: bool = False) -> EmbeddingModel:
    """Find the model, and download it if it is the packaged one or comes from the hub.

    ``half_precision`` prefers fp16 weights, for a GPU, if the model has them. Raises InvalidInput for a folder without
    a model that FTM can run, FtmError when a download fails.
    """
    folder = _folder(name_or_path, half_precision)
    candidates = (*HALF_PRECISION_FILES, *ONNX_FILES) if half_precision else ONNX_FILES
    onnx = next((folder / name for name in candidates if (folder / name).is_file()), None)
    if onnx is None:
        raise InvalidInput(
            f"EMBEDDING_MODEL {name_or_path!r} has no {' or '.join(ONNX_FILES)}: FTM runs models without torch, "
            "so export it to ONNX first (optimum-cli export onnx)"
        )
    tokenizer = folder / "tokenizer.json"
    if not tokenizer.is_file():
        raise InvalidInput(f"EMBEDDING_MODEL {name_or_path!r} has no tokenizer.json")
    _check_modules(folder)
    return EmbeddingModel(onnx, tokenizer, _pooling(folder), _max_tokens(folder))


def _folder(name_or_path: str, half_precision: bool) -> Path:
    if name_or_path == packaged_models.EMBEDDING:
        return packaged_models.ensure(packaged_models.EMBEDDING)
    folder = Path(name_or_path).expanduser()
    if folder.is_dir():
        return folder
    if not HUB_NAME.fullmatch(name_or_path):
        raise InvalidInput(
            f"EMBEDDING_MODEL {name_or_path!r} is neither {packaged_models.EMBEDDING} nor a folder nor a hub name"
        )
    return _download(name_or_path if "/" in name_or_path else f"{DEFAULT_OWNER}/{name_or_path}", half_precision)


def _download(hub_name: str, half_precision: bool) -> Path:
    # Imported here because it takes longer to load than finding a firm's topics takes.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    onnx = [*ONNX_FILES, *(HALF_PRECISION_FILES if half_precision else [])]
    # Weights over 2 GB are in a second file beside the model's.
    weights = [name + suffix for name in onnx for suffix in ("", "_data", ".data")]
    try:
        return Path(snapshot_download(hub_name, allow_patterns=[*weights, "*.json", "1_Pooling/config.json"]))
    except (OSError, HfHubHTTPError, HFValidationError) as error:
        # The client's message has several lines; for an unknown name the first is "404 Client Error."
        reason = textwrap.shorten(str(error), MAX_REASON, placeholder=" ...") or type(error).__name__
        raise FtmError(
            f"cannot get EMBEDDING_MODEL {hub_name!r} from the Hugging Face hub, which needs internet "
            f"(or is this meant to be a folder?): {reason}"
        ) from error


def _check_modules(folder: Path) -> None:
    """Raise InvalidInput if sentence-transformers would do more with this model than FTM does."""
    modules = [str(module["type"]).rsplit(".", 1)[-1] for module in _read(folder / "modules.json", [])]
    unknown = [name for name in modules if name not in MODULES]
    if unknown:
        raise InvalidInput(f"the embedding model in {folder} has a module that FTM does not know: {', '.join(unknown)}")


def _pooling(folder: Path) -> Pooling:
    config = _read(folder / "1_Pooling/config.json", {})
    modes = {name for name, value in config.items() if name.startswith("pooling_mode_") and value is True}
    if modes in (set(), {"pooling_mode_mean_tokens"}):
        return "mean"
    if modes == {"pooling_mode_cls_token"}:
        return "cls"
    raise InvalidInput(f"the embedding model in {folder} pools by {', '.join(sorted(modes))}; FTM knows mean and cls")


def _max_tokens(folder: Path) -> int:
    limits = [
        _read(folder / "sentence_bert_config.json", {}).get("max_seq_length"),
        _read(folder / "tokenizer_config.json", {}).get("model_max_length"),
    ]
    return next((int(limit) for limit in limits if limit and limit < NO_LIMIT), DEFAULT_MAX_TOKENS)


def _read(path: Path, default: Any) -> Any:
    if not path.is_file():
        return default
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidInput(f"{path} is not JSON: {error}") from error
