"""``ftm llm check``: checks whether a server can name topics, how it answers, how fast it is, and what it costs."""

from __future__ import annotations

import asyncio
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from http.client import HTTPException

import boto3
import openai
from botocore.exceptions import BotoCoreError, ClientError

from cloud.src.cli.environment import proxies, vllm
from cloud.src.cli.screen import duration, one_line
from cloud.src.contract import parameters
from cloud.src.contract.errors import FtmError
from cloud.src.llm import llm_settings
from cloud.src.llm.dialect import IN_THE_PROMPT, Dialect
from cloud.src.llm.llm_settings import LlmSettings
from cloud.src.llm.manners import Manners
from cloud.src.naming import ask, name_rules
from cloud.src.worker.check_llm import TOPIC

# A server that is up answers at once; if it is still starting, the user can check again.
PATIENCE_S = 20
QUICK_TIMEOUT_S = 10

_SPEED_CHAT = [{"role": "user", "content": "Tell the story of a harbour and its ships, as long as you can."}]
_SPEED_TOKENS = 128

Report = Callable[[str, str], None]


@dataclass(frozen=True)
class Speed:
    """How fast the server writes one long answer; ``tokens`` is 0 if that is not known."""

    tokens: int
    seconds: float
    why_not: str = "the server does not count its tokens"

    def __str__(self) -> str:
        if not self.tokens:
            return f"not known: {self.why_not}"
        return f"{self.tokens / self.seconds:.0f} tokens/s ({self.tokens} tokens in {self.seconds:.1f} s, one request)"


def check(url: str | None, report: Report) -> None:
    """Ask the server what a run asks it, and ``report`` each finding: what was checked, and what was found.

    ``url``: if None, LLM_BASE_URL or the Grok API; model and key come from the environment as in a run. Raises
    InvalidInput for a wrong URL or setting, FtmError if the server cannot name a topic.
    """
    settings = llm_settings.from_environment(url)
    os.environ.update(proxies.environment())  # as in a run's jobs, so that a server that answers here answers there
    report("server", settings.base_url)
    report("cost", cost(settings.base_url))
    report("health", health(settings.base_url))
    asyncio.run(_ask(settings, report))


def health(base_url: str) -> str:
    """What /health says. Raises FtmError if nothing answers."""
    address = f"{base_url.removesuffix('/v1')}/health"
    try:
        with urllib.request.urlopen(address, timeout=QUICK_TIMEOUT_S) as page:
            return f"{address} answers {page.status}"
    except urllib.error.HTTPError as error:  # also from servers without that page
        return f"{address} answers {error.code}"
    except (OSError, HTTPException) as error:  # the latter: it speaks something else
        raise FtmError(f"LLM server {base_url} does not answer: {getattr(error, 'reason', error)}") from error


def cost(base_url: str) -> str:
    """What the server costs, as far as FTM can know."""
    if proxies.is_on_this_machine(base_url):
        return "$0.00 an hour: it is on this machine"
    if base_url == _vllm_on_ecs():
        return f"about ${vllm.USD_AN_HOUR:.2f} an hour while its instance runs: it is the vLLM service on ECS"
    return f"not known: it is not the vLLM service on ECS, as far as the AWS of this environment says ({_which_aws()})"


async def _ask(settings: LlmSettings, report: Report) -> None:
    key = settings.api_key or "none"
    async with openai.AsyncOpenAI(base_url=settings.base_url, api_key=key, max_retries=0) as server:
        models = await _models(server, settings.base_url, report)
        settings, about_model = _with_its_only_model(settings, models)
        report("model", about_model)
        client = replace(settings, outage_limit_s=PATIENCE_S).client()
        try:
            dialect = await client.connect()
            report("structured output", _structured_output(dialect))
            start = time.perf_counter()
            proposal = await ask.propose_topic(client, None, TOPIC)
            seconds = time.perf_counter() - start
        finally:
            await client.close()
        refused = name_rules.why_refused(proposal.name, TOPIC.examples)
        report("sentences", " ".join(TOPIC.examples))
        report("name", f"{proposal.name} (a run would ask again: {refused})" if refused else proposal.name)
        report("latency", f"{seconds:.2f} s for this answer{_until_a_name(seconds)}")
        report("speed", str(await _speed(server, settings.model, dialect, client.manners)))


