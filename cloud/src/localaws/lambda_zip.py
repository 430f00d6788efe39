"""Builds the zip of a Lambda function, in the layout that Pants uses for AWS (``python_awslambda``, layout ``zip``)."""

from __future__ import annotations

import io
import zipfile
from importlib.util import find_spec
from pathlib import Path

HANDLER = "lambda_function.handler"

# What the functions import besides the standard library and boto3, which are part of the runtime.
_SHARED_MODULES = ("cloud.src.contract.errors", "cloud.src.contract.keys")
_DOCUMENTS = "cloud.src.contract.documents"
# The functions that read documents in the bucket.
_READERS = ("prefetch_check", "create_batch_manifest", "summarize_results")


def lambda_zip(name: str) -> bytes:
    """The zip of ``cloud/src/lambdas/<name>.py``; the same code makes the same bytes."""
    function = f"cloud.src.lambdas.{name}"
    modules = [function, *_SHARED_MODULES, *([_DOCUMENTS] if name in _READERS else [])]
    files = {f"{module.replace('.', '/')}.py": _source(module) for module in modules}
    files["lambda_function.py"] = f"from {function} import handler as handler\n".encode()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, source in sorted(files.items()):
            entry = zipfile.ZipInfo(path)  # always dated 1980
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, source)
    return content.getvalue()


def _source(module: str) -> bytes:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"no module {module}")
    return Path(spec.origin).read_bytes()
