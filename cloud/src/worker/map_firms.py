"""Map: find and name the topics of each firm of one batch, and leave them in part files.

Firms are analysed one after the other. Their topics are named in the background meanwhile, so that neither the
processor nor the LLM waits for the other; parts are finished in their order.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field

from cloud.src.contract import keys, names_count
from cloud.src.contract.errors import FtmError
from cloud.src.contract.text import one_line
from cloud.src.llm.answer_book import AnswerBook
from cloud.src.llm.errors import LlmMisconfigured
from cloud.src.naming.ask import Name, in_words
from cloud.src.naming.namer import Namer
from cloud.src.worker import answers, parts
from cloud.src.worker.earlier_parts import EarlierParts
from cloud.src.worker.firm_topics import FirmAnalyser, FirmResult, NothingToAnalyse
from cloud.src.worker.parts import Part, PlannedPart
from cloud.src.worker.progress import BatchProgress, FirmReason, ProgressWriter
from cloud.src.worker.recipe import Recipe, named_by
from cloud.src.worker.settings import MapSettings
from cloud.src.worker.store import Store
from cloud.src.worker.transcripts import FirmTranscripts, TranscriptReader, read_batch

log = logging.getLogger(__name__)

# So many failures one after the other are not the firms' fault.
MAX_FAILURES_IN_A_ROW = 10
# At most this many firms wait for names while the next one is analysed. With 10 to 40 topics each they keep the LLM
# busy, and they are what a killed job has analysed in vain.
MAX_FIRMS_WAITING = 8
# Sentences are embedded in batches of the same length, which fill up with those of so many firms. More would leave the
# LLM waiting for topics to name.
FIRMS_EMBEDDED_TOGETHER = 8
# Enough to see in the log that names are names.
TOPICS_IN_THE_LOG = 3
# Why a topic has keywords for a name although nobody has chosen so: its firm is made again by the next run.
NOT_BY_CHOICE = names_count.LOST


class ToBeContinued(FtmError):
    """The job's time is nearly up: what is finished is written, and the next run does the rest."""


class EverythingFails(FtmError):
    """The circuit breaker: firm after firm fails, so the batch is stopped instead of failing them all."""


@dataclass(frozen=True)
class FirmToName:
    """A firm whose topics are found and being named."""

    found: FirmResult
    names: Future[list[Name]]


@dataclass
class PartUnderWay:
    """A part file that is being made; ``is_analysed`` when no firm will be added to ``waiting`` any more."""

    name: str
    part: Part
    book: AnswerBook
    is_new: bool
    waiting: deque[FirmToName] = field(default_factory=deque)
    is_analysed: bool = False


@dataclass
class MapJob:
    """One batch: its tools, and what it has done so far."""

    settings: MapSettings
    store: Store
    analyser: FirmAnalyser
    namer: Namer
    made_with: Recipe
    progress: BatchProgress
    writer: ProgressWriter = field(init=False)
    earlier: EarlierParts = field(init=False)
    under_way: deque[PartUnderWay] = field(default_factory=deque)
    failures_in_a_row: int = 0
    started_at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.writer = ProgressWriter(self.store, self.progress)
        self.earlier = EarlierParts(self.store, self.settings)

    def is_time_up(self) -> bool:
        """Whether no firm should be begun any more, so that those begun are finished before Batch ends the job."""
        limit_s = self.settings.job_stops_after_s
        return limit_s is not None and time.monotonic() - self.started_at >= limit_s

    def save(self) -> None:
        """Write what would be lost with a killed job: the LLM's answers, and the progress."""
        for part in self.under_way:
            answers.write(self.store, self.answers_key(part.name), part.book)
        under_way = sum(part.part.n_settled() for part in self.under_way)
        self.progress.analysed = self.progress.n_settled() + under_way
        self.progress.naming = self.namer.tally()
        self.writer.write()

    def answers_key(self, part: str) -> str:
        """Where the LLM's answers for this part are kept."""
        return keys.llm_answers(self.settings.quarter, part)

    def save_now_and_then(self) -> None:
        """Save the progress if the last time was long enough ago."""
        if self.writer.is_due():
            self.save()


