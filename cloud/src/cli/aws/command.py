"""``ftm aws``: operates the pipeline on AWS, or on a local AWS that AWS_ENDPOINT_URL names."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cloud.src.cli.aws import llm_check_job, panels, quarters, resume, vllm_group
from cloud.src.cli.aws.account import Account, aws_errors_explained, connect
from cloud.src.cli.options import (
    AsJson,
    Down,
    Open,
    Out,
    Quarter,
    QuarterOrPanel,
    is_quarter,
    panel_of,
    quarter_if_given,
    quarter_of,
)
from cloud.src.cli.screen import output_console
from cloud.src.contract import keys
from cloud.src.contract.errors import InvalidInput

app = typer.Typer(help="Operate FTM on AWS.", epilog="Example: ftm aws status", no_args_is_help=True)

Profile = Annotated[str | None, typer.Option(metavar="NAME", help="AWS profile.")]
Region = Annotated[str | None, typer.Option(metavar="REGION", help="AWS region.", show_default="the profile's")]
DEFAULT_OUT = Path("ftm-output/aws")
DURATION = re.compile(r"([0-9]+)(s|m|h)")
SECONDS = {"s": 1, "m": 60, "h": 3600}


def _quarters(typed: list[str]) -> list[str]:
    """The quarters without duplicates."""
    return list(dict.fromkeys(quarter_of(one) for one in typed))


def seconds_of(typed: str) -> float:
    """Return the seconds of ``90s``, ``30m`` or ``2h``; raise InvalidInput for anything else."""
    match = DURATION.fullmatch(typed.strip())
    if not match:
        raise InvalidInput(f"--timeout {typed!r} is not a time: write it like 90s, 30m or 2h")
    return int(match[1]) * SECONDS[match[2]]


BatchSize = Annotated[int, typer.Option(min=1, max=keys.MAX_BATCH_SIZE, help="Firms per batch.")]
Limit = Annotated[float, typer.Option(metavar="USD", help="Quarters estimated above this need --yes.")]
Yes = Annotated[bool, typer.Option("--yes", help="Start whatever the estimate says.")]
Timeout = Annotated[str, typer.Option(metavar="TIME", help="How long to wait: 90s, 30m, 2h.")]


@app.command(epilog="Example: ftm aws up --timeout 45m")
def up(timeout: Timeout = "30m", profile: Profile = None, region: Region = None) -> None:
    """Start vLLM and wait until it serves, or say why it does not."""
    limit_s = seconds_of(timeout)
    with aws_errors_explained():
        account = _changing(profile, region)
        now = vllm_group.up(account, limit_s, print)
    print(f"vLLM serves: {now.in_words()}; stop it: ftm aws down")


@app.command(epilog="Example: ftm aws down")
def down(
    force: Annotated[bool, typer.Option("--force", help="Stop it even while an execution is running.")] = False,
    timeout: Timeout = "15m",
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Stop vLLM and wait until it no longer costs anything."""
    limit_s = seconds_of(timeout)
    with aws_errors_explained():
        account = _changing(profile, region)
        running = [] if force else list(quarters.executions(account, "RUNNING"))
        if running:
            names = ", ".join(quarters.quarter_of(one) for one in running)
            raise InvalidInput(f"{names} is still running and needs vLLM: ftm aws stop, or --force")
        now = vllm_group.down(account, limit_s, print)
    print(f"vLLM is down: {now.in_words()}")


@app.command(epilog="Example: ftm aws check")
def check(timeout: Timeout = "10m", profile: Profile = None, region: Region = None) -> None:
    """Have a job ask the LLM for a name. Takes under a minute, or up to ten on a cold instance."""
    limit_s = seconds_of(timeout)
    with aws_errors_explained():
        llm_check_job.check(_changing(profile, region), limit_s, lambda line: print(line, flush=True))
    print("the jobs get names from the LLM")


