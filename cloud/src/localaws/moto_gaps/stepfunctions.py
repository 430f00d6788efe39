"""Step Functions: what Terraform needs and moto lacks."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser, ASLParserException
from moto.stepfunctions.responses import StepFunctionResponse

from cloud.src.localaws.moto_gaps.patching import add


def install() -> None:
    """Let moto validate definitions and list versions of a state machine."""
    validate_definitions()
    list_versions()


def validate_definitions() -> None:
    """Stock moto cannot validate a definition without creating a state machine; Terraform validates one in a plan."""

    def validate_state_machine_definition(self: StepFunctionResponse) -> ActionResult:
        problems = _problems(self._get_param("definition"))
        return ActionResult({"result": "FAIL" if problems else "OK", "diagnostics": problems, "truncated": False})

    add(StepFunctionResponse, validate_state_machine_definition)


def list_versions() -> None:
    """Stock moto cannot list the versions of a state machine, which Terraform asks for. FTM publishes none."""

    def list_state_machine_versions(_self: StepFunctionResponse) -> ActionResult:
        return ActionResult({"stateMachineVersions": []})

    add(StepFunctionResponse, list_state_machine_versions)


def _problems(definition: str) -> list[dict[str, Any]]:
    try:
        AmazonStateLanguageParser.parse(definition)
    except ASLParserException as error:
        return [{"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": text} for text in error.errors]
    return []
