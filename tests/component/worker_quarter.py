"""A small prefetched quarter of generated firms, and the real tools of a map job: what the worker's tests work on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from cloud.src.contract import keys, schemas
from cloud.src.contract.rows import TopicRow
from cloud.src.llm.answer_book import AnswerBook
from cloud.src.models import packaged_models
from cloud.src.models.embeddings import Embedder
from cloud.src.naming.namer import KeywordNamer, Namer
from cloud.src.worker import map_firms
from cloud.src.worker.firm_topics import FirmAnalyser, FirmResult
from cloud.src.worker.map_firms import MapJob
from cloud.src.worker.progress import BatchProgress
from cloud.src.worker.recipe import Recipe
from cloud.src.worker.settings import MapSettings
from cloud.src.worker.store import Store
from cloud.src.worker.transcripts import FirmTranscripts
from tests.component.conftest import BUCKET

QUARTER = "2023Q1"
MANIFEST = "manifests/2023Q1/manifest_20230401T000000000000Z.jsonl"
RECIPE: Recipe = {
    "engine": "test",
    "libraries": {},
    "embedding_model": {},
    "topics_a_firm": [],
    "topic_naming": "keywords",
    "llm_model": None,
    "prompt": None,
}
CALL_DATE = date(2023, 2, 14)

SUBJECTS = {
    "freight": "Freight rates and port congestion kept our {item} shipments late in {place}.",
    "hiring": "We are hiring engineers for {item} and wage inflation in {place} is easing.",
    "pricing": "List price increases on {item} held well with customers in {place}.",
}
ITEMS = ["pumps", "valves", "motors", "sensors", "cables", "filters", "boards", "tools"]
PLACES = ["Ohio", "Texas", "Bavaria", "Osaka", "Quebec", "Lyon"]


@cache
def embedder() -> Embedder:
    """The packaged model; loaded once, because that takes longer than any test."""
    return Embedder(packaged_models.EMBEDDING, threads=1)


@cache
def analyser() -> FirmAnalyser:
    return FirmAnalyser(embedder())


def named_topics(found: FirmResult) -> list[TopicRow]:
    """The rows of TOPIC, named by keywords."""
    names = KeywordNamer(embedder()).start_topics(found.to_name, found.centroids(), AnswerBook())
    return found.with_names(names.result())


def call(number: int) -> list[str]:
    """What a firm says: eight sentences on each subject."""
    place = PLACES[number % len(PLACES)]
    return [text.format(item=item, place=place) for text in SUBJECTS.values() for item in ITEMS]


def firm(
    firm_id: str,
    texts: Sequence[str],
    permno: int | None = None,
    spoken_on: date = CALL_DATE,
    quarter: str = QUARTER,
) -> FirmTranscripts:
    """A firm's sentences, of one call, all said by the CEO."""
    rows = [
        {
            "sentence_id": f"{firm_id}_{spoken_on:%Y%m%d}_{position:04d}",
            "firm_id": firm_id,
            "firm_name": f"Firm {firm_id}",
            "ticker": f"T{firm_id}",
            "permno": permno,
            "gvkey": None,
            "link_date": date(2001, 5, 1) if permno else None,
            "sector": "Tools",
            "industry": "Pumps",
            "transcript_id": f"{spoken_on:%Y%m%d}",
            "call_id": f"{firm_id}_{spoken_on:%Y%m%d}",
            "time_known": False,
            "earnings_call_date": spoken_on,
            "section": "prepared",
            "speaker_name": "Ann Lee",
            "speaker_type": "CEO",
            "position": position,
            "raw_text": text,
            "cleaned_text": text,
            "quarter": quarter,
        }
        for position, text in enumerate(texts)
    ]
    return FirmTranscripts(firm_id, pa.Table.from_pylist(rows, schema=schemas.SENTENCE))


def numbered_firms(n_firms: int) -> list[FirmTranscripts]:
    """Firms 101, 102, ...; every second one has a PERMNO."""
    return [firm(str(101 + n), call(n), permno=10_000 + n if n % 2 else None) for n in range(n_firms)]


def write_prefetch(store: Store, firms: list[FirmTranscripts], quarter: str = QUARTER) -> None:
    """All firms in one chunk."""
    store.write_table(keys.prefetch_chunk(quarter, 0), pa.concat_tables([firm.table for firm in firms]))
    chunk_name = Path(keys.prefetch_chunk(quarter, 0)).name
    store.write_json(keys.prefetch_manifest(quarter), {"firms": {firm.firm_id: chunk_name for firm in firms}})


def write_batches(
    s3: Any, firm_ids: list[str], batch_size: int, manifest_key: str = MANIFEST, quarter: str = QUARTER
) -> list[str]:
    """The batch manifest; return the batch ids."""
    batches = [firm_ids[start : start + batch_size] for start in range(0, len(firm_ids), batch_size)]
    lines = [{"batch_id": keys.batch_id(quarter, n), "firm_ids": batch} for n, batch in enumerate(batches)]
    s3.put_object(Bucket=BUCKET, Key=manifest_key, Body="\n".join(map(json.dumps, lines)).encode())
    return [str(line["batch_id"]) for line in lines]


def map_job(
    store: Store,
    tools: FirmAnalyser,
    number: int = 0,
    firms_a_part: int = 2,
    manifest_key: str = MANIFEST,
    recipe: Recipe = RECIPE,
    namer: Namer | None = None,
    quarter: str = QUARTER,
) -> MapJob:
    """A job for the batch with this number, as the worker makes it."""
    batch_id = keys.batch_id(quarter, number)
    settings = MapSettings(
        quarter=quarter,
        s3_bucket=BUCKET,
        manifest_key=manifest_key,
        batch_id=batch_id,
        topic_naming="keywords",
        checkpoint_interval=firms_a_part,
    )
    progress = BatchProgress(quarter, batch_id, manifest_key, n_firms=0, commit="test")
    return MapJob(settings, store, tools, namer or KeywordNamer(embedder()), recipe, progress)


def map_quarter(
    s3: Any, firms: list[FirmTranscripts], batch_size: int, manifest_key: str = MANIFEST, quarter: str = QUARTER
) -> Store:
    """Prefetch and map a whole quarter, all of it by the product's own code."""
    store = Store(s3, BUCKET)
    write_prefetch(store, firms, quarter)
    batch_ids = write_batches(s3, [firm.firm_id for firm in firms], batch_size, manifest_key, quarter)
    for number in range(len(batch_ids)):
        map_firms.run(map_job(store, analyser(), number, manifest_key=manifest_key, quarter=quarter))
    return store
