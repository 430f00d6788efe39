"""What does our LLM client cost, beside a plain load generator that sends the same kind of requests?

    python bench/bench_llm_client.py                                  # a stub server that answers after 50 ms
    python bench/bench_llm_client.py --base-url URL --model NAME      # a real one, for example vLLM

For 1, 8 and 32 requests at a time it prints the requests per second of both, each the median of several rounds that
take turns. The generator is nothing but an HTTP client and a pool of workers; ours also asks the server what it
understands, knows questions it has asked before, waits for servers that are away, and reads the answers.

Both send the topic prompt with its solved examples and a question of the usual length. No question is sent twice, by
neither of them, because servers answer a prompt that they have in their cache much faster.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import multiprocessing
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import openai
from pydantic import BaseModel

from cloud.src.llm.dialect import Dialect
from cloud.src.llm.xai_client import Chat, LlmClient
from cloud.src.naming.ask import TOPIC_PROMPT_VERSION
from cloud.src.naming.prompt import chat

CONCURRENT = (1, 8, 32)
FEWEST_REQUESTS = 8
STUB_LATENCY_S = 0.05
MAX_TOKENS = 64

_ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 0,
    "model": "stub",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": '{"title": "Freight Rates"}'}}
    ],
    "usage": {"prompt_tokens": 600, "completion_tokens": 9, "total_tokens": 609},
}


class Title(BaseModel):
    title: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-url", help="an OpenAI-compatible server (default: the stub)")
    parser.add_argument("--model", default="stub", help="the model's name on that server")
    parser.add_argument("--requests", type=int, default=40, help="per round and request at a time (default: 40)")
    parser.add_argument("--rounds", type=int, default=4, help="of each, taking turns (default: 4)")
    options = parser.parse_args()
    if options.base_url:
        asyncio.run(compare(options.base_url, options.model, options.requests, options.rounds))
        return
    with stub_server() as base_url:
        asyncio.run(compare(base_url, options.model, options.requests, options.rounds))


async def compare(base_url: str, model: str, requests_each: int, rounds: int) -> None:
    questions = new_questions()
    print(f"{base_url}, model {model}")
    print(f"{'at a time':>9} {'requests':>8} {'plain/s':>8} {'ours/s':>8} {'ours/plain':>10}")
    for concurrent in CONCURRENT:
        client = LlmClient(base_url, model, max_concurrent=concurrent)
        dialect = await client.connect()
        n_requests = max(FEWEST_REQUESTS, concurrent * requests_each)
        rates: dict[str, list[float]] = {"plain": [], "ours": []}
        for number in range(rounds):
            for who in (
                ("plain", "ours") if number % 2 else ("ours", "plain")
            ):  # who comes second may find a warm server
                asked = list(itertools.islice(questions, n_requests))
                if who == "plain":
                    seconds = await seconds_of_plain(base_url, model, dialect, asked, concurrent)
                else:
                    seconds = await seconds_of_ours(client, asked)
                rates[who].append(n_requests / seconds)
        await client.close()
        plain, ours = statistics.median(rates["plain"]), statistics.median(rates["ours"])
        print(f"{concurrent:9} {n_requests:8} {plain:8.1f} {ours:8.1f} {ours / plain:10.0%}", flush=True)


def new_questions() -> Iterator[Chat]:
    """Questions of the usual length that differ from the first words on, so that only the examples are in a cache."""
    sentence = "{} freight rates came down from their peak, and container freight from Asia is cheaper than a year ago."
    for number in itertools.count(time.time_ns() // 1000):
        yield chat(TOPIC_PROMPT_VERSION, ["freight", "rates", "ocean", "ports"], [sentence.format(number)] * 5)


async def seconds_of_plain(base_url: str, model: str, dialect: Dialect, asked: list[Chat], concurrent: int) -> float:
    fields = {"model": model, "max_tokens": MAX_TOKENS, "temperature": 0, **dialect.fields(Title)}
    waiting = iter(asked)
    # The HTTP client of the openai library by itself.
    async with openai.DefaultAsyncHttpxClient(timeout=600) as http:

        async def worker() -> None:
            for messages in waiting:
                response = await http.post(f"{base_url}/chat/completions", json={"messages": messages, **fields})
                response.raise_for_status()
                response.json()

        start = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(concurrent)))
        return time.perf_counter() - start


async def seconds_of_ours(client: LlmClient, asked: list[Chat]) -> float:
    start = time.perf_counter()
    await asyncio.gather(*(client.ask(messages, Title, MAX_TOKENS) for messages in asked))
    return time.perf_counter() - start


@contextmanager
def stub_server() -> Iterator[str]:
    """In a process of its own, so that it takes no time from those who are measured (but for the processor's)."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/v1"
    finally:
        process.kill()
        process.join()


def _serve(ready: Connection) -> None:
    asyncio.run(_serve_for_ever(ready))


async def _serve_for_ever(ready: Connection) -> None:
    server = await asyncio.start_server(_handle, "127.0.0.1", 0)
    ready.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def _handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each request of a connection after the same time, whatever it asks for."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            body = b""
            if "content-length:" in head:
                body = await reader.readexactly(int(head.partition("content-length:")[2].split()[0]))
            await asyncio.sleep(STUB_LATENCY_S)
            writer.write(_response(body))
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def _response(_request: bytes) -> bytes:
    page: Any = _ANSWER
    content = json.dumps(page).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


if __name__ == "__main__":
    main()
