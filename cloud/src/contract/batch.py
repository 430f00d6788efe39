"""What the queue and the jobs are called on Batch. Standard library only: a Lambda function uses it too."""

from __future__ import annotations

QUEUE = "ftm-queue-main"
# The state machines name them so, with the batch's id, the quarter or the panel's name behind.
MAP_JOB, REDUCE_JOB, PANEL_JOB = "ftm-map-", "ftm-reduce-", "ftm-panel-"
