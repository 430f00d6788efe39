"""Turn a GGUF file into the folder of weights and tokenizer that vLLM serves (``python gguf_to_hf.py FILE FOLDER``).

Run by the Python of vLLM's own environment, which has torch and transformers; the product has neither.
"""

from __future__ import annotations

import sys
from pathlib import Path


def convert(gguf: Path, folder: Path) -> None:
    """Write ``folder`` in the form of Hugging Face, weights as bfloat16. Raises when the model cannot be read."""
    import torch  # type: ignore[import-not-found]  # pants: no-infer-dep
    import transformers  # type: ignore[import-not-found]  # pants: no-infer-dep

    model = transformers.AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        gguf_file=gguf.name,
        dtype=torch.bfloat16,
        quantization_config=transformers.GgufConfig(dequantize=True),
    )
    model.save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
