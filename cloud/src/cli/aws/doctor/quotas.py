"""Whether the account may start the instances: quotas of EC2, in vCPUs."""

from __future__ import annotations

import functools
from typing import Any

from botocore.exceptions import ClientError

from cloud.src.cli.aws.doctor.finding import Check, Patient, Seen, verdict
from cloud.src.contract import prices

ONE_INSTANCE = 4  # vCPUs of a g5.xlarge, of which there is one on demand, and of a c6a.xlarge
LARGEST_FOR_VLLM = 8  # of a g5.2xlarge, which Spot may choose
# Code, what it limits, and how much is needed.
QUOTAS = (
    ("L-3819A6DF", "GPU instances on Spot, for vLLM", LARGEST_FOR_VLLM),
    ("L-DB2E81BA", "GPU instances on demand, for vLLM without Spot capacity", ONE_INSTANCE),
    ("L-34B43A08", "other instances on Spot, for the jobs", prices.JOB_VCPUS),
    ("L-1216C47A", "other instances on demand, for jobs without Spot capacity", ONE_INSTANCE),
)


def _quota(code: str, needed: int, patient: Patient) -> Seen:
    value = _value(patient.account.client("service-quotas"), code)
    said = f"{value:g} vCPUs, {needed} are needed"
    return verdict([said] if value < needed else [], said)


def _value(client: Any, code: str) -> float:
    try:
        return float(client.get_service_quota(ServiceCode="ec2", QuotaCode=code)["Quota"]["Value"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchResourceException":
            raise
    # Of an account that never had another value than AWS's.
    return float(client.get_aws_default_service_quota(ServiceCode="ec2", QuotaCode=code)["Quota"]["Value"])


CHECKS = tuple(
    Check(
        f"quota {code}",
        f"{limits}: {needed} vCPUs",
        f"ask for it, which takes a day or two: aws service-quotas request-service-quota-increase --service-code ec2 "
        f"--quota-code {code} --desired-value {needed}",
        functools.partial(_quota, code, needed),
    )
    for code, limits, needed in QUOTAS
)
