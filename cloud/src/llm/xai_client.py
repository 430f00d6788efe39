"""The client of the LLM that names topics and themes: Grok's API, our vLLM, or the small server on this machine.

All three speak the OpenAI protocol. ``LLM_BASE_URL`` decides which one it is.
"""

from __future__ import annotations

import logging
import os
from typing import NoReturn, TypeVar, cast
from urllib.parse import urlsplit

import openai
import tenacity
from openai.types.chat import ChatCompletionMessageParam
from openai.types.shared_params import ResponseFormatJSONSchema
from pydantic import BaseModel, ValidationError

from cloud.src.contract.errors import FtmError, InvalidInput

XAI_BASE_URL = "https://api.x.ai/v1"
DEFAULT_MODEL = "Qwen/Qwen3-8B"
DEFAULT_MAX_CONCURRENT = 8
# So many requests refused one after the other are not about their texts.
MAX_REFUSALS_IN_A_ROW = 5

Answer = TypeVar("Answer", bound=BaseModel)

log = logging.getLogger(__name__)


class LlmUnavailable(FtmError):
    """The server cannot be reached, keeps failing or refuses our requests: nothing can be named, so the job stops."""


class LlmBadAnswer(FtmError):
    """The server works, but this answer is not what was asked for: one topic has no name by LLM."""


class LlmClient:
    """Asks one model on one server. May be used by ``max_concurrent`` threads at once.

    ``retries``: how often a request is repeated after a lost connection, a timeout, 408, 409, 429 or 5xx. The openai
    library waits 0.5 s, then twice as long each time up to 8 s, less up to a quarter at random, or as long as the
    server's Retry-After asks for. Any other 4xx is our own mistake and is not repeated.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key: str | None = None,
        max_concurrent: int = DEFAULT_MAX_CONCURRENT,
        retries: int = 6,
        timeout_s: float = 120,
    ) -> None:
        self.base_url = base_url
        self.model = model
        self.max_concurrent = max_concurrent
        # The library wants a key even for servers that ask for none.
        key = api_key or "none"
        self._openai = openai.OpenAI(base_url=base_url, api_key=key, max_retries=retries, timeout=timeout_s)
        # Qwen3 thinks aloud before it answers unless its chat template is told not to. vLLM and llama.cpp pass this on
        # to the template; x.ai knows no such parameter.
        is_xai = f".{urlsplit(base_url).hostname}".endswith(".x.ai")
        self._refusals_in_a_row = 0
        self._extra_body = {} if is_xai else {"chat_template_kwargs": {"enable_thinking": False}}

    def ask(self, chat: list[dict[str, str]], answer_type: type[Answer], max_tokens: int) -> Answer:
        """Return the model's answer to a chat of ``{"role", "content"}`` turns, in the shape of ``answer_type``.

        Raises LlmUnavailable when the server gives none, LlmBadAnswer when it refuses this text or the answer is not of
        that shape.
        """
        shape: ResponseFormatJSONSchema = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": answer_type.model_json_schema()},
        }
        try:
            completion = self._openai.chat.completions.create(
                model=self.model,
                messages=cast(list[ChatCompletionMessageParam], chat),
                max_tokens=max_tokens,
                temperature=0,
                response_format=shape,
                extra_body=self._extra_body,
            )
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            self._refused(error)
        except openai.APIError as error:
            raise LlmUnavailable(f"LLM server {self.base_url}, model {self.model}: {_reason(error)}") from error
        self._refusals_in_a_row = 0
        # The library hands on whatever the page was.
        choices = getattr(completion, "choices", None)
        if not choices:
            raise LlmUnavailable(f"LLM server {self.base_url} does not answer like one: is the URL right?")
        content = choices[0].message.content
        try:
            return answer_type.model_validate_json(content or "")
        except ValidationError as error:
            raise LlmBadAnswer(f"model {self.model} did not answer in the shape asked for: {content!r:.200}") from error

    def _refused(self, error: openai.APIStatusError) -> NoReturn:
        """One refusal is about one text (a content filter, say); many in a row are about how we ask."""
        self._refusals_in_a_row += 1
        reason = f"LLM server {self.base_url}, model {self.model}: {_reason(error)}"
        if self._refusals_in_a_row >= MAX_REFUSALS_IN_A_ROW:
            raise LlmUnavailable(reason) from error
        raise LlmBadAnswer(reason) from error

    def wait_until_ready(self, timeout_s: float = 60) -> None:
        """Return as soon as the server lists its models; raise LlmUnavailable when it does not within ``timeout_s``.

        The list and not ``/health`` is asked for, because vLLM is healthy before it can serve.
        """
        once = self._openai.with_options(max_retries=0, timeout=10)
        waiting = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_transient),
            stop=tenacity.stop_after_delay(timeout_s),
            wait=tenacity.wait_fixed(1),
            reraise=True,
        )
        try:
            waiting(once.models.list)
        except openai.APIError as error:
            raise LlmUnavailable(f"LLM server {self.base_url} is not ready: {_reason(error)}") from error


def base_url_from_environment() -> str:
    """LLM_BASE_URL, or the Grok API's when it is not set; raise InvalidInput when it is no URL or holds a password."""
    base_url = os.environ.get("LLM_BASE_URL") or XAI_BASE_URL
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidInput(f"LLM_BASE_URL {base_url!r} is not a URL: write it like http://127.0.0.1:8000/v1")
    if parts.username or parts.password:
        raise InvalidInput("LLM_BASE_URL holds a user name or password, which logs would show: use LLM_API_KEY")
    return base_url


def from_environment() -> LlmClient:
    """Make the client that LLM_BASE_URL, LLM_API_KEY, LLM_MODEL_NAME and LLM_MAX_CONCURRENT describe.

    Raises InvalidInput when a value is missing or wrong.
    """
    base_url = base_url_from_environment()
    api_key = os.environ.get("LLM_API_KEY")
    model = os.environ.get("LLM_MODEL_NAME") or DEFAULT_MODEL
    if base_url == XAI_BASE_URL and not api_key:
        raise InvalidInput("LLM_API_KEY is not set: the Grok API needs one (or set LLM_BASE_URL to another server)")
    log.info("LLM server %s, model %s", base_url, model)
    return LlmClient(base_url, model, api_key, max_concurrent=_max_concurrent())


def _max_concurrent() -> int:
    value = os.environ.get("LLM_MAX_CONCURRENT") or str(DEFAULT_MAX_CONCURRENT)
    if not value.isdecimal() or int(value) < 1:
        raise InvalidInput(f"LLM_MAX_CONCURRENT {value!r} is not a whole number above 0")
    return int(value)


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, openai.APIStatusError):
        return error.status_code in (408, 409, 429) or error.status_code >= 500
    return isinstance(error, openai.APIConnectionError)


def _reason(error: openai.APIError) -> str:
    """One line for the user: what the server said, or why there is no connection."""
    if isinstance(error, openai.APIStatusError):
        return f"it answers {error.status_code}: {' '.join(error.message.split())[:300]}"
    return f"{error} ({error.__cause__})" if error.__cause__ else str(error)
