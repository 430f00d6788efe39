"""Map and reduce with an LLM: names in the background, outages, answers that outlive the job."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pytest
import tenacity
from anyio.from_thread import start_blocking_portal

from cloud.src.contract import keys
from cloud.src.contract.record import read_metadata, read_record
from cloud.src.llm import xai_client
from cloud.src.llm.answer_book import AnswerBook
from cloud.src.llm.errors import LlmMisconfigured
from cloud.src.llm.xai_client import LlmClient
from cloud.src.models.embeddings import Vectors
from cloud.src.naming.ask import THEME_PROMPT_VERSION, TOPIC_PROMPT_VERSION, Name, TopicToName
from cloud.src.naming.namer import KeywordNamer, LlmNamer
from cloud.src.worker import answers, map_firms, progress, reduce_themes
from cloud.src.worker.firm_topics import FirmAnalyser, FirmResult
from cloud.src.worker.map_firms import EverythingFails, MapJob
from cloud.src.worker.recipe import Recipe
from cloud.src.worker.settings import ReduceSettings
from cloud.src.worker.store import Store
from cloud.src.worker.transcripts import FirmTranscripts
from tests.component.conftest import BUCKET
from tests.component.worker_quarter import (
    MANIFEST,
    QUARTER,
    RECIPE,
    embedder,
    map_job,
    map_quarter,
    numbered_firms,
    write_batches,
    write_prefetch,
)
from tests.integration.fake_llm import FakeLlm, Reply, fails, fake_llm, says

BATCH = keys.batch_id(QUARTER, 0)
ONE_FIRM, TWO_FIRMS = (keys.part_name(BATCH, 0, firms) for firms in (["101"], ["101", "102"]))
TOPICS = keys.topics_part(QUARTER, TWO_FIRMS)
ANSWERS = keys.llm_answers(QUARTER, ONE_FIRM)
FREIGHT = says('{"title": "Freight Rates"}')
WITH_MODEL: Recipe = {**RECIPE, "llm_model": "m", "prompt": TOPIC_PROMPT_VERSION}

OnFirm = Callable[[str], None]


class Watched(FirmAnalyser):
    """Calls a function with the id of each firm that it is about to analyse."""

    def __init__(self, on_firm: OnFirm) -> None:
        super().__init__(embedder())
        self.on_firm = on_firm
        self.asked_for: list[str] = []

    def analyse(self, transcripts: FirmTranscripts) -> FirmResult:
        self.asked_for.append(transcripts.firm_id)
        self.on_firm(transcripts.firm_id)
        return super().analyse(transcripts)


@contextmanager
def job_with(
    s3: Any, llm: FakeLlm, n_firms: int, on_firm: OnFirm = lambda _: None, firms_a_part: int = 2, **options: Any
) -> Iterator[tuple[MapJob, Watched]]:
    """A map job of so many firms whose topics this LLM names."""
    store = Store(s3, BUCKET)
    firms = numbered_firms(n_firms)
    write_prefetch(store, firms)
    write_batches(s3, [firm.firm_id for firm in firms], batch_size=n_firms)
    watched = Watched(on_firm)
    with start_blocking_portal() as portal:
        namer = LlmNamer(LlmClient(llm.base_url, "m", **options), embedder(), portal)
        yield map_job(store, watched, firms_a_part=firms_a_part, recipe=WITH_MODEL, namer=namer), watched


def run(s3: Any, llm: FakeLlm, n_firms: int, on_firm: OnFirm = lambda _: None, **options: Any) -> Watched:
    with job_with(s3, llm, n_firms, on_firm, **options) as (job, watched):
        map_firms.run(job)
        return watched


def read_progress(s3: Any) -> dict[str, Any]:
    progress: dict[str, Any] = json.loads(Store(s3, BUCKET).require(keys.progress(QUARTER, BATCH)))
    return progress


def topics_of(s3: Any, *numbers: int) -> list[dict[str, Any]]:
    names = read_progress(s3)["parts"]
    tables = [Store(s3, BUCKET).read_table(keys.topics_part(QUARTER, names[number])) for number in numbers]
    return [topic for table in tables for topic in table.to_pylist()]


@tenacity.retry(
    retry=tenacity.retry_if_result(lambda done: not done),
    wait=tenacity.wait_fixed(0.01),
    stop=tenacity.stop_after_delay(60),
)
def until(condition: Callable[[], bool]) -> bool:
    return condition()


def test_firms_are_analysed_while_others_wait_for_their_names(s3: Any) -> None:
    last_firm = threading.Event()
    held = Reply(hangs_until=last_firm)

    def release(firm_id: str) -> None:
        if firm_id == "104":
            last_firm.set()

    with fake_llm(held, held, held, held, FREIGHT) as llm:
        # With its names taken in firm by firm, the job would wait for the first one until the limit.
        run(s3, llm, 4, release, firms_a_part=1, timeout_s=20, max_concurrent=4)

    progress = read_progress(s3)
    assert progress["done"] == ["101", "102", "103", "104"]
    assert len(progress["parts"]) == 4
    assert "failed: timeout" not in progress["naming"]
    assert any(topic["naming_method"] == "llm" for topic in topics_of(s3, 0, 1, 2, 3))


def test_only_so_many_firms_wait(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_firms, "MAX_FIRMS_WAITING", 2)
    waiting = []

    with (
        fake_llm(FREIGHT, latency_s=0.05) as llm,
        job_with(s3, llm, 6, lambda _: waiting.append(map_firms._n_waiting(job)), max_concurrent=1) as (job, _),
    ):
        map_firms.run(job)

    assert max(waiting) == 2
    assert read_progress(s3)["done"] == ["101", "102", "103", "104", "105", "106"]


def test_an_outage_costs_names_until_a_second_run(s3: Any) -> None:
    def outage(firm_id: str) -> None:
        if firm_id == "102":
            until(lambda: job.under_way[0].waiting[0].names.done())  # firm 101 has its names
            llm.failure = fails(503)

    with fake_llm(FREIGHT) as llm, job_with(s3, llm, 4, outage, outage_limit_s=0.1) as (job, _):
        map_firms.run(job)

    progress = read_progress(s3)
    assert (progress["status"], progress["done"]) == ("succeeded", ["101", "102", "103", "104"])
    without = [topic for topic in topics_of(s3, 0, 1) if topic["firm_id"] != "101"]
    assert {topic["naming_method"] for topic in without} == {"keywords"}
    assert progress["naming"]["named by keywords: outage"] == len(without)
    record = read_record(Store(s3, BUCKET).read_table(TOPICS))
    assert record["without_llm"] == ["102"]

    with fake_llm(FREIGHT) as llm:
        assert run(s3, llm, 4).asked_for == ["102", "103", "104"]
    progress = read_progress(s3)
    assert progress["done"] == ["101", "102", "103", "104"]
    assert "named by keywords: outage" not in progress["naming"]
    topics = topics_of(s3, 0, 1)
    assert len(topics) == len({topic["topic_id"] for topic in topics})
    for firm_id in progress["done"]:
        assert "llm" in {topic["naming_method"] for topic in topics if topic["firm_id"] == firm_id}

    with fake_llm(fails(500)) as llm:
        assert run(s3, llm, 4).asked_for == []


def test_which_topics_there_are_does_not_depend_on_the_outage(s3: Any) -> None:
    with fake_llm(FREIGHT, failure=fails(503)) as llm:
        run(s3, llm, 2, outage_limit_s=0)
    in_an_outage = topics_of(s3, 0)

    with fake_llm(FREIGHT) as llm:
        run(s3, llm, 2)

    naming = ("summary", "naming_method")
    assert [{k: v for k, v in topic.items() if k not in naming} for topic in topics_of(s3, 0)] == [
        {k: v for k, v in topic.items() if k not in naming} for topic in in_an_outage
    ]


def test_answers_outlive_an_interrupted_job(s3: Any) -> None:
    def interrupt(firm_id: str) -> None:
        if firm_id == "102":
            until(lambda: job.under_way[0].waiting[0].names.done())
            raise KeyboardInterrupt

    with (
        fake_llm(FREIGHT) as llm,
        job_with(s3, llm, 2, interrupt) as (job, _),
        pytest.raises(KeyboardInterrupt),
    ):
        map_firms.run(job)
    progress = read_progress(s3)
    assert (progress["status"], progress["done"], progress["parts"]) == ("failed", [], [])
    n_answers = progress["naming"]["answers"]
    assert n_answers > 0
    of_first_firm = [request.body["messages"] for request in llm.requests]

    with fake_llm(FREIGHT) as llm:
        run(s3, llm, 2)

    assert read_progress(s3)["naming"]["from cache"] == n_answers
    assert all(request.body["messages"] not in of_first_firm for request in llm.requests)
    assert llm.requests  # of the second firm


@pytest.mark.parametrize("spoilt", [b"no JSON", b'{"format": "other", "answers": {}}', b"[]"])
def test_answers_that_cannot_be_read_are_not_used(s3: Any, spoilt: bytes, caplog: pytest.LogCaptureFixture) -> None:
    s3.put_object(Bucket=BUCKET, Key=ANSWERS, Body=spoilt)

    with fake_llm(FREIGHT) as llm, caplog.at_level(logging.WARNING):
        run(s3, llm, 1)

    assert f"{ANSWERS} is not used, the LLM is asked again" in caplog.text
    written = json.loads(Store(s3, BUCKET).require(ANSWERS))
    assert len(written["answers"]) == read_progress(s3)["naming"]["answers"]


def test_answers_serve_a_part_that_is_made_again(s3: Any) -> None:
    """After a change of the engine, say: what the model is asked may still be the same."""
    with fake_llm(FREIGHT) as llm:
        run(s3, llm, 2)
        n_asked = len(llm.requests)
        Store(s3, BUCKET).delete(TOPICS)
        assert run(s3, llm, 2).asked_for == ["101", "102"]

        assert len(llm.requests) == n_asked


def test_answers_go_with_firms_into_other_parts(s3: Any) -> None:
    """A bundle has to have them, and reduce removes the earlier part with its answers."""
    with fake_llm(FREIGHT) as llm:
        run(s3, llm, 2)
        given = answers_in(s3, TWO_FIRMS)
        n_asked = len(llm.requests)
        assert run(s3, llm, 2, firms_a_part=1).asked_for == []

        assert len(llm.requests) == n_asked
    own = read_progress(s3)["parts"]
    assert TWO_FIRMS not in own
    assert [answers_in(s3, name) for name in own] == [given] * 2


def answers_in(s3: Any, part: str) -> dict[str, str]:
    answers: dict[str, str] = json.loads(Store(s3, BUCKET).require(keys.llm_answers(QUARTER, part)))["answers"]
    assert answers
    return answers


def test_filtered_texts_cost_their_names_and_no_more(s3: Any) -> None:
    with fake_llm(FREIGHT, *[fails(400)] * 3, FREIGHT) as llm:
        run(s3, llm, 4, max_concurrent=1)

    progress = read_progress(s3)
    assert progress["done"] == ["101", "102", "103", "104"]
    assert progress["naming"]["named by keywords: refused"] == 3


def test_a_second_run_makes_up_for_failed_requests(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xai_client, "MAX_ATTEMPTS", 1)
    with fake_llm(fails(500), FREIGHT) as llm:
        run(s3, llm, 2, max_concurrent=1)
    assert read_progress(s3)["naming"]["named by keywords: fails every time"] == 1
    without_llm = read_record(Store(s3, BUCKET).read_table(TOPICS))["without_llm"]
    assert len(without_llm) == 1  # either firm: they are analysed together, and either may ask first

    with fake_llm(FREIGHT) as llm:
        assert run(s3, llm, 2).asked_for == without_llm


class BrokenNamer(KeywordNamer):
    def start_topics(self, topics: list[TopicToName], centroids: Vectors, book: AnswerBook) -> Future[list[Name]]:
        failed: Future[list[Name]] = Future()
        failed.set_exception(RuntimeError("broken"))
        return failed


def test_a_job_ends_when_naming_keeps_failing(s3: Any) -> None:
    n_firms = 3 * map_firms.MAX_FAILURES_IN_A_ROW
    store = Store(s3, BUCKET)
    firms = numbered_firms(n_firms)
    write_prefetch(store, firms)
    write_batches(s3, [firm.firm_id for firm in firms], batch_size=n_firms)
    watched = Watched(lambda _: None)

    with pytest.raises(EverythingFails, match="RuntimeError: broken"):
        map_firms.run(map_job(store, watched, namer=BrokenNamer(embedder())))

    assert len(watched.asked_for) < n_firms


def test_a_server_that_refuses_the_key_stops_the_job(s3: Any) -> None:
    with fake_llm(failure=fails(401)) as llm, pytest.raises(LlmMisconfigured, match="it answers 401"):
        run(s3, llm, 3)

    progress = read_progress(s3)
    assert (progress["status"], progress["done"], progress["failed"], progress["parts"]) == ("failed", [], [], [])
    assert Store(s3, BUCKET).list(f"intermediate/firm-topics/quarter={QUARTER}/") == []


def test_progress_says_what_the_names_have_taken(s3: Any) -> None:
    counted = Reply(body={**FREIGHT.body, "usage": {"prompt_tokens": 300, "completion_tokens": 12}})
    with fake_llm(counted, latency_s=0.2) as llm:
        run(s3, llm, 1)

    progress = read_progress(s3)
    n_answers = progress["naming"]["answers"]
    assert progress["naming"]["prompt tokens"] == 300 * n_answers
    assert progress["naming"]["answer tokens"] == 12 * n_answers
    assert 0.2 <= progress["waited_s"] < 60


def test_without_an_llm_there_is_nothing_to_wait_for(s3: Any) -> None:
    store = map_quarter(s3, numbered_firms(1), batch_size=1)

    progress = json.loads(store.require(keys.progress(QUARTER, BATCH)))
    assert progress["waited_s"] < 0.2
    assert "prompt tokens" not in progress["naming"]


def test_parts_say_who_named_their_topics(s3: Any) -> None:
    with fake_llm(FREIGHT) as llm:
        run(s3, llm, 1)

    record = read_record(Store(s3, BUCKET).read_table(keys.topics_part(QUARTER, ONE_FIRM)))
    assert record["names_by"] == {"llm_model": "m", "prompt": TOPIC_PROMPT_VERSION}


class WatchedStore(Store):
    """Keeps what is written of the reduce job's progress, and sets an event when a theme has been named."""

    def __init__(self, store: Store, told: threading.Event) -> None:
        super().__init__(store._s3, store.bucket)
        self.told = told
        self.progress: list[dict[str, Any]] = []

    def write_json(self, key: str, document: Any) -> None:
        super().write_json(key, document)
        if key == keys.themes_progress(QUARTER):
            self.progress.append(document)
            if document["n_named"]:
                self.told.set()


