"""The state machine's definition: the file that Terraform deploys, with its variables filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files

from cloud.src.contract.errors import FtmError

# Only ${name} is a variable: $.name and $$.name belong to the states language.
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def definition(variables: Mapping[str, str | int]) -> str:
    """The definition as JSON; raises FtmError when the file has a variable that is not among ``variables``."""
    template = files("cloud.terraform.stepfunctions") / "quarter_processor.asl.json"
    return fill_in(template.read_text(encoding="utf-8"), variables)


def fill_in(template: str, variables: Mapping[str, str | int]) -> str:
    """Replace each ``${name}``, as Terraform's templatefile() does."""
    missing = sorted(set(_VARIABLE.findall(template)) - set(variables))
    if missing:
        raise FtmError(f"the state machine's file has variables without a value: {', '.join(missing)}")
    return _VARIABLE.sub(lambda match: str(variables[match[1]]), template)
