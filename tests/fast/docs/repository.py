"""The repository's files and documents, as the tests of the documents see them."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[3]
FOLDERS = ("3rdparty", "bench", "cloud", "docs", "examples", "samples", "tests")


def files() -> list[Path]:
    """All files, as paths from the root; what tools leave in hidden folders and caches is no part of it."""
    found = [path for path in ROOT.iterdir() if path.is_file()]
    for folder in FOLDERS:
        found += [path for path in (ROOT / folder).rglob("*") if path.is_file() and not _left_by_a_tool(path)]
    return sorted(path.relative_to(ROOT) for path in found)


def documents() -> list[Path]:
    return [path for path in files() if path.suffix == ".md"]


def read(document: Path) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def _left_by_a_tool(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(ROOT).parts)
