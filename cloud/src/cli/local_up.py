"""``ftm local up``: the local AWS in the foreground, and what to type to use it."""

from __future__ import annotations

import json
import time
from typing import NoReturn

from cloud.src.cli.local_environment import LocalEnvironment, start_environment
from cloud.src.cli.naming_llm import LlmChoice
from cloud.src.cli.progress import Screen

QUARTER = "2023Q1"
SECONDS_BETWEEN_LOOKS = 5.0


def local_up(screen: Screen, port: int, jobs: int | None, llm: LlmChoice) -> None:
    """Run the local AWS until Ctrl-C. Raises InvalidInput when the port is in use."""
    with start_environment(screen.line, jobs, llm, port) as environment:
        print(instructions(environment), flush=True)
        try:
            _wait(environment)
        except KeyboardInterrupt:
            screen.line("stopped; the bucket was in memory and is gone, output folders are kept")


def _wait(environment: LocalEnvironment) -> NoReturn:
    """Wait for Ctrl-C; raises when the local AWS has ended by itself, instead of waiting beside it."""
    while True:
        time.sleep(SECONDS_BETWEEN_LOOKS)
        environment.aws.client("s3").head_bucket(Bucket=environment.bucket)


def instructions(environment: LocalEnvironment) -> str:
    """The lines to type: what to export, then the commands that prepare and use the bucket."""
    aws, bucket, state_machine = environment.aws, environment.bucket, environment.state_machine_arn
    quarter_input = json.dumps({"quarter": QUARTER, "bucket": bucket})
    batches_input = json.dumps({"quarter": QUARTER, "bucket": bucket, "batch_size": 50})
    return f"""\
Local AWS is ready. {environment.llm.cost()}
Stop it with Ctrl-C; what is in it is in memory only. In another terminal:

export AWS_ENDPOINT_URL={aws.endpoint_url}
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION={aws.region}
# an aws command before 2.13 does not read AWS_ENDPOINT_URL: give it --endpoint-url $AWS_ENDPOINT_URL

# bring a quarter into the bucket and run it there
./ftm demo

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
