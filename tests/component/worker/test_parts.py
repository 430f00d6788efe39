"""Part files: which of them a repeated job takes for finished, and which it makes again."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest

from cloud.src.contract import keys, schemas
from cloud.src.contract.record import read_record
from cloud.src.worker import parts, recipe
from cloud.src.worker.parts import Part
from cloud.src.worker.progress import FirmReason
from cloud.src.worker.settings import MapSettings
from cloud.src.worker.store import Store
from cloud.src.worker.transcripts import FirmTranscripts
from tests.component.conftest import BUCKET
from tests.component.worker_quarter import MANIFEST, QUARTER, analyser, call, embedder, firm, named_topics

BATCH = "2023Q1_batch_0000"
NAME = keys.part_name(BATCH, 0, ["101", "102", "103"])
TOPICS, SENTENCES = keys.topics_part(QUARTER, NAME), keys.sentences_part(QUARTER, NAME)
RECIPE = {"engine": "1", "embedding_model": "a", "llm_model": None}
FIRMS = [firm("101", call(0), permno=10_001), firm("102", call(1))]
WANTED = parts.fingerprints(RECIPE, FIRMS) | {"103": "nothing said"}

SOURCES = Path(recipe.__file__).parents[1]  # cloud/src
ROOT = SOURCES.parents[1]
# What a map job imports and what cannot change a part, by the reason.
NOT_IN_THE_RECIPE = {
    "contract/cost.py": "what an execution has cost",
    "contract/documents.py": "reads manifests: which firms there are, not what is made of them",
    "contract/errors.py": "kinds of errors",
    "contract/keys.py": "where files lie, how names are counted",
    "contract/names_count.py": "counts names that are lost",
    "contract/prices.py": "what AWS takes",
    "contract/record.py": "how a record is written",
    "contract/rows.py": "types of rows",
    "llm/answer_book.py": "keeps answers; a changed key asks the same question again",
    "llm/errors.py": "kinds of errors",
    "llm/limits.py": "when a request is sent",
    "llm/outage.py": "when a request is sent; firms named without an LLM are made again in any case",
    "worker/earlier_parts.py": "where a finished firm is found; what it is made of decides whether it is taken",
    "worker/answers.py": "when answers are saved",
    "worker/map_firms.py": "in which order firms are analysed; each is analysed by itself",
    "worker/progress.py": "what a watcher is told",
    "worker/recipe.py": "the recipe itself",
    "worker/settings.py": "those that change a part are in the recipe by their values",
    "worker/store.py": "reads and writes whole files",
}


@pytest.fixture
def store(s3: Any) -> Store:
    return Store(s3, BUCKET)


@pytest.fixture(scope="module")
def finished_part() -> Part:
    part = Part(WANTED, skipped=[FirmReason("103", "nothing said")])
    for transcripts in FIRMS:
        found = analyser().analyse(transcripts)
        part.firms.append(found.firm)
        part.topics += named_topics(found)
        part.sentences.append(found.sentences)
    return part


def read(store: Store, wanted: dict[str, str] = WANTED) -> Part:
    return parts.read_part(store, QUARTER, NAME, wanted)


def write(store: Store, part: Part) -> None:
    parts.write_part(store, QUARTER, NAME, part)


@pytest.mark.parametrize(
    "changed",
    [
        firm("101", [*call(0)[:-1], call(0)[-1].replace("pumps", "pump")]),
        firm("101", call(0)[:-1], permno=10_001),
        firm("101", call(0), permno=10_002),
        firm("101", call(0), permno=10_001, spoken_on=date(2023, 2, 15)),
        firm("109", call(0), permno=10_001),
    ],
    ids=["word", "sentence", "permno", "date", "firm"],
)
def test_fingerprint_of_a_firm_changes_with_its_input(changed: FirmTranscripts) -> None:
    found = parts.fingerprints(RECIPE, [changed, FIRMS[1]])

    assert found[changed.firm_id] != WANTED["101"]
    assert found["102"] == WANTED["102"]  # whatever its neighbours


@pytest.mark.parametrize(
    "change", [{"engine": "2"}, {"embedding_model": "b"}, {"llm_model": "Qwen/Qwen3-8B"}, {"a_new_setting": 1}]
)
def test_fingerprint_changes_with_the_recipe(change: dict[str, Any]) -> None:
    changed = parts.fingerprints(RECIPE | change, FIRMS)
    assert all(changed[firm_id] != WANTED[firm_id] for firm_id in ("101", "102"))


def test_fingerprint_is_the_same_for_the_same_content() -> None:
    in_another_chunk = pa.concat_tables([firm("100", call(2)).table, *(firm.table for firm in FIRMS)])
    cut_out = [
        FirmTranscripts(firm_id, in_another_chunk.slice(start, 24)) for firm_id, start in (("101", 24), ("102", 48))
    ]
    found = parts.fingerprints(dict(reversed(RECIPE.items())), cut_out)
    assert found == {firm_id: WANTED[firm_id] for firm_id in ("101", "102")}


def settings(**changed: Any) -> MapSettings:
    chosen = {"quarter": QUARTER, "s3_bucket": BUCKET, "manifest_key": MANIFEST, "batch_id": BATCH, **changed}
    return MapSettings(**chosen)


def test_the_recipe_depends_on_naming_not_on_the_batch() -> None:
    made_with = recipe.recipe(settings(), embedder(), "Qwen/Qwen3-8B")

    other_batch = settings(batch_id="2023Q1_batch_0007", manifest_key="manifests/2023Q1/other.jsonl", log_level="DEBUG")
    assert recipe.recipe(other_batch, embedder(), "Qwen/Qwen3-8B") == made_with
    assert recipe.recipe(settings(), embedder(), "grok-3-mini") != made_with
    assert recipe.recipe(settings(topic_naming="keywords"), embedder(), "Qwen/Qwen3-8B") != made_with


@pytest.mark.parametrize("library", recipe.LIBRARIES, ids=lambda library: library.__name__)
def test_recipe_changes_with_the_version_of_a_library(library: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    made_with = recipe.recipe(settings(), embedder(), None)
    monkeypatch.setattr(library, "__version__", "0.0.1")
    assert recipe.recipe(settings(), embedder(), None) != made_with


def test_hash_changes_with_each_file_and_with_one_more(tmp_path: Path) -> None:
    room = tmp_path / "room"
    for name in ("a.py", "words.txt", "prompts/topic.txt"):
        (room / name).parent.mkdir(parents=True, exist_ok=True)
        (room / name).write_text("1")
    alone = tmp_path / "alone.py"
    alone.write_text("1")
    seen = {recipe.hash_of([room, alone])}
    for file in (alone, room / "a.py", room / "words.txt", room / "prompts/topic.txt", room / "new.py"):
        file.write_text("2")
        seen.add(recipe.hash_of([room, alone]))
    assert len(seen) == 6


def imported_by(module: Path) -> Iterator[Path]:
    """Our own modules that this one imports, wherever in it."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        files = [ROOT.joinpath(*name.split(".")).with_suffix(".py") for name in names if name.startswith("cloud.")]
        yield from (file for file in files if file.is_file())


