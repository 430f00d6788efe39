"""The table of docs/operations/commands.md, typed word for word in ``ftm local up`` with and without ``--apply``.

And what the runbook says of a quarter, by ``ftm aws``, against the latter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cloud.src.cli.samples import transcripts
from cloud.src.contract import keys
from cloud.src.localaws.endpoint import Endpoint
from cloud.src.localaws.environment import LocalAws
from cloud.src.localaws.provision import BUCKET
from tests.e2e.aws_command import Terminal, open_terminal
from tests.e2e.ftm_process import run_ftm, until
from tests.e2e.local_up_process import MODELS, NAME, exports, local_up
from tests.integration.fake_llm import FakeLlm, fake_llm
from tests.integration.terraform_roots import require_terraform

TABLE = Path(__file__).parents[2] / "docs/operations/commands.md"
ROW = re.compile(r"^\| `(aws .+?)` \| (.+) \|$", flags=re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")
LONG_S = 180
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
SMALL = ("--batch-size", 9)  # two batches


@dataclass(frozen=True)
class Row:
    """``prints``: what is printed somewhere, in this order; empty where nothing is printed."""

    command: str
    prints: list[str]

    def is_printed(self, text: str) -> bool:
        said = " ".join(text.split())
        if not self.prints:
            return not said
        return all(re.search(_pattern(one), said) for one in self.prints)


def rows() -> list[Row]:
    return [Row(command, CODE.findall(prints)) for command, prints in ROW.findall(TABLE.read_text())]


def _pattern(text: str) -> str:
    return ".*?".join(re.escape(part) for part in text.split("<...>"))


@dataclass(frozen=True)
class Operator:
    """Somebody at a terminal, and the LLM that stands in for vLLM."""

    terminal: Terminal
    llm: FakeLlm
    aws: LocalAws
    exported: dict[str, str]

    def ftm(self, *arguments: object, exit_code: int = 0) -> str:
        """What a command prints; shown by ``pytest -s``."""
        done = run_ftm(*arguments, **self.exported)
        said = f"{done.stdout}{done.stderr}"
        print(f"$ ftm {' '.join(map(str, arguments))}\n{said}")
        assert done.returncode == exit_code, said
        return said

    def move_firms(self, quarter: str, chunk: str, other: str) -> None:
        """Say in the prefetch's manifest that the second half of the firms is in another chunk."""
        s3, where = self.aws.client("s3"), {"Bucket": BUCKET, "Key": keys.prefetch_manifest(quarter)}
        manifest = json.loads(s3.get_object(**where)["Body"].read())
        for firm in list(manifest["firms"])[len(manifest["firms"]) // 2 :]:
            assert manifest["firms"][firm] == chunk
            manifest["firms"][firm] = other
        s3.put_object(**where, Body=json.dumps(manifest))

    def look_after_what_only_aws_has(self) -> None:
        """An image in the registry, and somebody who has confirmed the address of the mails."""
        manifest = {"schemaVersion": 2, "config": {"digest": f"sha256:{'0' * 64}"}, "layers": []}
        self.aws.client("ecr").put_image(
            repositoryName="ftm-worker",
            imageManifest=json.dumps(manifest),
            imageManifestMediaType=MANIFEST,
            imageTag="local",
        )
        for topic in self.aws.client("sns").list_topics()["Topics"]:
            self.aws.client("sns").subscribe(TopicArn=topic["TopicArn"], Protocol="email", Endpoint="you@example.com")


@pytest.fixture(scope="module", params=["plain", "--apply"])
def operator(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    options = [request.param] if request.param == "--apply" else []
    if options:
        require_terraform(tmp_path_factory.mktemp("provider"))
    with fake_llm(MODELS, NAME) as llm, local_up(llm, *options) as printed:
        exported = exports(printed)
        source = transcripts("2023Q1")
        assert run_ftm("prefetch", "2023Q1", "--from", source, **exported).returncode == 0
        terminal = open_terminal(tmp_path_factory.mktemp("home"), exported)
        yield Operator(terminal, llm, LocalAws(Endpoint.of(exported)), exported)


def test_the_table_is_read() -> None:
    assert len(rows()) == TABLE.read_text().count("\n| `aws ")


@pytest.mark.aws_cli
def test_every_command_prints_what_the_table_says(operator: Operator) -> None:
    operator.llm.latency_s = 1  # so that a job is seen running
    execution = ""
    for row in rows():
        command = row.command.replace("<ARN>", execution)
        printed = _typed(operator.terminal, command, row)
        if " start-execution " in command:
            execution = re.findall(r'"executionArn": "(.+)"', printed)[0]
        if "--job-status RUNNING" in command and "RUNNABLE" not in command:
            operator.llm.latency_s = 0


def _typed(terminal: Terminal, command: str, row: Row) -> str:
    """What it prints, once that is what the row says; what starts something is typed once."""
    if command.endswith("--follow"):
        return terminal.follow(command, row.is_printed, LONG_S)
    if " start-execution " in command or " update-service " in command:
        printed = terminal.type(command)
        assert row.is_printed(printed), printed
        return printed
    tries: list[str] = []

    def look() -> bool:
        tries.append(terminal.type(f"{command} || true"))  # s3 ls fails while there is nothing
        return row.is_printed(tries[-1])

    until(look, f"{row.prints} from {command}", timeout_s=LONG_S)
    return tries[-1]


@pytest.mark.parametrize("operator", ["--apply"], indirect=True)
def test_the_runbook_from_a_failed_batch_to_a_clean_doctor(operator: Operator, tmp_path: Path) -> None:
    """Its table of a quarter, with two quarters, of which one has a batch that fails at first."""
    first, second, out = "2023Q1", "2023Q2", tmp_path / "out"
    operator.ftm("prefetch", second, "--from", transcripts(second))
    operator.look_after_what_only_aws_has()
    operator.move_firms(second, "chunk_0000.parquet", "chunk_0001.parquet")

    said = operator.ftm("aws", "run", first, second, *SMALL, "--down", "on-success", "--out", out, exit_code=1)
    assert "vLLM serves: 1 of 1 instances (InService), 1 of 1 tasks running" in said
    assert f"{second}: FAILED QuarterHasFailures: " in said
    assert "chunk_0001.parquet is missing" in said
    assert "1 of 1 instances" in operator.ftm("aws", "status")
    assert "chunk_0001.parquet is missing" in operator.ftm("aws", "logs", second)

    operator.move_firms(second, "chunk_0001.parquet", "chunk_0000.parquet")
    assert "9 of 18 firms are finished and reused" in operator.ftm("aws", "resume", second)
    operator.ftm("aws", "follow", second)
    assert f"{second}: " in operator.ftm("aws", "fetch", second, "--out", out, "--publish")
    cost = operator.ftm("aws", "cost", second)
    assert "finished with failed batches" in cost
    assert ": succeeded, $" in cost

    operator.ftm("aws", "start", first, *SMALL)
    assert "stopped arn:" in operator.ftm("aws", "stop", first)
    until(lambda: ": aborted, $" in operator.ftm("aws", "cost", first), "the cost of what was stopped", LONG_S)

    assert "vLLM is down: 0 of 0 instances" in operator.ftm("aws", "down")
    assert "group that waits" not in operator.ftm("aws", "status", "--all-regions")
    assert " 0 failed, " in operator.ftm("aws", "doctor", first)
