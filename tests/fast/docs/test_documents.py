"""The documents name files that exist, keep to their length, and say one thing in one place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.src.cli import version
from cloud.src.cli.environment import vllm
from tests.fast.docs.repository import FOLDERS, ROOT, documents, files, read

DOCUMENTS = documents()
NAMES = {path.name for path in files()}
MOST_WORDS_OF_AN_ADR = 700
MOST_WORDS_OF_THE_README = 900
MOST_BYTES_OF_A_PICTURE = 300_000
MEASUREMENTS = [path for path in DOCUMENTS if path.parent == Path("docs/measurements")]

# [text](target) and ![text](target)
LINK = re.compile(r"\]\(([^)\s]+)\)")
# Code spans and blocks; what a command names counts, too.
CODE = re.compile(r"```.*?```|`[^`\n]+(?:\n[^`\n]+)?`", flags=re.DOTALL)
PATH = re.compile(rf"(?<![\w./-])(?:\./)?((?:{'|'.join(FOLDERS)})/[\w./*{{}},-]+)")
# A file named without its folder. Files that a run writes, or that a reader has, are not in the repository.
MODULE = re.compile(r"`([\w-]+\.(?:py|tf))`")


def anchors(document: Path) -> set[str]:
    """What GitHub makes of the document's headings."""
    headings = re.findall(r"^#+ (.+)$", read(document), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(document: Path) -> Iterator[str]:
    for target in LINK.findall(read(document)):
        if re.match(r"https?://|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (ROOT / document.parent / path).resolve() if path else ROOT / document
        if not linked.exists() or (anchor and anchor not in anchors(linked.relative_to(ROOT))):
            yield target


def missing_paths(document: Path) -> Iterator[str]:
    for code in CODE.findall(read(document)):
        for named in PATH.findall(code):
            path = named.rstrip("./,-").split("{")[0]
            if not any(ROOT.glob(path)):
                yield path
        yield from (name for name in MODULE.findall(code) if name not in NAMES and name != "__init__.py")


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_lead_somewhere(document: Path) -> None:
    assert list(broken_links(document)) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_named_files_exist(document: Path) -> None:
    assert list(missing_paths(document)) == []


def test_documents_named_in_the_code_exist() -> None:
    code = [path for path in files() if path.suffix in {".py", ".tf"}]
    named = {(str(path), document) for path in code for document in re.findall(r"docs/[\w/.-]+\.md", read(path))}
    assert named
    assert [one for one in named if not (ROOT / one[1]).exists()] == []


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("see `cloud/src/nowhere.py`", ["cloud/src/nowhere.py"]),
        ("```\n./pants test tests/nowhere::\n```", ["tests/nowhere"]),
        ("in `nowhere.py`", ["nowhere.py"]),
        ("`python bench/scaled_quarter.py time FOLDER` and `keys.py`", []),
        ("`processed/themes/quarter=2023Q1/themes.parquet` is written by a run", []),
    ],
)
def test_a_missing_file_is_noticed(text: str, missing: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "read", lambda document: text)
    assert list(missing_paths(Path("README.md"))) == missing


@pytest.mark.parametrize(
    "adr", [path for path in DOCUMENTS if path.parent == Path("docs/adr")], ids=lambda adr: adr.stem
)
def test_a_decision_fits_on_a_page(adr: Path) -> None:
    text = read(adr)
    assert len(text.split()) <= MOST_WORDS_OF_AN_ADR
    headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert [one for one in ("Context", "Decision", "Consequences", "How it is checked") if one not in headings] == []


def test_the_readme_is_short_and_has_both_commands() -> None:
    text = read(Path("README.md"))
    assert len(text.split()) <= MOST_WORDS_OF_THE_README
    assert "./ftm demo" in text
    assert "./pants test ::" in text


def test_the_citation_is_of_this_version() -> None:
    assert f"\nversion: {version.VERSION}\n" in read(Path("CITATION.cff"))


def test_pictures_load_quickly() -> None:
    pictures = list((ROOT / "docs/pictures").glob("*.png"))
    assert pictures
    assert max(path.stat().st_size for path in pictures) < MOST_BYTES_OF_A_PICTURE


def test_the_index_has_every_document() -> None:
    linked = {(ROOT / "docs" / target).resolve() for target in LINK.findall(read(Path("docs/README.md")))}
    of_docs = {ROOT / path for path in DOCUMENTS if path.parts[0] == "docs" and path != Path("docs/README.md")}
    assert of_docs - linked == set()


@pytest.mark.parametrize("page", MEASUREMENTS, ids=lambda page: page.stem)
def test_every_measurement_says_how_it_was_made(page: Path) -> None:
    sections = read(page).split("\n## ")[1:]
    assert sections
    unexplained = [
        one.splitlines()[0] for one in sections if not re.search(r"^(?:Command|No command): ", one, re.MULTILINE)
    ]
    assert unexplained == []


def test_the_price_of_the_gpu_hour_stands_in_one_document() -> None:
    price = f"${vllm.USD_AN_HOUR:.2f} an hour"
    assert [str(path) for path in DOCUMENTS if price in read(path)] == ["docs/measurements/costs.md"]