def reached_from(start: Path) -> set[Path]:
    """The module and all of ours that it imports, directly or through others."""
    reached: set[Path] = set()
    to_read = [start]
    while to_read:
        module = to_read.pop()
        if module not in reached:
            reached.add(module)
            to_read += imported_by(module)
    return reached


def test_recipe_has_every_module_that_can_change_a_part() -> None:
    """A module that is reported here goes into recipe.py, or into NOT_IN_THE_RECIPE with the reason why."""
    reached = {str(module.relative_to(SOURCES)) for module in reached_from(SOURCES / "worker/map_firms.py")}
    hashed = {str(place.relative_to(SOURCES)) for place in recipe.ENGINE}
    left_out = {
        module for module in reached if not any(module == place or module.startswith(f"{place}/") for place in hashed)
    }

    assert left_out - NOT_IN_THE_RECIPE.keys() == set()
    assert NOT_IN_THE_RECIPE.keys() - left_out == set(), "hashed, or no longer reached: take them out"


def test_a_finished_part_is_known_again_with_its_record(store: Store, finished_part: Part) -> None:
    write(store, finished_part)

    known = read(store)

    assert [firm["firm_id"] for firm in known.firms] == ["101", "102"]
    assert known.firms[0]["n_topics"] == finished_part.firms[0]["n_topics"] > 0
    assert known.skipped == [FirmReason("103", "nothing said")]
    assert known.failed == []
    assert known.finished() == WANTED.keys()
    for key, schema in ((TOPICS, schemas.TOPIC), (SENTENCES, schemas.SENTENCE_VECTOR)):
        table = store.read_table(key)
        assert table.replace_schema_metadata(None).schema == schema
        assert read_record(table)["made_of"] == WANTED


