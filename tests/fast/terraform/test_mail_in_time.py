"""NotifyCompletion sends its mail before it is ended, however long AWS takes to answer its looks."""

from __future__ import annotations

import json

from cloud.src.lambdas import looks, run_cost
from cloud.src.localaws.provision import STATE_MACHINE, definition
from tests.component.terraform.asl_engine import VARIABLES
from tests.fast.terraform.terraform_files import local_values

# For what is no request: starting Python, making clients with an eighth of a core, waiting between attempts.
OTHER_S = 10


def test_timeouts_leave_room_for_all_looks_and_the_mail() -> None:
    one_request_s = looks.CONNECT_S + looks.ANSWER_S
    longest_s = looks.ALL_LOOKS_S + one_request_s + looks.MAIL_ATTEMPTS * one_request_s
    function_s = local_values("stepfunctions")["functions"]["ftm-notify-completion"]["timeout_seconds"]
    state = json.loads(definition(VARIABLES, STATE_MACHINE))["States"]["NotifyCompletion"]

    assert longest_s + OTHER_S <= function_s < state["TimeoutSeconds"]
    assert run_cost.LONGEST_LOOK_AT_JOBS_S < looks.ALL_LOOKS_S / 2