def run(job: MapJob) -> None:
    """Process the whole batch; raise FtmError when it has to be given up. Finished parts stay in any case."""
    settings = job.settings
    firm_ids = read_batch(job.store, settings.manifest_key, settings.batch_id)
    job.progress.n_firms = len(firm_ids)
    job.save()
    try:
        reader = TranscriptReader(job.store, settings.quarter)
        for planned in parts.plan(settings.batch_id, firm_ids, settings.checkpoint_interval):
            _process_part(job, planned, *reader.read(planned.firm_ids))
            if job.is_time_up():
                break
        _take_names(job, most_waiting=0)
        if n_left := len(set(firm_ids) - job.progress.settled()):
            raise ToBeContinued(
                f"to be continued: {n_left} of {len(firm_ids)} firms are left after {settings.job_stops_after_s} s; "
                "start the quarter again"
            )
        if len(job.progress.failed) == len(firm_ids):
            raise EverythingFails(
                f"all firms of {settings.batch_id} failed; the first: {job.progress.failed[0].reason}"
            )
    except BaseException as error:
        job.progress.status, job.progress.reason = "failed", one_line(f"{type(error).__name__}: {error}")
        job.save()
        raise
    job.progress.status = "succeeded"
    job.save()
    log.info("naming: %s", in_words(job.progress.naming))


def _process_part(job: MapJob, planned: PlannedPart, firms: list[FirmTranscripts], not_there: list[FirmReason]) -> None:
    """Analyse the part's firms; some may still wait for their names afterwards.

    ``not_there``: firms of the part without a sentence to analyse, although they should have some.
    """
    for absent in not_there:
        log.error("firm %s failed: %s", absent.firm_id, absent.reason)
    under_way = _begin_part(job, planned.name, parts.fingerprints(job.made_with, firms), not_there)
    job.under_way.append(under_way)
    finished = under_way.part.finished()
    missing = [firm for firm in firms if firm.firm_id not in finished]
    if missing:
        log.info("part %d: %d of %d firms to analyse", planned.number, len(missing), len(firms))
    else:
        log.info("part %d is finished already: %d firms", planned.number, len(firms))
    for number_of_firm, firm in enumerate(missing):
        if number_of_firm % FIRMS_EMBEDDED_TOGETHER == 0:
            if job.is_time_up():
                break
            _look_ahead(job, missing[number_of_firm : number_of_firm + FIRMS_EMBEDDED_TOGETHER])
        _analyse(job, under_way, firm)
        _take_names(job, MAX_FIRMS_WAITING)
        job.save_now_and_then()
    under_way.is_analysed = True
    _take_names(job, MAX_FIRMS_WAITING)


def _begin_part(job: MapJob, name: str, made_of: dict[str, str], not_there: list[FirmReason]) -> PartUnderWay:
    """The part as far as earlier jobs have made it, under this name or with other batches."""
    part = parts.read_part(job.store, job.settings.quarter, name, made_of)
    is_new = part.finished() != made_of.keys() or part.failed != not_there
    book = AnswerBook()
    if is_new:
        part.failed = []
        book = answers.read(job.store, job.answers_key(name))
        job.earlier.complete(part, book)
    job.progress.reused_firms += part.n_settled()
    if is_new:
        part.failed = list(not_there)
    return PartUnderWay(name, part, book, is_new)


def _look_ahead(job: MapJob, firms: list[FirmTranscripts]) -> None:
    try:
        job.analyser.look_ahead(firms)
    except Exception as error:
        # Each firm is embedded by itself then, so that only the one to blame fails.
        log.warning("%d firms cannot be embedded together", len(firms), exc_info=error)


