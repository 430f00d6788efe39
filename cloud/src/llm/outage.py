"""When the server is away: all requests of a job wait together while one probe checks whether it is back."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cloud.src.llm.errors import LlmUnavailable

log = logging.getLogger(__name__)

FIRST_INTERVAL_S = 0.5
LONGEST_INTERVAL_S = 10.0
# One check may take as long as we are still willing to wait, within these bounds: a server busy with others' requests
# answers within half a minute, and a quick check still allows it a few seconds.
LONGEST_LOOK_S = 30.0
SHORTEST_LOOK_S = 5.0
# A server that has been given up is checked again this often, without anything waiting for it.
SECOND_CHANCE_S = 60.0


@dataclass(frozen=True)
class Trouble:
    """Why the server does not serve, and how long it asks us to stay away (Retry-After)."""

    reason: str
    pause_s: float = 0


# Checks the server once: None when it serves. Raises errors that waiting cannot fix.
Check = Callable[[], Awaitable[Trouble | None]]


class Recovery:
    """The one place where requests wait for the server. ``tally`` counts how often they had to."""

    def __init__(self, server: str, check: Check, limit_s: float, tally: Counter[str]) -> None:
        self._server = server
        self._check = check
        self._limit_s = limit_s
        self._tally = tally
        self._probe: asyncio.Task[None] | None = None
        self._given_up: LlmUnavailable | None = None
        self._given_up_at = 0.0

    async def no_outage(self) -> None:
        """Return at once if no outage is known; otherwise wait as ``wait`` does."""
        if self._is_probing() or self._given_up is not None:
            await self.wait()

    async def wait(self, pause_s: float = 0, limit_s: float | None = None) -> None:
        """Return when the server serves. The first caller starts the probe; the others wait for the same one.

        ``pause_s``: how long the server has asked us to stay away. Raises LlmUnavailable after ``limit_s`` (default:
        the limit of all outages), and for a minute after that at once; what ``check`` raises passes through.
        """
        if not self._is_probing():
            limit_s = self._limit_s if limit_s is None else limit_s
            if self._given_up is not None:
                if time.monotonic() - self._given_up_at < SECOND_CHANCE_S:
                    raise self._given_up
                limit_s = 0  # we have waited in vain: from now on it is only checked
            self._probe = asyncio.create_task(self._until_it_serves(pause_s, limit_s))
        assert self._probe is not None
        await asyncio.shield(self._probe)

    def _is_probing(self) -> bool:
        return self._probe is not None and not self._probe.done()

    async def _until_it_serves(self, pause_s: float, limit_s: float) -> None:
        start = time.monotonic()
        interval, is_known = FIRST_INTERVAL_S, False
        trouble: Trouble | None = Trouble("it asks for a pause", pause_s) if pause_s else await self._look(limit_s)
        while trouble is not None:
            if not is_known:
                self._tally["waits for the server"] += 1
                log.warning("%s: %s; waiting for it, at most %.0f s", self._server, trouble.reason, limit_s)
                is_known = True
            pause = max(interval, trouble.pause_s)
            if time.monotonic() - start + pause > limit_s:
                raise self.give_up(f"{trouble.reason}; waited for it, at most {limit_s:.0f} s")
            await asyncio.sleep(pause)
            interval = min(2 * interval, LONGEST_INTERVAL_S)
            trouble = await self._look(limit_s - (time.monotonic() - start))
        if is_known:
            log.info("%s serves after %.0f s", self._server, time.monotonic() - start)
        self._given_up = None

    async def _look(self, patience_s: float) -> Trouble | None:
        """Check once, for no longer than we are still willing to wait."""
        timeout_s = min(LONGEST_LOOK_S, max(SHORTEST_LOOK_S, patience_s))
        try:
            async with asyncio.timeout(timeout_s):
                return await self._check()
        except TimeoutError:
            return Trouble(f"no answer within {timeout_s:.0f} s")

    def give_up(self, reason: str) -> LlmUnavailable:
        """Take the server for away: all who ask are told so at once, for SECOND_CHANCE_S. Return what to raise."""
        self._given_up = LlmUnavailable(f"{self._server} does not serve: {reason}")
        self._given_up_at = time.monotonic()
        log.error("%s", self._given_up)
        return self._given_up
