"""The search for the names of a firm's topics, or of a quarter's themes: ask, judge, ask again with the reason.

A name has to look like one (name_rules.py), to be about its topic (guard.py) and to be the only one of its kind
among those that are looked for together.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from cloud.src.contract.names_count import NOT_ASKED
from cloud.src.llm.errors import FAILS_EVERY_TIME, REFUSED, LlmBadAnswer, LlmUnavailable
from cloud.src.models.embeddings import Embedder, Vectors
from cloud.src.naming import guard
from cloud.src.naming.ask import Manner, Proposal, TopicToName
from cloud.src.naming.guard import Verdict
from cloud.src.naming.name_rules import why_refused
from cloud.src.naming.prompt import Objection

# So often a name is asked for: once, and again when it was refused.
MAX_TRIES = 3
# Of several answers to a later try the best is taken: one to the question with the reasons why the earlier names were
# refused, and so many to the bare question. A small model that is shown its old name repeats it, whatever it is told
# about it, but finds others when it is asked afresh (docs/measurements/names.md).
FRESH_ANSWERS = 3
TEMPERATURE_OF_LATER_TRIES = 0.7

# Why there is no name, besides the cases of guard.py and of LlmBadAnswer.
OUTAGE = "outage"
AGAINST_THE_RULES = "against the rules"
REPEATED = "repeated"

# Cases after which asking for the same topic again would end the same way. Of texts that a filter refuses, several a
# firm and nine times each, the client would think that it is refused for how it asks.
HOPELESS = (REFUSED, FAILS_EVERY_TIME)

# Asks the model for a name: naming.propose_topic or propose_theme, with everything but these two filled in.
Propose = Callable[[TopicToName, Manner], Awaitable[Proposal]]


@dataclass(frozen=True)
class Found:
    """``proposal`` is None when no name was accepted; ``because`` says why. ``refused`` are the names that were not."""

    proposal: Proposal | None
    because: str
    refused: list[str]


@dataclass(frozen=True)
class _Try:
    """One answer of the model, judged; the proposal is empty when the answer could not be read."""

    proposal: Proposal
    verdict: Verdict

    def is_good(self) -> bool:
        return not self.verdict.case


@dataclass
class _Search:
    """One topic or theme on its way to a name."""

    row: int  # in centroids
    topic: TopicToName
    tries: list[_Try] = field(default_factory=list)
    accepted: Proposal | None = None
    is_given_up: bool = False

    def is_open(self) -> bool:
        is_hopeless = bool(self.tries) and self.tries[-1].verdict.case in HOPELESS
        return self.accepted is None and not self.is_given_up and not is_hopeless

    def is_named(self) -> bool:
        """Whether it has a good name or will get none from the model; a duplicate may still lose its name again."""
        return not self.is_open() or len(self.tries) == MAX_TRIES or (bool(self.tries) and self.tries[-1].is_good())

    def refused(self) -> list[str]:
        return [attempt.proposal.name for attempt in self.tries if attempt.proposal.name and not attempt.is_good()]

    def result(self) -> Found:
        if self.accepted is not None:
            return Found(self.accepted, "", self.refused())
        if self.is_given_up:
            return Found(None, OUTAGE, self.refused())
        return Found(None, self.tries[-1].verdict.case if self.tries else NOT_ASKED, self.refused())


class NameSearch:
    """Looks for names; ``tally`` counts for which reasons one was asked for again.

    ``tell`` is called with how many have been named so far, of all those that are looked for.
    """

    def __init__(
        self, propose: Propose, embedder: Embedder, tally: Counter[str], tell: Callable[[int], None] = lambda _: None
    ) -> None:
        self._propose = propose
        self._embedder = embedder
        self._tally = tally
        self._tell = tell

    async def run(
        self,
        topics: list[TopicToName],
        centroids: Vectors,
        at_once: int = 0,
        is_over: Callable[[], bool] = lambda: False,
    ) -> list[Found]:
        """What was found for each topic; ``centroids`` are their unit vectors, shape (topics, dimensions).

        ``at_once``: so many are looked for before the next ones, in their order; 0 for all. Once ``is_over``, nothing
        more is asked: those that have not been asked for are left out by plan, the others have what they had.
        Raises LlmMisconfigured; all other failures of the LLM are results.
        """
        searches = [_Search(row, topic) for row, topic in enumerate(topics)]

        async def try_and_tell(search: _Search) -> None:
            await self._try(search, centroids)
            self._tell(sum(each.is_named() for each in searches))

        size = at_once or max(1, len(searches))
        for first in range(0, len(searches), size):
            for _ in range(MAX_TRIES):
                if is_over():
                    break
                still_open = [search for search in searches[first : first + size] if search.is_open()]
                await asyncio.gather(*(try_and_tell(search) for search in still_open))
                _accept(searches)
        return [search.result() for search in searches]

    async def _try(self, search: _Search, centroids: Vectors) -> None:
        """Ask once more, and add the best answer to the tries."""
        manners = [Manner()]
        if search.tries:
            self._tally[f"asked again: {search.tries[-1].verdict.case}"] += 1
            objections = [Objection(attempt.proposal.name, attempt.verdict.reason) for attempt in search.tries]
            manners = [Manner(objections, TEMPERATURE_OF_LATER_TRIES)]
            # Numbered on from try to try, because the same number would get the same answer.
            for number in range(FRESH_ANSWERS):
                sample = len(search.tries) * FRESH_ANSWERS + number
                manners.append(Manner((), TEMPERATURE_OF_LATER_TRIES, sample))
        try:
            answers = await asyncio.gather(*(self._answer(search, manner) for manner in manners))
        except LlmUnavailable:
            search.is_given_up = True
            return
        tries = await self._compared(answers, search, centroids)
        search.tries.append(max(tries, key=lambda attempt: (attempt.is_good(), attempt.verdict.score)))

    async def _answer(self, search: _Search, manner: Manner) -> _Try:
        """What the model says, judged by the rules alone."""
        try:
            proposal = await self._propose(search.topic, manner)
        except LlmBadAnswer as error:
            return _Try(Proposal(""), Verdict(0, error.case, f"it is {error.case}"))
        reason = why_refused(proposal.name, search.topic.examples, search.topic.firm)
        if reason is not None:
            return _Try(proposal, Verdict(0, AGAINST_THE_RULES, reason))
        if proposal.name in search.refused():
            return _Try(proposal, Verdict(0, REPEATED, "it has been refused before"))
        if search.topic.family and guard.says_no_more(proposal.name, search.topic.family):
            return _Try(proposal, guard.refused(0, guard.DUPLICATE))
        return _Try(proposal, Verdict(0))

    async def _compared(self, tries: list[_Try], search: _Search, centroids: Vectors) -> list[_Try]:
        """Judge what the rules have let through by what it means."""
        good = [attempt.proposal for attempt in tries if attempt.is_good()]
        if not good:
            return tries
        # In a thread, so that other answers are taken meanwhile.
        vectors = await asyncio.to_thread(self._embedder.embed, [proposal.name for proposal in good])
        said = search.topic.all_words()
        compared = [
            _Try(proposal, guard.judge(proposal.name, vector, search.row, centroids, said))
            for proposal, vector in zip(good, vectors, strict=True)
        ]
        return [attempt for attempt in tries if not attempt.is_good()] + compared


def _accept(searches: list[_Search]) -> None:
    """Accept the good names of the last round; of several that say the same only the one nearest to its topic."""
    taken = {guard.sameness(search.accepted.name) for search in searches if search.accepted}
    good = [search for search in searches if search.is_open() and search.tries and search.tries[-1].is_good()]
    for search in sorted(good, key=lambda search: (-search.tries[-1].verdict.score, search.row)):
        last = search.tries[-1]
        same = guard.sameness(last.proposal.name)
        if same in taken:
            search.tries[-1] = _Try(last.proposal, guard.refused(last.verdict.score, guard.DUPLICATE))
        else:
            search.accepted = last.proposal
            taken.add(same)
