"""Map: find and name the topics of each firm of one batch, and leave them in part files."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from cloud.src.contract.errors import FtmError
from cloud.src.llm.xai_client import LlmUnavailable
from cloud.src.worker import parts
from cloud.src.worker.firm_topics import FirmAnalyser, NothingToAnalyse
from cloud.src.worker.parts import Part
from cloud.src.worker.progress import FirmReason, Progress, ProgressWriter
from cloud.src.worker.settings import MapSettings
from cloud.src.worker.store import Store
from cloud.src.worker.transcripts import FirmTranscripts, TranscriptReader, read_batch

log = logging.getLogger(__name__)

# So many failures one after the other are not the firms' fault.
MAX_FAILURES_IN_A_ROW = 10


class EverythingFails(FtmError):
    """The circuit breaker: firm after firm fails, so the batch is stopped instead of failing them all."""


@dataclass
class MapJob:
    """One batch: its tools, and what it has done so far."""

    settings: MapSettings
    store: Store
    analyser: FirmAnalyser
    recipe: dict[str, Any]  # models, prompts and settings the parts are made with
    progress: Progress
    writer: ProgressWriter = field(init=False)
    failures_in_a_row: int = 0

    def __post_init__(self) -> None:
        self.writer = ProgressWriter(self.store, self.progress)


def run(job: MapJob) -> None:
    """Process the whole batch; raise FtmError when it has to be given up. Finished parts stay in any case."""
    settings = job.settings
    firm_ids = read_batch(job.store, settings.manifest_key, settings.batch_id)
    job.progress.n_firms = len(firm_ids)
    job.writer.write()
    try:
        reader = TranscriptReader(job.store, settings.quarter)
        for number, start in enumerate(range(0, len(firm_ids), settings.checkpoint_interval)):
            firms = list(reader.read(firm_ids[start : start + settings.checkpoint_interval]))
            _process_part(job, number, firms)
        if len(job.progress.failed) == len(firm_ids):
            raise EverythingFails(
                f"all firms of {settings.batch_id} failed; the first: {job.progress.failed[0].reason}"
            )
    except BaseException:
        job.progress.status = "failed"
        job.writer.write()
        raise
    job.progress.status = "succeeded"
    job.writer.write()


def _process_part(job: MapJob, number: int, firms: list[FirmTranscripts]) -> None:
    settings = job.settings
    fingerprint = parts.fingerprint(job.recipe, firms)
    part = parts.read_part(job.store, settings.quarter, settings.batch_id, number, fingerprint) or Part(fingerprint)
    missing = part.missing(firms)
    if missing:
        log.info("part %d: %d of %d firms to analyse", number, len(missing), len(firms))
        part.failed = []
        _add_firms(job, part, missing)
        parts.write_part(job.store, settings.quarter, settings.batch_id, number, part)
    else:
        log.info("part %d is finished already: %d firms", number, len(firms))
        job.progress.reused_parts += 1
    # Only now do its firms count: what is not in a written part is lost when the job is killed.
    job.progress.done += [firm["firm_id"] for firm in part.firms]
    job.progress.skipped += part.skipped
    job.progress.failed += part.failed
    job.progress.parts.append(number)
    job.progress.analysed = len(job.progress.done) + len(job.progress.skipped) + len(job.progress.failed)
    # At once: reduce reads only the parts listed here, so a part not listed would be lost with a killed job.
    job.writer.write()


def _add_firms(job: MapJob, part: Part, firms: list[FirmTranscripts]) -> None:
    for firm in firms:
        _process_firm(job, part, firm)
        job.progress.analysed += 1
        job.writer.update()


def _process_firm(job: MapJob, part: Part, firm: FirmTranscripts) -> None:
    """Add the firm's rows to the part, or the reason why there are none."""
    try:
        found = job.analyser.analyse(firm)
    except NothingToAnalyse as nothing:
        log.info("firm %s skipped: %s", firm.firm_id, nothing)
        part.skipped.append(FirmReason(firm.firm_id, str(nothing)))
        return
    except LlmUnavailable:
        raise
    except Exception as error:
        log.exception("firm %s failed", firm.firm_id)
        reason = FirmReason(firm.firm_id, f"{type(error).__name__}: {error}")
        part.failed.append(reason)
        job.failures_in_a_row += 1
        if job.failures_in_a_row >= MAX_FAILURES_IN_A_ROW:
            job.progress.failed += part.failed  # the part will not be written, but the reasons are wanted
            raise EverythingFails(
                f"{job.failures_in_a_row} firms failed one after the other; the last: {reason.reason}"
            ) from error
        return
    job.failures_in_a_row = 0
    part.firms.append(found.firm)
    part.topics += found.topics
    part.sentences.append(found.sentences)
    log.info("firm %s: %d sentences, %d topics", firm.firm_id, found.firm["n_sentences"], found.firm["n_topics"])
