"""Map jobs with the real model, on small generated firms: what they leave when all goes well and when it does not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import FtmError
from cloud.src.contract.record import METADATA_KEY
from cloud.src.models import byte_vectors
from cloud.src.worker import map_firms, progress
from cloud.src.worker.firm_topics import FirmAnalyser, FirmResult
from cloud.src.worker.map_firms import EverythingFails
from cloud.src.worker.store import Store
from cloud.src.worker.transcripts import FirmTranscripts
from tests.component.conftest import BUCKET
from tests.component.worker_quarter import (
    MANIFEST,
    QUARTER,
    RECIPE,
    analyser,
    call,
    embedder,
    firm,
    map_job,
    numbered_firms,
    write_batches,
    write_prefetch,
)

BATCH = keys.batch_id(QUARTER, 0)
LATER = "manifests/2023Q1/manifest_20230402T000000000000Z.jsonl"  # of a later execution


class BrokenAnalyser(FirmAnalyser):
    """Fails for some firms, and remembers which it was asked for."""

    def __init__(self, errors: Mapping[str, BaseException]) -> None:
        super().__init__(embedder())
        self.errors = errors
        self.asked_for: list[str] = []

    def analyse(self, transcripts: FirmTranscripts) -> FirmResult:
        self.asked_for.append(transcripts.firm_id)
        if transcripts.firm_id in self.errors:
            raise self.errors[transcripts.firm_id]
        return super().analyse(transcripts)


def one_batch(s3: Any, firms: list[FirmTranscripts]) -> Store:
    """A quarter whose firms are all in one batch."""
    store = Store(s3, BUCKET)
    write_prefetch(store, firms)
    write_batches(s3, [firm.firm_id for firm in firms], batch_size=len(firms))
    return store


def read_progress(store: Store) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(store.require(keys.progress(QUARTER, BATCH)))
    return written


def written_parts(store: Store) -> list[str]:
    return store.list(f"intermediate/firm-topics/quarter={QUARTER}/")


def names(*parts_of_batch: str) -> list[str]:
    """The names of the batch's parts: "101 102" is a part of two firms."""
    return [keys.part_name(BATCH, number, firms.split()) for number, firms in enumerate(parts_of_batch)]


def part_keys(*parts_of_batch: str) -> list[str]:
    return [keys.topics_part(QUARTER, name) for name in names(*parts_of_batch)]


def firms_in_part(store: Store, number: int) -> list[str]:
    table = store.read_table(keys.topics_part(QUARTER, read_progress(store)["parts"][number]))
    firm_ids: list[Any] = table.column("firm_id").to_pylist()
    return list(dict.fromkeys(firm_ids))


def test_a_batch_leaves_its_firms_in_parts(s3: Any) -> None:
    store = one_batch(s3, numbered_firms(5))

    map_firms.run(map_job(store, analyser(), firms_a_part=2))

    done = read_progress(store)
    assert done.pop("updated_at")
    assert done == {
        "quarter": QUARTER,
        "batch_id": BATCH,
        "manifest_key": MANIFEST,
        "status": "succeeded",
        "reason": "",
        "commit": "test",
        "deployed_commit": "unknown",
        "stale_image": False,
        "topics_per_firm": [],
        "n_firms": 5,
        "analysed": 5,
        "done": ["101", "102", "103", "104", "105"],
        "skipped": [],
        "failed": [],
        "parts": names("101 102", "103 104", "105"),
        "reused_parts": 0,
        "reused_firms": 0,
        "naming": {},
        "waited_s": 0.0,
    }
    assert written_parts(store) == part_keys("101 102", "103 104", "105")
    assert [firms_in_part(store, number) for number in range(3)] == [["101", "102"], ["103", "104"], ["105"]]


def test_a_sentence_that_says_something_keeps_its_vector(s3: Any) -> None:
    """The other two have none: one greets, one has a single word that is about anything."""
    greeting, nothing = "Thank you very much, and good morning, everyone.", "So we are where we are on freight."
    store = one_batch(s3, [firm("101", [greeting, *call(0), nothing])])

    map_firms.run(map_job(store, analyser()))

    sentences = store.read_table(keys.sentences_part(QUARTER, *names("101")))
    assert sentences.schema.remove_metadata() == schemas.SENTENCE_VECTOR
    says = sentences.column("says").to_pylist()
    assert says == [False, *[True] * len(call(0)), False]
    assert [vector is not None for vector in sentences.column("vector").to_pylist()] == says
    kept = byte_vectors.from_column(sentences.column("vector"))
    np.testing.assert_array_equal(kept, byte_vectors.to_bytes(embedder().embed(call(0))))


