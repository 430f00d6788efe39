"""SSM parameters through which the Terraform roots, the local AWS and the ``ftm`` command find each other (ADR-009)."""

from __future__ import annotations

BUCKET = "/ftm/storage/bucket"
ALERTS_TOPIC_ARN = "/ftm/storage/alerts_topic_arn"
LLM_BASE_URL = "/ftm/vllm/base_url"
ALB_SECURITY_GROUP_ID = "/ftm/vllm/alb_security_group_id"
JOB_QUEUE_ARN = "/ftm/batch/job_queue_arn"
FIRM_PROCESSOR_ARN = "/ftm/batch/firm_processor_arn"
THEME_AGGREGATOR_ARN = "/ftm/batch/theme_aggregator_arn"
PANEL_AGGREGATOR_ARN = "/ftm/batch/panel_aggregator_arn"
STATE_MACHINE_ARN = "/ftm/stepfunctions/state_machine_arn"
