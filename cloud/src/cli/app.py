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
    GridLevel,
    Jobs,
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
local = typer.Typer(help="The local AWS on its own.", epilog="Example: ftm local up", no_args_is_help=True)
llm = typer.Typer(help="Check a language model's server.", epilog="Example: ftm llm check", no_args_is_help=True)
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
    quarter: Annotated[str, typer.Option(metavar="QUARTER", help="Bundled quarter to run.")] = "2023Q1",
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
    """Run a bundled sample quarter of fictional firms, from transcripts to themes and a report."""
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
            help="Transcripts: a CSV, Parquet or JSON Lines file, or a folder of such files or of plain-text files.",
        ),
    ],
    out: Out = DEFAULT_OUT,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=keys.MAX_BATCH_SIZE,
            help="Firms per batch.",
            show_default="25 to 200, depending on the number of firms",
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
    """Find the themes in a quarter of your own transcripts.

    The output folder mirrors the S3 bucket: Parquet tables for pandas or DuckDB, and a report. To resume an
    interrupted run, run the same command again.
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
            "--from", metavar="wrds|FILE|FOLDER", help="Where the transcripts are: WRDS, a file, or a folder of files."
        ),
    ],
    to: Annotated[
        str | None,
        typer.Option(
            metavar="s3://BUCKET|DIR", help="Where to put them.", show_default="the bucket of the storage root"
        ),
    ] = None,
    firms: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="WRDS: only these firms. One Capital IQ companyid per line, or GVKEYs or PERMNOs "
            "after a first line gvkey or permno.",
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
        bool, typer.Option("--dry-run", help="Report what is there and how long it would take; write nothing.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a quarter that already exists.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Split a quarter's transcripts into sentences and put them in the S3 bucket or a folder, where a run reads them.

    WRDS credentials come from ~/.pgpass, PGUSER and PGPASSWORD, or the secret ftm/wrds. To resume an interrupted
    prefetch, run the same command again; a finished quarter is left unchanged.
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
        bool, typer.Option("--serve", help="Serve the folder's reports on this machine until Ctrl-C.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="With --serve: the port on 127.0.0.1.", show_default="a free one")
    ] = 0,
) -> None:
    """Rewrite the report of each quarter in an output folder: an index.html that works offline."""
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
        int, typer.Option(min=1, help="Names to judge: half for families and themes, half for topics.")
    ] = 50,
    seed: Annotated[int, typer.Option(help="Change it to draw other names and reshuffle the sides.")] = 0,
    out: Out = Path("ftm-output/compare"),
    judged: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Score the choices saved from the page, using the key in --out."),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compare two runs of a quarter: two models, prompts or versions of the code.

    Shows the top families of both runs and how well their names are grounded (the cosine of a name to its topic's
    sentences), and writes a page for judging names blind, without knowing which run they come from.
    """
    from cloud.src.cli.compare import command

    if judged is not None and run_a is None:
        command.judged(judged, out, as_json)
    elif judged is None and run_a is not None and run_b is not None:
        command.compare(Screen(quiet=quiet), run_a, run_b, quarter, sample, seed, out, as_json)
    else:
        raise InvalidInput("give two output folders, or --judged FILE alone: ftm compare --help")


