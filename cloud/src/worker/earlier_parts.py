"""Parts that earlier executions of a quarter have left, whose batches may have been others.

A firm that is done stays done whatever the batches: map takes it from the part that has it. Reduce removes those parts
when nobody needs them any more, because a reader of intermediate/ would count their firms twice.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping

from cloud.src.contract import keys
from cloud.src.contract.record import read_record
from cloud.src.llm.answer_book import AnswerBook
from cloud.src.worker import answers, parts
from cloud.src.worker.parts import Part
from cloud.src.worker.settings import MapSettings
from cloud.src.worker.store import Store
from cloud.src.worker.transcripts import read_batches

log = logging.getLogger(__name__)


class EarlierParts:
    """Those of a quarter that its manifest does not name; looked through once, when a firm is missing."""

    def __init__(self, store: Store, settings: MapSettings) -> None:
        self._store = store
        self._settings = settings
        self._index: dict[tuple[str, str], str] | None = None

    def complete(self, part: Part, book: AnswerBook) -> None:
        """Add to the part those of its firms that an earlier part has, made of the same, and to its book their answers.

        A bundle needs these answers, though no job asks for them again.
        """
        of_earlier: dict[str, dict[str, str]] = defaultdict(dict)
        for firm_id in part.made_of.keys() - part.finished():
            if name := self._parts().get((firm_id, part.made_of[firm_id])):
                of_earlier[name][firm_id] = part.made_of[firm_id]
        for name, wanted in of_earlier.items():
            part.take_over(parts.read_part(self._store, self._settings.quarter, name, wanted))
            book.take_over(answers.read(self._store, keys.llm_answers(self._settings.quarter, name)))

    def _parts(self) -> Mapping[tuple[str, str], str]:
        """Names of parts by firm and fingerprint."""
        if self._index is None:
            self._index = {}
            for name in sorted(self._names()):
                topics = parts.read_or_none(self._store, keys.topics_part(self._settings.quarter, name))
                record = {} if topics is None else read_record(topics)
                for firm_id, made_of in record.get("made_of", {}).items():
                    if firm_id not in record["without_llm"]:
                        self._index[firm_id, made_of] = name
        return self._index

    def _names(self) -> set[str]:
        """Without the parts of this execution, which other jobs are writing."""
        settings = self._settings
        batches = read_batches(self._store, settings.manifest_key)
        planned = [
            part.name
            for batch_id, firm_ids in batches.items()
            for part in parts.plan(batch_id, firm_ids, settings.checkpoint_interval)
        ]
        there = self._store.list(keys.topics_parts_prefix(settings.quarter))
        return {keys.part_of(key) for key in there}.difference(planned)


def remove(store: Store, quarter: str, own: Collection[str], unsettled: set[str]) -> int:
    """Remove the parts but an execution's ``own``, and the LLM's answers for them; return how many.

    A part stays as long as it has a firm that the execution has not settled: the next one takes it from there.
    """
    prefixes = (keys.topics_parts_prefix(quarter), keys.sentences_parts_prefix(quarter))
    there = {keys.part_of(key) for prefix in prefixes for key in store.list(prefix)}
    removed = [name for name in sorted(there.difference(own)) if not _firms_in(store, quarter, name) & unsettled]
    for name in removed:
        store.delete(keys.llm_answers(quarter, name))
        store.delete(keys.sentences_part(quarter, name))
        store.delete(keys.topics_part(quarter, name))  # last, because it stands for the whole part
    if removed:
        log.info("removed %d parts of earlier executions", len(removed))
    return len(removed)


def _firms_in(store: Store, quarter: str, name: str) -> set[str]:
    """The firms that could be taken from a part."""
    topics = parts.read_or_none(store, keys.topics_part(quarter, name))
    return set() if topics is None else set(read_record(topics)["made_of"])