def test_topics_and_sentences_of_a_part_fit_together(s3: Any) -> None:
    firms = numbered_firms(2)
    store = one_batch(s3, firms)

    map_firms.run(map_job(store, analyser()))

    topics = store.read_table(keys.topics_part(QUARTER, *names("101 102")))
    sentences = store.read_table(keys.sentences_part(QUARTER, *names("101 102")))
    assert topics.schema.remove_metadata() == schemas.TOPIC
    assert sentences.schema.remove_metadata() == schemas.SENTENCE_VECTOR
    everything_said = [text for firm in firms for text in firm.column("cleaned_text")]
    assert sentences.column("cleaned_text").to_pylist() == everything_said
    labelled = sentences.select(["firm_id", "local_topic_id", "sentence_id"]).to_pylist()
    for topic in topics.to_pylist():
        own = [
            row["sentence_id"]
            for row in labelled
            if (row["firm_id"], row["local_topic_id"]) == (topic["firm_id"], topic["local_topic_id"])
        ]
        assert topic["topic_id"] == f"{topic['firm_id']}_{topic['local_topic_id']}"
        assert topic["n_sentences"] == len(own) > 0
        assert set(topic["representative_sentence_ids"]) <= set(own)
        assert topic["naming_method"] == "keywords"
        assert topic["representation"] == ", ".join(topic["keywords"])
        assert topic["theme_id"] is None
        assert sum(x * x for x in topic["embedding"]) == pytest.approx(1, abs=1e-5)


def test_a_failed_firm_is_recorded_and_the_others_go_on(s3: Any) -> None:
    store = one_batch(s3, numbered_firms(4))

    map_firms.run(map_job(store, BrokenAnalyser({"102": ValueError("too odd")})))

    done = read_progress(store)
    assert done["status"] == "succeeded"
    assert done["done"] == ["101", "103", "104"]
    assert done["failed"] == [{"firm_id": "102", "reason": "ValueError: too odd"}]
    assert firms_in_part(store, 0) == ["101"]


def test_only_the_failed_firm_is_analysed_again(s3: Any) -> None:
    store = one_batch(s3, numbered_firms(4))
    map_firms.run(map_job(store, BrokenAnalyser({"102": ValueError("too odd")})))
    mended = BrokenAnalyser({})

    map_firms.run(map_job(store, mended))

    assert mended.asked_for == ["102"]
    done = read_progress(store)
    assert (done["done"], done["failed"], done["reused_parts"]) == (["101", "102", "103", "104"], [], 1)
    assert done["reused_firms"] == 3


def test_a_firm_that_says_nothing_is_skipped_with_the_reason(s3: Any) -> None:
    small_talk = ["Thank you very much.", "Yes, absolutely.", "Good morning, everyone."]
    store = one_batch(s3, [*numbered_firms(1), firm("199", small_talk)])

    map_firms.run(map_job(store, analyser()))

    done = read_progress(store)
    assert done["done"] == ["101"]
    assert done["skipped"] == [{"firm_id": "199", "reason": "none of its 3 sentences is about anything"}]
    assert done["status"] == "succeeded"


def test_a_batch_of_skipped_firms_only_succeeds(s3: Any) -> None:
    store = one_batch(s3, [firm("199", ["Thank you very much."])])

    map_firms.run(map_job(store, analyser()))

    assert read_progress(store)["status"] == "succeeded"
    assert written_parts(store) == part_keys("199")


def test_ten_failures_in_a_row_stop_the_batch(s3: Any) -> None:
    firms = numbered_firms(14)
    store = one_batch(s3, firms)
    broken = BrokenAnalyser({firm.firm_id: MemoryError("full") for firm in firms[2:]})

    with pytest.raises(EverythingFails, match="^10 firms failed one after the other; the last: MemoryError: full$"):
        map_firms.run(map_job(store, broken))

    assert broken.asked_for == [firm.firm_id for firm in firms[:12]]
    done = read_progress(store)
    assert (done["status"], done["done"], len(done["parts"])) == ("failed", ["101", "102"], 5)
    assert [failure["firm_id"] for failure in done["failed"]] == [firm.firm_id for firm in firms[2:12]]


