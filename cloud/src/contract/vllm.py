"""What vLLM's group, cluster and service are called on AWS. Standard library only: a Lambda function uses it too."""

from __future__ import annotations

CLUSTER = "ftm-vllm-cluster"
SERVICE = "ftm-vllm-service"
SCALING_GROUP = "ftm-vllm-asg"
TARGET_GROUP = "ftm-vllm-tg2"
STOP = (
    f"aws ecs update-service --cluster {CLUSTER} --service {SERVICE} --desired-count 0 && "
    f"aws autoscaling set-desired-capacity --auto-scaling-group-name {SCALING_GROUP} --desired-capacity 0"
)
