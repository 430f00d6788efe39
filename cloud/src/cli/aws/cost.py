"""``ftm aws cost``: a quarter's actual cost, as NotifyCompletion recorded it, beside its estimate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.table import Table

from cloud.src.cli.aws import quarters
from cloud.src.cli.aws.account import Account
from cloud.src.cli.aws.quarters import Estimate
from cloud.src.cli.screen import one_line
from cloud.src.contract import documents, keys, prices
from cloud.src.contract.cost import ExecutionCost, JobsCost
from cloud.src.contract.errors import InvalidInput

TAG = "Project", "ftm"  # on everything that the Terraform roots make
UNKNOWN = "-"


@dataclass(frozen=True)
class Bill:
    """What Cost Explorer reports for FTM's tag, in USD by day, or why it reports nothing."""

    usd_by_day: dict[str, float]
    why_not: str = ""


@dataclass(frozen=True)
class QuarterCost:
    """Of all executions of a quarter that have started jobs and have ended, however.

    ``estimate`` is None where the prefetch, whose firms it is for, is gone.
    """

    quarter: str
    estimate: Estimate | None
    executions: list[ExecutionCost]
    bill: Bill

    def as_json_object(self) -> dict[str, Any]:
        """The cost as JSON, in USD."""
        estimate = self.estimate
        return {
            "quarter": self.quarter,
            "estimate": estimate
            and {"vllm": estimate.vllm_usd(), "waiting": estimate.waiting_usd(), "together": estimate.usd()},
            "executions": [
                {
                    "since": one.since,
                    "until": one.until,
                    "outcome": one.outcome,
                    "vllm": None if one.vllm_hours is None else one.vllm_usd(),
                    "jobs": None if one.jobs is None else one.jobs_usd(),
                    "waiting": None if one.jobs is None else one.waiting_usd(),
                    "names_by_llm": one.names_by_llm,
                    "prompt_tokens": one.prompt_tokens,
                    "answer_tokens": one.answer_tokens,
                }
                for one in self.executions
            ],
            "cost_explorer": self.bill.usd_by_day,
            "cost_explorer_why_not": self.bill.why_not,
        }


def cost_of(account: Account, quarter: str) -> QuarterCost:
    """Return a quarter's cost; raise InvalidInput when it has no prefetch and no cost, or the record is damaged."""
    executions = _executions(account, quarter)
    estimate = None
    try:
        estimate = quarters.estimate(account, quarter)
    except InvalidInput:
        if not executions:
            raise
    return QuarterCost(quarter, estimate, executions, _bill(account, executions))


def table(cost: QuarterCost) -> Table:
    """Actual cost of all executions beside the estimate, item by item."""
    estimate, actual = cost.estimate, cost.executions
    found = Table(title=f"Cost of {cost.quarter}", title_justify="left")
    for header in ("", "Estimate", "", "Actual", ""):
        found.add_column(header, justify="right" if header else "left")
    jobs = [jobs for one in actual for jobs in (one.jobs or {}).values()]
    hours = [one.vllm_hours for one in actual if one.vllm_hours is not None]
    found.add_row(
        "vLLM",
        *((_usd(estimate.vllm_usd()), f"{estimate.hours():.1f} h") if estimate else (UNKNOWN, "")),
        *(_usd(sum(one.vllm_usd() for one in actual) if hours else None), f"{sum(hours):.1f} h" if hours else ""),
    )
    found.add_row(
        "jobs",
        *((_usd(estimate.waiting_usd()), f"{prices.JOB_VCPUS} vCPUs") if estimate else (UNKNOWN, "")),
        *(_usd(sum(one.jobs_usd() for one in actual) if jobs else None), _took(jobs)),
    )
    found.add_row(
        "  waiting for names",
        *((_usd(estimate.waiting_usd()), "all of it") if estimate else (UNKNOWN, "")),
        *(_usd(sum(one.waiting_usd() for one in actual) if jobs else None), _waited(jobs)),
    )
    found.add_section()
    known = [*hours, *jobs]
    together = _usd(sum(one.usd() for one in actual) if known else None)
    found.add_row("together", _usd(estimate.usd() if estimate else None), "", together, "")
    n_names = f"{estimate.n_names():,}" if estimate else UNKNOWN
    found.add_row("names by the LLM", "", n_names, "", f"{sum(one.names_by_llm for one in actual):,}")
    found.add_row("tokens", "", UNKNOWN, "", _tokens(actual))
    return found


