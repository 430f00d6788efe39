"""The client of the LLM that names topics and themes: Grok's API, our vLLM, or the small server on this machine.

All three speak the OpenAI protocol. ``LLM_BASE_URL`` decides which one it is.
"""

from __future__ import annotations

import logging
import os
from typing import TypeVar, cast
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
        self._extra_body = {} if is_xai else {"chat_template_kwargs": {"enable_thinking": False}}

    def ask(self, chat: list[dict[str, str]], answer_type: type[Answer], max_tokens: int) -> Answer:
        """Return the model's answer to a chat of ``{"role", "content"}`` turns, in the shape of ``answer_type``.

        Raises LlmUnavailable when the server gives none, LlmBadAnswer when it is not of that shape.
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
        except openai.APIError as error:
            raise LlmUnavailable(f"LLM server {self.base_url}, model {self.model}: {_reason(error)}") from error
        # The library hands on whatever the page was.
        choices = getattr(completion, "choices", None)
        if not choices:
            raise LlmUnavailable(f"LLM server {self.base_url} does not answer like one: is the URL right?")
        content = choices[0].message.content
        try:
            return answer_type.model_validate_json(content or "")
        except ValidationError as error:
            raise LlmBadAnswer(f"model {self.model} did not answer in the shape asked for: {content!r:.200}") from error

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


def from_environment() -> LlmClient:
    """Make the client that LLM_BASE_URL, LLM_API_KEY, LLM_MODEL_NAME and LLM_MAX_CONCURRENT describe.

    Raises InvalidInput when a value is missing or wrong.
    """
    base_url = os.environ.get("LLM_BASE_URL")
    api_key = os.environ.get("LLM_API_KEY")
    model = os.environ.get("LLM_MODEL_NAME") or DEFAULT_MODEL
    if base_url:
        log.info("LLM_BASE_URL is set: using the LLM server %s, model %s", base_url, model)
    else:
        base_url = XAI_BASE_URL
        log.info("LLM_BASE_URL is not set: using the Grok API %s, model %s", base_url, model)
        if not api_key:
            raise InvalidInput("LLM_API_KEY is not set: the Grok API needs one (or set LLM_BASE_URL to another server)")
    if urlsplit(base_url).scheme not in ("http", "https") or not urlsplit(base_url).hostname:
        raise InvalidInput(f"LLM_BASE_URL {base_url!r} is not a URL: write it like http://127.0.0.1:8000/v1")
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
