"""The Terraform roots have none of the mistakes that checkov knows; what is not taken for one has its reason beside it.

The actions in their policies exist: the local AWS checks no rights, so that a misspelt one would show in AWS only.

In a lockfile of its own (BUILD), so neither pytest nor the other tests' helpers are imported here.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from policy_sentry.querying.actions import get_actions_for_service

TERRAFORM = Path(__file__).parents[2] / "cloud/terraform"
POLICIES = Path(__file__).parents[2] / "docs/operations/policies"
ROOTS = {"storage", "ecs", "batch", "stepfunctions"}

PUBLIC_BUCKET = """
resource "aws_s3_bucket" "open" {
  bucket = "open"
}

resource "aws_s3_bucket_acl" "open" {
  bucket = aws_s3_bucket.open.id
  acl    = "public-read"
}
"""
BOTH_CHECKS_SKIPPED = """
resource "aws_ssm_parameter" "plain" {
  # checkov:skip=CKV2_AWS_34:No secret
  # checkov:skip=CKV_AWS_337
  name  = "plain"
  type  = "String"
  value = "text"
}
"""


def checkov(folder: Path, home: Path) -> dict[str, Any]:
    """What checkov finds in the folder's Terraform files, as it comes from PyPI: nothing is fetched or sent."""
    command = ["--directory", str(folder), "--framework", "terraform", "--skip-download", "--output", "json"]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "HOME": str(home),  # whose settings would count
        "CKV_SKIP_PACKAGE_UPDATE_CHECK": "true",
        "HTTP_PROXY": "http://127.0.0.1:9",  # where nothing answers
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    checked = subprocess.run(
        [sys.executable, "-m", "checkov.main", *command],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.stdout, checked.stderr
    report: dict[str, Any] = json.loads(checked.stdout)
    assert checked.returncode == (1 if report["results"]["failed_checks"] else 0)
    return report


def mistakes(report: dict[str, Any]) -> list[str]:
    return [f"{one['check_id']} {one['resource']}" for one in report["results"]["failed_checks"]]


def skips_without_reason(report: dict[str, Any]) -> list[str]:
    reasons = {
        f"{one['check_id']} {one['resource']}": one["check_result"]["suppress_comment"]
        for one in report["results"]["skipped_checks"]
    }
    return [skip for skip, reason in reasons.items() if not reason or reason == "No comment provided"]


def test_the_roots_have_no_known_mistake(tmp_path: Path) -> None:
    report = checkov(TERRAFORM, tmp_path)
    assert mistakes(report) == []
    assert skips_without_reason(report) == []
    assert report["summary"]["parsing_errors"] == 0
    assert {Path(one["file_path"]).parts[1] for one in report["results"]["passed_checks"]} == ROOTS


def test_a_public_bucket_is_found(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(PUBLIC_BUCKET)
    assert "CKV_AWS_20 aws_s3_bucket.open" in mistakes(checkov(tmp_path, tmp_path))


def test_a_skip_without_a_reason_is_found(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(BOTH_CHECKS_SKIPPED)
    report = checkov(tmp_path, tmp_path)
    assert mistakes(report) == []
    assert skips_without_reason(report) == ["CKV_AWS_337 aws_ssm_parameter.plain"]


# "s3:GetObject" and the like; those of "aws:" are conditions.
ACTION = re.compile(r'"((?!aws:)[a-z0-9-]+:[A-Z][A-Za-z0-9]*)"')


def unknown_actions(text: str) -> list[str]:
    actions = set(ACTION.findall(text))
    known = {
        action for service in {one.split(":")[0] for one in actions} for action in get_actions_for_service(service)
    }
    return sorted(actions - known)


def test_the_policies_have_actions_that_aws_knows() -> None:
    text = "".join(file.read_text() for file in [*TERRAFORM.glob("*/*.tf"), *POLICIES.glob("*.json")])
    assert len(set(ACTION.findall(text))) > 40
    assert unknown_actions(text) == []


def test_an_unknown_action_is_found() -> None:
    text = 'actions = ["s3:ListObjects", "s3:ListBucket", "nothing:Get"]\nvariable = "aws:SecureTransport"'
    assert unknown_actions(text) == ["nothing:Get", "s3:ListObjects"]
