"""What can go wrong between FTM and a language model. Each kind is handled differently."""

from __future__ import annotations

from cloud.src.contract.errors import FtmError


class LlmUnavailable(FtmError):
    """The server has been away for longer than we wait: there is no answer, and the job goes on without it."""


class LlmMisconfigured(FtmError):
    """The server refuses us or is not an LLM (key, model, URL): waiting does not help, so the job stops."""


class LlmBadAnswer(FtmError):
    """The server works, but this answer is not what was asked for. ``case`` says why, for the summary."""

    def __init__(self, message: str, case: str) -> None:
        super().__init__(message)
        self.case = case


# Cases of LlmBadAnswer.
TRUNCATED = "cut off"
EMPTY = "empty"
REFUSED = "refused"
NOT_THE_FORM = "not the form asked for"
FAILS_EVERY_TIME = "fails every time"