def _analyse(job: MapJob, under_way: PartUnderWay, firm: FirmTranscripts) -> None:
    """Find the firm's topics and have them named, or add the reason why there are none."""
    part = under_way.part
    try:
        found = job.analyser.analyse(firm)
        names = job.namer.start_topics(found.to_name, found.centroids(), under_way.book)
    except NothingToAnalyse as nothing:
        log.info("firm %s skipped: %s", firm.firm_id, nothing)
        part.skipped.append(FirmReason(firm.firm_id, str(nothing)))
    except Exception as error:
        _fail(job, part, firm.firm_id, error)
    else:
        under_way.waiting.append(FirmToName(found, names))


def _fail(job: MapJob, part: Part, firm_id: str, error: Exception) -> None:
    """Note that the firm failed; raise EverythingFails when too many have, one after the other."""
    log.error("firm %s failed", firm_id, exc_info=error)
    reason = FirmReason(firm_id, f"{type(error).__name__}: {error}")
    part.failed.append(reason)
    job.failures_in_a_row += 1
    if job.failures_in_a_row >= MAX_FAILURES_IN_A_ROW:
        job.save()
        for unfinished in job.under_way:  # these parts will not be written, but the reasons are wanted
            job.progress.failed += unfinished.part.failed
        job.under_way.clear()
        raise EverythingFails(
            f"{job.failures_in_a_row} firms failed one after the other; the last: {reason.reason}"
        ) from error


def _take_names(job: MapJob, most_waiting: int) -> None:
    """Take in the names that are there, and wait for more while more than ``most_waiting`` firms have none."""
    while job.under_way:
        first = job.under_way[0]
        while first.waiting and (first.waiting[0].names.done() or _n_waiting(job) > most_waiting):
            _add_firm(job, first.part, first.waiting[0])
            first.waiting.popleft()
        if first.waiting or not first.is_analysed:
            return
        _finish_part(job, first)


def _n_waiting(job: MapJob) -> int:
    return sum(len(part.waiting) for part in job.under_way)


def _add_firm(job: MapJob, part: Part, firm: FirmToName) -> None:
    """Wait for the names and add the firm's rows to the part."""
    firm_row = firm.found.firm
    waiting_since = time.monotonic()
    try:
        names = answers.wait_for(firm.names, meanwhile=job.save_now_and_then)
    except LlmMisconfigured:
        raise
    except Exception as error:
        _fail(job, part, firm_row["firm_id"], error)
        return
    finally:
        if job.namer.tally().get("requests"):  # else nobody was waited for
            job.progress.waited_s = round(job.progress.waited_s + time.monotonic() - waiting_since, 3)
    job.failures_in_a_row = 0
    part.firms.append(firm_row)
    topics = firm.found.with_names(names)
    part.topics += topics
    part.sentences.append(firm.found.sentences)
    if any(name.because in NOT_BY_CHOICE for name in names):
        part.without_llm.append(firm_row["firm_id"])
    said = "; ".join(topic["summary"] for topic in topics[:TOPICS_IN_THE_LOG])
    log.info("firm %s: %d sentences, %d topics: %s", firm_row["firm_id"], firm_row["n_sentences"], len(topics), said)


def _finish_part(job: MapJob, under_way: PartUnderWay) -> None:
    settings, part = job.settings, under_way.part
    if under_way.is_new:
        answers.write(job.store, job.answers_key(under_way.name), under_way.book)
        part.names_by = named_by(job.made_with)
        parts.write_part(job.store, settings.quarter, under_way.name, part)
    else:
        job.progress.reused_parts += 1
    # Only now do its firms count: what is not in a written part is lost when the job is killed.
    job.progress.done += [firm["firm_id"] for firm in part.firms]
    job.progress.skipped += part.skipped
    job.progress.failed += part.failed
    job.progress.parts.append(under_way.name)
    job.under_way.popleft()
    # At once: reduce reads only the parts listed here, so a part not listed would be lost with a killed job.
    job.save()