def test_a_part_without_firms_is_finished_too(store: Store) -> None:
    write(store, Part(WANTED, skipped=[FirmReason("103", "nothing said")]))

    assert read(store).finished() == {"103"}
    assert store.read_table(TOPICS).num_rows == store.read_table(SENTENCES).num_rows == 0


def with_other_fingerprint(store: Store) -> None:
    stranger = {b"ftm": b'{"made_of": {}, "firms": [], "skipped": [], "failed": []}'}
    store.write_table(SENTENCES, store.read_table(SENTENCES).replace_schema_metadata(stranger))


def without_metadata(store: Store) -> None:
    store.write_table(TOPICS, store.read_table(TOPICS).replace_schema_metadata(None))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda store: store.delete(TOPICS),
        lambda store: store.delete(SENTENCES),
        lambda store: store.write_json(TOPICS, "no table"),
        lambda store: store.write_json(SENTENCES, "no table"),
        with_other_fingerprint,
        without_metadata,
    ],
    ids=["no topics", "no sentences", "corrupt topics", "corrupt sentences", "sentences of another part", "no record"],
)
def test_a_spoilt_part_is_made_again(store: Store, finished_part: Part, spoil: Callable[[Store], None]) -> None:
    write(store, finished_part)
    assert read(store).finished() == WANTED.keys()

    spoil(store)

    assert read(store) == Part(WANTED)


def test_firms_made_of_something_else_are_made_again(store: Store, finished_part: Part) -> None:
    write(store, finished_part)

    assert read(store, parts.fingerprints(RECIPE | {"engine": "2"}, FIRMS)).n_settled() == 0
    one = read(store, WANTED | {"101": "changed"})
    assert one.finished() == {"102", "103"}
    assert {topic["firm_id"] for topic in one.topics} == {"102"}
    assert [table["firm_id"][0].as_py() for table in one.sentences] == ["102"]


def test_a_failed_firm_alone_is_missing_from_its_part(store: Store) -> None:
    found = analyser().analyse(FIRMS[1])
    failed = [FirmReason("101", "ValueError: too odd")]
    write(store, Part(WANTED, [found.firm], failed=failed, topics=named_topics(found), sentences=[found.sentences]))

    known = read(store)

    assert known.failed == failed
    assert known.finished() == {"102"}


def test_a_part_completed_later_is_the_one_made_at_once(store: Store, finished_part: Part) -> None:
    write(store, finished_part)
    at_once = store.read_table(TOPICS), store.read_table(SENTENCES)
    store.delete(TOPICS)
    for firms in (FIRMS[1:], FIRMS[:1]):
        part = read(store)
        part.skipped = list(finished_part.skipped)
        for transcripts in firms:
            found = analyser().analyse(transcripts)
            part.firms.append(found.firm)
            part.topics += named_topics(found)
            part.sentences.append(found.sentences)
        write(store, part)

    assert (store.read_table(TOPICS), store.read_table(SENTENCES)) == at_once
