"""The permissions in the Terraform roots, read from their files: nobody may do more than somebody thought about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from cloud.src.contract import keys
from tests.fast.terraform.terraform_files import ORDER, ROOTS, blocks, local_values, read

JUSTIFIED = "justified: "


@dataclass(frozen=True)
class Statement:
    """One statement of a policy; expressions stand as they are written, ``"${local.bucket_arn}/*"``."""

    where: str
    allows: bool
    actions: list[str]
    resources: list[str]
    comments: list[str]
    is_conditional: bool

    def is_for_everything(self) -> bool:
        """Whether a resource is everything there is, or all of a service: ``*``, ``arn:aws:s3:::*``."""
        return any(
            resource == "*" or '"*"' in resource or re.fullmatch(r"arn:([^:]*:){4}\*", resource)
            for resource in self.resources
        )


def statements(file: Path) -> list[Statement]:
    """Statements of the file's policy documents, those of dynamic blocks among them."""
    return [
        read_statement(file, name, block)
        for data in read(file).get("data", [])
        for name, document in data.get("aws_iam_policy_document", {}).items()
        for block in statement_blocks(document)
    ]


def statement_blocks(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from document.get("statement", [])
    for dynamic in document.get("dynamic", []):
        yield from dynamic["statement"]["content"]


def read_statement(file: Path, document: str, block: dict[str, Any]) -> Statement:
    return Statement(
        where=f"{file.parent.name}/{file.name}, {document}, {block.get('sid', 'without sid')}",
        allows=block.get("effect", "Allow") == "Allow",
        # "All but" is read as all.
        actions=["*"] if "not_actions" in block else texts(block["actions"]),
        # A role's trust policy has none: it is about the role.
        resources=["*"] if "not_resources" in block else texts(block.get("resources", [])),
        comments=[comment["value"] for comment in block.get("__comments__", [])],
        is_conditional="condition" in block,
    )


def texts(values: Any) -> list[str]:
    """The texts of a list, or the one expression that computes it."""
    return values if isinstance(values, list) else [values]


def excess(statement: Statement) -> list[str]:
    """What is wrong with a statement: an action of a whole service, or everything as its resource without a reason."""
    if not statement.allows:
        return []
    wide = [f"{statement.where}: action {action}" for action in statement.actions if "*" in action]
    unlimited = statement.is_for_everything() and not any(text.startswith(JUSTIFIED) for text in statement.comments)
    return wide + ([f"{statement.where}: resources * without a comment '# {JUSTIFIED}...'"] if unlimited else [])


ALL_STATEMENTS = [statement for file in sorted(ROOTS.glob("*/*.tf")) for statement in statements(file)]


def test_no_statement_allows_more_than_it_says_why() -> None:
    assert {one.where.partition("/")[0] for one in ALL_STATEMENTS} == set(ORDER)
    assert len(ALL_STATEMENTS) > 30
    assert [problem for statement in ALL_STATEMENTS for problem in excess(statement)] == []


def test_only_service_policies_of_aws_are_used() -> None:
    """Others, AmazonS3FullAccess for one, allow more than the statements here may."""
    attached = {
        (root, name): body["policy_arn"].rpartition(":policy/")[2]
        for root in ORDER
        for name, body in blocks(root, "resource", "aws_iam_role_policy_attachment").items()
    }
    assert attached == {
        ("ecs", "instance"): "service-role/AmazonEC2ContainerServiceforEC2Role",
        ("batch", "service"): "service-role/AWSBatchServiceRole",
        ("batch", "instance"): "service-role/AmazonEC2ContainerServiceforEC2Role",
    }
    attached_otherwise = [
        f"{file.parent.name}/{file.name}"
        for file in ROOTS.glob("*/*.tf")
        if re.search(r"managed_policy_arns|inline_policy|policy_attachments_exclusive", file.read_text())
    ]
    assert attached_otherwise == []


def test_all_policies_are_policy_documents() -> None:
    written_otherwise = [
        f"{file.parent.name}/{file.name}"
        for file in ROOTS.glob("*/*.tf")
        if "2012-10-17" in file.read_text() or "Effect" in file.read_text()
    ]
    assert written_otherwise == []


UNJUSTIFIED = "resources * without a comment '# justified: ...'"


@pytest.mark.parametrize(
    ("statement", "problems"),
    [
        ('actions = ["s3:GetObject"]\nresources = ["arn/*"]', []),
        ('actions = ["s3:*"]\nresources = ["arn"]', ["action s3:*"]),
        ('actions = ["*"]\nresources = ["arn"]', ["action *"]),
        ('actions = ["s3:Get*"]\nresources = ["arn"]', ["action s3:Get*"]),
        ('not_actions = ["s3:DeleteBucket"]\nresources = ["arn"]', ["action *"]),
        ('effect = "Deny"\nactions = ["s3:*"]\nresources = ["*"]', []),
        ('actions = ["batch:DescribeJobs"]\n# justified: knows no resources\nresources = ["*"]', []),
        (
            'actions = ["batch:DescribeJobs"]\n# it has to\nresources = ["*"]',
            [UNJUSTIFIED],
        ),
        ('actions = ["s3:GetObject"]\nresources = ["arn:aws:s3:::*"]', [UNJUSTIFIED]),
        ('actions = ["s3:GetObject"]\nresources = concat(local.arns, ["*"])', [UNJUSTIFIED]),
        ('actions = ["s3:GetObject"]\nnot_resources = ["arn"]', [UNJUSTIFIED]),
        ('actions = ["batch:SubmitJob"]\nresources = ["arn:${local.partition}:batch:${local.region}:1:job/*"]', []),
    ],
)
def test_excessive_rights_are_found(tmp_path: Path, statement: str, problems: list[str]) -> None:
    plain = f'data "aws_iam_policy_document" "d" {{\nstatement {{\n{statement}\n}}\n}}\n'
    dynamic = f'dynamic "statement" {{\nfor_each = [1]\ncontent {{\n{statement}\n}}\n}}'
    in_dynamic_block = f'data "aws_iam_policy_document" "d" {{\n{dynamic}\n}}\n'
    for text in (plain, in_dynamic_block):
        file = tmp_path / "iam.tf"
        file.write_text(text)
        found = [problem for one in statements(file) for problem in excess(one)]
        assert [problem.partition(": ")[2] for problem in found] == problems


# --- what this system's jobs and functions may do ---------------------------------------------

USES_OF_THE_BUCKET = {"s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject"}


def test_jobs_may_only_use_the_bucket() -> None:
    allowed = {action for one in ALL_STATEMENTS if "batch/iam.tf, job," in one.where for action in one.actions}
    assert allowed == USES_OF_THE_BUCKET


@pytest.mark.parametrize("document", ["batch/iam.tf, job,", "stepfunctions/iam.tf, functions,"])
def test_a_missing_object_is_not_mistaken_for_a_missing_permission(document: str) -> None:
    """S3 answers 403 instead of 404 without s3:ListBucket on the bucket itself, free of conditions."""
    [lists] = [one for one in ALL_STATEMENTS if document in one.where and "s3:ListBucket" in one.actions]
    assert not lists.is_conditional


MANIFEST = keys.batch_manifest("2023Q1", datetime(2026, 1, 1, tzinfo=UTC))
PREFETCHED = [keys.prefetch_manifest("2023Q1"), keys.prefetch_chunk("2023Q1", 0)]
PROGRESS = keys.progress("2023Q1", "2023Q1_batch_0000")
COST = keys.cost("2023Q1")
PART = keys.part_name("2023Q1_batch_0000", 0, ["101"])
PARTS = [keys.topics_part("2023Q1", PART), keys.sentences_part("2023Q1", PART)]
PUBLISHED_PARTS = [part("2023Q1", "2023Q1_batch_0000", 0) for part in (keys.sentences, keys.evidence)]
ANSWERS = keys.llm_answers("2023Q1", PART)
THEMES_ANSWERS = keys.llm_answers_for_themes("2023Q1")
TABLES = [table("2023Q1") for table in (keys.firms, keys.calls, keys.topics, keys.themes)]


@pytest.mark.parametrize(
    ("root", "table", "who", "access", "used"),
    [
        ("batch", "job_access", "ftm-firm-processor", "reads", [*PREFETCHED, MANIFEST, *PARTS, ANSWERS]),
        ("batch", "job_access", "ftm-firm-processor", "writes", [*PARTS, PROGRESS, ANSWERS]),
        (
            "batch",
            "job_access",
            "ftm-theme-aggregator",
            "reads",
            [MANIFEST, PROGRESS, *PARTS, THEMES_ANSWERS, *TABLES, *PUBLISHED_PARTS],
        ),
        (
            "batch",
            "job_access",
            "ftm-theme-aggregator",
            "writes",
            [
                *TABLES,
                *PUBLISHED_PARTS,
                keys.theme_contributions("2023Q1"),
                keys.exposures("2023Q1"),
                keys.themes_for_sentiment("2023Q1"),
                THEMES_ANSWERS,
                keys.themes_progress("2023Q1"),
            ],
        ),
        (
            "batch",
            "job_access",
            "ftm-theme-aggregator",
            "deletes",
            [*PUBLISHED_PARTS, keys.themes("2023Q1"), *PARTS, ANSWERS],
        ),
        ("batch", "job_access", "ftm-panel-aggregator", "reads", [MANIFEST, PROGRESS, *PARTS, keys.themes("2023Q1")]),
        ("batch", "job_access", "ftm-panel-aggregator", "writes", [keys.panel_prefix("spring") + "grid/grid.parquet"]),
        ("batch", "job_access", "ftm-panel-aggregator", "deletes", [keys.panel_prefix("spring") + "grid/grid.parquet"]),
        (
            "stepfunctions",
            "functions",
            "ftm-prefetch-check",
            "reads",
            [keys.prefetch_manifest("2023Q1"), keys.themes_progress("2023Q1")],
        ),
        (
            "stepfunctions",
            "functions",
            "ftm-create-batch-manifest",
            "reads",
            [keys.prefetch_manifest("2023Q1"), keys.running("2023Q1")],
        ),
        ("stepfunctions", "functions", "ftm-create-batch-manifest", "releases", [keys.running("2023Q1")]),
        (
            "stepfunctions",
            "functions",
            "ftm-notify-completion",
            "reads",
            [MANIFEST, PROGRESS, keys.themes_progress("2023Q1"), COST],
        ),
        ("stepfunctions", "functions", "ftm-notify-completion", "writes", [COST]),
        ("stepfunctions", "functions", "ftm-create-batch-manifest", "writes", [MANIFEST]),
        ("stepfunctions", "functions", "ftm-summarize-results", "reads", [MANIFEST, PROGRESS]),
    ],
)
def test_rights_match_what_is_used(root: str, table: str, who: str, access: str, used: list[str]) -> None:
    """The local AWS checks no rights, so a folder that is missing here would show in AWS only."""
    folders = local_values(root)[table][who][access]
    assert [key for key in used if not any(fnmatchcase(key, folder) for folder in folders)] == []
    assert [folder for folder in folders if not any(fnmatchcase(key, folder) for key in used)] == []


def test_the_reduce_job_cannot_delete_its_own_answers() -> None:
    folders = local_values("batch")["job_access"]["ftm-theme-aggregator"]["deletes"]
    assert not any(fnmatchcase(THEMES_ANSWERS, folder) for folder in folders)


def test_waiting_for_a_job_needs_the_step_functions_rule() -> None:
    [rule] = [one for one in ALL_STATEMENTS if "events:PutRule" in one.actions]
    assert rule.actions == ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
    assert [arn.rpartition(":")[2] for arn in rule.resources] == ["rule/StepFunctionsGetEventsForBatchJobsRule"]