async def _models(server: openai.AsyncOpenAI, base_url: str, report: Report) -> list[str]:
    """The models that the server lists; being refused the list does not matter if we may chat."""
    try:
        page = await server.get("/models", cast_to=object, options={"timeout": QUICK_TIMEOUT_S})
        models = [one_line(name) for name in model_names(page)]
        report("models", ", ".join(models) or "none listed")
        return models
    except openai.APIStatusError as error:
        report("models", f"not listed: it answers {error.status_code}")
        return []
    except (openai.APIError, ValueError) as error:
        raise FtmError(f"LLM server {base_url} does not answer like one: is the URL right? ({error})") from error


def model_names(page: object) -> list[str]:
    """The names in a list of models, or in an object that holds one; raise ValueError for anything else."""
    data = page.get("data", page.get("models")) if isinstance(page, dict) else page
    if not isinstance(data, list):
        raise ValueError(f"{page!s:.200}")
    entries = [model.get("id", model.get("name")) if isinstance(model, dict) else model for model in data]
    return [str(entry) for entry in entries if entry]


def _with_its_only_model(settings: LlmSettings, models: list[str]) -> tuple[LlmSettings, str]:
    """The settings, with the server's only model if the user names none, and what to say about the model."""
    if os.environ.get("LLM_MODEL_NAME"):
        return settings, f"{settings.model} (LLM_MODEL_NAME)"
    if len(models) == 1 and models != [settings.model]:
        return replace(settings, model=models[0]), f"{models[0]}, its only one: set LLM_MODEL_NAME to it for a run"
    return settings, f"{settings.model} (what is asked for when LLM_MODEL_NAME is not set)"


def _structured_output(dialect: Dialect) -> str:
    used = "no" if dialect.schema_field == IN_THE_PROMPT else "yes"
    return f"{used}: {dialect}"


def _until_a_name(seconds: float) -> str:
    """Ask until an answer is a usable name: refused names are asked for again."""
    answers = ask.SMALL_MODELS_ANSWERS_PER_NAME
    return (
        f"; a name took the small model {answers:.1f} answers on average, which is {duration(answers * seconds)} here "
        "(one request at a time; a larger model needs fewer)"
    )


async def _speed(server: openai.AsyncOpenAI, model: str, dialect: Dialect, manners: Manners) -> Speed:
    """Measure a long answer; raises FtmError if the server, although it has named a topic, does not write it."""
    body = {"model": model, "messages": _SPEED_CHAT, "max_tokens": _SPEED_TOKENS, "temperature": 0}
    start = time.perf_counter()
    try:
        page = await server.post(
            "/chat/completions", cast_to=object, body={**manners.shaped(body), **dialect.thinking_switch}
        )
    except openai.RateLimitError:  # a run would wait
        return Speed(0, 0, "429, too many requests")
    except (openai.APIError, ValueError) as error:
        raise FtmError(f"the server has named a topic, but fails at a longer text: {error}") from error
    usage = page.get("usage") if isinstance(page, dict) else None
    tokens = usage.get("completion_tokens") if isinstance(usage, dict) else None
    return Speed(tokens if isinstance(tokens, int) else 0, time.perf_counter() - start)


def _vllm_on_ecs() -> str | None:
    """The service's address, from the SSM parameter that Terraform wrote; None if AWS does not say."""
    try:
        return str(boto3.client("ssm").get_parameter(Name=parameters.LLM_BASE_URL)["Parameter"]["Value"])
    except (BotoCoreError, ClientError):  # no credentials, no region, no such parameter
        return None


def _which_aws() -> str:
    profile, region = os.environ.get("AWS_PROFILE"), boto3.Session().region_name
    return os.environ.get("AWS_ENDPOINT_URL") or f"profile {profile or 'default'}, region {region or 'none'}"
