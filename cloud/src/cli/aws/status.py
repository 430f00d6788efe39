"""``ftm aws status``: what is running in this account and region, and what it costs."""

from __future__ import annotations

from collections import Counter
from typing import Any

from cloud.src.cli.aws import panels, quarters, vllm_group
from cloud.src.cli.aws.account import Account
from cloud.src.contract.errors import InvalidInput
from cloud.src.contract.text import one_line

MAX_CAUSE = 300  # characters of how an execution has ended


def status(account: Account) -> dict[str, Any]:
    """The status as JSON; raises InvalidInput where the roots are not applied."""
    vllm = vllm_group.look(account)
    running = [
        {
            "arn": one["executionArn"],
            "quarter": quarters.quarter_of(one),
            "since": one["startDate"].isoformat(timespec="seconds"),
        }
        for one in quarters.executions(account, "RUNNING")
    ]
    return {
        "where": account.banner(),
        "vllm": {
            "instances": list(vllm.instances),
            "tasks_running": vllm.running_tasks,
            "tasks_healthy": vllm.healthy_tasks,
            "targets_healthy": vllm.healthy_targets,
            "usd_per_hour": vllm.usd_per_hour(),
            "in_words": vllm.in_words(),
        },
        "executions": running,
        "last_ended": _last_ended(account),
        "panels": [
            {
                "arn": one["executionArn"],
                "panel": panels.panel_of(one),
                "since": one["startDate"].isoformat(timespec="seconds"),
            }
            for one in panels.executions(account, "RUNNING")
        ],
        "jobs": dict(Counter(job["status"] for job in quarters.jobs(account))),
    }


def _last_ended(account: Account) -> dict[str, str] | None:
    """Of the quarter and the panel that were started last of those that have ended, the one that ended last.

    None if none has ended yet.
    """
    all_of = (quarters.executions(account), panels.executions(account))
    ended = [next((one for one in some if "stopDate" in one), None) for some in all_of]
    last = max(filter(None, ended), key=lambda one: one["stopDate"], default=None)
    if last is None:
        return None
    how = "SUCCEEDED" if last["status"] == "SUCCEEDED" else one_line(quarters.how_it_ended(last))[:MAX_CAUSE]
    quarter = quarters.quarter_of(last)
    of_what = {"quarter": quarter} if quarter else {"panel": panels.panel_of(last)}
    return {"arn": last["executionArn"], **of_what, "how": how}


def status_or_why_not(account: Account) -> dict[str, Any]:
    """The status, or why it cannot be read, so that --all-regions works where the roots are not applied."""
    try:
        return status(account)
    except InvalidInput as error:
        return {"where": account.banner(), "not_applied": str(error)}


def lines(found: dict[str, Any]) -> list[str]:
    """The status as text."""
    if "not_applied" in found:
        return [found["where"], found["not_applied"]]
    executions = [f"execution: {one['quarter']} since {one['since']}, {one['arn']}" for one in found["executions"]]
    executions += [f"execution: panel {one['panel']} since {one['since']}, {one['arn']}" for one in found["panels"]]
    counts = ", ".join(f"{count} {state}" for state, count in found["jobs"].items())
    together = f"executions running: {len(executions)}; jobs: {counts or 'none'}"
    last = found["last_ended"]
    ended = [f"last ended: {last.get('quarter') or 'panel ' + last['panel']} {last['how']}"] if last else []
    return [found["where"], f"vLLM: {found['vllm']['in_words']}", *executions, together, *ended]