@app.command(epilog="Example: ftm aws status --json")
def status(
    all_regions: Annotated[
        bool,
        typer.Option("--all-regions", help="Also look in every region for anything of FTM's that bills by the hour."),
    ] = False,
    as_json: AsJson = False,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Show what is running and what it costs: executions, jobs, vLLM."""
    from cloud.src.cli.aws import regions
    from cloud.src.cli.aws import status as here

    with aws_errors_explained():
        account = connect(profile, region)
        elsewhere = regions.look(account) if all_regions else None
        found = here.status_or_why_not(account) if elsewhere else here.status(account)
    if as_json:
        print(json.dumps({**found, **({"all_regions": elsewhere.as_json_object()} if elsewhere else {})}, indent=1))
        return
    print(*here.lines(found), sep="\n")
    if elsewhere:
        console = output_console()
        console.print(regions.table(elsewhere))
        for line in regions.lines(elsewhere):
            console.print(line, markup=False, soft_wrap=True)


@app.command(epilog="Example: ftm aws start 2023Q1")
def start(
    quarter: Quarter,
    batch_size: BatchSize = keys.DEFAULT_BATCH_SIZE,
    no_llm: Annotated[bool, typer.Option("--no-llm", help="Name topics and themes by their keywords.")] = False,
    limit: Limit = 20,
    yes: Yes = False,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Start a prefetched quarter, after printing its estimated cost."""
    with aws_errors_explained():
        account = _changing(profile, region)
        estimate = quarters.estimate(account, quarter)
        print(f"{quarter}: {estimate.n_firms:,} firms, no LLM" if no_llm else f"{quarter}: {estimate.in_words()}")
        if not no_llm and not yes and estimate.usd() > limit:
            raise InvalidInput(f"${estimate.usd():.2f} is more than --limit {limit:g}: add --yes to start it")
        naming = {"topic_naming": "keywords", "theme_naming": "keywords"} if no_llm else {}
        print(f"started {quarters.start(account, quarter, batch_size, naming)}")
    print(f"follow it: ftm aws follow {quarter}")


@app.command(epilog="Example: ftm aws follow 2023Q1")
def follow(quarter: QuarterOrPanel, profile: Profile = None, region: Region = None) -> None:
    """Follow the latest execution of a quarter or panel until it ends; if it fails, exits with an error and the log."""
    of = quarters if is_quarter(quarter) else panels
    with aws_errors_explained():
        account = connect(profile, region)
        of.follow(account, quarter, of.last_started(account, quarter), lambda line: print(line, flush=True))


@app.command(epilog="Example: ftm aws stop 2023Q1")
def stop(quarter: QuarterOrPanel, profile: Profile = None, region: Region = None) -> None:
    """Stop the execution of a quarter or panel, and its jobs; finished parts of a quarter are kept."""
    with aws_errors_explained():
        account = _changing(profile, region)
        if not is_quarter(quarter):
            panels.stop(account, quarter, print)
            return
        quarters.stop(account, quarter, print)
    print("vLLM is left as it is: ftm aws status, ftm aws down")


@app.command(epilog="Example: ftm aws panel spring 2022Q4 2023Q1 --themes-from 2022Q4")
def panel(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the panel.", callback=panel_of)],
    quarter: Annotated[
        list[str],
        typer.Argument(metavar="QUARTER...", help="Its quarters, which have been run.", callback=_quarters),
    ],
    themes_from: Annotated[
        str | None,
        typer.Option(
            metavar="QUARTER",
            help="Use this quarter's themes; it must not be later than any other.",
            show_default="found in all of them",
            callback=quarter_if_given,
        ),
    ] = None,
    out: Out = DEFAULT_OUT,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Print what a panel of quarters may cost, make it as `ftm panel` does, and fetch it. No vLLM is needed.

    Ctrl-C leaves it running.
    """
    from cloud.src.cli.aws import fetch as fetching
    from cloud.src.cli.run.mirror import check_output_folder

    with aws_errors_explained():
        account = _changing(profile, region)
        check_output_folder(out)  # hours before it is needed
        print(f"{name}: {panels.estimate(account, quarter, themes_from).in_words()}")
        arn = panels.start(account, name, quarter, themes_from)
        print(f"started {arn}", f"follow it: ftm aws follow {name}; stop it: ftm aws stop {name}", sep="\n", flush=True)
        panels.follow(account, name, arn, lambda line: print(line, flush=True))
        print(f"Panel: {fetching.fetch_panel(account, name, out)}", flush=True)
        print(panels.cost_of(account, name).in_words())


@app.command("resume", epilog="Example: ftm aws resume 2023Q1")
def resume_quarter(
    quarter: Quarter,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, max=keys.MAX_BATCH_SIZE, help="Firms per batch.", show_default="as before"),
    ] = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Resume a quarter that failed or was stopped, after printing what is reused; only what is missing is made."""
    with aws_errors_explained():
        account = _changing(profile, region)
        left = resume.unfinished(account, quarter)
        print(f"{quarter}: {left.in_words()}")
        print(f"started {quarters.start(account, quarter, batch_size or left.batch_size, left.naming)}")
    print(f"follow it: ftm aws follow {quarter}")


@app.command("run", epilog="Example: ftm aws run 2023Q1 2023Q2")
def run_quarters(
    quarter: Annotated[
        list[str], typer.Argument(metavar="QUARTER...", help="Quarters, for example 2020Q2 2020Q3.", callback=_quarters)
    ],
    down: Annotated[Down, typer.Option(help="When to stop vLLM.")] = Down.ALWAYS,
    out: Out = DEFAULT_OUT,
    batch_size: BatchSize = keys.DEFAULT_BATCH_SIZE,
    limit: Limit = 20,
    yes: Yes = False,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Start vLLM, check it, run quarters one after another, stop vLLM, and fetch their tables and reports.

    vLLM is also stopped after a failure or Ctrl-C; nothing is fetched then.
    """
    from cloud.src.cli.aws import run

    with aws_errors_explained():
        request = run.Request(quarter, batch_size, down, None if yes else limit, out)
        run.run(_changing(profile, region), request, lambda line: print(line, flush=True))


@app.command(epilog="Example: ftm aws fetch 2023Q1 --out ftm-output/aws")
def fetch(
    quarter: QuarterOrPanel,
    out: Out = DEFAULT_OUT,
    as_json: AsJson = False,
    open_report: Open = False,
    publish: Annotated[
        bool, typer.Option("--publish", help="Also put the report in the bucket, under reports/.")
    ] = False,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Copy a quarter's tables into a folder, as `ftm run` leaves them, and write the report; or the tables of a panel.

    Running it again copies only what has changed of a quarter.
    """
    from cloud.src.cli.aws import fetch as fetching
    from cloud.src.cli.pages.open_page import open_page
    from cloud.src.cli.run.next_steps import next_steps

    if not is_quarter(quarter):
        if open_report or publish:
            raise InvalidInput(f"{quarter} is a panel, which has no report: leave out --open and --publish")
        with aws_errors_explained():
            folder = fetching.fetch_panel(connect(profile, region), quarter, out)
        print(json.dumps({"panel": quarter, "folder": str(folder)}, indent=1) if as_json else f"Panel: {folder}")
        return
    with aws_errors_explained():
        account = connect(profile, region)
        if publish:
            print(account.banner(), file=sys.stderr, flush=True)
        fetched = fetching.fetch(account, quarter, out)
        published = fetching.publish(account, quarter, out) if publish else None
    if as_json:
        said = {"quarter": quarter, "folder": str(out), **fetched.as_json_object(), "published": published}
        print(json.dumps(said, indent=1))
    else:
        print(f"{quarter}: {fetched.in_words()}", f"Report: {fetched.report}", sep="\n")
        if published:
            print(f"Published: {published}")
        print(*next_steps(out, quarter), sep="\n")
    if open_report:
        open_page(fetched.report)


@app.command(epilog="Example: ftm aws cost 2023Q1")
def cost(quarter: QuarterOrPanel, as_json: AsJson = False, profile: Profile = None, region: Region = None) -> None:
    """Show a quarter's actual cost beside its estimate; for a panel, only the cost of its jobs.

    For a quarter it also asks Cost Explorer, which charges one cent.
    """
    from cloud.src.cli.aws import cost as costs

    if not is_quarter(quarter):
        with aws_errors_explained():
            of_panel = panels.cost_of(connect(profile, region), quarter)
        print(json.dumps(of_panel.as_json_object(), indent=1) if as_json else of_panel.in_words())
        return
    with aws_errors_explained():
        found = costs.cost_of(connect(profile, region), quarter)
    if as_json:
        print(json.dumps(found.as_json_object(), indent=1))
        return
    console = output_console()
    console.print(costs.table(found))
    for line in costs.lines(found):
        console.print(line, markup=False, soft_wrap=True)


@app.command(epilog="Example: ftm aws doctor 2023Q1")
def doctor(
    quarter: Annotated[
        str | None,
        typer.Argument(
            metavar="[QUARTER]", help="Also check whether this quarter is prefetched.", callback=quarter_if_given
        ),
    ] = None,
    prove_guards: Annotated[
        bool,
        typer.Option(
            "--prove-guards", help="Instead, trigger the guards while vLLM is down: sends two mails, stops nothing."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask to confirm the account.")] = False,
    as_json: AsJson = False,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Check everything a run needs, with evidence and a fix for each; exits with an error if a check fails."""
    from cloud.src.cli.aws.doctor import checks
    from cloud.src.cli.aws.doctor import prove_guards as proof
    from cloud.src.cli.aws.doctor.finding import Patient, State

    with aws_errors_explained():
        account = connect(profile, region)
        where = account.banner()
        if prove_guards:
            print(where, file=sys.stderr, flush=True)
            proof.check_at_zero(account)
            _confirm(where, yes)
            findings = list(proof.prove(account, lambda line: print(line, file=sys.stderr, flush=True)))
        else:
            findings = list(checks.examine(Patient(account, quarter)))
    if as_json:
        print(json.dumps([asdict(one) for one in findings], indent=1))
    else:
        output_console().print(where, checks.table(findings), checks.counts(findings), sep="\n")
    if any(one.state is State.FAILED for one in findings):
        raise typer.Exit(1)


@app.command(epilog="Example: ftm aws logs 2023Q1")
def logs(
    quarter: QuarterOrPanel,
    lines: Annotated[int, typer.Option(min=1, max=1000, help="Lines per job.")] = 15,
    all_jobs: Annotated[bool, typer.Option("--all", help="Include jobs that succeeded.")] = False,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Show the last log lines of the jobs of a quarter or panel: failed ones first, then running ones."""
    of = quarters if is_quarter(quarter) else panels
    with aws_errors_explained():
        of.logs(connect(profile, region), quarter, lines, all_jobs, print)


def _confirm(where: str, yes: bool) -> None:
    """Raise InvalidInput unless the user confirms the account and region."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidInput(f"{where}: nobody is here to confirm it: add --yes")
    if not typer.confirm(f"{where}: is this the right one?", err=True):
        raise InvalidInput("nothing was done: choose the account with --profile and --region")


def _changing(profile: str | None, region: str | None) -> Account:
    """Connect to the account and print which one is about to be changed."""
    account = connect(profile, region)
    print(account.banner(), flush=True)
    return account
