"""The client of the LLM that names topics and themes: Grok's API, our vLLM, or the small server on this machine.

All three speak the OpenAI protocol. llm_settings.py decides which one it is; in what they differ, the client finds out
by asking (dialect.py).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from email.utils import parsedate_to_datetime
from typing import Any

import openai

from cloud.src.llm.answer_book import AnswerBook, question_key
from cloud.src.llm.completion import Answer, Completion, read_answer, read_completion
from cloud.src.llm.dialect import PROBE_CHAT, Dialect, find_dialect, stated_context
from cloud.src.llm.errors import FAILS_EVERY_TIME, REFUSED, LlmBadAnswer, LlmMisconfigured
from cloud.src.llm.outage import Recovery, Trouble

DEFAULT_MAX_CONCURRENT = 8
DEFAULT_TIMEOUT_S = 120.0
# ECS takes 5 to 10 minutes to find another Spot instance and to load the model there.
DEFAULT_OUTAGE_LIMIT_S = 900.0

# So often one request is sent; between two attempts the server has been seen to serve.
MAX_ATTEMPTS = 6
# So many requests refused one after the other are not about their texts.
MAX_REFUSALS_IN_A_ROW = 20
# After so many pages that are no completion, and not one answer, the URL is taken to be wrong.
MAX_PAGES_WITHOUT_ANSWER = 3
_NO_COMPLETION = "no completion"
_LONGEST_BACKOFF_S = 8.0
_QUICK_TIMEOUT_S = 10.0
# For a limit of requests a minute whose server does not say how long to wait; twice as long each time.
_PAUSE_AFTER_429_S = 2.0

Chat = list[dict[str, str]]

log = logging.getLogger(__name__)


class _Transient(Exception):
    """One request has failed in a way that another time may not. ``case`` is for the summary."""

    def __init__(self, reason: str, case: str, pause_s: float = 0) -> None:
        super().__init__(reason)
        self.case = case
        self.pause_s = pause_s


class LlmClient:
    """Asks one model on one server, at most ``max_concurrent`` requests at a time. Belongs to one event loop.

    A request that fails for the time being (no connection, timeout, 408, 409, 429, 5xx) waits for the server together
    with all others (outage.py) and is sent again, at most MAX_ATTEMPTS times in all.

    ``tally`` counts every case: "requests", "answers", "from cache", "identical", "waits for the server",
    "failed: <why>" (these are sent again), "bad answer: <why>".
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key: str | None = None,
        max_concurrent: int = DEFAULT_MAX_CONCURRENT,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        outage_limit_s: float = DEFAULT_OUTAGE_LIMIT_S,
    ) -> None:
        self.base_url = base_url
        self._completions_url = f"{base_url.rstrip('/')}/chat/completions"
        self.model = model
        self.max_concurrent = max_concurrent
        self.tally: Counter[str] = Counter()
        # The library wants a key even for servers that ask for none.
        key = api_key or "none"
        # It does not repeat anything: it would do so for each request alone, and uncounted.
        self._openai = openai.AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=timeout_s)
        self._slots = asyncio.Semaphore(max_concurrent)
        self._recovery = Recovery(
            f"LLM server {base_url}, model {model}", self._health_problem, outage_limit_s, self.tally
        )
        self._connecting: asyncio.Task[Dialect] | None = None
        self._asked: dict[str, asyncio.Task[str]] = {}
        self._refusals_in_a_row = 0
        self._has_completed = False  # any chat, even a probe: the server is an LLM

    async def ask(
        self,
        chat: Chat,
        answer_type: type[Answer],
        max_tokens: int,
        temperature: float = 0,
        sample: int = 0,
        book: AnswerBook | None = None,
    ) -> Answer:
        """Return the model's answer to a chat of ``{"role", "content"}`` turns, in the shape of ``answer_type``.

        The same question is sent once in the client's life, and not at all when ``book`` has its answer. ``sample``
        numbers several answers to one question.
        Raises LlmBadAnswer when the server refuses this text or the answer is not of that shape, LlmUnavailable when
        there has been no server for too long, LlmMisconfigured when no answer can be expected at all.
        """
        key = question_key(self.model, chat, answer_type, max_tokens, temperature, sample)
        text = book.get(key) if book is not None else None
        try:
            if text is not None:
                self.tally["from cache"] += 1
            else:
                text = await self._deduplicated(key, chat, answer_type, max_tokens, temperature)
            if book is not None:
                book.put(key, text)
            return read_answer(text, answer_type)
        except LlmBadAnswer as error:
            self.tally[f"bad answer: {error.case}"] += 1
            raise

    async def connect(self) -> Dialect:
        """Wait until the server serves and find out how it wants to be asked; later calls return at once.

        Raises LlmUnavailable or LlmMisconfigured.
        """
        if self._connecting is None or (self._connecting.done() and self._connecting.exception()):
            self._connecting = asyncio.create_task(self._connect())
        return await asyncio.shield(self._connecting)

    async def wait_until_ready(self, timeout_s: float = 60) -> None:
        """Return when the server serves; raise LlmUnavailable when it does not within ``timeout_s``, or
        LlmMisconfigured when it does not want us."""
        await self._recovery.wait(limit_s=timeout_s)

    async def close(self) -> None:
        """Close the connections to the server."""
        await self._openai.close()

    async def _connect(self) -> Dialect:
        await self._recovery.wait()
        dialect = await find_dialect(self._send_with_retries, await self._context_tokens())
        log.info("LLM server %s, model %s: %s", self.base_url, self.model, dialect)
        return dialect

    async def _deduplicated(
        self, key: str, chat: Chat, answer_type: type[Answer], max_tokens: int, temperature: float
    ) -> str:
        task = self._asked.get(key)
        if task is None:
            task = asyncio.create_task(self._request(chat, answer_type, max_tokens, temperature))
            self._asked[key] = task
        else:
            self.tally["identical"] += 1
        try:
            return await asyncio.shield(task)
        except BaseException:
            self._asked.pop(key, None)  # what has failed may be asked again
            raise

    async def _request(self, chat: Chat, answer_type: type[Answer], max_tokens: int, temperature: float) -> str:
        dialect = await self.connect()
        body = {
            "messages": chat,
            "max_tokens": dialect.max_tokens(max_tokens, chat),
            "temperature": temperature,
            **dialect.fields(answer_type),
        }
        async with self._slots:
            completion = await self._send_with_retries(body)
        text = completion.checked_text()
        self.tally["answers"] += 1
        return text

    async def _send_with_retries(self, body: dict[str, Any]) -> Completion:
        """Send until there is a completion, waiting for the server where it is away."""
        for attempt in range(MAX_ATTEMPTS):
            await self._recovery.no_outage()
            try:
                return await self._send(body)
            except _Transient as failure:
                self.tally[f"failed: {failure.case}"] += 1
                log.debug("LLM request sent again: %s", failure)
                last = failure
                pause_s = failure.pause_s or (_PAUSE_AFTER_429_S * 2**attempt if failure.case == "429" else 0)
                await self._recovery.wait(pause_s)
            # The server serves, but not this request: gently, it may be too much for it.
            await asyncio.sleep(min(0.1 * 4**attempt, _LONGEST_BACKOFF_S))
        raise LlmBadAnswer(f"{MAX_ATTEMPTS} attempts failed, the last: {last}", FAILS_EVERY_TIME)

    async def _send(self, body: dict[str, Any]) -> Completion:
        """Send one request once. Raises _Transient, LlmBadAnswer (refused) or LlmMisconfigured."""
        self.tally["requests"] += 1
        try:
            # Not chat.completions.create: making its types takes longer than all the rest (bench_llm_client.py). The
            # URL is whole, because the library takes its time to put two halves together.
            page = await self._openai.post(self._completions_url, cast_to=object, body={"model": self.model, **body})
            completion = read_completion(page)
        except openai.APIStatusError as error:
            raise self._status_error(error) from error
        except openai.APIConnectionError as error:
            raise _connection_failure(error) from error
        except (openai.APIError, ValueError) as error:  # no JSON, or JSON that is no completion
            raise self._no_llm(error) from error
        self._refusals_in_a_row = 0
        self._has_completed = True
        return completion

    def _status_error(self, error: openai.APIStatusError) -> Exception:
        status, reason = error.status_code, _reason(error)
        if _is_transient(status):
            return _Transient(reason, str(status), _retry_after(error))
        # Grok answers 403 to a text that its filter refuses: once it has answered others, key and model are right.
        if status in (400, 413, 422) or (status == 403 and self.tally["answers"]):
            self._refusals_in_a_row += 1
            if self._refusals_in_a_row < MAX_REFUSALS_IN_A_ROW:
                return LlmBadAnswer(f"LLM server {self.base_url}, model {self.model}: {reason}", REFUSED)
        return LlmMisconfigured(f"LLM server {self.base_url}, model {self.model}: {reason}")

    def _no_llm(self, error: Exception) -> Exception:
        n_before = self.tally[f"failed: {_NO_COMPLETION}"]
        # Something between us and an LLM may answer in its place, but not again and again where nothing was answered.
        if self.tally["answers"] or (self._has_completed and n_before < MAX_PAGES_WITHOUT_ANSWER):
            return _Transient(f"no completion came back: {error!s:.200}", _NO_COMPLETION)
        return LlmMisconfigured(
            f"LLM server {self.base_url} does not answer like one: is the URL right? It answers {error!s:.200}"
        )

    async def _health_problem(self) -> Trouble | None:
        """Look at the server once, in the order in which one comes up: healthy, with a model, with an answer.

        vLLM is healthy before it can serve, and llama.cpp lists its model before. A page that is not there or not for
        us says nothing: Grok's API knows no /health, and a proxy may have a key for the chat only.
        """
        root = self.base_url.rstrip("/")
        try:
            await self._get_page(f"{root.removesuffix('/v1')}/health")
            await self._get_page(f"{root}/models")
            await self._send({"messages": PROBE_CHAT, "max_tokens": 1})
        except _Transient as failure:
            return Trouble(str(failure), failure.pause_s)
        except LlmBadAnswer as refused:
            raise LlmMisconfigured(str(refused)) from refused
        return None

    async def _get_page(self, page: str) -> Any:
        """The page's JSON, None where it is refused or is no JSON: vLLM's /health is empty. Raises _Transient."""
        try:
            return await self._openai.get(page, cast_to=object, options={"timeout": _QUICK_TIMEOUT_S})
        except openai.APIStatusError as error:
            if _is_transient(error.status_code):
                raise _Transient(_reason(error), str(error.status_code), _retry_after(error)) from error
        except openai.APIConnectionError as error:
            raise _connection_failure(error) from error
        except ValueError:  # no JSON, which a page like vLLM's empty /health may be
            return None
        return None

    async def _context_tokens(self) -> int | None:
        """How many tokens a prompt and its answer may have, where the server says so: vLLM in its list of models,
        llama.cpp in its properties."""
        root = self.base_url.rstrip("/")
        try:
            pages = [await self._get_page(page) for page in (f"{root}/models", f"{root.removesuffix('/v1')}/props")]
        except _Transient:  # it serves all the same
            return None
        return stated_context(self.model, *pages)


def _is_transient(status: int) -> bool:
    return status in (408, 409, 425, 429) or status >= 500


def _retry_after(error: openai.APIStatusError) -> float:
    """Seconds that the server asks us to wait, by a number or by a date; 0 when it does not say."""
    value = error.response.headers.get("retry-after", "")
    if value.replace(".", "", 1).isdecimal():
        return float(value)
    try:
        return max(0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return 0


def _connection_failure(error: openai.APIConnectionError) -> _Transient:
    return _Transient(_reason(error), "timeout" if isinstance(error, openai.APITimeoutError) else "no connection")


def _reason(error: openai.APIError) -> str:
    """One line for the user: what the server said, or why there is no connection."""
    if isinstance(error, openai.APIStatusError):
        return f"it answers {error.status_code}: {' '.join(error.message.split())[:300]}"
    return f"{error} ({error.__cause__})" if error.__cause__ else str(error)
