"""What AWS bills for while a quarter runs, in USD: about, for us-east-1 (docs/measurements/costs.md).

From AWS's price list and Spot history; both change. No other module may hold a price.
"""

from __future__ import annotations

AS_OF = "2026-11-23"

VLLM_INSTANCE_HOUR = 0.37  # a g5.xlarge on Spot, which may choose another of the ecs root's instance_types
VLLM_DISK_AND_ADDRESS_HOUR = 0.03
VLLM_INSTANCE_HOUR_WITH_DISK = VLLM_INSTANCE_HOUR + VLLM_DISK_AND_ADDRESS_HOUR
VLLM_ON_DEMAND_HOUR = {"g5.xlarge": 1.006, "g6.xlarge": 0.8048, "g5.2xlarge": 1.212, "g6.2xlarge": 0.9776}
JOB_VCPU_HOUR = 0.0176  # of a c6a.xlarge on Spot, with its disk and address
JOB_VCPU_ON_DEMAND_HOUR = 0.0409
LOAD_BALANCER_HOUR = 0.0225  # of an application load balancer; its capacity units are next to nothing here
DISK_GIB_HOUR = 0.08 / 730  # gp3, by the GiB and month

# For estimates, until somebody has measured it on a GPU.
NAMES_PER_S = 10
TOPICS_PER_FIRM = 33  # measured on two quarters of 149 firms: 31.8 and 33.5
JOB_VCPUS = 32  # that wait for the LLM

# For each MB of the sentences that map has left (docs/measurements/panel.md), on one core; by keywords, so no LLM.
PANEL_S_PER_MB = {"joint": 1.0, "fixed": 0.3}
PANEL_VCPUS = 4  # reduce_job's default