@app.command(epilog="Example: ftm themes --quarters 2020Q1 2020Q2 --dir ftm-output/run")
def themes(
    others: Annotated[list[str] | None, typer.Argument(metavar="[QUARTER...]", help="More quarters.")] = None,
    quarters: Annotated[
        list[str] | None,
        typer.Option("--quarters", metavar="QUARTER...", help="Two or more quarters, earliest first."),
    ] = None,
    folders: Annotated[
        list[Path] | None,
        typer.Option(
            "--dir",
            metavar="DIR",
            help="Output folder of a run; repeat it when the quarters are in different folders.",
            show_default=str(DEFAULT_OUT),
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show how families and themes changed from the first quarter to the last: new, growing, fading or gone.

    All quarters are measured with one set of themes, as in ftm panel. Writes a page and a table beside the last
    quarter's report.
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
            help="Folder for the panel; its name becomes part of the theme ids.",
            show_default="DIR/panels/QUARTERS",
        ),
    ] = None,
    joint: Annotated[bool, typer.Option("--joint", help="Find themes in all quarters together (the default).")] = False,
    themes_from: Annotated[
        str | None,
        typer.Option(
            metavar="QUARTER",
            help="Use the themes of this quarter, which must not be later than the others. "
            "Point in time: no row depends on a later call.",
        ),
    ] = None,
    level: Annotated[
        GridLevel, typer.Option(help="Whether the grid has one row per call and family, or per call and theme.")
    ] = GridLevel.FAMILY,
    file_format: Annotated[
        FileFormat, typer.Option("--format", help="Also write the grid as a CSV or Stata file.")
    ] = FileFormat.PARQUET,
    words: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Your own word list (columns word, category): counts each theme's sentences by category.",
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Measure several quarters with one set of themes: one row per call and family, zeros included, for event studies.

    Theme ids mean the same thing in every quarter. The same quarters give the same files, in whatever order you name
    them.
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
            metavar="THEME", help="A theme or family, by name or id; a number is a family's rank in the list."
        ),
    ],
    folder: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Output folder of a run.", show_default=True)
    ] = DEFAULT_OUT,
    firm: Annotated[
        str | None, typer.Option(metavar="FIRM", help="Only this firm, by name, ticker or firm_id.")
    ] = None,
    quarter: QuarterInFolder = None,
    show: Annotated[int, typer.Option(min=1, metavar="N", help="Sentences of each kind to show.")] = 8,
    as_json: AsJson = False,
) -> None:
    """Explain a theme or family: its dictionary, the sentences that count, and those left out.

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
        int, typer.Option("--themes", min=1, metavar="N", help="Write sheets for the first N themes.")
    ] = 10,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="Folder for the sheets.", show_default="DIR/audit/QUARTER"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Change it to draw other sentences.")] = 0,
    judged: Annotated[
        Path | None,
        typer.Option(metavar="FILE_OR_FOLDER", help="Score a filled-in sheet, or a folder of them."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Write sheets for judging whether sentences are about their theme, or score the answers.

    Each sheet mixes sentences that count, near misses and a few others; the key is a separate file.
    """
    from cloud.src.cli.audit import command

    if judged is not None:
        command.judged(judged)
    else:
        command.audit(Screen(quiet=quiet), folder, quarter, n_themes, out, seed)


@app.command(epilog="Example: ftm bundle --dir ftm-output/demo --out demo.zip")
def bundle(
    out: Annotated[Path, typer.Option("--out", metavar="FILE.zip", help="The bundle to write.")],
    folder: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Output folder of a run.", show_default=True)
    ] = DEFAULT_OUT,
    quarter: QuarterInFolder = None,
    with_text: Annotated[
        bool, typer.Option("--with-text", help="Include the transcripts' text, if its licence lets you pass it on.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Pack a quarter into one file: settings, models, prompts, dictionaries, tables, and the command that made it.

    For replication packages: transcripts are left out, the language model's answers are included.
    """
    from cloud.src.cli.bundle import command

    command.bundle(Screen(quiet=quiet), folder, quarter, out, with_text)


@app.command(epilog="Example: ftm verify demo.zip --input samples/transcripts_2023Q1.csv")
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="The bundle.")],
    source: Annotated[
        Path, typer.Option("--input", metavar="FILE_OR_FOLDER", help="The transcripts the quarter was made from.")
    ],
    jobs: Jobs = None,
    quiet: Quiet = False,
) -> None:
    """Rerun a bundle's quarter and compare every table. Exits with 1 if any differs.

    No language model is needed: its answers are in the bundle.
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
        typer.Option("--apply", help="Set it up by applying the Terraform roots, as on AWS; takes about 4 minutes."),
    ] = False,
    containers: Containers = False,
) -> None:
    """Run the local AWS in the foreground until Ctrl-C, for use with the `aws` command line."""
    from cloud.src.cli.environment.local_up import local_up
    from cloud.src.cli.environment.run_llm import LlmChoice

    local_up(Screen(), port, jobs, LlmChoice(llm_url, llm_model), apply, containers)


@llm.command(epilog="Example: LLM_MODEL_NAME=Qwen/Qwen3-8B ftm llm check --url http://host:8000/v1")
def check(
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Address of the server.", show_default="LLM_BASE_URL, else the Grok API"),
    ] = None,
) -> None:
    """Ask a server for a name as a run does: whether it answers, in what form, how fast and at what cost.

    The model and key come from LLM_MODEL_NAME and LLM_API_KEY. Exits with an error if the server cannot name a topic.
    """
    from cloud.src.cli import llm_check

    llm_check.check(url, show_finding)