def test_reduce_reports_progress_while_themes_are_named(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "SECONDS_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_WRITES", 0.0)
    told = threading.Event()
    store = WatchedStore(map_quarter(s3, numbered_firms(6), batch_size=3), told)
    settings = ReduceSettings(quarter=QUARTER, s3_bucket=BUCKET, manifest_key=MANIFEST)
    theme = says('{"title": "Freight Rates", "description": "Firms talk about freight."}')

    # The LLM answers the second question only when the job has told that the first theme is named.
    with fake_llm(theme, Reply(hangs_until=told), theme) as llm, start_blocking_portal() as portal:
        namer = LlmNamer(LlmClient(llm.base_url, "m", max_concurrent=1, timeout_s=20), embedder(), portal)
        reduce_themes.run(settings, store, namer, embedder())

    n_themes = store.read_table(keys.themes(QUARTER)).num_rows
    assert n_themes == 4  # two families and two themes
    assert "failed: timeout" not in namer.tally()
    while_naming = [written for written in store.progress if written["step"].startswith("naming")]
    assert {written["n_themes"] for written in while_naming} == {n_themes}
    assert [written["n_named"] for written in while_naming][:1] == [0]
    assert any(written["n_named"] > 0 for written in while_naming)
    assert (store.progress[-1]["n_named"], store.progress[-1]["manifest_key"]) == (n_themes, MANIFEST)
    assert store.progress[-1]["naming"] == namer.tally()


