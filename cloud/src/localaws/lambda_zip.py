"""Builds the zip of a Lambda function, in the layout that Pants uses for AWS (``python_awslambda``, layout ``zip``)."""

from __future__ import annotations

import ast
import io
import zipfile
from importlib.util import find_spec
from pathlib import Path

HANDLER = "lambda_function.handler"


def lambda_zip(name: str) -> bytes:
    """The zip of ``cloud/src/lambdas/<name>.py`` and what it imports; the same code makes the same bytes."""
    function = f"cloud.src.lambdas.{name}"
    files = {f"{module.replace('.', '/')}.py": source for module, source in _with_imports(function).items()}
    files["lambda_function.py"] = f"from {function} import handler as handler\n".encode()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path, source in sorted(files.items()):
            entry = zipfile.ZipInfo(path)  # always dated 1980
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, source)
    return content.getvalue()


def _with_imports(module: str) -> dict[str, bytes]:
    """The module and every module of ours that it needs, with their sources; boto3 is part of the runtime."""
    sources: dict[str, bytes] = {}
    missing = [module]
    while missing:
        name = missing.pop()
        if name not in sources:
            sources[name] = _source(name)
            missing += _imported(sources[name])
    return sources


def _imported(source: bytes) -> list[str]:
    """The modules of ours that a source imports."""
    froms = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom) and node.module]
    names = {f"{node.module}.{alias.name}" for node in froms for alias in node.names} | {str(n.module) for n in froms}
    return sorted(name for name in names if name.startswith("cloud.src.") and _path(name) is not None)


def _source(module: str) -> bytes:
    path = _path(module)
    if path is None:
        raise ModuleNotFoundError(f"no module {module}")
    return path.read_bytes()


def _path(module: str) -> Path | None:
    """The file of a module; None for a package, and for a name in a module."""
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec is not None and spec.origin is not None else None