def test_scattered_failures_do_not_stop_the_batch(s3: Any) -> None:
    firms = numbered_firms(13)
    store = one_batch(s3, firms)
    all_but_one = [firm.firm_id for firm in firms if firm.firm_id != "107"]

    map_firms.run(map_job(store, BrokenAnalyser(dict.fromkeys(all_but_one, ValueError("odd")))))

    done = read_progress(store)
    assert (done["status"], done["done"], len(done["failed"])) == ("succeeded", ["107"], 12)


def test_a_batch_in_which_all_firms_fail_is_given_up(s3: Any) -> None:
    store = one_batch(s3, numbered_firms(3))
    broken = BrokenAnalyser(dict.fromkeys(["101", "102", "103"], ValueError("odd")))

    with pytest.raises(EverythingFails, match=f"^all firms of {BATCH} failed; the first: ValueError: odd$"):
        map_firms.run(map_job(store, broken))

    done = read_progress(store)
    assert (done["status"], len(done["failed"]), done["done"]) == ("failed", 3, [])


def test_progress_counts_firms_of_written_parts_only(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store = one_batch(s3, numbered_firms(4))
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_WRITES", 0)
    seen = []

    class Watching(BrokenAnalyser):
        def analyse(self, transcripts: FirmTranscripts) -> FirmResult:
            written = read_progress(store)
            seen.append((written["analysed"], written["done"], written["parts"], written_parts(store)))
            return super().analyse(transcripts)

    map_firms.run(map_job(store, Watching({})))

    assert seen == [
        (0, [], [], []),
        (1, [], [], []),
        (2, ["101", "102"], names("101 102"), part_keys("101 102")),
        (3, ["101", "102"], names("101 102"), part_keys("101 102")),
    ]


def test_a_repeated_job_makes_nothing_again(s3: Any) -> None:
    store = one_batch(s3, numbered_firms(4))
    map_firms.run(map_job(store, analyser()))
    repeated = BrokenAnalyser({})
    other_execution = "manifests/2023Q1/manifest_20230402T000000000000Z.jsonl"
    write_batches(s3, ["101", "102", "103", "104"], 4, other_execution)

    map_firms.run(map_job(store, repeated, manifest_key=other_execution))

    assert repeated.asked_for == []
    done = read_progress(store)
    assert (done["reused_parts"], done["analysed"], done["manifest_key"]) == (2, 4, other_execution)
    assert done["reused_firms"] == 4
    assert done["done"] == ["101", "102", "103", "104"]


def test_a_job_with_another_recipe_makes_all_again(s3: Any) -> None:
    store = one_batch(s3, numbered_firms(4))
    map_firms.run(map_job(store, analyser()))
    repeated = BrokenAnalyser({})

    map_firms.run(map_job(store, repeated, recipe={**RECIPE, "engine": "changed"}))

    assert repeated.asked_for == ["101", "102", "103", "104"]
    assert read_progress(store)["reused_parts"] == 0


def test_a_changed_word_makes_its_firm_again(s3: Any) -> None:
    firms = numbered_firms(4)
    store = one_batch(s3, firms)
    map_firms.run(map_job(store, analyser()))
    firms[3] = firm("104", ["We now talk about copper tariffs."] * 3, permno=10_003)
    write_prefetch(store, firms)
    repeated = BrokenAnalyser({})

    map_firms.run(map_job(store, repeated))

    assert repeated.asked_for == ["104"]


@pytest.mark.parametrize("progress_survives", [True, False])
def test_an_interrupted_job_loses_nothing_that_was_written(s3: Any, progress_survives: bool) -> None:
    store = one_batch(s3, numbered_firms(6))
    with pytest.raises(KeyboardInterrupt):
        map_firms.run(map_job(store, BrokenAnalyser({"104": KeyboardInterrupt()})))
    interrupted = read_progress(store)
    first_part = names("101 102")
    assert (interrupted["status"], interrupted["done"], interrupted["parts"]) == ("failed", ["101", "102"], first_part)
    assert written_parts(store) == part_keys("101 102")
    before = store.require(*part_keys("101 102"))
    if not progress_survives:  # a killed job does not get to write it
        store.delete(keys.progress(QUARTER, BATCH))
    repeated = BrokenAnalyser({})

    map_firms.run(map_job(store, repeated))

    assert repeated.asked_for == ["103", "104", "105", "106"]
    assert store.require(*part_keys("101 102")) == before
    done = read_progress(store)
    assert (done["status"], done["reused_parts"], len(done["parts"])) == ("succeeded", 1, 3)
    assert (done["reused_firms"], done["analysed"]) == (2, 6)


def test_a_firm_is_the_same_whatever_shares_its_batch(s3: Any) -> None:
    firms = numbered_firms(6)
    store = one_batch(s3, firms)
    map_firms.run(map_job(store, analyser(), firms_a_part=6))
    [key] = written_parts(store)
    together = store.read_table(key)
    store.delete(key)  # else the firm would be taken from it

    write_batches(s3, ["104"], 1)
    map_firms.run(map_job(store, analyser(), firms_a_part=6))

    alone = store.read_table(*part_keys("104"))
    assert together.schema.metadata[METADATA_KEY] != alone.schema.metadata[METADATA_KEY]
    of_firm = [topic for topic in together.to_pylist() if topic["firm_id"] == "104"]
    assert alone.to_pylist() == of_firm != []


@pytest.mark.parametrize(("batch_size", "firms_a_part"), [(2, 2), (3, 3), (6, 4)])
def test_a_firm_that_is_done_stays_done_whatever_the_batches(s3: Any, batch_size: int, firms_a_part: int) -> None:
    quiet = firm("106", ["Thank you very much."])
    store = one_batch(s3, [*numbered_firms(5), quiet])
    map_firms.run(map_job(store, BrokenAnalyser({"105": ValueError("odd")}), firms_a_part=6))
    [together] = written_parts(store)
    before = firm_rows(store, together)
    other = BrokenAnalyser({})

    batches = write_batches(s3, ["101", "102", "103", "104", "105", "106"], batch_size, LATER)
    for number in range(len(batches)):
        map_firms.run(map_job(store, other, number, firms_a_part, manifest_key=LATER))

    assert other.asked_for == ["105"]
    progress_of = [json.loads(store.require(keys.progress(QUARTER, batch))) for batch in batches]
    assert sum(one["reused_firms"] for one in progress_of) == 5
    assert [one["status"] for one in progress_of] == ["succeeded"] * len(batches)
    assert sorted(firm_id for one in progress_of for firm_id in one["done"]) == ["101", "102", "103", "104", "105"]
    assert [skipped["firm_id"] for one in progress_of for skipped in one["skipped"]] == ["106"]
    new = [keys.topics_part(QUARTER, name) for one in progress_of for name in one["parts"]]
    assert together not in new
    after = {firm_id: rows for key in new for firm_id, rows in firm_rows(store, key).items()}
    assert {firm_id: after[firm_id] for firm_id in before} == before


def firm_rows(store: Store, topics_key: str) -> dict[str, list[Any]]:
    """Topics and sentences of each firm of a part."""
    rows: dict[str, list[Any]] = {}
    for key in (topics_key, keys.sentences_part(QUARTER, keys.part_of(topics_key))):
        for row in store.read_table(key).to_pylist():
            rows.setdefault(row["firm_id"], []).append(row)
    return rows


def test_a_changed_firm_of_other_batches_is_redone(s3: Any) -> None:
    firms = numbered_firms(4)
    store = one_batch(s3, firms)
    map_firms.run(map_job(store, analyser(), firms_a_part=4))
    firms[3] = firm("104", ["We now talk about copper tariffs."] * 3, permno=10_003)
    write_prefetch(store, firms)
    write_batches(s3, [firm.firm_id for firm in firms], 4, LATER)
    changed = BrokenAnalyser({})

    map_firms.run(map_job(store, changed, firms_a_part=2, manifest_key=LATER))

    assert changed.asked_for == ["104"]
    assert read_progress(store)["reused_firms"] == 3


def test_parts_of_the_same_execution_are_not_searched(s3: Any) -> None:
    """With 100 batches, each job would read what all others have written."""
    firms = numbered_firms(4)
    store = Store(s3, BUCKET)
    write_prefetch(store, firms)
    write_batches(s3, [firm.firm_id for firm in firms], batch_size=2)
    map_firms.run(map_job(store, analyser(), 0))
    fetched: list[str] = []

    def remember(params: dict[str, Any], **_: Any) -> None:
        fetched.append(params["Key"])

    s3.meta.events.register("provide-client-params.s3.GetObject", remember)
    map_firms.run(map_job(store, analyser(), 1))
    s3.meta.events.unregister("provide-client-params.s3.GetObject", remember)

    first = json.loads(store.require(keys.progress(QUARTER, BATCH)))["parts"]
    assert not {keys.topics_part(QUARTER, name) for name in first} & set(fetched)


def test_a_batch_that_the_manifest_does_not_list(s3: Any) -> None:
    store = one_batch(s3, numbered_firms(1))
    with pytest.raises(FtmError, match=rf"batch 2023Q1_batch_0007 is not in s3://{BUCKET}/{MANIFEST}"):
        map_firms.run(map_job(store, analyser(), number=7))


def test_a_firm_that_is_not_prefetched_fails_the_batch(s3: Any) -> None:
    store = one_batch(s3, numbered_firms(2))
    write_batches(s3, ["101", "102", "103"], 3)

    with pytest.raises(FtmError, match="firm 103 is not in the prefetch manifest"):
        map_firms.run(map_job(store, analyser()))

    done = read_progress(store)
    assert (done["status"], done["done"]) == ("failed", ["101", "102"])


def test_a_chunk_without_a_column_fails_the_batch(s3: Any) -> None:
    store = one_batch(s3, numbered_firms(2))
    chunk = store.read_table(keys.prefetch_chunk(QUARTER, 0))
    store.write_table(keys.prefetch_chunk(QUARTER, 0), chunk.drop_columns(["speaker_name", "permno"]))

    refused = r"by an earlier version of ftm \(no column permno, speaker_name\): .*: ftm prefetch 2023Q1 --force$"
    with pytest.raises(FtmError, match=refused):
        map_firms.run(map_job(store, analyser()))


def test_a_firm_that_is_missing_from_its_chunk_fails_alone(s3: Any) -> None:
    firms = numbered_firms(4)
    store = Store(s3, BUCKET)
    write_prefetch(store, firms)
    write_batches(s3, [firm.firm_id for firm in firms], batch_size=4)
    chunk = keys.prefetch_chunk(QUARTER, 0)
    table = store.read_table(chunk)
    store.write_table(chunk, table.filter(pc.not_equal(table.column("firm_id"), pa.scalar(firms[1].firm_id))))

    for reused in (0, 4):
        job = map_job(store, analyser())
        map_firms.run(job)

        assert job.progress.status == "succeeded"
        assert job.progress.done == [firm.firm_id for firm in firms if firm is not firms[1]]
        (failed,) = job.progress.failed
        assert failed.firm_id == firms[1].firm_id
        assert failed.reason == f"it is not in s3://{BUCKET}/{chunk}: prefetch the quarter again"
        assert job.progress.reused_firms == reused


def test_a_job_that_gives_up_says_why_in_its_progress(s3: Any) -> None:
    store = Store(s3, BUCKET)
    write_prefetch(store, numbered_firms(1))
    write_batches(s3, ["101"], batch_size=1)
    store.delete(keys.prefetch_chunk(QUARTER, 0))
    job = map_job(store, analyser())

    with pytest.raises(FtmError):
        map_firms.run(job)

    written = json.loads(store.require(job.progress.key))
    assert written["status"] == "failed"
    assert written["reason"].startswith("FtmError: ")
    assert keys.prefetch_chunk(QUARTER, 0) in written["reason"]


def test_a_job_out_of_time_leaves_the_rest_for_later(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_firms, "FIRMS_EMBEDDED_TOGETHER", 1)
    firms = numbered_firms(4)
    store = Store(s3, BUCKET)
    write_prefetch(store, firms)
    write_batches(s3, [firm.firm_id for firm in firms], batch_size=4)
    job = map_job(store, analyser(), firms_a_part=2)
    looks = iter([False, True])
    monkeypatch.setattr(job, "is_time_up", lambda: next(looks, True))

    with pytest.raises(map_firms.ToBeContinued, match="to be continued: 3 of 4 firms are left"):
        map_firms.run(job)

    assert (job.progress.done, job.progress.parts) == (["101"], names("101 102"))
    continued = map_job(store, analyser(), firms_a_part=2)
    map_firms.run(continued)
    assert continued.progress.done == [firm.firm_id for firm in firms]
    assert continued.progress.reused_firms == 1


@pytest.mark.parametrize(("limit_s", "is_up"), [(None, False), (1000, False), (0, True)])
def test_time_is_up_after_the_limit(s3: Any, limit_s: float | None, is_up: bool) -> None:
    job = map_job(Store(s3, BUCKET), analyser())
    job.settings.job_stops_after_s = limit_s

    assert job.is_time_up() is is_up