def test_themes_say_why_their_names_are_not_by_the_llm(s3: Any) -> None:
    store = map_quarter(s3, numbered_firms(6), batch_size=3)
    settings = ReduceSettings(quarter=QUARTER, s3_bucket=BUCKET, manifest_key=MANIFEST)

    with fake_llm(failure=fails(503)) as llm, start_blocking_portal() as portal:
        namer = LlmNamer(LlmClient(llm.base_url, "m", outage_limit_s=0.1), embedder(), portal)
        reduce_themes.run(settings, store, namer, embedder())

    themes = store.read_table(keys.themes(QUARTER))
    assert set(themes.column("named_by").to_pylist()) == {"keywords"}
    lost = {theme_id: {"because": "outage", "refused": []} for theme_id in themes.column("theme_id").to_pylist()}
    assert read_record(themes)["names_lost"] == lost
    written = json.loads(store.require(keys.themes_progress(QUARTER)))
    assert written["naming"]["named by keywords: outage"] == themes.num_rows


def test_reduce_keeps_the_answers_and_says_who_named_what(s3: Any) -> None:
    store = map_quarter(s3, numbered_firms(6), batch_size=3)
    settings = ReduceSettings(quarter=QUARTER, s3_bucket=BUCKET, manifest_key=MANIFEST)
    theme = says('{"title": "Freight Rates", "description": "Firms talk about freight."}')

    def reduce_quarter() -> dict[str, int]:
        with start_blocking_portal() as portal:
            namer = LlmNamer(LlmClient(llm.base_url, "m"), embedder(), portal)
            reduce_themes.run(settings, store, namer, embedder())
            return namer.tally()

    with fake_llm(theme) as llm:
        first = reduce_quarter()
        n_asked = len(llm.requests)
        themes = store.read_table(keys.themes(QUARTER))
        again = reduce_quarter()

        assert len(llm.requests) == n_asked > 0
    # A family of one theme is asked for in the same words as its theme.
    assert again["from cache"] == first["answers"] + first["from cache"]
    assert len(json.loads(store.require(keys.llm_answers_for_themes(QUARTER)))["answers"]) == n_asked
    assert store.read_table(keys.themes(QUARTER)).equals(themes)
    assert read_record(themes)["names_by"] == [{"llm_model": "m", "prompt": THEME_PROMPT_VERSION}]
    assert read_metadata(themes.schema)["naming"] == first
    limits = {"min_firms": settings.min_firms, "max_firm_dominance": settings.max_firm_dominance}
    assert read_metadata(themes.schema)["settings"] == {"embedding_model": settings.embedding_model} | limits
    assert first["named by llm"] + first.get("named by keywords: duplicate", 0) > 0
    topics = store.read_table(keys.topics(QUARTER))
    assert read_record(topics)["names_by"] == [{"llm_model": None, "prompt": None}]
