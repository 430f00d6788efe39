"""Takes one quarter from transcripts to themes and their report, through the state machine, into a folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from botocore.exceptions import BotoCoreError, ClientError

from cloud.src.cli.environment.local_environment import LocalEnvironment
from cloud.src.cli.report.command import write_report
from cloud.src.cli.run.execution import (
    Execution,
    ExecutionProgress,
    failed_job_log,
    failure_of,
    start_execution,
)
from cloud.src.cli.run.mirror import Mirror, check_disk_space, output_folder
from cloud.src.cli.run.naming_plan import NamingPlan, plan_naming
from cloud.src.cli.run.summary import Outcome, stale_image
from cloud.src.cli.screen import Screen
from cloud.src.contract import keys
from cloud.src.contract.errors import FtmError
from cloud.src.contract.record import read_metadata
from cloud.src.prefetch.calls import TranscriptSource
from cloud.src.prefetch.prefetch import PrefetchSummary, write_quarter
from cloud.src.prefetch.storage import S3Storage, Storage

POLL_SECONDS = 1.0


@dataclass(frozen=True)
class RunRequest:
    """What the user asks for. ``plan``: who names topics and themes, where that is known already."""

    quarter: str
    transcripts: TranscriptSource
    folder: Path
    batch_size: int  # firms
    llm_topics: bool = False
    no_llm: bool = False
    plan: NamingPlan | None = None


def run_quarter(request: RunRequest, environment: LocalEnvironment, screen: Screen) -> Outcome:
    """Prefetch, run the state machine, keep its results in the folder, write the report.

    Raises InvalidInput for transcripts without a sentence, before the folder is created, and ExecutionFailed if the
    state machine fails; what it had finished by then is in the folder.
    """
    storage = S3Storage(environment.aws.client("s3"), environment.bucket)
    prefetched = prefetch(storage, request.quarter, request.transcripts, screen, force=True)
    llm = environment.llm
    plan = request.plan or plan_naming(
        prefetched.n_firms, prefetched.n_sentences, llm.names_per_second, request.llm_topics, request.no_llm
    )
    screen.line(plan.reason)
    mirror = Mirror(environment.aws.client("s3"), environment.bucket, request.quarter, request.folder)
    check_disk_space(request.folder, mirror.prefetched_bytes())
    with output_folder(request.folder):
        if n_parts := mirror.seed():
            screen.line(f"continuing with {n_parts} part files that an earlier run left in {request.folder}")
        execution = start_execution(
            environment.aws,
            environment.state_machine_arn,
            environment.bucket,
            request.quarter,
            request.batch_size,
            plan.topic_naming,
            plan.theme_naming,
        )
        with _stopped_with_us(execution):
            _watch_map(execution, mirror, prefetched.n_firms, screen)
            _watch_reduce(execution, mirror, screen)
            mirror.finish()
        if n_others := mirror.drop_others(execution.run_id()):
            raise FtmError(
                f"another execution of {request.quarter} has put {n_others} tables into the bucket in the "
                "meantime: run the quarter again when no other execution is running"
            )
        if execution.describe()["status"] != "SUCCEEDED":
            raise _failure(execution, mirror.has_results(), request, environment, screen)
        report = _report(request, environment, screen)
    counts = execution.summary()
    return Outcome(
        request.quarter,
        request.folder,
        report,
        environment.cost(),
        firms_skipped=counts["firms_skipped"],
        firms_failed=counts["firms_failed"],
        stages=screen.stages,
        stale_image=stale_image(counts),
        naming=execution.naming(),
        theme_naming=theme_naming(request.folder, request.quarter),
        naming_advice=llm.advice() if plan.theme_naming == "llm" else None,
    )


def theme_naming(folder: Path, quarter: str) -> dict[str, int]:
    """What the reduce job counted while it named the themes; empty if it counted nothing."""
    record = read_metadata(pq.read_schema(folder / keys.themes(quarter)))
    return dict(record.get("naming", {}))


def prefetch(
    storage: Storage, quarter: str, transcripts: TranscriptSource, screen: Screen, force: bool
) -> PrefetchSummary:
    """Put the transcripts into the bucket, as sentences; with ``force`` even if they are already there."""
    with screen.stage("prefetch", total=transcripts.n_firms) as stage:
        summary = write_quarter(storage, quarter, transcripts, lambda done, _total: stage.update(done), force)
    left_out = "".join(f"; left out: {count:,} {reason}" for reason, count in summary.skipped.items())
    screen.line(f"{summary.n_firms:,} firms, {summary.n_calls:,} calls, {summary.n_sentences:,} sentences{left_out}")
    if summary.n_firms_without_permno:
        screen.line(
            f"firms without a PERMNO (in all tables but themes_for_sentiment): {summary.n_firms_without_permno:,}"
        )
    return summary


def _watch_map(execution: Execution, mirror: Mirror, n_firms: int, screen: Screen) -> None:
    """Show the map jobs until they have ended, and copy what they write."""
    with screen.stage("map", total=n_firms) as stage:

        def show(now: ExecutionProgress) -> None:
            failed = f", {now.firms_failed} firms failed" if now.firms_failed else ""
            batches = f"{now.batches_done} of {now.n_batches} batches{failed}"
            stage.update(now.firms_done, batches, reused=now.firms_reused)

        _poll(execution, mirror, show, until=lambda now: now.map_done)


def _watch_reduce(execution: Execution, mirror: Mirror, screen: Screen) -> None:
    """Show the reduce job until the execution ends, and copy what it writes."""
    with screen.stage("reduce and package", unit="themes") as stage:

        def show(_now: ExecutionProgress) -> None:
            reduce = execution.reduce_progress()
            stage.update(reduce.n_named, reduce.step, reduce.n_themes)

        _poll(execution, mirror, show, until=lambda _now: False)


def _poll(
    execution: Execution,
    mirror: Mirror,
    show: Callable[[ExecutionProgress], None],
    until: Callable[[ExecutionProgress], bool],
) -> None:
    """Copy and show what is new until something is reached or the execution ends."""
    while True:
        now = execution.progress()
        mirror.copy_new()
        show(now)
        if now.status != "RUNNING" or until(now):
            return
        time.sleep(POLL_SECONDS)


@contextmanager
def _stopped_with_us(execution: Execution) -> Iterator[None]:
    """Stop the execution and its jobs if we stop watching it: Ctrl-C, a full disk, a bug."""
    try:
        yield
    except BaseException:
        # The user must see what stopped us, even if AWS can no longer be reached.
        with suppress(BotoCoreError, ClientError):
            execution.stop("ftm was interrupted")
        raise


def _failure(
    execution: Execution, has_results: bool, request: RunRequest, environment: LocalEnvironment, screen: Screen
) -> FtmError:
    """Show the end of the failed job's log; return an error that says why the execution failed.

    If other batches have written tables, their report is written too: an earlier run's report would not match them.
    """
    failure = failure_of(execution, request.quarter, request.folder)
    for line in failed_job_log(environment.aws, execution, environment.job_queue, lambda _job: True):
        screen.line(line)
    if has_results:
        try:
            _report(request, environment, screen)
        except FtmError as error:  # reduce has failed between two tables
            screen.line(f"no report was written: {error}")
    return failure


def _report(request: RunRequest, environment: LocalEnvironment, screen: Screen) -> Path:
    """Write the report to the folder and to the bucket."""
    with screen.stage("report"):
        report = write_report(request.folder, request.quarter)
        environment.aws.client("s3").upload_file(str(report), environment.bucket, keys.report(request.quarter))
    return report
