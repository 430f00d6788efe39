"""Which language model to ask, and where: read from the environment, as AWS Batch sets it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cloud.src.contract.errors import InvalidInput
from cloud.src.llm.limits import DEFAULT_MAX_CONCURRENT, DEFAULT_OUTAGE_LIMIT_S, DEFAULT_TOPIC_LIMIT_S

if TYPE_CHECKING:
    from cloud.src.llm.xai_client import LlmClient

XAI_BASE_URL = "https://api.x.ai/v1"
_PAGE = re.compile(r"/(?:chat/completions|completions|responses)$")
DEFAULT_MODEL = "Qwen/Qwen3-8B"


@dataclass(frozen=True)
class LlmSettings:
    """Which server and model, and how it may be asked."""

    base_url: str
    model: str
    api_key: str | None
    max_concurrent: int
    outage_limit_s: float
    topic_limit_s: float = DEFAULT_TOPIC_LIMIT_S

    def client(self) -> LlmClient:
        """A client with these settings."""
        from cloud.src.llm.xai_client import LlmClient  # brings openai, for which no job without an LLM should wait

        return LlmClient(
            self.base_url,
            self.model,
            self.api_key,
            max_concurrent=self.max_concurrent,
            outage_limit_s=self.outage_limit_s,
            topic_limit_s=self.topic_limit_s,
        )


def from_environment(base_url: str | None = None) -> LlmSettings:
    """What ``base_url`` or LLM_BASE_URL, LLM_API_KEY, LLM_MODEL_NAME, LLM_MAX_CONCURRENT and the limits say.

    The key comes from the environment only; AWS Batch puts it there from Secrets Manager.
    Raises InvalidInput when a value is missing or wrong.
    """
    base_url = check_base_url(base_url or os.environ.get("LLM_BASE_URL") or XAI_BASE_URL)
    settings = LlmSettings(
        base_url=base_url,
        model=os.environ.get("LLM_MODEL_NAME") or DEFAULT_MODEL,
        api_key=os.environ.get("LLM_API_KEY") or None,
        max_concurrent=_whole_number("LLM_MAX_CONCURRENT", DEFAULT_MAX_CONCURRENT, least=1),
        outage_limit_s=_whole_number("LLM_OUTAGE_LIMIT_S", int(DEFAULT_OUTAGE_LIMIT_S), least=0),
        topic_limit_s=_whole_number("LLM_TOPIC_LIMIT_S", int(DEFAULT_TOPIC_LIMIT_S), least=1),
    )
    if base_url == XAI_BASE_URL and not settings.api_key:
        raise InvalidInput("LLM_API_KEY is not set: the Grok API needs one (or set LLM_BASE_URL to another server)")
    return settings


def check_base_url(base_url: str) -> str:
    """Return the URL; raise InvalidInput if it is not one or may contain a key."""
    if "@" in base_url or "?" in base_url or "#" in base_url:  # the URL is not shown: the message may end up in a log
        raise InvalidInput("the LLM's URL holds a user name, a password or a query: give the key as LLM_API_KEY")
    try:
        parts = urlsplit(base_url)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise InvalidInput(f"LLM_BASE_URL {base_url!r} is not a URL: write it like http://127.0.0.1:8000/v1")
    base_url = base_url.rstrip("/")
    if _PAGE.search(base_url):
        raise InvalidInput(
            f"LLM_BASE_URL {base_url!r} is the address of a single endpoint: use {_PAGE.sub('', base_url)} instead"
        )
    return base_url


def _whole_number(name: str, default: int, least: int) -> int:
    value = os.environ.get(name) or str(default)
    if not value.isdecimal() or int(value) < least:
        raise InvalidInput(f"{name} {value!r} is not a whole number from {least}")
    return int(value)
