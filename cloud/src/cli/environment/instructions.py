"""What ``ftm local up`` prints when the local AWS is ready: what to export, and the commands that use it."""

from __future__ import annotations

import json

from cloud.src.cli.environment import vllm
from cloud.src.cli.environment.local_environment import LocalEnvironment
from cloud.src.contract import batch, parameters
from cloud.src.contract.vllm import CLUSTER, SCALING_GROUP, SERVICE
from cloud.src.localaws import terraform_roots

QUARTER = "2023Q1"


def instructions(environment: LocalEnvironment, applied: bool) -> str:
    """What an operator types; ``applied``: Terraform has made what is there."""
    terraform = _terraform(environment) if applied else ""
    return "\n".join(filter(None, [_start(environment), _vllm(), terraform, _run_again(environment)]))


def _start(environment: LocalEnvironment) -> str:
    aws = environment.aws
    return f"""\
Local AWS is ready. {environment.cost()}
Stop it with Ctrl-C; what is in it is in memory only. In another terminal:

{aws.endpoint.exports(aws.region)}
# an aws command before 2.13 does not read AWS_ENDPOINT_URL: give it --endpoint-url $AWS_ENDPOINT_URL

# bring a quarter into the bucket and run it there
./ftm demo
"""


def _vllm() -> str:
    service = f"--cluster {CLUSTER} --service {SERVICE}"
    group = f"--auto-scaling-group-name {SCALING_GROUP}"
    return f"""\
# vLLM: is it running, start it, stop it (on AWS a running instance costs about ${vllm.USD_AN_HOUR:.2f} an hour)
aws ecs describe-services --cluster {CLUSTER} --services {SERVICE} \\
  --query 'services[0].{{desired:desiredCount,running:runningCount}}'
aws autoscaling set-desired-capacity {group} --desired-capacity 1
aws ecs update-service {service} --desired-count 1
aws logs tail /ecs/ftm-vllm --since 10m
aws ecs update-service {service} --desired-count 0
aws autoscaling set-desired-capacity {group} --desired-capacity 0

# how the jobs reach it
aws ec2 describe-security-groups --query 'SecurityGroups[].[GroupName,IpPermissions[].UserIdGroupPairs[].GroupId]' \\
  --filters Name=group-name,Values=ftm-vllm-alb-sg,ftm-vllm-instance-sg,ftm-batch-sg

# what the jobs do; all commands of an operator: docs/operations/commands.md
aws batch list-jobs --job-queue {batch.QUEUE} --job-status RUNNING
"""


def _terraform(environment: LocalEnvironment) -> str:
    folder = terraform_roots.work_folder(environment.aws)
    return f"""\
aws ssm get-parameter --name {parameters.LLM_BASE_URL}

# what Terraform would change, and the commands that each root names (docs/deployment/sprint5_deployment_guide.md)
terraform -chdir={folder}/ecs plan
terraform -chdir={folder}/stepfunctions output next_commands
"""


def _run_again(environment: LocalEnvironment) -> str:
    bucket, state_machine = environment.bucket, environment.state_machine_arn
    quarter_input = json.dumps({"quarter": QUARTER, "bucket": bucket})
    batches_input = json.dumps({"quarter": QUARTER, "bucket": bucket, "batch_size": 50})
    return f"""\
# look at it, and run it again, as on AWS
aws s3 ls s3://{bucket} --recursive
aws lambda invoke --function-name ftm-prefetch-check --payload '{quarter_input}' \\
  --cli-binary-format raw-in-base64-out /dev/stdout
aws stepfunctions start-execution --state-machine-arn {state_machine} \\
  --input '{batches_input}'
aws stepfunctions list-executions --state-machine-arn {state_machine}
aws stepfunctions describe-execution --execution-arn EXECUTION_ARN
aws logs tail /aws/batch/ftm --since 30m
"""
