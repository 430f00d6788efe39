"""What an execution of a quarter has cost, as far as AWS said when it ended; kept in progress/<quarter>/_cost.json.

Standard library only: a Lambda function uses this module too.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cloud.src.contract import prices


@dataclass(frozen=True)
class JobsCost:
    """The map jobs or the reduce job: their attempts, from container start to end; not what an instance idles."""

    n_jobs: int
    seconds: float
    vcpu_seconds: float
    waited_s: float  # of ``seconds``, with nothing to do but wait for names; of a repeated job, its last attempt only

    def waited_vcpu_seconds(self) -> float:
        """vCPU seconds spent waiting for names, at the jobs' average number of vCPUs."""
        return self.waited_s * self.vcpu_seconds / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Prices:
    """Prices in USD, as assumed at that time."""

    vllm_hour: float = prices.VLLM_INSTANCE_HOUR_WITH_DISK
    job_vcpu_hour: float = prices.JOB_VCPU_HOUR
    as_of: str = prices.AS_OF


@dataclass(frozen=True)
class ExecutionCost:
    """``jobs`` by "map" and "reduce", ``vllm_hours`` of all instances meanwhile; None where AWS could not be asked."""

    manifest_key: str
    since: str  # in UTC, ISO 8601
    until: str
    outcome: str
    n_firms: int
    names_by_llm: int
    prompt_tokens: int  # 0 where the server counts none
    answer_tokens: int
    jobs: dict[str, JobsCost] | None
    vllm_hours: float | None
    prices: Prices = field(default_factory=Prices)

    def jobs_usd(self) -> float:
        """Cost of all jobs."""
        return sum(jobs.vcpu_seconds for jobs in (self.jobs or {}).values()) / 3600 * self.prices.job_vcpu_hour

    def waiting_usd(self) -> float:
        """The part of ``jobs_usd`` for waiting for names."""
        waited = sum(jobs.waited_vcpu_seconds() for jobs in (self.jobs or {}).values())
        return waited / 3600 * self.prices.job_vcpu_hour

    def vllm_usd(self) -> float:
        """Cost of vLLM's instances meanwhile."""
        return (self.vllm_hours or 0.0) * self.prices.vllm_hour

    def usd(self) -> float:
        """Total of what is known."""
        return self.jobs_usd() + self.vllm_usd()
