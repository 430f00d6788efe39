"""``ftm aws run``: in which order it does what the other commands do, and that vLLM is stopped whatever happens."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud.src.cli.__main__ import _exit_on_signal
from cloud.src.cli.aws import llm_check_job, quarters, vllm_group
from cloud.src.cli.aws import run as running
from cloud.src.cli.aws.fetch import Fetched
from cloud.src.cli.aws.quarters import Estimate, QuarterEnded
from cloud.src.cli.aws.run import Request, run
from cloud.src.cli.aws.vllm_group import Vllm
from cloud.src.cli.options import Down
from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.contract.vllm import WANTED

GONE = Vllm(0, (), 0, 0, 0, 0)
UP = Vllm(1, ("InService",), 1, 1, 1, 1, priced=(WANTED,))
KEPT = (
    "vLLM is kept: 1 of 1 instances (InService), 1 of 1 tasks running, 1 healthy, 1 healthy targets, "
    "about $0.40 an hour (g5.xlarge on Spot); ftm aws down"
)
STARTED = ["up", "check", "start 2023Q1", "follow 2023Q1"]
STOPPED = ["scale down", "wait"]
FETCHED = ["fetch 2023Q1"]
ENDED = ["scale down", *FETCHED, "wait"]  # tables are fetched while the instance ends


class Steps:
    """What the run has done; ``troubles``: what happens at a step, by its name.

    ``stopped``: ARNs of executions; ``running``: other executions.
    """

    def __init__(self) -> None:
        self.done: list[str] = []
        self.said: list[str] = []
        self.troubles: dict[str, Callable[[], None]] = {}
        self.stopped: list[str | None] = []
        self.running: list[dict[str, str]] = []

    def step(self, name: str, answer: Any = None) -> Callable[..., Any]:
        """A stand-in for a function; ``{}`` in the name is its second argument, the quarter."""

        def do(*arguments: Any, arn: str | None = None) -> Any:
            self.stopped += [arn] if name == "stop {}" else []
            done = name.format(*arguments[1:2])
            self.done.append(done)
            self.troubles.get(done, lambda: None)()
            return answer

        return do

    def run(self, *names: str, down: Down = Down.ALWAYS, limit_usd: float | None = None) -> None:
        account: Any = None
        run(account, Request(list(names or ["2023Q1"]), 50, down, limit_usd, Path("out")), self.said.append)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    steps = Steps()
    monkeypatch.setattr(quarters, "estimate", lambda *_: Estimate(10))
    monkeypatch.setattr(quarters, "latest", lambda *_: None)
    monkeypatch.setattr(quarters, "executions", lambda *_: steps.running)
    monkeypatch.setattr(vllm_group, "most_hours", lambda _: None)
    monkeypatch.setattr(vllm_group, "hours_up", lambda *_: 0.0)
    monkeypatch.setattr(vllm_group, "look", lambda _: UP)
    monkeypatch.setattr(vllm_group, "up", steps.step("up", GONE))
    monkeypatch.setattr(llm_check_job, "check", steps.step("check"))
    for name in ("start", "follow", "stop"):
        monkeypatch.setattr(quarters, name, steps.step(f"{name} {{}}", "arn"))
    monkeypatch.setattr(vllm_group, "scale_down", steps.step("scale down"))
    monkeypatch.setattr(vllm_group, "wait_until_gone", steps.step("wait", GONE))
    monkeypatch.setattr(running, "fetch", steps.step("fetch {}", Fetched(Path("out/report"), 9, 0, 3_000_000)))
    return steps


@pytest.fixture
def handlers() -> Iterator[None]:
    """The handlers of signals that ``ftm`` has."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number in before:
        signal.signal(number, _exit_on_signal)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def raises(error: BaseException) -> Callable[[], None]:
    def trouble() -> None:
        raise error

    return trouble


def test_vllm_stays_up_between_quarters(steps: Steps) -> None:
    steps.run("2023Q1", "2023Q2")

    more = ["start 2023Q2", "follow 2023Q2", "scale down", *FETCHED, "fetch 2023Q2", "wait"]
    assert steps.done == [*STARTED, *more]
    assert steps.said[-2] == "2023Q2: 9 files, 3.0 MB; out/report"
    assert steps.said[-1].startswith("vLLM is down: 0 of 0 instances")


