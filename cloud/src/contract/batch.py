"""What the queue and the jobs are called on Batch. Standard library only: a Lambda function uses it too."""

from __future__ import annotations

QUEUE = "ftm-queue-main"
# The state machine names them so, with the batch's id or the quarter behind.
MAP_JOB, REDUCE_JOB = "ftm-map-", "ftm-reduce-"
