"""A server that is away: all requests of a job wait together while one probe looks whether it is back."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from cloud.src.llm.errors import LlmUnavailable

log = logging.getLogger(__name__)

FIRST_INTERVAL_S = 0.5
LONGEST_INTERVAL_S = 10.0
# A server that has been given up is tried again this often, without anybody waiting for it.
SECOND_CHANCE_S = 60.0

# Looks at the server once: None when it serves, else what is wrong. Raises what no waiting mends.
Check = Callable[[], Awaitable[str | None]]


class Recovery:
    """The one place where requests wait for their server."""

    def __init__(self, server: str, check: Check, limit_s: float, tally: Counter[str]) -> None:
        self._server = server
        self._check = check
        self._limit_s = limit_s
        self._tally = tally
        self._probe: asyncio.Task[None] | None = None
        self._given_up_at = float("-inf")
        self._reason = ""

    async def no_outage(self) -> None:
        """Return at once when no outage is known, else wait as ``wait`` does."""
        if self._is_probing() or self._is_given_up():
            await self.wait()

    async def wait(self, reason: str = "", pause_s: float = 0, limit_s: float | None = None) -> None:
        """Return when the server serves. The first who comes starts the probe, the others wait for it too.

        ``pause_s``: what the server has asked for (Retry-After) before it is looked at again.
        Raises LlmUnavailable after ``limit_s`` (default: the limit of all outages), and at once for a minute after
        that; what ``check`` raises passes through.
        """
        if not self._is_probing():
            if self._is_given_up():
                raise LlmUnavailable(self._reason)
            limit_s = self._limit_s if limit_s is None else limit_s
            # Who has been waited for in vain is not waited for again, only looked at.
            patience = limit_s if self._given_up_at == float("-inf") else 0
            self._probe = asyncio.create_task(self._until_it_serves(reason, pause_s, patience))
        assert self._probe is not None
        await asyncio.shield(self._probe)

    def _is_probing(self) -> bool:
        return self._probe is not None and not self._probe.done()

    def _is_given_up(self) -> bool:
        return time.monotonic() - self._given_up_at < SECOND_CHANCE_S

    async def _until_it_serves(self, reason: str, pause_s: float, limit_s: float) -> None:
        start = time.monotonic()
        interval = FIRST_INTERVAL_S
        if pause_s <= limit_s:
            await asyncio.sleep(pause_s)
        while (wrong := await self._check()) is not None:
            reason = wrong
            if interval == FIRST_INTERVAL_S:
                self._tally["outages"] += 1
                log.warning("%s: %s; waiting for it, at most %.0f s", self._server, wrong, limit_s)
            if time.monotonic() - start + interval > limit_s:
                self._give_up(reason, limit_s)
            await asyncio.sleep(interval)
            interval = min(2 * interval, LONGEST_INTERVAL_S)
        if interval > FIRST_INTERVAL_S:
            log.info("%s serves after %.0f s", self._server, time.monotonic() - start)
        self._given_up_at = float("-inf")

    def _give_up(self, reason: str, limit_s: float) -> None:
        self._given_up_at = time.monotonic()
        self._reason = f"{self._server} has not served for {limit_s:.0f} s: {reason}"
        log.error("%s", self._reason)
        raise LlmUnavailable(self._reason)
