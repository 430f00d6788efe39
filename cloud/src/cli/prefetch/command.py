"""``ftm prefetch``: brings a quarter's transcripts, as sentences, to where a run finds them."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from cloud.src.cli.prefetch.aws_errors import aws_errors_explained
from cloud.src.cli.prefetch.summary import show_plan, show_summary, unlinked_lines
from cloud.src.cli.prefetch.target import Target, aws, open_target
from cloud.src.cli.screen import Screen
from cloud.src.contract import keys, parameters
from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.calls import TranscriptSource
from cloud.src.prefetch.files.input_files import find_files
from cloud.src.prefetch.files.quarters import QuarterFrom, file_options
from cloud.src.prefetch.files.source import FileTranscripts
from cloud.src.prefetch.prefetch import finished_prefetch, write_quarter
from cloud.src.prefetch.wrds.connection import connect
from cloud.src.prefetch.wrds.firm_list import FirmList, read_firm_list
from cloud.src.prefetch.wrds.login import find_login
from cloud.src.prefetch.wrds.transcripts import WrdsTranscripts, selection_options

WRDS = "wrds"


@dataclass(frozen=True)
class PrefetchRequest:
    """What the user asks for. ``firms``, ``limit`` and ``keep_unlinked`` are for WRDS only."""

    quarter: str
    source: str  # ``wrds``, or a file or folder
    to: str | None = None  # None: the bucket of the Terraform root ``storage``
    firms: Path | None = None
    limit: int | None = None  # firms
    keep_unlinked: bool = False
    quarter_from: QuarterFrom = QuarterFrom.date  # for files only
    all_languages: bool = False
    dry_run: bool = False
    force: bool = False
    as_json: bool = False


def prefetch(screen: Screen, request: PrefetchRequest) -> None:
    """Write the quarter's sentences, and show what there is then; with ``dry_run`` show what there would be.

    Raises InvalidInput for what cannot be meant, FtmError for what WRDS or AWS refuses.
    """
    keys.check_quarter(request.quarter)
    if request.dry_run and request.as_json:
        raise InvalidInput("--dry-run and --json cannot be combined")
    firms = _checked(request)
    with aws_errors_explained():
        if request.dry_run:
            with _opened(request, firms, screen) as source:
                show_plan(request.quarter, source)
            return
        target = open_target(request.to)
    with aws_errors_explained(target.bucket):
        screen.line(f"to {target.name}")
        _write(request, firms, target, screen)


def _checked(request: PrefetchRequest) -> FirmList | None:
    """Check what needs no network; return the list of firms, if one is given."""
    if request.source == WRDS:
        if request.quarter_from is not QuarterFrom.date:
            raise InvalidInput("--quarter-from is for files: WRDS' calls are assigned by their date")
        return read_firm_list(request.firms) if request.firms else None
    if request.firms or request.limit is not None or request.keep_unlinked:
        raise InvalidInput("--firms, --limit and --keep-unlinked are for --from wrds; of files, all firms are taken")
    find_files(Path(request.source))
    return None


def _write(request: PrefetchRequest, firms: FirmList | None, target: Target, screen: Screen) -> None:
    quarter = request.quarter
    unlinked: list[str] = []
    if request.source == WRDS:
        selection = selection_options(firms, request.limit, request.keep_unlinked, request.all_languages)
    else:
        selection = file_options(request.quarter_from, request.all_languages)
    summary = None if request.force else finished_prefetch(target.storage, quarter, selection)
    if summary is None:  # WRDS is not even asked when there is nothing to do
        with _opened(request, firms, screen) as source:
            with screen.stage("prefetch", total=source.n_firms) as stage:
                summary = write_quarter(
                    target.storage, quarter, source, lambda done, _total: stage.update(done), request.force
                )
            unlinked = unlinked_lines(source)
    if request.as_json:
        print(json.dumps(asdict(summary) | {"manifest": target.storage.where(summary.manifest_key)}, indent=1))
        return
    seconds = sum(seconds for _, seconds in screen.stages)
    show_summary(summary, seconds, unlinked, target.storage.where(summary.manifest_key))
    for line in _next_steps(request, target):
        screen.line(line)


def _next_steps(request: PrefetchRequest, target: Target) -> list[str]:
    """What to type now, where the prefetch is in a bucket and where it is in a folder."""
    if target.bucket is None:
        return [f"Next, to a bucket: aws s3 sync {shlex.quote(f'{request.to}/prefetch')} s3://BUCKET/prefetch"]
    execution_input = json.dumps({"quarter": request.quarter, "bucket": target.bucket})
    arn = f"$(aws ssm get-parameter --name {parameters.STATE_MACHINE_ARN} --query Parameter.Value --output text)"
    return [
        "Next, the run:",
        f"  aws stepfunctions start-execution --state-machine-arn {arn} --input '{execution_input}'",
    ]


@contextmanager
def _opened(request: PrefetchRequest, firms: FirmList | None, screen: Screen) -> Iterator[TranscriptSource]:
    """Read the files, or log in to WRDS and find the calls there; WRDS is left at the end of the block."""
    if request.source != WRDS:
        with screen.stage("read transcripts"):
            source = FileTranscripts(Path(request.source), request.quarter, request.quarter_from, request.all_languages)
        yield source
        return
    login = find_login(os.environ, lambda: aws().client("secretsmanager"))
    screen.line(f"{login.username} at {login.server.host}; approve the Duo request on your phone if there is one")
    with connect(login) as connection:
        with screen.stage("find calls on WRDS"):
            found = WrdsTranscripts(
                connection, request.quarter, firms, request.limit, request.keep_unlinked, request.all_languages
            )
        for line in _remarks(found):
            screen.line(line)
        yield found


def _remarks(found: WrdsTranscripts) -> Iterator[str]:
    if found.not_found:
        some = ", ".join(found.not_found[:20])
        yield f"{len(found.not_found):,} ids of the list have no earnings call in the quarter: {some}"
    if not found.has_titles:
        yield "this account cannot read titles (ciq_pplintel.wrds_professional): CEOs and CFOs count as Executive"
    if not found.has_sectors:
        yield "this account cannot read sectors (comp.co_hgic, comp.company, comp.r_giccd): they stay empty"
    elif found.n_sectors_of_today:
        yield f"{found.n_sectors_of_today:,} firms have today's sector: Compustat has none for the day of the call"
