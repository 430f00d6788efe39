"""Actions that moto does not have."""

from __future__ import annotations

import json
from typing import Any

from moto.core.responses import BaseResponse

from cloud.src.localaws.patching import patch


def install() -> None:
    """Stock moto answers 500 to an action it does not have, which every AWS client takes for a reason to try again."""

    def call_action(self: BaseResponse) -> Any:
        try:
            return stock_call_action(self)
        except NotImplementedError as error:
            body = {"__type": "NotImplemented", "message": f"the local AWS cannot do this: {error}"}
            return 501, {"status": 501, "x-amzn-errortype": "NotImplemented"}, json.dumps(body)

    stock_call_action = patch(BaseResponse, "call_action", call_action)