@pytest.mark.parametrize("down", list(Down))
def test_after_success(steps: Steps, down: Down) -> None:
    steps.run(down=down)

    assert steps.done == [*STARTED, *(FETCHED if down is Down.NEVER else ENDED)]
    assert steps.said[-1] == (KEPT if down is Down.NEVER else f"vLLM is down: {GONE.in_words()}")


def test_tables_are_fetched_even_if_vllm_cannot_be_stopped(steps: Steps) -> None:
    steps.troubles["scale down"] = raises(FtmError("throttled"))

    with pytest.raises(FtmError, match="^vLLM may not be down: throttled; ftm aws down$"):
        steps.run()

    assert steps.done == [*STARTED, "scale down", "fetch 2023Q1"]


def test_unfetched_tables_do_not_end_the_wait_for_vllm(steps: Steps) -> None:
    steps.troubles["fetch 2023Q1"] = raises(FtmError("no disk space"))

    with pytest.raises(FtmError, match="no disk space"):
        steps.run()

    assert steps.done == [*STARTED, *ENDED]
    assert steps.said[-1].startswith("vLLM is down: ")


def test_what_is_kept_but_cannot_be_seen_is_said(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm_group, "look", lambda _: raises(FtmError("no answer"))())

    steps.run(down=Down.NEVER)

    assert steps.said[-1] == "vLLM is kept: cannot see what is running: no answer; ftm aws down"


@pytest.mark.parametrize(("down", "stopped"), [(Down.ALWAYS, STOPPED), (Down.ON_SUCCESS, []), (Down.NEVER, [])])
@pytest.mark.parametrize("at", STARTED)
def test_after_a_failure_nothing_more_is_started(steps: Steps, at: str, down: Down, stopped: list[str]) -> None:
    steps.troubles[at] = raises(QuarterEnded("too bad"))

    with pytest.raises(FtmError, match="too bad"):
        steps.run("2023Q1", "2023Q2", down=down)

    assert steps.done == [*STARTED[: STARTED.index(at) + 1], *stopped]
    assert stopped or steps.said[-1] == KEPT


