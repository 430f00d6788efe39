"""How many topics does an LLM name a second, and how good are the names?

    python bench/bench_naming.py [--base-url URL --model NAME]

Without an address it starts the packaged model here. Prints what the guard has let through, with its cosine to the
centroid of the topic's sentences, for a human to judge.
"""

from __future__ import annotations

import argparse
import time
from contextlib import nullcontext

import numpy as np
from anyio.from_thread import start_blocking_portal

from cloud.src.llm.answer_book import AnswerBook
from cloud.src.llm.local_server import LocalLlm, local_llm
from cloud.src.llm.xai_client import LlmClient
from cloud.src.models import packaged_models
from cloud.src.models.embeddings import Embedder, unit
from cloud.src.naming.ask import TopicToName, in_words, propose_topic
from cloud.src.naming.namer import LlmNamer

# What the topic is about, its keywords, its sentences: all made up.
TOPICS: list[tuple[str, list[str], list[str]]] = [
    (
        "wildfire insurance losses",
        ["wildfire", "claims", "catastrophe", "reinsurance", "losses", "policyholders"],
        [
            "Wildfire claims added 4 points to our combined ratio.",
            "Reinsurance recoveries covered about half of the catastrophe losses.",
            "We stopped writing new homeowner policies in the two canyon counties.",
        ],
    ),
    (
        "work from home",
        ["remote", "hybrid", "office", "work from home", "collaboration", "return"],
        [
            "Many clients are moving to a hybrid work model for good.",
            "Demand for headsets and webcams stayed high as people work from home.",
            "Our own offices reopened in May with a third of the desks.",
        ],
    ),
    (
        "stores closed in the pandemic",
        ["covid", "stores", "reopening", "closed", "curbside", "traffic"],
        [
            "Nearly all of our stores were closed for six weeks because of COVID-19.",
            "As stores reopened, traffic came back to 70% of last year.",
            "Curbside pickup made up a quarter of sales in April.",
        ],
    ),
    (
        "chip shortage",
        ["semiconductor", "shortage", "supply", "lead times", "components", "allocation"],
        [
            "The shortage of semiconductors cost us 9,000 vehicles in the quarter.",
            "Lead times for microcontrollers are beyond 40 weeks.",
            "We are buying components on the spot market at several times the contract price.",
        ],
    ),
    (
        "courtesies (no topic at all)",
        ["question", "thank", "line", "morning", "please", "operator"],
        [
            "Good morning, and thanks for taking my question.",
            "Your next question comes from the line of Ann Meyer.",
            "Thank you, that is very helpful.",
        ],
    ),
    (
        "drought",
        ["water", "drought", "irrigation", "reservoir", "growers", "crop"],
        [
            "The drought cut almond yields by a fifth.",
            "Growers are switching to drip irrigation, which helps our sales.",
            "Reservoir levels in the valley are the lowest in 30 years.",
        ],
    ),
    (
        "provisions for loan losses",
        ["provision", "credit", "charge-offs", "reserve", "loan", "allowance"],
        [
            "We built reserves by $240 million on a weaker economic outlook.",
            "Net charge-offs remained low at 18 basis points.",
            "The allowance now stands at 1.9% of loans.",
        ],
    ),
    (
        "building a battery plant",
        ["battery", "plant", "gigawatt", "construction", "cells", "cathode"],
        [
            "Construction of the second battery plant is on schedule.",
            "We will make 20 gigawatt hours of cells a year at full capacity.",
            "The first cathode line starts up in autumn.",
        ],
    ),
    (
        "loyalty program",
        ["loyalty", "members", "rewards", "app", "engagement", "visits"],
        [
            "Loyalty members now make up 58% of sales.",
            "The new app doubled the number of rewards redeemed.",
            "Members visit us twice as often as other guests.",
        ],
    ),
    (
        "shortage of pilots",
        ["pilots", "training", "simulators", "attrition", "regional", "captains"],
        [
            "Attrition of captains at our regional carrier doubled.",
            "All simulators are booked through the summer.",
            "We cut 6% of flights because we lack trained pilots.",
        ],
    ),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-url", help="an OpenAI-compatible server, for example http://127.0.0.1:8000/v1")
    parser.add_argument("--model", default=packaged_models.LLM, help="the model's name on that server")
    options = parser.parse_args()

    topics = [TopicToName(keywords, sentences) for _, keywords, sentences in TOPICS]
    embedder = Embedder(packaged_models.EMBEDDING)
    centroids = np.stack([unit(embedder.embed(sentences).mean(axis=0)) for _, _, sentences in TOPICS])
    with (
        nullcontext(LocalLlm(options.base_url)) if options.base_url else local_llm() as server,
        start_blocking_portal() as portal,
    ):
        client = LlmClient(server.base_url, options.model, server.api_key)
        portal.call(propose_topic, client, None, topics[0])  # so that the server has the examples in its cache
        namer = LlmNamer(client, embedder, portal)
        start = time.perf_counter()
        names = namer.start_topics(topics, centroids, AnswerBook()).result()
        seconds = time.perf_counter() - start

    print(f"{'about':30} {'name':48} {'cosine':>6}  by")
    for (about, _, _), name, centroid in zip(TOPICS, names, centroids, strict=True):
        cosine = embedder.embed([name.text])[0] @ centroid
        print(f"{about:30} {name.text:48} {cosine:6.2f}  {name.method} {name.because}")
    print(f"{len(topics) / seconds:.2f} topics/s ({in_words(namer.tally())})")


if __name__ == "__main__":
    main()
