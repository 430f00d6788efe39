"""The client of the LLM that names topics and themes: Grok's API, our vLLM, or the small server on this machine.

All three speak the OpenAI protocol. llm_settings.py decides which one to use; the client finds out by asking how they
differ (dialect.py).
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import Counter
from collections.abc import Coroutine
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import openai

from cloud.src.llm.answer_book import AnswerBook, question_key
from cloud.src.llm.completion import Answer, Completion, read_answer, read_completion
from cloud.src.llm.dialect import PROBE_CHAT, Dialect, find_dialect, stated_context
from cloud.src.llm.errors import FAILS_EVERY_TIME, REFUSED, LlmBadAnswer, LlmMisconfigured
from cloud.src.llm.limits import DEFAULT_MAX_CONCURRENT, DEFAULT_OUTAGE_LIMIT_S, DEFAULT_TOPIC_LIMIT_S
from cloud.src.llm.manners import Manners
from cloud.src.llm.outage import Recovery, Trouble

DEFAULT_TIMEOUT_S = 120.0
# After so many questions in a row that took longer, the server is away, whatever it answers to a probe.
MAX_TOO_SLOW_IN_A_ROW = 3

# Attempts per request; between two of them the server has been seen to serve.
MAX_ATTEMPTS = 6
# When this many requests in a row are refused, the texts are not the reason.
MAX_REFUSALS_IN_A_ROW = 20
# After this many replies that are not completions, and not one answer, the URL is assumed to be wrong.
MAX_PAGES_WITHOUT_ANSWER = 3
_NO_COMPLETION = "no completion"
_LONGEST_BACKOFF_S = 8.0
_QUICK_TIMEOUT_S = 10.0
# Pause when a rate limit comes without a time to wait; doubled each time.
_PAUSE_AFTER_429_S = 2.0

Chat = list[dict[str, str]]
Result = TypeVar("Result")

log = logging.getLogger(__name__)


class _Transient(Exception):
    """A request has failed, but may succeed later. ``case`` is for the summary."""

    def __init__(self, reason: str, case: str, pause_s: float = 0) -> None:
        super().__init__(reason)
        self.case = case
        self.pause_s = pause_s


class LlmClient:
    """Asks one model on one server, with at most ``max_concurrent`` requests at a time. Belongs to one event loop.

    A request that fails for now (no connection, timeout, 408, 409, 429, 5xx) waits for the server together with all
    others (outage.py) and is sent again, at most MAX_ATTEMPTS times in all.

    ``tally`` counts every case: "requests", "answers", "from cache", "identical", "waits for the server",
    "failed: <why>" (these are sent again), "bad answer: <why>", and "prompt tokens" and "answer tokens" where the
    server counts them. ``manners``: how the server wants its fields.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key: str | None = None,
        max_concurrent: int = DEFAULT_MAX_CONCURRENT,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        outage_limit_s: float = DEFAULT_OUTAGE_LIMIT_S,
        topic_limit_s: float = DEFAULT_TOPIC_LIMIT_S,
    ) -> None:
        self.base_url = base_url
        self._completions_url = f"{base_url.rstrip('/')}/chat/completions"
        self.model = model
        self.max_concurrent = max_concurrent
        self.tally: Counter[str] = Counter()
        # The library insists on a key, even for servers that do not.
        key = api_key or "none"
        # The library must not retry: it would do so for each request alone, and uncounted.
        self._openai = openai.AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=timeout_s)
        self._slots = asyncio.Semaphore(max_concurrent)
        self._recovery = Recovery(
            f"LLM server {base_url}, model {model}", self._health_problem, outage_limit_s, self.tally
        )
        self._connecting: asyncio.Task[Dialect] | None = None
        self._asked: dict[str, asyncio.Task[str]] = {}
        self._refusals_in_a_row = 0
        self._topic_limit_s = topic_limit_s
        self._too_slow_in_a_row = 0
        self.manners = Manners()
        self._has_completed = False  # set by any chat, even a probe: the server is an LLM

    async def ask(
        self,
        chat: Chat,
        answer_type: type[Answer],
        max_tokens: int,
        temperature: float = 0,
        sample: int = 0,
        book: AnswerBook | None = None,
    ) -> Answer:
        """Return the model's answer to a chat of ``{"role", "content"}`` turns, as an ``answer_type``.

        The same question is sent once in the client's life, and not at all if ``book`` has the answer. ``sample``
        numbers several answers to one question. Raises LlmBadAnswer if the server refuses this text or the answer is
        not of that type, LlmUnavailable if the server has been away for too long, LlmMisconfigured if no answer can be
        expected at all.
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
            self._connecting = _shared_task(self._connect())
        return await asyncio.shield(self._connecting)

    async def wait_until_ready(self, timeout_s: float = 60) -> None:
        """Return when the server serves.

        Raises LlmUnavailable if it does not within ``timeout_s``, LlmMisconfigured if it refuses us.
        """
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
            task = _shared_task(self._request(chat, answer_type, max_tokens, temperature))
            self._asked[key] = task
        else:
            self.tally["identical"] += 1
        try:
            return await asyncio.shield(task)
        except BaseException:
            self._asked.pop(key, None)  # a failed request may be asked again
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
        self._too_slow_in_a_row = 0
        text = completion.checked_text()
        self.tally["answers"] += 1
        return text

    async def _send_with_retries(self, body: dict[str, Any]) -> Completion:
        """Send until there is a completion, waiting for the server while it is away."""
        left_s = self._topic_limit_s
        for attempt in range(MAX_ATTEMPTS):
            await self._recovery.no_outage()
            start = time.monotonic()
            try:
                async with asyncio.timeout(left_s):
                    return await self._send(body)
            except TimeoutError:
                raise self._too_slow() from None
            except _Transient as failure:
                spent_s = time.monotonic() - start
                self.tally[f"failed: {failure.case}"] += 1
                log.debug("LLM request sent again: %s", failure)
                last = failure
                pause_s = failure.pause_s or (_PAUSE_AFTER_429_S * 2**attempt if failure.case == "429" else 0)
                await self._recovery.wait(pause_s)
            # The server serves, but not this request: it may be too much, so wait before trying again.
            backoff_s = min(0.1 * 4**attempt, _LONGEST_BACKOFF_S)
            await asyncio.sleep(backoff_s)
            left_s -= spent_s + backoff_s
        raise LlmBadAnswer(f"{MAX_ATTEMPTS} attempts failed, the last: {last}", FAILS_EVERY_TIME)

    def _too_slow(self) -> Exception:
        self._too_slow_in_a_row += 1
        self.tally["failed: too slow"] += 1
        if self._too_slow_in_a_row >= MAX_TOO_SLOW_IN_A_ROW:
            return self._recovery.give_up(
                f"{self._too_slow_in_a_row} questions in a row took longer than {self._topic_limit_s:.0f} s each"
            )
        return LlmBadAnswer(f"no answer within {self._topic_limit_s:.0f} s (LLM_TOPIC_LIMIT_S)", FAILS_EVERY_TIME)

    async def _send(self, body: dict[str, Any]) -> Completion:
        """Send one request, again as the server wants it if it refuses one of the fields that all requests have.

        Raises _Transient, LlmBadAnswer (refused) or LlmMisconfigured.
        """
        while True:
            sent = self.manners.shaped(body)
            try:
                return await self._send_once(sent)
            except LlmBadAnswer as refused:
                if not self.manners.learn(body, sent, str(refused)):
                    raise
                self._refusals_in_a_row = 0
                log.info("LLM server %s, model %s: from now on %s", self.base_url, self.model, self.manners)

    async def _send_once(self, body: dict[str, Any]) -> Completion:
        self.tally["requests"] += 1
        try:
            # Not chat.completions.create: building its types takes longer than all the rest (bench_llm_client.py). The
            # URL is complete because the library is slow to join two halves.
            page = await self._openai.post(self._completions_url, cast_to=object, body={"model": self.model, **body})
            completion = read_completion(page)
        except openai.APIStatusError as error:
            raise self._status_error(error) from error
        except openai.APIConnectionError as error:
            raise _connection_failure(error) from error
        except (openai.APIError, ValueError, RecursionError) as error:  # not JSON, or JSON that is not a completion
            raise self._no_llm(error) from error
        self._refusals_in_a_row = 0
        self._has_completed = True
        for tokens, count in (("prompt", completion.prompt_tokens), ("answer", completion.answer_tokens)):
            if count:
                self.tally[f"{tokens} tokens"] += count
        return completion

    def _status_error(self, error: openai.APIStatusError) -> Exception:
        status, reason = error.status_code, _reason(error)
        if _is_transient(error):
            return _Transient(reason, str(status), _retry_after(error))
        # Grok answers 403 to a text that its filter refuses; if it has answered others, key and model are right.
        if status in (400, 413, 422) or (status == 403 and self.tally["answers"]):
            self._refusals_in_a_row += 1
            if self._refusals_in_a_row < MAX_REFUSALS_IN_A_ROW:
                return LlmBadAnswer(f"LLM server {self.base_url}, model {self.model}: {reason}", REFUSED)
        hint = ""
        if status == 404 and not re.search(r"/v[0-9]+[a-z]*$", self.base_url.rstrip("/")):
            hint = f" (does the URL lack /v1? {self.base_url.rstrip('/')}/v1)"
        return LlmMisconfigured(f"LLM server {self.base_url}, model {self.model}: {reason}{hint}")

    def _no_llm(self, error: Exception) -> Exception:
        n_before = self.tally[f"failed: {_NO_COMPLETION}"]
        # Something between us and the LLM may reply in its place once, but not repeatedly before any answer.
        if self.tally["answers"] or (self._has_completed and n_before < MAX_PAGES_WITHOUT_ANSWER):
            return _Transient(f"no completion came back: {error!s:.200}", _NO_COMPLETION)
        return LlmMisconfigured(
            f"LLM server {self.base_url} does not answer like one: is the URL right? It answers {error!s:.200}"
        )

    async def _health_problem(self) -> Trouble | None:
        """Check the server once, in the order in which servers start: healthy, with a model, with an answer.

        vLLM is healthy, and llama.cpp lists its model, before it can serve. A page that is missing or forbidden says
        nothing: Grok's API has no /health, and a proxy may have a key for the chat only.
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
        """The page's JSON, or None if it is refused or not JSON: vLLM's /health is empty. Raises _Transient."""
        try:
            return await self._openai.get(page, cast_to=object, options={"timeout": _QUICK_TIMEOUT_S})
        except openai.APIStatusError as error:
            if _is_transient(error):
                raise _Transient(_reason(error), str(error.status_code), _retry_after(error)) from error
        except openai.APIConnectionError as error:
            raise _connection_failure(error) from error
        except (ValueError, RecursionError):  # not JSON, like vLLM's empty /health
            return None
        return None

    async def _context_tokens(self) -> int | None:
        """How many tokens a prompt and its answer may have.

        vLLM says so in its list of models, llama.cpp in its properties; None from other servers.
        """
        root = self.base_url.rstrip("/")
        try:
            pages = [await self._get_page(page) for page in (f"{root}/models", f"{root.removesuffix('/v1')}/props")]
        except _Transient:  # the server serves all the same
            return None
        return stated_context(self.model, *pages)


def _shared_task(work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
    """A task that several callers may await. If it fails when all of them have been cancelled, nobody is told."""
    task = asyncio.create_task(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())  # else asyncio logs "never retrieved"
    return task


def _is_transient(error: openai.APIStatusError) -> bool:
    """Whether waiting may help; a quota that is used up is a 429, too."""
    is_used_up = "insufficient_quota" in error.message or "exceeded your current quota" in error.message
    return not is_used_up and (error.status_code in (408, 409, 425, 429) or error.status_code >= 500)


def _retry_after(error: openai.APIStatusError) -> float:
    """Seconds that the server asks us to wait, as a number or a date; 0 if it does not say."""
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
    """One line for the user: what the server said, or why the connection failed."""
    if isinstance(error, openai.APIStatusError):
        return f"it answers {error.status_code}: {' '.join(error.message.split())[:300]}"
    return f"{error} ({error.__cause__})" if error.__cause__ else str(error)
