"""``ftm run`` and ``ftm demo``: one quarter on this machine, through the local AWS."""

from __future__ import annotations

import json
import math
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from cloud.src.cli.environment.local_environment import CORES, open_environment
from cloud.src.cli.environment.run_llm import LlmChoice
from cloud.src.cli.environment.settings import check_job_settings
from cloud.src.cli.pages.open_page import open_page
from cloud.src.cli.run.mirror import check_output_folder
from cloud.src.cli.run.next_steps import next_steps
from cloud.src.cli.run.run_quarter import RunRequest, run_quarter
from cloud.src.cli.run.summary import as_json_object, show_outcome
from cloud.src.cli.screen import Screen
from cloud.src.contract import keys
from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.files.quarters import QuarterFrom
from cloud.src.prefetch.files.source import FileTranscripts


@dataclass(frozen=True)
class RunOptions:
    """What the user asks for: the transcripts of a quarter, what runs them, and how the run is to end."""

    quarter: str
    source: Path
    out: Path
    batch_size: int | None  # None: as fits the number of firms
    llm: LlmChoice
    containers: bool
    llm_topics: bool = False
    jobs: int | None = None
    quarter_from: QuarterFrom = QuarterFrom.date
    all_languages: bool = False
    open_report: bool = False
    as_json: bool = False
    quiet: bool = False
    is_demo: bool = False


def fitting_batch_size(n_firms: int, jobs: int) -> int:
    """Return how many firms a batch has by default: four batches for each job that runs at the same time.

    The last ones then end at about the same time. A job takes some four seconds of a core to start, as long as it
    takes for ten firms with calls of a few sentences: hence at least 25 firms. At most 200, so that no job is long.
    """
    return min(max(math.ceil(n_firms / (4 * jobs)), 25), 200)


def run(asked: RunOptions) -> None:
    """Run a quarter of transcripts, from reading them to its report, and show what came out.

    Raises InvalidInput for what cannot be meant, FtmError when the run fails.
    """
    if asked.llm_topics and asked.llm.none:
        raise InvalidInput("--llm-topics and --no-llm cannot be combined")
    check_job_settings()
    check_output_folder(asked.out)
    screen = Screen(quiet=asked.quiet)
    with ExitStack() as stack:
        with screen.stage("read transcripts"):
            transcripts = FileTranscripts(asked.source, asked.quarter, asked.quarter_from, asked.all_languages)
            batch_size = asked.batch_size or fitting_batch_size(transcripts.n_firms, asked.jobs or CORES)
            request = RunRequest(asked.quarter, transcripts, asked.out, batch_size, asked.llm_topics, asked.llm.none)
            keys.check_batches_fit(transcripts.n_firms, batch_size)
        with screen.stage("local AWS and LLM"):
            environment = stack.enter_context(open_environment(screen.line, asked.jobs, asked.llm, asked.containers))
        screen.line(environment.cost())
        outcome = run_quarter(request, environment, screen)
    if asked.as_json:
        print(json.dumps(as_json_object(outcome), indent=1))
    else:
        show_outcome(outcome, next_steps(asked.out, asked.quarter, asked.is_demo))
    if asked.open_report:
        open_page(outcome.report)
