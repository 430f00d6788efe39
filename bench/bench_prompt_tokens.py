"""How many tokens does a name of a topic take, how many of them are the same for all, and how many topics has a firm?

    python bench/bench_prompt_tokens.py RUN_FOLDER

Of a folder that ``ftm run`` has filled. Tokens are those of the packaged SmolLM2; vLLM's model has another tokenizer.
An answer is counted as the name that the topic has, in the form in which an LLM gives it.
"""

from __future__ import annotations

import argparse
import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from cloud.src.llm.local_server import LocalLlm, local_llm
from cloud.src.naming.ask import TOPIC_PROMPT_VERSION
from cloud.src.naming.prompt import chat

N_TOPICS = 500  # of each quarter, one of every so many


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    parts: Path = folder / "intermediate/firm-topics"
    with local_llm() as llm:
        for quarter in sorted(parts.iterdir()):
            show(quarter.name, folder, llm)


def show(quarter: str, folder: Path, llm: LocalLlm) -> None:
    topics = pq.read_table(folder / "intermediate/firm-topics" / quarter).to_pylist()
    n_firms = len({topic["firm_id"] for topic in topics})
    print(f"{quarter}: {len(topics):,} topics of {n_firms} firms, {len(topics) / n_firms:.1f} per firm")
    sampled = topics[:: max(1, len(topics) // N_TOPICS)]
    texts = texts_of(folder / "intermediate/firm-sentences" / quarter, sampled)
    prompts = [tokens(llm, prompt) for prompt in prompts_of(llm, sampled, texts)]
    constant = len(os.path.commonprefix(prompts))
    lengths = np.array([len(prompt) for prompt in prompts])
    answers = [len(tokens(llm, json.dumps({"title": topic["representation"]}))) for topic in sampled]
    print(
        f"  prompt, of {len(prompts)}: {lengths.mean():.0f} tokens, of which the first {constant} are the same in all"
    )
    print(f"  the others: {(lengths - constant).mean():.0f}, 95 % at most {np.quantile(lengths - constant, 0.95):.0f}")
    print(f"  answer: {np.mean(answers):.0f} tokens")


def texts_of(folder: Path, topics: list[dict[str, Any]]) -> dict[int, str]:
    """The representative sentences of topics, by id."""
    wanted = {one for topic in topics for one in topic["representative_sentence_ids"]}
    rows: list[dict[str, Any]] = pq.read_table(folder, columns=["sentence_id", "cleaned_text"]).to_pylist()
    return {row["sentence_id"]: row["cleaned_text"] for row in rows if row["sentence_id"] in wanted}


def prompts_of(llm: LocalLlm, topics: list[dict[str, Any]], texts: dict[int, str]) -> Iterator[str]:
    """What the model reads for each topic, with the marks of its turns."""
    for topic in topics:
        examples = [texts[one] for one in topic["representative_sentence_ids"]]
        yield post(llm, "/apply-template", {"messages": chat(TOPIC_PROMPT_VERSION, topic["keywords"], examples)})[
            "prompt"
        ]


def tokens(llm: LocalLlm, text: str) -> list[int]:
    found: list[int] = post(llm, "/tokenize", {"content": text})["tokens"]
    return found


def post(llm: LocalLlm, path: str, document: dict[str, Any]) -> Any:
    """The server's answer; these paths are llama.cpp's own, beside those of the OpenAI API."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {llm.api_key}"}
    url = llm.base_url.removesuffix("/v1") + path
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(document).encode(), headers)) as answer:
        return json.load(answer)


if __name__ == "__main__":
    main()
