import io

import pytest
from rich.console import Console

from cloud.src.cli.screen import SECONDS_BETWEEN_LINES, Screen, StagePace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("done", "reused", "elapsed", "speed"),
    [
        (0, 0, 10, ""),
        (20, 0, 10, "2.0 firms/s, 1 min 00 s left"),
        (1, 0, 60, "1.0 firms/min"),  # of one firm nobody can tell
        (5, 0, 60, "5.0 firms/min, 27 min 00 s left"),
        (8, 0, 4, "2.0 firms/s"),  # nor of the first seconds
        (140, 0, 0.0001, ""),  # all at once: no rate
        (140, 0, 70, "2.0 firms/s"),
        # a run that was continued: what it found there says nothing about the rest
        (100, 100, 3, ""),
        (120, 100, 10, "2.0 firms/s, 10 s left"),
        (140, 140, 3, ""),
    ],
)
def test_pace_tells_rate_and_time_left(done: int, reused: int, elapsed: float, speed: str) -> None:
    clock = Clock()
    pace = StagePace(140, "firms", clock)
    clock.now += elapsed
    pace.update(done, reused=reused)
    assert pace.speed() == speed


def test_the_rate_is_counted_from_when_the_total_is_known() -> None:
    clock = Clock()
    pace = StagePace(None, "themes", clock)
    clock.now += 60  # finding them
    pace.update(0, total=20)
    clock.now += 10
    pace.update(5, total=20)
    assert pace.speed() == "0.5 themes/s, 30 s left"


def test_a_stage_without_a_total_has_no_rate() -> None:
    assert StagePace(None, "firms").speed() == ""


def plain_screen(clock: Clock) -> tuple[Screen, io.StringIO]:
    output = io.StringIO()
    return Screen(Console(file=output, width=20, soft_wrap=True), clock), output


def test_plain_lines_come_at_start_in_between_and_at_end() -> None:
    clock = Clock()
    screen, output = plain_screen(clock)
    with screen.stage("map", total=4) as stage:
        stage.update(1, "0 of 2 batches")  # too soon after the first line
        clock.now += SECONDS_BETWEEN_LINES
        stage.update(2, "1 of 2 batches")
        clock.now += SECONDS_BETWEEN_LINES
        stage.update(2, "1 of 2 batches")  # nothing new
        stage.update(4, "2 of 2 batches")
    assert output.getvalue().splitlines() == [
        "map ...",
        "map: 2 of 4 firms, 1 of 2 batches, 0.2 firms/s",
        "map: 4 of 4 firms, 2 of 2 batches, 0.2 firms/s",
        "map: 4 of 4 firms in 20 s",
    ]


def test_a_quiet_screen_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(quiet=True)
    with screen.stage("map", total=4) as stage:
        stage.update(4)
    assert capsys.readouterr().err == ""


def test_a_stage_that_fails_does_not_claim_its_end() -> None:
    screen, output = plain_screen(Clock())
    with pytest.raises(ValueError, match="the map failed"), screen.stage("map"):
        raise ValueError("the map failed")
    assert output.getvalue() == "map ...\n"


def test_lines_from_outside_can_neither_style_nor_steer_the_terminal() -> None:
    output = io.StringIO()
    Screen(Console(file=output, force_terminal=True, highlight=False)).line("[red]theme[/red] \x1b[2J\x07gone")
    assert output.getvalue() == "[red]theme[/red]  [2J gone\n"


def test_a_terminal_shows_a_bar_with_counts() -> None:
    output = io.StringIO()
    screen = Screen(Console(file=output, force_terminal=True, width=120))
    with screen.stage("map", total=4) as stage:
        stage.update(2, "[1] of 2 batches")
    shown = output.getvalue()
    assert "2 of 4 firms, [1] of 2 batches" in shown
    assert "\x1b[" in shown
