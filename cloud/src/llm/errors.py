"""What can go wrong between us and a language model. Each kind is met in another way."""

from __future__ import annotations

from cloud.src.contract.errors import FtmError


class LlmUnavailable(FtmError):
    """The server has been away for longer than we wait: what was asked has no answer, the job goes on without."""


class LlmMisconfigured(FtmError):
    """The server refuses us or is not one (key, model, URL): waiting does not fix it, so the job stops."""


class LlmBadAnswer(FtmError):
    """The server works, but this answer is not what was asked for. ``case`` says in what way, for the summary."""

    def __init__(self, message: str, case: str) -> None:
        super().__init__(message)
        self.case = case


# Cases of LlmBadAnswer.
TRUNCATED = "cut off"
EMPTY = "empty"
REFUSED = "refused"
NOT_THE_FORM = "not the form asked for"
FAILS_EVERY_TIME = "fails every time"
