"""Handles requests that the local AWS cannot answer: moto lacks the action, or moto or one of our patches crashes."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse
from moto.s3.responses import S3Response
from werkzeug.exceptions import HTTPException

from cloud.src.localaws.moto_gaps.patching import patch

_log = logging.getLogger(__name__)

# The only server error after which an AWS client does not try again.
_NOT_IMPLEMENTED = 501


class Refusal(ServiceException):
    """An answer in the format that the service's clients expect, XML or JSON."""


def install() -> None:
    """Stock moto answers both with 500, so AWS clients try again, Terraform's for minutes."""
    patch(BaseResponse, "call_action", refusing(BaseResponse.call_action))
    for name in ("bucket_response", "key_response"):  # S3 needs a different approach
        patch(S3Response, name, refusing(getattr(S3Response, name)))


def refusing(stock: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a moto method so that requests that it cannot answer are refused, with the reason."""

    @functools.wraps(stock)
    def answer(self: BaseResponse, *request: Any) -> Any:
        try:
            return stock(self, *request)
        except (HTTPException, ClientError):  # not a crash: this is how moto answers with an error
            raise
        except NotImplementedError as error:
            return _refusal(self, "NotImplemented", f"the local AWS cannot do this: {error}")
        except Exception as error:
            if "during iteration" in str(error):
                raise  # another request interfered; in this case trying again helps
            _log.exception("a request could not be answered")
            return _refusal(
                self, "LocalAwsFailure", f"the local AWS failed, see its log: {type(error).__name__}: {error}"
            )

    return answer


def _refusal(response: BaseResponse, code: str, reason: str) -> Any:
    _, headers, body = response.serialized(ActionResult(Refusal(code, " ".join(reason.split()))))
    return _NOT_IMPLEMENTED, headers, body