@pytest.mark.parametrize("at", ["start 2023Q1", "follow 2023Q1"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_stops_the_execution_and_then_vllm(
    steps: Steps, handlers: None, number: signal.Signals, at: str
) -> None:
    """Also while it is being started: AWS may have taken the request already."""
    steps.troubles[at] = lambda: os.kill(os.getpid(), number)

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        steps.run("2023Q1", "2023Q2")

    assert steps.done == [*STARTED[: STARTED.index(at) + 1], "stop 2023Q1", *STOPPED]
    assert "stopping 2023Q1 and its jobs; finished firms are kept: ftm aws resume 2023Q1" in steps.said


def test_an_execution_that_cannot_be_followed_is_stopped_before_vllm(steps: Steps) -> None:
    steps.troubles["follow 2023Q1"] = raises(FtmError("progress is damaged"))

    with pytest.raises(FtmError, match="progress is damaged"):
        steps.run()

    assert steps.done == [*STARTED, "stop 2023Q1", *STOPPED]
    assert steps.stopped == ["arn"]


def test_a_quarter_that_somebody_else_runs_is_not_stopped(steps: Steps) -> None:
    steps.troubles["start 2023Q1"] = raises(InvalidInput("2023Q1 is already running"))

    with pytest.raises(InvalidInput, match="already running"):
        steps.run()

    assert steps.done == [*STARTED[:3], *STOPPED]


@pytest.mark.parametrize("trouble", [None, FtmError("too bad")])
def test_vllm_stays_up_for_another_quarter_that_runs(steps: Steps, trouble: FtmError | None) -> None:
    steps.running.append({"input": '{"quarter": "2022Q4"}'})
    if trouble:
        steps.troubles["check"] = raises(trouble)
        with pytest.raises(FtmError, match="too bad"):
            steps.run()
    else:
        steps.run()

    assert "scale down" not in steps.done
    assert "2022Q4 still needs vLLM, so it is not stopped" in steps.said
    assert steps.said[-1] == KEPT


def test_vllm_is_stopped_though_nobody_can_be_told(steps: Steps) -> None:
    """The terminal has gone, or ``tee`` has."""
    steps.troubles["follow 2023Q1"] = raises(KeyboardInterrupt())
    account: Any = None

    with pytest.raises(KeyboardInterrupt):
        run(account, Request(["2023Q1"], 50, Down.ALWAYS, None, Path("out")), lambda _: raises(BrokenPipeError())())

    assert steps.done == [*STARTED, "stop 2023Q1", *STOPPED]


def test_a_second_interruption_ends_the_waiting_and_not_the_scaling(steps: Steps) -> None:
    steps.troubles["follow 2023Q1"] = raises(KeyboardInterrupt())
    steps.troubles["stop 2023Q1"] = raises(FtmError("no answer"))
    steps.troubles["scale down"] = lambda: os.kill(os.getpid(), signal.SIGINT)  # not heard
    steps.troubles["wait"] = raises(KeyboardInterrupt())
    before = signal.getsignal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        steps.run()

    assert steps.done == [*STARTED, "stop 2023Q1", *STOPPED]
    assert steps.said[-1] == "vLLM is scaled to 0, but may still be ending: ftm aws status"
    assert "2023Q1 may still be running: no answer; ftm aws stop 2023Q1" in steps.said
    assert signal.getsignal(signal.SIGINT) is before


def test_what_failed_first_is_what_is_raised(steps: Steps) -> None:
    steps.troubles["follow 2023Q1"] = raises(FtmError("first"))
    steps.troubles["wait"] = raises(FtmError("still bills"))

    with pytest.raises(FtmError, match="^first$"):
        steps.run()

    assert steps.said[-1] == "vLLM may not be down: still bills; ftm aws down"


def test_quarters_too_expensive_together_are_refused_at_once(steps: Steps) -> None:
    usd = Estimate(10).usd()

    with pytest.raises(InvalidInput, match=f"is more than --limit {1.5 * usd:g}: add --yes"):
        steps.run("2023Q1", "2023Q2", limit_usd=1.5 * usd)

    assert steps.done == []
    steps.run("2023Q1", limit_usd=1.5 * usd)
    assert steps.done == [*STARTED, *ENDED]


def test_a_quarter_that_runs_is_refused_before_anything_starts(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarters, "latest", lambda *_: {"executionArn": "arn"})

    with pytest.raises(InvalidInput, match="2023Q1 is already running: arn"):
        steps.run()

    assert steps.done == []


def test_an_impossible_folder_is_refused_before_anything_starts(steps: Steps, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    account: Any = None

    with pytest.raises(InvalidInput, match="is a file: give a folder with --out"):
        run(account, Request(["2023Q1"], 50, Down.ALWAYS, None, tmp_path / "file"), print)

    assert steps.done == []


@pytest.mark.parametrize(("n_firms", "runs"), [(25_000, True), (26_000, False)])
def test_what_the_guard_would_stop_is_not_started(
    steps: Steps, monkeypatch: pytest.MonkeyPatch, n_firms: int, runs: bool
) -> None:
    """33 names a firm and 10 a second: 22.9 h and 23.8 h, and half an hour until vLLM serves."""
    monkeypatch.setattr(quarters, "estimate", lambda *_: Estimate(n_firms // 2))
    monkeypatch.setattr(vllm_group, "most_hours", lambda _: 24.0)
    if runs:
        steps.run("2023Q1", "2023Q2")
        return
    with pytest.raises(InvalidInput, match=r"about 24\.3 h with .*: its guard stops it after 24 h: run fewer"):
        steps.run("2023Q1", "2023Q2")
    assert steps.done == []


@pytest.mark.parametrize(("up_h", "runs"), [(18.5, True), (19.5, False), (None, True)])
def test_the_time_that_vllm_has_been_up_counts(
    steps: Steps, monkeypatch: pytest.MonkeyPatch, up_h: float | None, runs: bool
) -> None:
    """5,000 firms take 4.6 h, and half an hour until vLLM serves."""
    monkeypatch.setattr(quarters, "estimate", lambda *_: Estimate(5000))
    monkeypatch.setattr(vllm_group, "most_hours", lambda _: 24.0)
    monkeypatch.setattr(vllm_group, "hours_up", lambda *_: up_h)
    if runs:
        steps.run()
        assert (up_h is None) is (
            "cannot see how long vLLM has been up: assuming that it has just started" in steps.said
        )
        return
    with pytest.raises(InvalidInput, match=r"about 5\.1 h .*it has been up for 19\.5 h, and .* ftm aws down first"):
        steps.run()
    assert steps.done == []
