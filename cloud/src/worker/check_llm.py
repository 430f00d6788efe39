"""``check``: asks the LLM for one name from where the jobs run, before hours are paid for jobs that would get none."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace

from cloud.src.llm import llm_settings
from cloud.src.llm.llm_settings import LlmSettings
from cloud.src.naming import ask
from cloud.src.naming.ask import TopicToName

log = logging.getLogger(__name__)

# Whoever checks has started the server before: it is given this long to answer, and as long for the name.
PATIENCE_S = 30.0

# A made-up topic, to be named by its sentences alone.
TOPIC = TopicToName(
    keywords=["wildfire", "claims", "catastrophe", "reinsurance", "losses"],
    examples=[
        "Wildfire claims added 4 points to our combined ratio.",
        "Reinsurance recoveries covered about half of the catastrophe losses.",
        "We stopped writing new homeowner policies in the two canyon counties.",
    ],
)


def run() -> None:
    """Ask as map does, and log each step with its seconds.

    Raises InvalidInput for a wrong setting, and as the LLM's client does: LlmMisconfigured (401, 403, 404),
    LlmUnavailable (no answer in time), LlmBadAnswer (an empty one).
    """
    settings = llm_settings.from_environment()
    log.info("LLM_BASE_URL=%s, model %s", settings.base_url, settings.model)
    asyncio.run(_ask(replace(settings, outage_limit_s=PATIENCE_S, topic_limit_s=PATIENCE_S)))


async def _ask(settings: LlmSettings) -> None:
    client = settings.client()
    try:
        started = time.perf_counter()
        dialect = await client.connect()
        connected = time.perf_counter()
        log.info("it answers after %.1f s: %s", connected - started, dialect)
        proposal = await ask.propose_topic(client, None, TOPIC)
        log.info("it names a topic %r after %.1f s", proposal.name, time.perf_counter() - connected)
    finally:
        await client.close()
