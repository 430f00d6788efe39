"""One client and one server, seen from both sides: what is sent, and what is made of every kind of answer."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from email.utils import formatdate
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
from pydantic import BaseModel, ConfigDict

from cloud.src.contract.errors import FtmError
from cloud.src.llm import xai_client
from cloud.src.llm.answer_book import AnswerBook
from cloud.src.llm.dialect import TOKENS_FOR_THINKING, stated_context
from cloud.src.llm.errors import FAILS_EVERY_TIME, LlmBadAnswer, LlmMisconfigured, LlmUnavailable
from cloud.src.llm.xai_client import MAX_ATTEMPTS, MAX_REFUSALS_IN_A_ROW, LlmClient
from tests.integration.fake_llm import HANGS_UP, FakeLlm, Reply, completion, fails, fake_llm, says
from tests.integration.llm.naming_peer import with_client

CHAT = [{"role": "user", "content": "What is it?"}]
FREIGHT = says('{"title": "Freight"}')

Result = TypeVar("Result")


class Title(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str


def use(llm: FakeLlm, work: Callable[[LlmClient], Awaitable[Result]], **options: Any) -> Result:
    return with_client(llm.base_url, work, "some/model", **options)


async def title(client: LlmClient, question: str = "What is it?", book: AnswerBook | None = None) -> str:
    answer = await client.ask([{"role": "user", "content": question}], Title, max_tokens=20, book=book)
    return answer.title


async def titles(client: LlmClient, n_questions: int) -> list[str]:
    """Ask so many different questions at once."""
    return await asyncio.gather(*(title(client, f"What is number {number}?") for number in range(n_questions)))


def test_asks_for_json_of_the_given_shape() -> None:
    with fake_llm(FREIGHT) as llm:
        assert use(llm, title) == "Freight"

    [request] = llm.requests
    assert request.path == "/v1/chat/completions"
    assert request.body["model"] == "some/model"
    assert request.body["messages"] == CHAT
    assert (request.body["max_tokens"], request.body["temperature"]) == (20, 0)
    assert request.body["response_format"]["type"] == "json_schema"
    assert request.body["response_format"]["json_schema"]["strict"] is True
    schema = request.body["response_format"]["json_schema"]["schema"]
    assert (schema["required"], schema["additionalProperties"]) == (["title"], False)


@pytest.mark.parametrize("api_key", ["secret", None])
def test_sends_the_key(api_key: str | None) -> None:
    with fake_llm(FREIGHT) as llm:
        use(llm, title, api_key=api_key)

    for request in llm.requests + llm.probes:
        assert request.headers["Authorization"] == f"Bearer {api_key or 'none'}"


# --- the server's dialect ---------------------------------------------------------------------

SWITCH = {"enable_thinking": False}


@pytest.mark.parametrize(
    ("traits", "schema_field", "expected", "told"),
    [
        ({}, "response_format", {"chat_template_kwargs": SWITCH}, "thinking off by"),
        ({"honours": {"structured_outputs"}}, "structured_outputs", {"chat_template_kwargs": SWITCH}, "thinking off"),
        ({"honours": set()}, None, {"chat_template_kwargs": SWITCH}, "JSON schema by the prompt's examples"),
        (
            {"honours": {"structured_outputs"}, "refuses": {"response_format"}},
            "structured_outputs",
            {"chat_template_kwargs": SWITCH},
            "JSON schema by structured_outputs",
        ),
        ({"refuses": {"chat_template_kwargs"}}, "response_format", {"reasoning_effort": "none"}, "reasoning_effort"),
        ({"refuses": {"chat_template_kwargs", "reasoning_effort"}}, "response_format", {}, "nothing to switch off"),
        ({"thinks_without": "reasoning_effort"}, "response_format", {"reasoning_effort": "none"}, "reasoning_effort"),
        (
            {"thinks_without": "chat_template_kwargs"},
            "response_format",
            {"chat_template_kwargs": SWITCH},
            "thinking off",
        ),
    ],
)
def test_finds_out_what_the_server_understands(
    caplog: pytest.LogCaptureFixture,
    traits: dict[str, Any],
    schema_field: str | None,
    expected: dict[str, Any],
    told: str,
) -> None:
    with fake_llm(FREIGHT, **traits) as llm, caplog.at_level(logging.INFO):
        assert use(llm, title) == "Freight"

    body = llm.requests[0].body
    for field in ("response_format", "structured_outputs"):
        assert (field in body) is (field == schema_field)
    assert {name: body[name] for name in ("chat_template_kwargs", "reasoning_effort") if name in body} == expected
    assert told in caplog.text


def test_a_model_that_cannot_stop_thinking_gets_room_for_it(caplog: pytest.LogCaptureFixture) -> None:
    with fake_llm(FREIGHT, thinks_without="no such field") as llm, caplog.at_level(logging.INFO):
        assert use(llm, title) == "Freight"

    assert llm.requests[0].body["max_tokens"] == 20 + TOKENS_FOR_THINKING
    assert "it thinks and cannot be stopped" in caplog.text


VLLM_MODELS = {"data": [{"id": "other", "max_model_len": 9}, {"id": "some/model", "max_model_len": 1000}]}
LLAMA_PROPS = {"default_generation_settings": {"n_ctx": 1000}}


@pytest.mark.parametrize("stated", [{"models": Reply(body=VLLM_MODELS)}, {"props": Reply(body=LLAMA_PROPS)}])
def test_the_room_for_thoughts_ends_with_the_context(stated: dict[str, Any]) -> None:
    question = "What is it? " * 10
    with fake_llm(FREIGHT, thinks_without="no such field", **stated) as llm:
        assert use(llm, lambda client: title(client, question)) == "Freight"

    asked = [
        request.body for request in llm.requests + llm.probes if request.body and "response_format" in request.body
    ]
    assert len(asked) == 2  # the question, and the probe of the form
    for body in asked:
        n_bytes = sum(len(turn["content"]) for turn in body["messages"])
        assert 500 < body["max_tokens"] <= 1000 - n_bytes


def test_a_full_prompt_leaves_room_for_the_answer() -> None:
    with fake_llm(FREIGHT, thinks_without="no such field", models=Reply(body=VLLM_MODELS)) as llm:
        use(llm, lambda client: title(client, "What is it? " * 100))

    assert llm.requests[0].body["max_tokens"] == 20


@pytest.mark.parametrize(
    ("models", "props"),
    [
        (None, None),
        ([], "no JSON object"),
        ({"data": {"id": "m"}}, {"default_generation_settings": None}),
        ({"data": [None, {"id": "m", "max_model_len": "long"}]}, {"default_generation_settings": {"n_ctx": 0}}),
        ({"data": [{"id": "another", "max_model_len": 1000}]}, {}),
    ],
)
def test_a_context_that_nobody_states(models: Any, props: Any) -> None:
    assert stated_context("m", models, props) is None


def test_the_server_is_asked_what_it_understands_once() -> None:
    with fake_llm(FREIGHT) as llm:
        use(llm, lambda client: titles(client, 20))

    # Twice the list of models: whether it is ready, and how long its context is.
    assert (len(llm.requests), len(llm.probes)) == (20, 7)


# --- one pool, no question twice --------------------------------------------------------------


@pytest.mark.parametrize("max_concurrent", [1, 4])
def test_no_more_requests_at_once_than_allowed(max_concurrent: int) -> None:
    with fake_llm(FREIGHT, latency_s=0.05) as llm:
        use(llm, lambda client: titles(client, 12), max_concurrent=max_concurrent)

    assert len(llm.requests) == 12
    assert llm.most_at_once == max_concurrent


def test_identical_questions_are_asked_once() -> None:
    async def work(client: LlmClient) -> list[str]:
        at_once = await asyncio.gather(*(title(client) for _ in range(5)))
        return [*at_once, await title(client), str(client.tally["identical"])]

    with fake_llm(FREIGHT, says('{"title": "Other"}')) as llm:
        assert use(llm, work) == ["Freight"] * 6 + ["5"]

    assert len(llm.requests) == 1


def test_several_answers_to_one_question() -> None:
    async def work(client: LlmClient) -> list[str]:
        answers = [await client.ask(CHAT, Title, 20, temperature=0.7, sample=n) for n in range(2)]
        return [answer.title for answer in answers]

    with fake_llm(FREIGHT, says('{"title": "Other"}')) as llm:
        assert use(llm, work) == ["Freight", "Other"]

    assert [request.body["temperature"] for request in llm.requests] == [0.7, 0.7]


def test_an_answer_in_the_book_is_not_asked_for_again() -> None:
    book = AnswerBook()

    async def work(client: LlmClient) -> tuple[str, int]:
        return await title(client, book=book), client.tally["from cache"]

    with fake_llm(FREIGHT, says('{"title": "Other"}')) as llm:
        assert use(llm, work) == ("Freight", 0)
        asked, probed = len(llm.requests), len(llm.probes)
        assert use(llm, work) == ("Freight", 1)

        assert (len(llm.requests), len(llm.probes)) == (asked, probed)
        assert use(llm, lambda client: title(client, "Another question?", book)) == "Other"


def test_a_failed_question_may_be_asked_again() -> None:
    async def work(client: LlmClient) -> str:
        with pytest.raises(LlmBadAnswer):
            await title(client)
        return await title(client)

    with fake_llm(fails(400), FREIGHT) as llm:
        assert use(llm, work) == "Freight"


def test_a_failure_nobody_waits_for_leaves_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async def work(client: LlmClient) -> None:
        asked = asyncio.create_task(title(client))
        while not llm.requests:
            await asyncio.sleep(0.01)
        (request,) = client._asked.values()
        asked.cancel()
        await asyncio.wait([request])

    with fake_llm(fails(403), latency_s=0.2) as llm:
        use(llm, work)
        gc.collect()  # asyncio complains when the task goes

    assert "never retrieved" not in caplog.text


# --- failures of one request ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "case"),
    [
        (fails(408), "408"),
        (fails(409), "409"),
        (fails(429), "429"),
        (fails(500), "500"),
        (fails(503), "503"),
        (HANGS_UP, "no connection"),
    ],
)
def test_transient_failures_are_sent_again_and_counted(failure: Reply, case: str) -> None:
    async def work(client: LlmClient) -> tuple[str, int]:
        return await title(client), client.tally[f"failed: {case}"]

    with fake_llm(failure, FREIGHT) as llm:
        assert use(llm, work) == ("Freight", 1)

    assert len(llm.requests) == 2


def test_waits_as_long_as_the_server_asks() -> None:
    with fake_llm(fails(503, retry_after="1"), FREIGHT) as llm:
        use(llm, title)

    first, second = llm.requests
    assert second.time - first.time >= 1


def test_waits_until_the_date_that_the_server_names() -> None:
    not_before = time.monotonic() + 2  # HTTP knows whole seconds only
    with fake_llm(fails(503, retry_after=formatdate(time.time() + 3, usegmt=True)), FREIGHT) as llm:
        use(llm, title)

    assert llm.requests[1].time >= not_before


def test_too_many_requests_without_a_time_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xai_client, "_PAUSE_AFTER_429_S", 0.5)
    with fake_llm(fails(429), fails(429), FREIGHT) as llm:
        use(llm, title)

    first, second, third = llm.requests
    assert second.time - first.time >= 0.5
    assert third.time - second.time >= 1


@pytest.mark.parametrize("nonsense", ["soon", "", "-1", "1,5"])
def test_a_pause_that_is_no_time_is_not_waited_for(nonsense: str) -> None:
    with fake_llm(fails(503, retry_after=nonsense), FREIGHT) as llm:
        assert use(llm, title) == "Freight"


def test_a_hopeless_request_does_not_stop_the_others() -> None:
    async def work(client: LlmClient) -> str:
        with pytest.raises(LlmBadAnswer, match=f"{MAX_ATTEMPTS} attempts failed, the last: it answers 500") as error:
            await title(client)
        assert error.value.case == "fails every time"
        return await title(client, "Another one?")

    with fake_llm(*[fails(500)] * MAX_ATTEMPTS, FREIGHT) as llm:
        assert use(llm, work) == "Freight"

    assert len(llm.requests) == MAX_ATTEMPTS + 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, LlmBadAnswer),
        (401, LlmMisconfigured),
        (402, LlmMisconfigured),
        (403, LlmMisconfigured),
        (404, LlmMisconfigured),
        (413, LlmBadAnswer),
        (422, LlmBadAnswer),
    ],
)
def test_a_refused_request_is_not_sent_again(status: int, kind: type[Exception]) -> None:
    with fake_llm(fails(status)) as llm, pytest.raises(kind) as error:
        use(llm, title)

    assert len(llm.requests) == 1
    for part in (llm.base_url, "some/model", f"it answers {status}"):
        assert part in str(error.value)
    assert "\n" not in str(error.value)


def test_a_403_for_a_text_does_not_blame_the_key() -> None:
    async def work(client: LlmClient) -> str:
        await title(client)
        with pytest.raises(LlmBadAnswer, match="it answers 403"):
            await title(client, "A bad one?")
        return await title(client, "Another one?")

    with fake_llm(FREIGHT, fails(403), FREIGHT) as llm:
        assert use(llm, work) == "Freight"


def test_many_refusals_in_a_row_are_not_about_their_texts() -> None:
    enough = MAX_REFUSALS_IN_A_ROW
    replies = [fails(400), FREIGHT, *[fails(400)] * enough]
    expected: list[type[FtmError] | None] = [LlmBadAnswer, None, *[LlmBadAnswer] * (enough - 1), LlmMisconfigured]

    async def work(client: LlmClient) -> None:
        for number, kind in enumerate(expected):
            with pytest.raises(kind) if kind else nullcontext():
                await title(client, f"What is number {number}?")

    with fake_llm(*replies) as llm:
        use(llm, work)


@pytest.mark.parametrize("page", [Reply(body="<p>Welcome</p>"), Reply(body={"hello": 1}), completion([])])
def test_a_page_that_is_no_llm_server(page: Reply) -> None:
    with fake_llm(page) as llm, pytest.raises(LlmMisconfigured, match="does not answer like one: is the URL right"):
        use(llm, title)


@pytest.mark.parametrize("page", [Reply(body="<p>Welcome</p>"), Reply(body={"hello": 1}), Reply(body=[])])
def test_a_website_that_is_no_llm_server(page: Reply) -> None:
    with fake_llm(failure=page) as llm, pytest.raises(LlmMisconfigured, match="does not answer like one"):
        use(llm, title)


def test_one_such_page_at_first_is_an_ordinary_failure() -> None:
    with fake_llm(Reply(body="<p>Sorry</p>"), FREIGHT) as llm:
        assert use(llm, title) == "Freight"


def test_a_page_that_something_before_the_server_sends() -> None:
    async def work(client: LlmClient) -> tuple[str, int]:
        await title(client)
        return await title(client, "Another one?"), client.tally["failed: no completion"]

    cut_off = Reply(body='{"choices": [', headers={"Content-Type": "application/json"})
    with fake_llm(FREIGHT, Reply(body="<p>Sorry</p>"), cut_off, FREIGHT) as llm:
        assert use(llm, work) == ("Freight", 2)


def test_slow_questions_are_given_up_and_several_are_an_outage() -> None:
    async def work(client: LlmClient) -> list[str]:
        cases = []
        for number in range(xai_client.MAX_TOO_SLOW_IN_A_ROW + 1):
            try:
                await title(client, f"What is number {number}?")
            except LlmBadAnswer as error:
                cases.append(error.case)
            except LlmUnavailable as error:
                cases.append(str(error).partition(": ")[2])
        return cases

    with fake_llm(FREIGHT) as llm:
        llm.latency_s = 2
        start = time.monotonic()
        *slow, third, fourth = use(llm, work, topic_limit_s=0.3)
    assert slow == [FAILS_EVERY_TIME] * (xai_client.MAX_TOO_SLOW_IN_A_ROW - 1)
    assert third == fourth
    assert "questions in a row took longer than 0 s each" in third
    assert time.monotonic() - start < 15


def test_a_quota_that_is_used_up_is_not_waited_for() -> None:
    async def work(client: LlmClient) -> None:
        with pytest.raises(LlmMisconfigured, match="insufficient_quota"):
            await title(client)

    with fake_llm(FREIGHT) as llm:
        llm.failure = fails(429, what="insufficient_quota: check your plan")
        use(llm, work)


def test_a_servers_form_of_a_field_is_learned_once() -> None:
    refusal = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    with fake_llm(fails(400, what=refusal), FREIGHT) as llm:

        async def work(client: LlmClient) -> list[str]:
            return [await title(client), await title(client, "And then?")]

        assert use(llm, work) == ["Freight", "Freight"]
        assert [sorted({"max_tokens", "max_completion_tokens"} & request.body.keys()) for request in llm.requests] == [
            ["max_tokens"],
            ["max_completion_tokens"],
            ["max_completion_tokens"],
        ]


# --- answers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "case"),
    [
        (says("Freight"), "not the form asked for"),
        (says('{"title": "Frei'), "not the form asked for"),
        (says('{"name": "Freight"}'), "not the form asked for"),
        (says('{"title": 7, "role": "system"}'), "not the form asked for"),
        (says('{"title": ["Freight"]}'), "not the form asked for"),
        (says('{"title": "Freight"}', finish_reason="length"), "cut off"),
        (says('{"title": "Frei', finish_reason="length"), "cut off"),
        (says("I would rather", finish_reason="content_filter"), "refused"),
        (says(None, refusal="I would rather not."), "refused"),
        (says(""), "empty"),
        (says(" \n"), "empty"),
        (says(None), "empty"),
        (says("<think>Freight? Rates?"), "empty"),
    ],
)
def test_unusable_answers(reply: Reply, case: str) -> None:
    async def work(client: LlmClient) -> None:
        with pytest.raises(LlmBadAnswer) as error:
            await title(client)
        assert error.value.case == case
        assert "\n" not in str(error.value)
        assert client.tally[f"bad answer: {case}"] == 1

    with fake_llm(reply) as llm:
        use(llm, work)

    assert len(llm.requests) == 1


@pytest.mark.parametrize(
    "content",
    [
        '<think>\nRates, ports:\n{"title": "Thought"}\n</think>\n\n{"title": "Freight"}',
        'Rates, ports.</think>{"title": "Freight"}',
        '{"title": "Freight"}<think>Or is it',
        '```json\n{"title": "Freight"}\n```',
        'Here is the name: {"title": "Freight"} I hope it helps. {"title": "Other"}',
    ],
)
def test_what_is_around_the_answer_is_taken_off(content: str) -> None:
    with fake_llm(says(content)) as llm:
        assert use(llm, title) == "Freight"


# --- readiness --------------------------------------------------------------------------------


def no_server_url() -> str:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{nobody.getsockname()[1]}/v1"


def test_does_not_wait_for_a_server_that_refuses_the_key() -> None:
    with fake_llm(FREIGHT, failure=fails(401)) as llm, pytest.raises(LlmMisconfigured, match="it answers 401"):
        use(llm, lambda client: client.wait_until_ready(timeout_s=30))

    assert [urlsplit(probe.path).path for probe in llm.probes] == ["/health", "/v1/models", "/v1/chat/completions"]


@pytest.mark.parametrize("status", [401, 403])
def test_refused_pages_do_not_matter_if_the_chat_works(status: int) -> None:
    with fake_llm(FREIGHT, health=fails(status), models=fails(status)) as llm:
        assert use(llm, title) == "Freight"


@pytest.mark.parametrize("missing", ["health", "models"])
def test_a_page_the_server_lacks_does_not_matter(missing: str) -> None:
    with fake_llm(FREIGHT, **{missing: fails(404)}) as llm:
        use(llm, lambda client: client.wait_until_ready(timeout_s=30))


def test_a_server_that_refuses_the_simplest_chat() -> None:
    with fake_llm(FREIGHT, greeting=fails(400)) as llm, pytest.raises(LlmMisconfigured, match="it answers 400"):
        use(llm, title)