def lines(cost: QuarterCost) -> list[str]:
    """Explain the table's figures, with one line per execution and what AWS has billed."""
    says = [
        (
            f"Estimate: assumes {prices.NAMES_PER_S} names per second, {prices.TOPICS_PER_FIRM} topics per firm, "
            f"a {cost.estimate.vllm.kind} and jobs on Spot, of which only the wait for names is counted."
            if cost.estimate
            else "Estimate: none, because the quarter's prefetch is gone or damaged."
        ),
        "Actual: job seconds and hours are AWS's; prices are assumed, of "
        f"{', '.join(sorted({one.prices.as_of for one in cost.executions}) or [prices.AS_OF])}: the "
        "jobs' is Spot's, vLLM's that of its instances at the end; instances that boot or idle before and after, "
        "storage and the load balancer are not included.",
    ]
    for one in cost.executions:
        unseen = [name for name, seen in (("jobs", one.jobs), ("vLLM", one.vllm_hours)) if seen is None]
        not_seen = f", not seen: {' and '.join(unseen)}" if unseen else ""
        says.append(f"{one.since} to {one.until}: {one_line(one.outcome)}, {_usd(one.usd())}{not_seen}")
    if not cost.executions:
        says.append(f"No execution of {cost.quarter} has recorded its cost yet: it does so when it ends.")
    return [*says, *_bill_lines(cost.bill)]


def _executions(account: Account, quarter: str) -> list[ExecutionCost]:
    bucket, key = account.bucket(), keys.cost(quarter)
    try:
        body = account.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return []
        raise
    return documents.cost(body, f"s3://{bucket}/{key}")


def _bill(account: Account, executions: list[ExecutionCost]) -> Bill:
    """Query only days with executions: each request costs one cent."""
    if not executions:
        return Bill({}, "no execution has ended yet")
    first, last = min(one.since for one in executions)[:10], max(one.until for one in executions)[:10]
    try:
        answer = account.client("ce").get_cost_and_usage(
            TimePeriod={"Start": first, "End": (date.fromisoformat(last) + timedelta(days=1)).isoformat()},
            Granularity="DAILY",
            Metrics=["UnblendedCost"],
            Filter={"Tags": {"Key": TAG[0], "Values": [TAG[1]]}},
        )
    except (BotoCoreError, ClientError) as error:
        return Bill({}, one_line(str(error)))
    found = {
        day["TimePeriod"]["Start"]: float(day.get("Total", {}).get("UnblendedCost", {}).get("Amount", 0))
        for day in answer.get("ResultsByTime", [])
    }
    if not any(found.values()):
        return Bill({}, f"nothing has the tag {TAG[0]} there: activate it as a cost allocation tag and wait for a day")
    return Bill(found)


def _bill_lines(bill: Bill) -> list[str]:
    if bill.why_not:
        return [f"Cost Explorer: not read: {bill.why_not}"]
    days = ", ".join(f"{day} {_usd(usd)}" for day, usd in bill.usd_by_day.items())
    return [f"Cost Explorer, whole days, everything with the tag {TAG[0]}: {days}"]


def _usd(usd: float | None) -> str:
    return UNKNOWN if usd is None else f"${usd:.2f}"


def _took(jobs: list[JobsCost]) -> str:
    if not jobs:
        return ""
    return f"{sum(one.n_jobs for one in jobs)} jobs, {sum(one.vcpu_seconds for one in jobs) / 3600:.1f} vCPU h"


def _waited(jobs: list[JobsCost]) -> str:
    return f"{sum(one.waited_vcpu_seconds() for one in jobs) / 3600:.1f} vCPU h" if jobs else ""


def _tokens(executions: list[ExecutionCost]) -> str:
    prompt, answer = (sum(getattr(one, f"{of}_tokens") for one in executions) for of in ("prompt", "answer"))
    return f"{prompt:,} in, {answer:,} out" if prompt or answer else UNKNOWN
