"""The ``ftm`` command: its subcommands, their options and help texts.

Each command imports what it runs only when it runs: all of it together takes three seconds to load, for which nobody
who asks for help should wait.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cloud.src.cli import samples, version
from cloud.src.cli.aws import command as aws
from cloud.src.cli.options import (
    AllLanguages,
    AsJson,
    Containers,
    FileFormat,
    Jobs,
    Level,
    LlmModel,
    LlmTopics,
    LlmUrl,
    NoLlm,
    Open,
    Out,
    Quarter,
    QuarterFromOption,
    QuarterInFolder,
    Quiet,
    quarter_of,
)
from cloud.src.cli.screen import Screen, show_finding
from cloud.src.contract import keys
from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.files.quarters import QuarterFrom

DEFAULT_OUT = Path("ftm-output/run")
DEMO_BATCH_SIZE = 6  # firms; makes three batches, so that the demo shows what a real quarter does

app = typer.Typer(
    help="Find the themes that firms share in a quarter of earnings calls.",
    epilog="Example: ftm demo",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
local = typer.Typer(help="The local AWS by itself.", epilog="Example: ftm local up", no_args_is_help=True)
llm = typer.Typer(help="The language model's server.", epilog="Example: ftm llm check", no_args_is_help=True)
app.add_typer(local, name="local")
app.add_typer(llm, name="llm")
app.add_typer(aws.app, name="aws")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"ftm {version.VERSION} (commit {version.commit()})")
        raise typer.Exit()


@app.callback()
def ftm(
    show_version: Annotated[  # noqa: ARG001  # its callback has done it
        bool,
        typer.Option("--version", help="Print the version and the git commit.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Find the themes that firms share in a quarter of earnings calls."""


