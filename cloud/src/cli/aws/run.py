"""``ftm aws run``: starts vLLM, runs quarters, and stops vLLM again, also when something fails.

vLLM stays up between the quarters. Whatever ends the run, also an interruption, the execution that runs is stopped
before vLLM is taken from under it.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from cloud.src.cli.aws import llm_check_job, quarters, vllm_group
from cloud.src.cli.aws.account import Account
from cloud.src.cli.aws.fetch import fetch
from cloud.src.cli.aws.quarters import QuarterEnded
from cloud.src.cli.options import Down
from cloud.src.cli.run.mirror import check_output_folder
from cloud.src.contract.errors import FtmError, InvalidInput

# As long as `ftm aws up`, `check` and `down` wait by themselves.
UP_S, CHECK_S, DOWN_S = 1800.0, 600.0, 900.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """What to run. ``limit_usd``: refuse quarters whose estimates add up to more; None: no limit.

    ``out``: where the tables and reports go at the end.
    """

    quarters: list[str]
    batch_size: int
    down: Down
    limit_usd: float | None
    out: Path


def run(account: Account, request: Request, say: Say) -> None:
    """Run the quarters one after the other and fetch them; raises FtmError at the first that fails.

    vLLM is stopped whatever happens, unless ``down`` says otherwise.
    """
    say = _heard_or_not(say)
    _refuse_what_cannot_run(account, request, say)
    try:
        now = vllm_group.up(account, UP_S, say)
        say(f"vLLM serves: {now.in_words()}")
        llm_check_job.check(account, CHECK_S, say)
        for quarter in request.quarters:
            _run_quarter(account, quarter, request.batch_size, say)
    except BaseException:
        if request.down is Down.ALWAYS:
            _down_after_failure(account, request, say)
        else:
            _say_kept(account, say)
        raise
    _stop_and_fetch(account, request, say)


def _stop_and_fetch(account: Account, request: Request, say: Say) -> None:
    """The tables are fetched also when vLLM cannot be stopped, which is raised in the end."""
    is_stopping, trouble = False, ""
    try:
        is_stopping = request.down is not Down.NEVER and _scale_down(account, request, say)
    except (FtmError, BotoCoreError, ClientError) as error:
        trouble = _perhaps_not_down(error)
    try:
        for quarter in request.quarters:  # while the instance ends
            fetched = fetch(account, quarter, request.out)
            say(f"{quarter}: {fetched.in_words()}; {fetched.report}")
    except BaseException:
        if trouble:
            say(trouble)
        else:
            _say_end(account, is_stopping, say)
        raise
    if trouble:
        raise FtmError(trouble)
    if is_stopping:
        _wait_until_down(account, say)
    else:
        _say_kept(account, say)


def _heard_or_not(say: Say) -> Say:
    """A terminal that has gone, or a pipe that has broken, is no reason to leave vLLM running."""

    def say_it(line: str) -> None:
        with suppress(OSError):
            say(line)

    return say_it


def _refuse_what_cannot_run(account: Account, request: Request, say: Say) -> None:
    """Before anything is started: what is not prefetched, is running, costs too much, or has no folder to go to."""
    check_output_folder(request.out)
    estimates = {quarter: quarters.estimate(account, quarter) for quarter in request.quarters}
    for quarter, estimate in estimates.items():
        say(f"{quarter}: {estimate.in_words()}")
        if running := quarters.latest(account, quarter, "RUNNING"):
            raise InvalidInput(f"{quarter} is already running: {running['executionArn']}; ftm aws follow {quarter}")
    _refuse_what_the_guard_would_stop(account, sum(estimate.hours() for estimate in estimates.values()), say)
    usd = sum(estimate.usd() for estimate in estimates.values())
    if request.limit_usd is not None and usd > request.limit_usd:
        raise InvalidInput(f"${usd:.2f} is more than --limit {request.limit_usd:g}: add --yes to run it")


def _refuse_what_the_guard_would_stop(account: Account, hours: float, say: Say) -> None:
    """Raise InvalidInput when the quarters will not have ended before vLLM has been up for as long as it may."""
    most_hours = vllm_group.most_hours(account)
    if most_hours is None:
        return
    up_h, hours = vllm_group.hours_up(account, most_hours), hours + UP_S / 3600
    if up_h is None:
        say("cannot see how long vLLM has been up: assuming that it has just started")
    if hours + (up_h or 0.0) <= most_hours:
        return
    up = f"it has been up for {up_h:.1f} h, and " if up_h else ""
    remedy = "ftm aws down first, or " if up_h else ""
    raise InvalidInput(
        f"about {hours:.1f} h with the start of vLLM: {up}its guard stops it after {most_hours:g} h: {remedy}run "
        "fewer quarters at a time"
    )


def _run_quarter(account: Account, quarter: str, batch_size: int, say: Say) -> None:
    arn = None
    try:
        arn = quarters.start(account, quarter, batch_size, {})
        say(f"started {arn}")
        quarters.follow(account, quarter, arn, say)
    except (InvalidInput, QuarterEnded):  # it was not started, as somebody else runs it; or there is nothing to stop
        raise
    except BaseException:
        say(f"stopping {quarter} and its jobs; finished firms are kept: ftm aws resume {quarter}")
        _stop(account, quarter, arn, say)
        raise


def _stop(account: Account, quarter: str, arn: str | None, say: Say) -> None:
    try:
        quarters.stop(account, quarter, say, arn=arn)
    except (FtmError, BotoCoreError, ClientError) as error:
        say(f"{quarter} may still be running: {error}; ftm aws stop {quarter}")


def _scale_down(account: Account, request: Request, say: Say) -> bool:
    """Set vLLM's group to 0, unless somebody else's quarter needs it; return whether that was done."""
    with _no_interruption():
        others = _others(account, request)
        if not others:
            vllm_group.scale_down(account)
    say(f"{' and '.join(others)} still needs vLLM, so it is not stopped" if others else "stopping vLLM")
    return not others


def _others(account: Account, request: Request) -> list[str]:
    """Other quarters that run. What cannot be seen does not keep vLLM running."""
    try:
        running = {quarters.quarter_of(one) for one in quarters.executions(account, "RUNNING")}
    except (BotoCoreError, ClientError):
        return []
    return sorted(running - set(request.quarters))


def _wait_until_down(account: Account, say: Say) -> None:
    now = vllm_group.wait_until_gone(account, DOWN_S, say)
    say(f"vLLM is down: {now.in_words()}")


def _down_after_failure(account: Account, request: Request, say: Say) -> None:
    """What has failed before is what the operator has to see: a failure of this is said, not raised."""
    try:
        is_stopping = _scale_down(account, request, say)
    except (FtmError, BotoCoreError, ClientError) as error:
        say(_perhaps_not_down(error))
        return
    _say_end(account, is_stopping, say)


def _say_end(account: Account, is_stopping: bool, say: Say) -> None:
    """The end of vLLM that is being stopped, or that it is kept; what fails here is said, not raised."""
    if not is_stopping:
        _say_kept(account, say)
        return
    try:
        _wait_until_down(account, say)
    except (KeyboardInterrupt, SystemExit):
        say("vLLM is scaled to 0, but may still be ending: ftm aws status")
    except (FtmError, BotoCoreError, ClientError) as error:
        say(_perhaps_not_down(error))


def _perhaps_not_down(error: Exception) -> str:
    return f"vLLM may not be down: {error}; ftm aws down"


def _say_kept(account: Account, say: Say) -> None:
    """What is kept, and what it costs."""
    try:
        now = vllm_group.look(account).in_words()
    except (FtmError, BotoCoreError, ClientError) as error:
        now = f"cannot see what is running: {error}"
    say(f"vLLM is kept: {now}; ftm aws down")


@contextmanager
def _no_interruption() -> Iterator[None]:
    """A few requests, during which a Ctrl-C or a signal is not heard."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
