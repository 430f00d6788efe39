"""The worker's command line: ``python -m cloud.src.worker map``, ``reduce``, ``panel`` and ``check``.

Everything else comes from the environment (settings.py), because that is how AWS Batch passes it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from anyio.from_thread import start_blocking_portal

from cloud.src.contract.errors import FtmError
from cloud.src.llm import llm_settings
from cloud.src.llm.llm_settings import LlmSettings
from cloud.src.models.embeddings import Embedder
from cloud.src.naming.namer import KeywordNamer, LlmNamer, Namer
from cloud.src.worker import check_llm, image_commit, map_firms, package_sentiment, recipe, reduce_themes, settings
from cloud.src.worker.firm_topics import FirmAnalyser
from cloud.src.worker.map_firms import MapJob
from cloud.src.worker.panel import job as panel_job
from cloud.src.worker.progress import BatchProgress
from cloud.src.worker.settings import MapSettings, PanelSettings, ReduceSettings, WorkerSettings
from cloud.src.worker.store import Store

log = logging.getLogger("ftm")

USAGE = "usage: python -m cloud.src.worker map|reduce|panel|check"


def main(arguments: list[str]) -> int:
    """Run one job; return its exit code: 0 done, 1 given up, 2 called wrongly. Batch repeats none of them."""
    if arguments not in (["map"], ["reduce"], ["panel"], ["check"]):
        print(USAGE, file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Libraries that log a line for each request or client would hide the job's own lines.
    for library in ("botocore", "httpx", "httpx2", "openai"):
        logging.getLogger(library).setLevel(logging.WARNING)
    try:
        if arguments == ["map"]:
            run_map(settings.from_environment(MapSettings))
        elif arguments == ["reduce"]:
            run_reduce(settings.from_environment(ReduceSettings))
        elif arguments == ["panel"]:
            run_panel(settings.from_environment(PanelSettings))
        else:
            check_llm.run()
    except FtmError as error:
        log.error("%s: %s", type(error).__name__, error)
        return 1
    return 0


def run_map(job_settings: MapSettings) -> None:
    """Find and name the topics of one batch of firms."""
    uses_llm = job_settings.topic_naming == "llm"
    llm = start_log(job_settings, uses_llm)
    log.info("batch %s of %s", job_settings.batch_id, job_settings.quarter)
    embedder = Embedder(job_settings.embedding_model, job_settings.embedding_threads)
    progress = BatchProgress(
        quarter=job_settings.quarter,
        batch_id=job_settings.batch_id,
        manifest_key=job_settings.manifest_key,
        n_firms=0,
        commit=job_settings.ftm_commit,
        deployed_commit=job_settings.deployed_commit,
        stale_image=image_commit.is_stale(job_settings.ftm_commit, job_settings.deployed_commit),
        topics_per_firm=(job_settings.min_topics, job_settings.max_topics),
    )
    store = Store(boto3.client("s3"), job_settings.s3_bucket)
    analyser = FirmAnalyser(embedder, job_settings.min_topics, job_settings.max_topics)
    made_with = recipe.recipe(job_settings, embedder, llm.model if llm else None)
    with open_namer(llm, embedder) as namer:
        map_firms.run(MapJob(job_settings, store, analyser, namer, made_with, progress))


def run_reduce(job_settings: ReduceSettings) -> None:
    """Reduce, then package: two steps of one job, so that a theme never stands without its sentences."""
    llm = start_log(job_settings, job_settings.theme_naming == "llm")
    embedder = Embedder(job_settings.embedding_model, job_settings.embedding_threads)
    store = Store(boto3.client("s3"), job_settings.s3_bucket)
    with open_namer(llm, embedder, job_settings.theme_naming_limit_s) as namer:
        reduce_themes.run(job_settings, store, namer, embedder)
    package_sentiment.run(store, job_settings.quarter)


def run_panel(job_settings: PanelSettings) -> None:
    """Measure several quarters with one set of themes; names come from keywords, or are those of an earlier run."""
    start_log(job_settings, uses_llm=False)
    log.info("panel %s of %s", job_settings.panel_name, " ".join(job_settings.quarters))
    store = Store(boto3.client("s3"), job_settings.s3_bucket)
    panel_job.run(job_settings, store, lambda: Embedder(job_settings.embedding_model, job_settings.embedding_threads))


def start_log(job_settings: WorkerSettings, uses_llm: bool) -> LlmSettings | None:
    """Write the log's first line: which commit runs, and which LLM it asks for names. Raises InvalidInput."""
    logging.getLogger().setLevel(job_settings.log_level)
    llm = llm_settings.from_environment() if uses_llm else None
    naming = f"LLM_BASE_URL={llm.base_url}, model {llm.model}" if llm else "no LLM: names come from keywords"
    commit, deployed_commit = job_settings.ftm_commit, job_settings.deployed_commit
    log.info("FTM worker, commit %s, bucket %s, %s", commit, job_settings.s3_bucket, naming)
    if image_commit.is_stale(commit, deployed_commit):
        log.warning(image_commit.warning(commit, deployed_commit))
    return llm


@contextmanager
def open_namer(llm: LlmSettings | None, embedder: Embedder, theme_limit_s: float | None = None) -> Iterator[Namer]:
    """The namer for these settings, by keywords when there are none; its connections end with the block."""
    if llm is None:
        yield KeywordNamer(embedder)
        return
    with start_blocking_portal() as portal:
        yield LlmNamer(llm.client(), embedder, portal, theme_limit_s)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