@app.command(epilog="Example: ftm demo --quarter 2023Q2")
def demo(
    quarter: Annotated[str, typer.Option(metavar="QUARTER", help="Which of the bundled quarters.")] = "2023Q1",
    out: Out = Path("ftm-output/demo"),
    llm_url: LlmUrl = None,
    llm_model: LlmModel = None,
    llm_topics: LlmTopics = False,
    no_llm: NoLlm = False,
    containers: Containers = False,
    open_report: Open = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run a bundled sample quarter of fictional firms, from transcripts to themes and their report."""
    from cloud.src.cli.environment.run_llm import LlmChoice
    from cloud.src.cli.run import command

    quarter = samples.bundled_quarter(quarter)
    command.run(
        command.RunOptions(
            quarter,
            samples.transcripts(quarter),
            out,
            DEMO_BATCH_SIZE,
            LlmChoice(llm_url, llm_model, no_llm),
            containers,
            llm_topics,
            open_report=open_report,
            as_json=as_json,
            quiet=quiet,
            is_demo=True,
        )
    )


@app.command(epilog="Example: ftm run 2020Q2 --input transcripts.parquet --out ftm-output/2020Q2")
def run(
    quarter: Quarter,
    source: Annotated[
        Path,
        typer.Option(
            "--input",
            metavar="FILE_OR_FOLDER",
            help="Transcripts: a CSV, Parquet or JSON lines file, or a folder of such files or of texts.",
        ),
    ],
    out: Out = DEFAULT_OUT,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1, max=keys.MAX_BATCH_SIZE, help="Firms per batch.", show_default="25 to 200, by the number of firms"
        ),
    ] = None,
    jobs: Jobs = None,
    quarter_from: QuarterFromOption = QuarterFrom.date,
    all_languages: AllLanguages = False,
    llm_topics: LlmTopics = False,
    llm_url: LlmUrl = None,
    llm_model: LlmModel = None,
    no_llm: NoLlm = False,
    containers: Containers = False,
    open_report: Open = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Find the themes of a quarter of your own transcripts.

    The output folder has the layout of the S3 bucket: Parquet tables that pandas or DuckDB read, and a report. The same
    command again continues an interrupted run.
    """
    from cloud.src.cli.environment.run_llm import LlmChoice
    from cloud.src.cli.run import command

    command.run(
        command.RunOptions(
            quarter,
            source,
            out,
            batch_size,
            LlmChoice(llm_url, llm_model, no_llm),
            containers,
            llm_topics,
            jobs,
            quarter_from,
            all_languages,
            open_report,
            as_json,
            quiet,
        )
    )


@app.command(epilog="Example: ftm prefetch 2020Q2 --from wrds --dry-run")
def prefetch(
    quarter: Quarter,
    source: Annotated[
        str,
        typer.Option(
            "--from", metavar="wrds|FILE|FOLDER", help="Transcripts: on WRDS, or in a file, or in a folder of files."
        ),
    ],
    to: Annotated[
        str | None,
        typer.Option(metavar="s3://BUCKET|DIR", help="Where to.", show_default="the bucket of the root storage"),
    ] = None,
    firms: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="WRDS: only these firms, one id per line: Capital IQ companyids; or, after a first line that says so, "
            "gvkey or permno.",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="WRDS: only the first N firms, by companyid.")
    ] = None,
    keep_unlinked: Annotated[
        bool, typer.Option("--keep-unlinked", help="WRDS: keep firms without a PERMNO on the day of their call.")
    ] = False,
    quarter_from: QuarterFromOption = QuarterFrom.date,
    all_languages: AllLanguages = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what there is and how long it would take, and write nothing.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a quarter that already exists.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Bring a quarter's transcripts, as sentences, into the bucket on AWS or a folder, where a run finds them.

    The login of WRDS is in ~/.pgpass, in PGUSER and PGPASSWORD, or in the secret ftm/wrds. The same command again
    continues an interrupted prefetch; a finished quarter is left as it is.
    """
    from cloud.src.cli.prefetch import command

    asked = command.PrefetchRequest(
        quarter, source, to, firms, limit, keep_unlinked, quarter_from, all_languages, dry_run, force, as_json
    )
    command.prefetch(Screen(quiet=quiet), asked)


@app.command(epilog="Example: ftm report ftm-output/demo")
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Output folder of a run.")],
    quarter: QuarterInFolder = None,
    open_report: Open = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve all reports of the folder on this machine, until Ctrl-C.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="With --serve: the port on 127.0.0.1.", show_default="a free one")
    ] = 0,
) -> None:
    """Write the report of an output folder again, of each of its quarters: one index.html that needs no network."""
    from cloud.src.cli.pages.open_page import open_page
    from cloud.src.cli.report import command

    path = command.write_report(folder, quarter)
    print(path)
    if serve:
        command.serve_reports(folder, port, open_report)
    elif open_report:
        open_page(path)


@app.command(epilog="Example: ftm compare ftm-output/grok ftm-output/qwen --out ftm-output/grok-qwen")
def compare(
    run_a: Annotated[Path | None, typer.Argument(metavar="RUN_A", help="Output folder of a run.")] = None,
    run_b: Annotated[Path | None, typer.Argument(metavar="RUN_B", help="Output folder of another run.")] = None,
    quarter: QuarterInFolder = None,
    sample: Annotated[
        int, typer.Option(min=1, help="Names to judge: half of them of families and themes, the others of topics.")
    ] = 50,
    seed: Annotated[int, typer.Option(help="Another one draws other names and shuffles their sides again.")] = 0,
    out: Out = Path("ftm-output/compare"),
    judged: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Count the choices saved from the page, by the key in --out."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare two runs of a quarter: two models, prompts or versions of the code.

    Shows the first families of both, and the names of both with their grounding (cosine of a name to the sentences of
    its topic), and writes a page to judge them on without knowing which run they are from.
    """
    from cloud.src.cli.compare import command

    if judged is not None and run_a is None:
        command.judged(judged, out, as_json)
    elif judged is None and run_a is not None and run_b is not None:
        command.compare(run_a, run_b, quarter, sample, seed, out, as_json)
    else:
        raise InvalidInput("give two output folders, or --judged FILE alone: ftm compare --help")


