"""Sets up FTM in a local AWS: what Terraform creates in a real one, with the same names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from cloud.src.contract import batch as batch_names
from cloud.src.contract import parameters
from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.localaws.environment import LocalAws
from cloud.src.localaws.lambda_zip import HANDLER, lambda_zip

BUCKET_SUFFIX = "78ea68c8"
BUCKET = f"ftm-pipeline-{BUCKET_SUFFIX}"
FIRM_PROCESSOR = "ftm-firm-processor"
THEME_AGGREGATOR = "ftm-theme-aggregator"
PANEL_AGGREGATOR = "ftm-panel-aggregator"
JOBS = {FIRM_PROCESSOR: "map", THEME_AGGREGATOR: "reduce", PANEL_AGGREGATOR: "panel"}  # definition -> command
STATE_MACHINE = "ftm-quarter-processor"
PANEL_STATE_MACHINE = "ftm-panel-processor"
DEFINITIONS = {STATE_MACHINE: "quarter_processor.asl.json", PANEL_STATE_MACHINE: "panel_processor.asl.json"}
JOB_LOG_GROUP = "/aws/batch/ftm"
FUNCTIONS = {  # function -> module
    "ftm-prefetch-check": "prefetch_check",
    "ftm-create-batch-manifest": "create_batch_manifest",
    "ftm-summarize-results": "summarize_results",
    "ftm-notify-completion": "notify_completion",
}

# As cloud/terraform/batch has it: another attempt if the host went away, none if the job itself failed.
RETRY_STRATEGY: Mapping[str, Any] = {
    "attempts": 3,
    "evaluateOnExit": [
        {"onStatusReason": "Host EC2*", "action": "RETRY"},
        {"onReason": "CannotPullContainer*", "action": "RETRY"},
        {"onReason": "DockerTimeoutError*", "action": "RETRY"},
        {"onStatusReason": "Task failed to start*", "action": "RETRY"},
        {"onReason": "*", "action": "EXIT"},
    ],
}

WORKER_IMAGE = "ftm-worker:local"
_HOUR_S = 3600


@dataclass(frozen=True)
class Provisioned:
    """What was set up."""

    bucket: str
    job_queue_arn: str
    firm_processor_arn: str
    theme_aggregator_arn: str
    panel_aggregator_arn: str
    state_machine_arn: str
    panel_state_machine_arn: str


def provision(aws: LocalAws, job_environment: Mapping[str, str], llm_api_key: str | None = None) -> Provisioned:
    """Make everything FTM needs; ``job_environment`` becomes part of the job definitions.

    ``llm_api_key`` becomes a secret, which the job definitions only refer to, so that reading them does not reveal the
    key. Raises InvalidInput if the local AWS is already set up.
    """
    if _is_set_up(aws):
        raise InvalidInput(f"the local AWS at {aws.endpoint_url} is set up already: use it as it is, or start another")
    # Not versioned, unlike in AWS: nothing here outlives the server, and old versions would only fill its memory.
    aws.client("s3").create_bucket(Bucket=BUCKET)
    _create_log_groups(aws)
    job_queue_arn = _create_job_queue(aws, _create_role(aws, "ftm-batch-service-role", "batch.amazonaws.com"))
    secrets = _create_secrets(aws, llm_api_key)
    jobs = {
        # A panel asks no LLM.
        name: _register_job(aws, name, command, job_environment, {} if name == PANEL_AGGREGATOR else secrets)
        for name, command in JOBS.items()
    }
    function_arns = _create_functions(aws, _create_role(aws, "ftm-lambda-role", "lambda.amazonaws.com"))
    variables: dict[str, str | int] = {
        **{f"{FUNCTIONS[function]}_arn": arn for function, arn in function_arns.items()},
        "job_queue_arn": job_queue_arn,
        "firm_processor_arn": jobs[FIRM_PROCESSOR],
        "theme_aggregator_arn": jobs[THEME_AGGREGATOR],
        "panel_aggregator_arn": jobs[PANEL_AGGREGATOR],
        "max_concurrency": aws.job_slots,  # more would only wait for a slot
        "retry_interval_seconds": 1,
        "map_timeout_seconds": 24 * _HOUR_S,
        "reduce_timeout_seconds": 24 * _HOUR_S,
        "panel_timeout_seconds": 24 * _HOUR_S,
        "execution_timeout_seconds": 9 * 24 * _HOUR_S,
    }
    role_arn = _create_role(aws, "ftm-states-role", "states.amazonaws.com")
    machines = [_create_state_machine(aws, name, role_arn, definition(variables, name)) for name in DEFINITIONS]
    provisioned = Provisioned(BUCKET, job_queue_arn, *jobs.values(), *machines)
    _publish(aws, provisioned, job_environment)
    return provisioned


def _is_set_up(aws: LocalAws) -> bool:
    # the last thing that provision() writes
    return bool(aws.client("ssm").get_parameters(Names=[parameters.STATE_MACHINE_ARN])["Parameters"])


def _create_log_groups(aws: LocalAws) -> None:
    functions = [f"/aws/lambda/{function}" for function in FUNCTIONS]
    machines = [f"/aws/states/{machine}" for machine in DEFINITIONS]
    for group in (JOB_LOG_GROUP, *machines, *functions):
        aws.client("logs").create_log_group(logGroupName=group)


def _create_role(aws: LocalAws, name: str, service: str) -> str:
    """A role that ``service`` may assume. It has no permissions because the local AWS checks none."""
    trust: dict[str, Any] = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    }
    role = aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    return str(role["Role"]["Arn"])


def _create_job_queue(aws: LocalAws, service_role_arn: str) -> str:
    batch = aws.client("batch")
    environment = batch.create_compute_environment(
        computeEnvironmentName="ftm-compute-local", type="UNMANAGED", state="ENABLED", serviceRole=service_role_arn
    )
    order = [{"order": 1, "computeEnvironment": environment["computeEnvironmentArn"]}]
    queue = batch.create_job_queue(
        jobQueueName=batch_names.QUEUE, state="ENABLED", priority=1, computeEnvironmentOrder=order
    )
    return str(queue["jobQueueArn"])


def _create_secrets(aws: LocalAws, llm_api_key: str | None) -> dict[str, str]:
    """ARN of the secret behind each secret environment variable of the jobs."""
    if not llm_api_key:
        return {}
    secret = aws.client("secretsmanager").create_secret(Name="ftm/xai", SecretString=llm_api_key)
    return {"LLM_API_KEY": str(secret["ARN"])}


def _register_job(
    aws: LocalAws,
    name: str,
    command: str,
    environment: Mapping[str, str],
    secrets: Mapping[str, str],
) -> str:
    job_definition = aws.client("batch").register_job_definition(
        jobDefinitionName=name,
        type="container",
        containerProperties={
            "image": WORKER_IMAGE,
            "command": [command],
            "environment": [{"name": key, "value": value} for key, value in environment.items()],
            "secrets": [{"name": key, "valueFrom": arn} for key, arn in secrets.items()],
            "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "4096"}],
            "readonlyRootFilesystem": True,
            "linuxParameters": {
                "initProcessEnabled": True,
                "tmpfs": [{"containerPath": "/tmp", "size": 1024, "mountOptions": ["rw", "nosuid", "nodev"]}],
            },
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {"awslogs-group": JOB_LOG_GROUP, "awslogs-stream-prefix": name},
            },
        },
        retryStrategy=RETRY_STRATEGY,
        timeout={"attemptDurationSeconds": 12 * _HOUR_S},
    )
    return str(job_definition["jobDefinitionArn"])


def _create_functions(aws: LocalAws, role_arn: str) -> dict[str, str]:
    """ARN of each function."""
    client = aws.client("lambda")
    return {
        function: client.create_function(
            FunctionName=function,
            Runtime="python3.13",
            Role=role_arn,
            Handler=HANDLER,
            Code={"ZipFile": lambda_zip(module)},
            Timeout=60,
            MemorySize=256,
        )["FunctionArn"]
        for function, module in FUNCTIONS.items()
    }


def _create_state_machine(aws: LocalAws, name: str, role_arn: str, asl: str) -> str:
    state_machine = aws.client("stepfunctions").create_state_machine(name=name, definition=asl, roleArn=role_arn)
    return str(state_machine["stateMachineArn"])


def _publish(aws: LocalAws, provisioned: Provisioned, job_environment: Mapping[str, str]) -> None:
    """Write the SSM parameters through which the parts of FTM find each other."""
    published = {
        parameters.BUCKET: provisioned.bucket,
        parameters.JOB_QUEUE_ARN: provisioned.job_queue_arn,
        parameters.FIRM_PROCESSOR_ARN: provisioned.firm_processor_arn,
        parameters.THEME_AGGREGATOR_ARN: provisioned.theme_aggregator_arn,
        parameters.PANEL_AGGREGATOR_ARN: provisioned.panel_aggregator_arn,
    }
    if "LLM_BASE_URL" in job_environment:
        published[parameters.LLM_BASE_URL] = job_environment["LLM_BASE_URL"]
    published[parameters.STATE_MACHINE_ARN] = provisioned.state_machine_arn  # last: it shows that everything is set up
    for name, value in published.items():
        aws.client("ssm").put_parameter(Name=name, Value=value, Type="String")


# Only ${name} is a variable: $.name and $$.name belong to the states language.
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def definition(variables: Mapping[str, str | int], machine: str = STATE_MACHINE) -> str:
    """A state machine's definition as JSON; raises FtmError if its file has a variable that is not in ``variables``."""
    template = files("cloud.terraform.stepfunctions") / DEFINITIONS[machine]
    return fill_in(template.read_text(encoding="utf-8"), variables)


def fill_in(template: str, variables: Mapping[str, str | int]) -> str:
    """Replace each ``${name}``, as Terraform's templatefile() does."""
    missing = sorted(set(_VARIABLE.findall(template)) - set(variables))
    if missing:
        raise FtmError(f"the state machine's file has variables without a value: {', '.join(missing)}")
    return _VARIABLE.sub(lambda match: str(variables[match[1]]), template)
