"""Whether Batch takes jobs and starts them."""

from __future__ import annotations

import time
from typing import Any

from cloud.src.cli.aws.doctor.finding import Check, Patient, Seen, failed, passed, verdict
from cloud.src.contract import batch

# An instance of the jobs is there in a few minutes.
LONG_WAIT_S = 600


def _queue(patient: Patient) -> Seen:
    found = patient.account.client("batch").describe_job_queues(jobQueues=[batch.QUEUE])["jobQueues"]
    if not found:
        return failed(f"there is no queue {batch.QUEUE}")
    state, status = found[0]["state"], found[0]["status"]
    said = f"{batch.QUEUE}: {state}, {status} {found[0].get('statusReason', '')}".rstrip()
    return verdict([said] if (state, status) != ("ENABLED", "VALID") else [], said)


def _environments(patient: Patient) -> Seen:
    client = patient.account.client("batch")
    queues = client.describe_job_queues(jobQueues=[batch.QUEUE])["jobQueues"]
    if not queues:
        return failed(f"there is no queue {batch.QUEUE}")
    arns = [one["computeEnvironment"] for one in queues[0]["computeEnvironmentOrder"]]
    found = client.describe_compute_environments(computeEnvironments=arns)["computeEnvironments"]
    said = {
        one["computeEnvironmentName"]: f"{one.get('state')}, {one.get('status')} {one.get('statusReason', '')}".rstrip()
        for one in found
    }
    bad = [one for one in found if (one.get("state"), one.get("status")) != ("ENABLED", "VALID")]
    problems = [f"{one['computeEnvironmentName']}: {said[one['computeEnvironmentName']]}" for one in bad]
    if len(found) < len(arns):
        problems.append(f"{len(arns) - len(found)} of the queue's {len(arns)} environments are not there")
    return verdict(problems, ", ".join(said))


def _waiting(patient: Patient) -> Seen:
    client = patient.account.client("batch")
    listed = _jobs(client, "RUNNABLE")
    now_ms = time.time() * 1000
    late = [job for job in listed if now_ms - job["createdAt"] > LONG_WAIT_S * 1000]
    limit = f"for longer than {LONG_WAIT_S // 60} minutes"
    if not late:
        return passed(f"{len(listed)} jobs wait, none {limit}")
    reasons = dict.fromkeys(job["statusReason"] for job in late if job.get("statusReason"))
    if not reasons and (running := _jobs(client, "RUNNING")):
        return passed(f"{len(late)} jobs wait {limit}, behind {len(running)} that are running")
    return failed(f"{len(late)} jobs wait {limit}: {', '.join(reasons) or 'AWS gives no reason'}")


def _jobs(client: Any, status: str) -> list[dict[str, Any]]:
    pages = client.get_paginator("list_jobs").paginate(jobQueue=batch.QUEUE, jobStatus=status)
    return [job for page in pages for job in page["jobSummaryList"]]


CHECKS = (
    Check("queue", "whether the queue is enabled and valid", "apply batch (guide, section 5)", _queue),
    Check(
        "compute environments",
        "whether those of the queue are enabled and valid",
        "correct what the reason says and apply batch (guide, section 14, a job stays RUNNABLE)",
        _environments,
    ),
    Check(
        "waiting jobs",
        "jobs that have been RUNNABLE for ten minutes, for a reason that AWS gives or with no other job running",
        "no capacity: wait for on-demand instances; MISCONFIGURATION: correct batch; no reason: look at the quotas",
        _waiting,
    ),
)