@app.command(epilog="Example: ftm themes --quarters 2020Q1 2020Q2 --dir ftm-output/run")
def themes(
    others: Annotated[list[str] | None, typer.Argument(metavar="[QUARTER...]", help="More of them.")] = None,
    quarters: Annotated[
        list[str] | None,
        typer.Option("--quarters", metavar="QUARTER...", help="Two quarters or more, the earliest first."),
    ] = None,
    folders: Annotated[
        list[Path] | None,
        typer.Option(
            "--dir",
            metavar="DIR",
            help="Output folder of a run; again for the other quarter's when they are in two.",
            show_default=str(DEFAULT_OUT),
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show what has become of families and themes from the first quarter to the last: new, growing, fading or gone.

    One set of them is measured in all quarters, as ftm panel does. Writes a page with all of them, and a table, beside
    the last quarter's report.
    """
    from cloud.src.cli.quarters import command

    named = [quarter_of(quarter) for quarter in [*(quarters or []), *(others or [])]]
    command.themes(Screen(quiet=quiet), named, folders or [DEFAULT_OUT], as_json)


@app.command(epilog="Example: ftm panel 2020Q1 2020Q2 --dir ftm-output/run --out ftm-output/run/panels/spring")
def panel(
    quarters: Annotated[
        list[str],
        typer.Argument(metavar="QUARTER...", help="Quarters of the panel, for example 2020Q1 2020Q2."),
    ],
    folder: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Output folder of a run.", show_default=True)
    ] = DEFAULT_OUT,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="Folder of the panel; its name is part of the themes' ids.",
            show_default="DIR/panels/QUARTERS",
        ),
    ] = None,
    joint: Annotated[bool, typer.Option("--joint", help="Themes found in all quarters together: the default.")] = False,
    themes_from: Annotated[
        str | None,
        typer.Option(
            metavar="QUARTER",
            help="The themes of this quarter, not later than the others: point in time, nothing "
            "of a later call is in an earlier row.",
        ),
    ] = None,
    level: Annotated[Level, typer.Option(help="What the grid has a row for, with each call.")] = Level.FAMILY,
    file_format: Annotated[
        FileFormat, typer.Option("--format", help="Write the grid as a CSV or Stata file, too.")
    ] = FileFormat.PARQUET,
    words: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Your own words by category (columns word, category): how many sentences of each theme have one.",
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Measure quarters with one set of themes: a row per call and family, zeros included, for an event study.

    Theme ids mean the same in all quarters. The same quarters give the same files, in whatever order they are named.
    """
    if joint and themes_from is not None:
        raise InvalidInput(
            "--joint and --themes-from cannot be combined: are the themes those of all quarters, or one?"
        )
    from cloud.src.cli.panel import command

    named = [quarter_of(quarter) for quarter in quarters]
    first = None if themes_from is None else quarter_of(themes_from)
    asked = command.PanelOptions(named, folder, out, first, level.value, file_format.value, words)
    command.panel(Screen(quiet=quiet), asked)


@app.command(epilog="Example: ftm explain 1 --dir ftm-output/demo")
def explain(
    theme: Annotated[
        str,
        typer.Argument(
            metavar="THEME", help="A theme or family, by its name or id; a number is that family's rank in the list."
        ),
    ],
    folder: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Output folder of a run.", show_default=True)
    ] = DEFAULT_OUT,
    firm: Annotated[
        str | None, typer.Option(metavar="FIRM", help="One firm only, by its name, ticker or firm_id.")
    ] = None,
    quarter: QuarterInFolder = None,
    show: Annotated[int, typer.Option(min=1, metavar="N", help="Sentences to show of each kind.")] = 8,
    as_json: AsJson = False,
) -> None:
    """Show why a theme or family is what it is: its dictionary, the sentences that count, and those left out.

    With --firm, also the firm's exposure, call by call.
    """
    from cloud.src.cli.explain import command

    command.explain(theme, firm, quarter, folder, show, as_json)


@app.command(epilog="Example: ftm audit --dir ftm-output/demo --themes 5")
def audit(
    folder: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Output folder of a run.", show_default=True)
    ] = DEFAULT_OUT,
    quarter: QuarterInFolder = None,
    n_themes: Annotated[
        int, typer.Option("--themes", min=1, metavar="N", help="Sheets to write: of the first N themes.")
    ] = 10,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="Folder of the sheets.", show_default="DIR/audit/QUARTER"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another one draws other sentences.")] = 0,
    judged: Annotated[
        Path | None,
        typer.Option(metavar="FILE_OR_FOLDER", help="Count the answers in a sheet, or in a folder of them."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Write sheets on which a judge says whether sentences are about their theme, or count the answers.

    A sheet has sentences that count, some that nearly do, and a few others, shuffled; which is which is in a key.
    """
    from cloud.src.cli.audit import command

    if judged is not None:
        command.judged(judged)
    else:
        command.audit(Screen(quiet=quiet), folder, quarter, n_themes, out, seed)


@app.command(epilog="Example: ftm bundle --dir ftm-output/demo --out demo.zip")
def bundle(
    out: Annotated[Path, typer.Option("--out", metavar="FILE.zip", help="The bundle.")],
    folder: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Output folder of a run.", show_default=True)
    ] = DEFAULT_OUT,
    quarter: QuarterInFolder = None,
    with_text: Annotated[
        bool, typer.Option("--with-text", help="With the transcripts' text, if its licence lets you pass it on.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Put a quarter into one file: settings, models, prompts, dictionaries, tables, and the command that made it.

    For a paper's replication package. Transcripts are left out, the language model's answers are in it.
    """
    from cloud.src.cli.bundle import command

    command.bundle(Screen(quiet=quiet), folder, quarter, out, with_text)


@app.command(epilog="Example: ftm verify demo.zip --input samples/transcripts_2023Q1.csv")
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="A bundle.")],
    source: Annotated[
        Path, typer.Option("--input", metavar="FILE_OR_FOLDER", help="The transcripts that its quarter was made from.")
    ],
    jobs: Jobs = None,
    quiet: Quiet = False,
) -> None:
    """Make the quarter of a bundle again, and compare all tables. Ends with 1 when one differs.

    No language model is asked: its answers are in the bundle.
    """
    from cloud.src.cli.bundle import verify

    if not verify.verify(Screen(quiet=quiet), file, source, jobs):
        raise typer.Exit(1)


@local.command(epilog="Example: ftm local up --port 5000")
def up(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the local AWS on 127.0.0.1.")] = 5000,
    jobs: Jobs = None,
    llm_url: LlmUrl = None,
    llm_model: LlmModel = None,
    apply: Annotated[
        bool,
        typer.Option("--apply", help="Set it up by applying the Terraform roots, as AWS is: 4 minutes."),
    ] = False,
    containers: Containers = False,
) -> None:
    """Run the local AWS in the foreground, for the plain `aws` command line, until Ctrl-C."""
    from cloud.src.cli.environment.local_up import local_up
    from cloud.src.cli.environment.run_llm import LlmChoice

    local_up(Screen(), port, jobs, LlmChoice(llm_url, llm_model), apply, containers)


@llm.command(epilog="Example: LLM_MODEL_NAME=Qwen/Qwen3-8B ftm llm check --url http://host:8000/v1")
def check(
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="The server.", show_default="LLM_BASE_URL, else the Grok API")
    ] = None,
) -> None:
    """Ask a server for a name as a run does: is it there, what does it answer, in what form, how fast, at what cost?

    Model and key come from LLM_MODEL_NAME and LLM_API_KEY. Ends with an error when the server cannot name a topic.
    """
    from cloud.src.cli import llm_check

    llm_check.check(url, show_finding)
