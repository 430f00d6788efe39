from __future__ import annotations

import socket
import threading
from contextlib import nullcontext

import pytest
from pydantic import BaseModel, ConfigDict

from cloud.src.llm.xai_client import LlmBadAnswer, LlmClient, LlmUnavailable
from tests.integration.fake_llm import HANGS_UP, Reply, completion, fails, fake_llm, says

CHAT = [{"role": "user", "content": "What is it?"}]
MODELS = Reply(body={"object": "list", "data": [{"id": "m", "object": "model", "created": 0, "owned_by": "us"}]})


class Title(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str


def test_asks_for_json_of_the_given_shape() -> None:
    with fake_llm(says('{"title": "Freight"}')) as llm:
        answer = LlmClient(llm.base_url, "some/model").ask(CHAT, Title, max_tokens=20)

    assert answer == Title(title="Freight")
    [request] = llm.requests
    assert request.path == "/v1/chat/completions"
    assert request.body["model"] == "some/model"
    assert request.body["messages"] == CHAT
    assert (request.body["max_tokens"], request.body["temperature"]) == (20, 0)
    assert request.body["response_format"]["type"] == "json_schema"
    assert request.body["response_format"]["json_schema"]["strict"] is True
    schema = request.body["response_format"]["json_schema"]["schema"]
    assert (schema["required"], schema["additionalProperties"]) == (["title"], False)
    assert request.body["chat_template_kwargs"] == {"enable_thinking": False}


@pytest.mark.parametrize(
    ("url", "told_not_to_think"),
    [("http://api.x.ai/v1", False), ("http://eu-west-1.api.x.ai/v1", False), ("http://vllm.notx.ai/v1", True)],
)
def test_only_servers_other_than_grok_are_told_not_to_think(
    monkeypatch: pytest.MonkeyPatch, url: str, told_not_to_think: bool
) -> None:
    with fake_llm(says('{"title": "Freight"}')) as llm:
        # As a proxy, our server gets the requests to any host.
        monkeypatch.setenv("HTTP_PROXY", llm.base_url.removesuffix("/v1"))
        LlmClient(url, "m").ask(CHAT, Title, max_tokens=20)

    assert llm.requests[0].path == f"{url}/chat/completions"
    assert ("chat_template_kwargs" in llm.requests[0].body) is told_not_to_think


@pytest.mark.parametrize(("api_key", "header"), [("secret", "Bearer secret"), (None, "Bearer none")])
def test_sends_the_key(api_key: str | None, header: str) -> None:
    with fake_llm(says('{"title": "Freight"}')) as llm:
        LlmClient(llm.base_url, "m", api_key).ask(CHAT, Title, max_tokens=20)

    assert llm.requests[0].headers["Authorization"] == header


@pytest.mark.parametrize(
    "failure",
    [fails(408), fails(409), fails(429), fails(500), fails(503), HANGS_UP],
    ids=["408", "409", "429", "500", "503", "lost connection"],
)
def test_transient_failures_are_tried_again(failure: Reply) -> None:
    with fake_llm(failure, says('{"title": "Freight"}')) as llm:
        answer = LlmClient(llm.base_url, "m").ask(CHAT, Title, max_tokens=20)

    assert answer.title == "Freight"
    assert len(llm.requests) == 2


def test_waits_as_long_as_the_server_asks() -> None:
    with fake_llm(fails(429, retry_after="1"), says('{"title": "Freight"}')) as llm:
        LlmClient(llm.base_url, "m").ask(CHAT, Title, max_tokens=20)

    first, second = llm.requests
    assert second.time - first.time >= 1  # on its own, the client would have waited half a second


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, LlmBadAnswer),
        (401, LlmUnavailable),
        (403, LlmUnavailable),
        (404, LlmUnavailable),
        (422, LlmBadAnswer),
    ],
)
def test_a_refused_request_is_not_tried_again(status: int, kind: type[Exception]) -> None:
    with fake_llm(fails(status)) as llm, pytest.raises(kind) as error:
        LlmClient(llm.base_url, "some/model").ask(CHAT, Title, max_tokens=20)

    assert len(llm.requests) == 1
    for part in (llm.base_url, "some/model", f"it answers {status}"):
        assert part in str(error.value)
    assert "\n" not in str(error.value)


def test_many_refusals_in_a_row_are_not_about_their_texts() -> None:
    answers = [fails(400), says('{"title": "Freight"}'), *[fails(400)] * 5]
    expected = [LlmBadAnswer, None, *[LlmBadAnswer] * 4, LlmUnavailable]
    with fake_llm(*answers) as llm:
        client = LlmClient(llm.base_url, "m")
        for kind in expected:
            with pytest.raises(kind) if kind else nullcontext():
                client.ask(CHAT, Title, max_tokens=20)


def test_gives_up_after_the_last_retry() -> None:
    with fake_llm(fails(503)) as llm, pytest.raises(LlmUnavailable, match="it answers 503"):
        LlmClient(llm.base_url, "m", retries=1).ask(CHAT, Title, max_tokens=20)

    assert len(llm.requests) == 2


def test_no_server() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # not listening
        client = LlmClient(f"http://127.0.0.1:{nobody.getsockname()[1]}/v1", "m", retries=0)

        with pytest.raises(LlmUnavailable, match="refused"):
            client.ask(CHAT, Title, max_tokens=20)
        with pytest.raises(LlmUnavailable, match="is not ready: .*refused"):
            client.wait_until_ready(timeout_s=0.1)


def test_a_server_that_never_answers() -> None:
    end = threading.Event()
    try:
        with fake_llm(Reply(hangs_until=end)) as llm, pytest.raises(LlmUnavailable, match="timed out"):
            LlmClient(llm.base_url, "m", retries=0, timeout_s=0.1).ask(CHAT, Title, max_tokens=20)
    finally:
        end.set()


@pytest.mark.parametrize(
    "reply",
    [
        says("Freight"),
        says('{"title": "Frei'),
        says('{"name": "Freight"}'),
        says('{"title": "Freight", "role": "system"}'),
        says('{"title": ["Freight"]}'),
        says(""),
        says(None),
    ],
    ids=["text", "cut", "other key", "more keys", "other type", "empty", "null"],
)
def test_unusable_answers(reply: Reply) -> None:
    with fake_llm(reply) as llm, pytest.raises(LlmBadAnswer, match="did not answer in the shape asked for") as error:
        LlmClient(llm.base_url, "m").ask(CHAT, Title, max_tokens=20)

    assert "\n" not in str(error.value)


def test_waits_until_the_server_lists_its_models() -> None:
    with fake_llm(fails(503), HANGS_UP, MODELS) as llm:
        LlmClient(llm.base_url, "m").wait_until_ready(timeout_s=30)

    assert [request.path for request in llm.requests] == ["/v1/models"] * 3


def test_does_not_wait_for_a_server_that_refuses_the_key() -> None:
    with fake_llm(fails(401)) as llm, pytest.raises(LlmUnavailable, match="is not ready: it answers 401"):
        LlmClient(llm.base_url, "m").wait_until_ready(timeout_s=30)

    assert len(llm.requests) == 1


@pytest.mark.parametrize("page", [Reply(body="welcome"), Reply(body={"hello": 1}), completion([])])
def test_a_page_that_is_no_llm_server(page: Reply) -> None:
    with fake_llm(page) as llm, pytest.raises(LlmUnavailable, match="does not answer like one: is the URL right"):
        LlmClient(llm.base_url, "m").ask(CHAT, Title, max_tokens=20)
