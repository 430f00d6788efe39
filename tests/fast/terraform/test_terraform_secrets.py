"""No Terraform file has a secret in it or asks for one: whatever Terraform knows stands in its state, in clear text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fast.terraform.terraform_files import ORDER, ROOTS, read

# Resources and data sources whose point is the value of a secret.
SECRET_VALUES = {
    "aws_iam_access_key",
    "aws_secretsmanager_random_password",
    "aws_secretsmanager_secret_version",
    "random_password",
    "tls_private_key",
}
SECRET_NAME = re.compile(r"password|passphrase|api_?key|private_key|access_key|secret_string|secret_value|auth_token")


def secrets(file: Path) -> list[str]:
    """What in the file would bring a secret into the state."""
    parsed = read(file)
    found = [f"variable {name}" for name, body in named(parsed, "variable") if is_secret_variable(name, body)]
    found += [f"output {name}" for name, body in named(parsed, "output") if body.get("sensitive")]
    for kind in ("resource", "data", "ephemeral"):
        for resource_type, resources in named(parsed, kind):
            for name, body in resources.items():
                if resource_type in SECRET_VALUES or body.get("type") == "SecureString":
                    found.append(f"{resource_type}.{name}")
                found += [f"{resource_type}.{name}: {key}" for key in keys_of(body) if SECRET_NAME.search(key.lower())]
    return found


def named(parsed: dict[str, Any], kind: str) -> Iterator[tuple[str, Any]]:
    for block in parsed.get(kind, []):
        yield from ((name, body) for name, body in block.items() if isinstance(body, dict))


def is_secret_variable(name: str, body: dict[str, Any]) -> bool:
    return bool(body.get("sensitive")) or bool(SECRET_NAME.search(name))


def keys_of(value: Any) -> Iterator[str]:
    """All keys of a block and the blocks in it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


def test_no_file_brings_a_secret_into_the_state() -> None:
    files = sorted(ROOTS.glob("*/*.tf"))
    assert {file.parent.name for file in files} == set(ORDER)
    assert [(file.parent.name, secret) for file in files for secret in secrets(file)] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('resource "aws_secretsmanager_secret" "s" {\nname = "ftm/xai"\n}', []),
        ('variable "secret_recovery_days" {\ntype = number\n}', []),
        (
            'resource "aws_secretsmanager_secret_version" "s" {\nsecret_id = "ftm/xai"\n}',
            ["aws_secretsmanager_secret_version.s"],
        ),
        (
            'data "aws_secretsmanager_secret_version" "s" {\nsecret_id = "ftm/xai"\n}',
            ["aws_secretsmanager_secret_version.s"],
        ),
        ('resource "aws_ssm_parameter" "p" {\ntype = "SecureString"\n}', ["aws_ssm_parameter.p"]),
        ('resource "aws_db_instance" "d" {\npassword = "x"\n}', ["aws_db_instance.d: password"]),
        (
            'resource "aws_x" "d" {\nsettings {\nmaster_password = var.p\n}\n}',
            ["aws_x.d: master_password"],
        ),
        ('variable "llm" {\nsensitive = true\n}', ["variable llm"]),
        ('variable "xai_api_key" {\ndefault = ""\n}', ["variable xai_api_key"]),
        ('output "login" {\nvalue = 1\nsensitive = true\n}', ["output login"]),
    ],
)
def test_secrets_are_found(tmp_path: Path, text: str, found: list[str]) -> None:
    file = tmp_path / "main.tf"
    file.write_text(f"{text}\n")
    assert secrets(file) == found
