"""``ftm aws cost``: the estimate beside what was written down, and what Cost Explorer says."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from cloud.src.cli.__main__ import run
from cloud.src.cli.aws import cost as costs
from cloud.src.cli.aws.account import Account
from cloud.src.contract import keys, prices
from cloud.src.contract.cost import ExecutionCost, JobsCost
from tests.component.cli.aws_faults import faulty
from tests.component.conftest import BUCKET

QUARTER = "2023Q1"
FAILED = ExecutionCost(
    manifest_key="manifests/2023Q1/manifest_20230501T120000000000Z.jsonl",
    since="2023-05-01T12:00:00+00:00",
    until="2023-05-01T18:00:00+00:00",
    outcome="finished with failed batches",
    n_firms=1000,
    names_by_llm=40_000,
    prompt_tokens=12_000_000,
    answer_tokens=400_000,
    jobs={"map": JobsCost(20, 36_000, 72_000, 27_000), "reduce": JobsCost(1, 3600, 14_400, 900)},
    vllm_hours=6,
)
RESUMED = replace(
    FAILED, since="2023-05-02T08:00:00+00:00", until="2023-05-02T09:00:00+00:00", jobs=None, outcome="succeeded"
)


@pytest.fixture
def prefetched(account: Account, s3: Any) -> Account:
    firms = {str(number): "chunk_0000.parquet" for number in range(1000)}
    s3.put_object(Bucket=BUCKET, Key=keys.prefetch_manifest(QUARTER), Body=json.dumps({"firms": firms}))
    return account


def write_down(s3: Any, *executions: ExecutionCost) -> None:
    body = json.dumps({"quarter": QUARTER, "executions": [asdict(one) for one in executions]})
    s3.put_object(Bucket=BUCKET, Key=keys.cost(QUARTER), Body=body)


def rows(printed: str) -> dict[str, list[str]]:
    """The cells of a printed table, by their first one."""
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in printed.splitlines() if "│" in line]
    return {row[0]: row[1:] for row in cells}


def test_estimate_beside_actual(prefetched: Account, s3: Any, capsys: Any) -> None:
    write_down(s3, FAILED, replace(RESUMED, vllm_hours=1))

    assert run(["aws", "cost", QUARTER]) == 0

    printed = capsys.readouterr().out
    assert rows(printed) == {
        "vLLM": ["$0.95", "0.9 h", "$2.80", "7.0 h"],
        "jobs": ["$0.52", "32 vCPUs", "$0.42", "21 jobs, 24.0 vCPU h"],
        "waiting for names": ["$0.52", "all of it", "$0.28", "16.0 vCPU h"],
        "together": ["$1.47", "", "$3.22", ""],
        "names by the LLM": ["", "33,000", "", "80,000"],
        "tokens": ["", "-", "", "24,000,000 in, 800,000 out"],
    }
    assert (
        "Estimate: assumes 10 names per second, 33 topics per firm, a g5.xlarge on demand and jobs on Spot, of which "
        in printed
    )
    assert (
        f"prices are assumed, of {prices.AS_OF}: the jobs' is Spot's, vLLM's that of its instances at the end"
        in printed
    )
    assert "12:00:00+00:00 to 2023-05-01T18:00:00+00:00: finished with failed batches, $2.82" in printed
    assert ": succeeded, $0.40, not seen: jobs" in printed


def test_without_the_prefetch_there_is_no_estimate(account: Account, s3: Any, capsys: Any) -> None:
    write_down(s3, FAILED)

    assert run(["aws", "cost", QUARTER]) == 0
    printed = capsys.readouterr().out
    assert rows(printed)["vLLM"] == ["-", "", "$2.40", "6.0 h"]
    assert "Estimate: none, because the quarter's prefetch is gone" in printed

    assert run(["aws", "cost", QUARTER, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["estimate"] is None


def test_with_neither_prefetch_nor_cost_it_says_what_is_missing(account: Account, capsys: Any) -> None:
    assert run(["aws", "cost", QUARTER]) == 2
    assert "2023Q1 is not prefetched" in capsys.readouterr().err


def test_before_anything_has_ended(prefetched: Account, capsys: Any) -> None:
    assert run(["aws", "cost", QUARTER]) == 0

    printed = capsys.readouterr().out
    assert rows(printed)["together"] == ["$1.47", "", "-", ""]
    assert "No execution of 2023Q1 has recorded its cost yet" in printed
    assert "Cost Explorer: not read: no execution has ended yet" in printed


def test_prices_are_those_of_the_time(prefetched: Account, s3: Any, capsys: Any) -> None:
    write_down(s3, replace(FAILED, prices=replace(FAILED.prices, vllm_hour=1, as_of="2020-01-01")))

    run(["aws", "cost", QUARTER])

    printed = capsys.readouterr().out
    assert rows(printed)["vLLM"][2:] == ["$6.00", "6.0 h"]
    assert "assumed, of 2020-01-01" in printed


def day(start: str, usd: str) -> dict[str, Any]:
    total = {"UnblendedCost": {"Amount": usd, "Unit": "USD"}}
    return {"TimePeriod": {"Start": start, "End": "2023-05-03"}, "Total": total, "Groups": [], "Estimated": False}


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (
            [day("2023-05-01", "7.125"), day("2023-05-02", "0.5")],
            "Cost Explorer, whole days, everything with the tag Project: 2023-05-01 $7.12, 2023-05-02 $0.50",
        ),
        ([day("2023-05-01", "0")], "Cost Explorer: not read: nothing has the tag Project there: activate it"),
    ],
    ids=["billed", "tag not activated"],
)
def test_cost_explorer(prefetched: Account, s3: Any, days: list[Any], said: str) -> None:
    write_down(s3, FAILED)
    answers: dict[str, Any] = {"ce": {"get_cost_and_usage": {"ResultsByTime": days}}}

    found = costs.cost_of(faulty(prefetched, answers), QUARTER)

    assert costs.lines(found)[-1].startswith(said)


def test_where_cost_explorer_cannot_be_read_it_says_why(
    prefetched: Account, s3: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    write_down(s3, FAILED)
    monkeypatch.setenv("AWS_ENDPOINT_URL_COST_EXPLORER", "http://127.0.0.1:9")  # where nobody listens
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    assert run(["aws", "cost", QUARTER]) == 0
    assert "Cost Explorer: not read: Could not connect to the endpoint URL" in capsys.readouterr().out


def test_for_scripts(prefetched: Account, s3: Any, capsys: Any) -> None:
    write_down(s3, FAILED, RESUMED)

    assert run(["aws", "cost", QUARTER, "--json"]) == 0

    printed = json.loads(capsys.readouterr().out)
    assert printed["executions"][0]["vllm"] == pytest.approx(6 * prices.VLLM_INSTANCE_HOUR_WITH_DISK)
    assert printed["executions"][1]["jobs"] is None


def test_what_is_damaged_is_one_line(prefetched: Account, s3: Any, capsys: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key=keys.cost(QUARTER), Body=b'{"executions": [{}]}')

    assert run(["aws", "cost", QUARTER]) == 2
    assert f"{keys.cost(QUARTER)} is not the cost of a quarter (it has no manifest_key)" in capsys.readouterr().err
