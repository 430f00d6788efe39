"""What stands for the Terraform root ecs where Terraform is not used: vLLM's names, to be scaled and looked at."""

from __future__ import annotations

from typing import Any

from cloud.src.contract import vllm
from cloud.src.localaws.environment import LocalAws

PORT = 8000
JOBS, BALANCER, INSTANCES = "ftm-batch-sg", "ftm-vllm-alb-sg", "ftm-vllm-instance-sg"


def provision_vllm(aws: LocalAws) -> None:
    """Make vLLM's group, cluster, service, load balancer, security groups and log group, scaled to 0."""
    aws.client("logs").create_log_group(logGroupName=vllm.LOG_GROUP)
    subnets = _default_subnets(aws)
    groups = _create_security_groups(aws, subnets[0]["VpcId"])
    target_group = _create_load_balancer(aws, subnets, groups[BALANCER])
    _create_scaling_group(aws, [one["SubnetId"] for one in subnets], groups[INSTANCES])
    _create_service(aws, target_group)


def _default_subnets(aws: LocalAws) -> list[dict[str, Any]]:
    filters = [{"Name": "default-for-az", "Values": ["true"]}]
    return list(aws.client("ec2").describe_subnets(Filters=filters)["Subnets"])


def _create_security_groups(aws: LocalAws, vpc: str) -> dict[str, str]:
    """Id by name; the jobs may talk to the load balancer, and it to the instances."""
    ec2 = aws.client("ec2")
    ids = {
        name: str(ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"])
        for name in (JOBS, BALANCER, INSTANCES)
    }
    for to, allowed, port in ((BALANCER, JOBS, 80), (INSTANCES, BALANCER, PORT)):
        rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": [{"GroupId": ids[allowed]}]}
        ec2.authorize_security_group_ingress(GroupId=ids[to], IpPermissions=[rule])
    return ids


def _create_load_balancer(aws: LocalAws, subnets: list[dict[str, Any]], security_group: str) -> str:
    """ARN of its target group."""
    elb = aws.client("elbv2")
    balancer = elb.create_load_balancer(
        Name="ftm-vllm-alb",
        Scheme="internal",
        Subnets=[one["SubnetId"] for one in subnets],
        SecurityGroups=[security_group],
    )["LoadBalancers"][0]["LoadBalancerArn"]
    target_group = elb.create_target_group(
        Name=vllm.TARGET_GROUP, Protocol="HTTP", Port=PORT, VpcId=subnets[0]["VpcId"], TargetType="instance"
    )["TargetGroups"][0]["TargetGroupArn"]
    forward = {"Type": "forward", "TargetGroupArn": target_group}
    elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[forward])
    return str(target_group)


def _create_scaling_group(aws: LocalAws, subnets: list[str], security_group: str) -> None:
    ec2 = aws.client("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]  # nothing boots
    template = ec2.create_launch_template(
        LaunchTemplateName="ftm-vllm",
        LaunchTemplateData={"ImageId": image, "InstanceType": "g5.xlarge", "SecurityGroupIds": [security_group]},
    )["LaunchTemplate"]["LaunchTemplateId"]
    aws.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=vllm.SCALING_GROUP,
        MixedInstancesPolicy={  # on Spot, as the root ecs has it
            "LaunchTemplate": {"LaunchTemplateSpecification": {"LaunchTemplateId": template, "Version": "1"}},
            "InstancesDistribution": {"OnDemandPercentageAboveBaseCapacity": 0},
        },
        MinSize=0,
        MaxSize=1,
        DesiredCapacity=0,
        VPCZoneIdentifier=",".join(subnets),
    )


def _create_service(aws: LocalAws, target_group: str) -> None:
    ecs = aws.client("ecs")
    log = {"awslogs-group": vllm.LOG_GROUP, "awslogs-stream-prefix": "vllm"}
    container = {
        "name": "vllm",
        "image": "ftm-vllm:local",
        "memory": 1024,
        "portMappings": [{"containerPort": PORT, "hostPort": PORT}],
        "logConfiguration": {"logDriver": "awslogs", "options": log},
    }
    ecs.create_cluster(clusterName=vllm.CLUSTER)
    task = ecs.register_task_definition(family="ftm-vllm", networkMode="host", containerDefinitions=[container])
    ecs.create_service(
        cluster=vllm.CLUSTER,
        serviceName=vllm.SERVICE,
        taskDefinition=task["taskDefinition"]["taskDefinitionArn"],
        launchType="EC2",
        desiredCount=0,
        loadBalancers=[{"targetGroupArn": target_group, "containerName": "vllm", "containerPort": PORT}],
    )
