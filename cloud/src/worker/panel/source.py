"""What a panel is made of: several quarters as map has left them, with one numbering of their firms and topics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cloud.src.contract import keys
from cloud.src.contract.errors import InvalidInput
from cloud.src.models.embeddings import Vectors
from cloud.src.worker import publish
from cloud.src.worker.find_quarter_themes import Numbers, QuarterTopics
from cloud.src.worker.mapped_quarter import MappedQuarter, read_mapped
from cloud.src.worker.quarter_sentences import SpokenPart, SpokenSentences
from cloud.src.worker.store import Store

# Of the topics: all that a panel needs of them.
_COLUMNS = ("firm_id", "local_topic_id", "keywords", "n_sentences", "embedding")


@dataclass(frozen=True)
class PanelQuarter:
    """A quarter of a panel, as its last run has left it; ``run`` is the id in that run's tables.

    ``embeddings`` of its topics are beside ``mapped``, whose topics have none: one array until it is handed over.
    """

    quarter: str
    run: str
    mapped: MappedQuarter
    spoken: SpokenSentences
    embeddings: list[Vectors]

    @property
    def n_sentences(self) -> int:
        """How many sentences the quarter has."""
        return sum(firm["n_sentences"] for firm in self.mapped.firms)


@dataclass(frozen=True)
class PanelSource:
    """The quarters, oldest first; ``firm_ids`` and ``firm_names`` are those of all of them, a firm's name the last."""

    store: Store
    quarters: list[PanelQuarter]
    firm_ids: list[str]
    firm_names: list[str]

    @property
    def n_parts(self) -> int:
        """How many parts one pass goes through."""
        return sum(len(quarter.mapped.parts) for quarter in self.quarters)

    @property
    def n_sentences(self) -> int:
        """How many sentences all quarters have."""
        return sum(quarter.n_sentences for quarter in self.quarters)

    def parts(self, quarter: PanelQuarter, share: float = 1.0) -> Iterator[tuple[pa.Table, SpokenPart]]:
        """A quarter's parts, as schema SENTENCE_VECTOR and, with a share of the sentences, as themes are measured."""
        for _, table in publish.sentence_parts(self.store, quarter.quarter, quarter.mapped.parts):
            yield table, quarter.spoken.of(table, share)

    def sampled_parts(self, share: float) -> Iterator[SpokenPart]:
        """The parts of all quarters with a share of their sentences."""
        return (part for quarter in self.quarters for _, part in self.parts(quarter, share))

    def topics(self) -> QuarterTopics:
        """The topics of all quarters, in the order of their numbers; to be called once, for it takes the embeddings."""
        tables = [quarter.mapped.topics for quarter in self.quarters]
        firm_ids: list[Any] = [firm_id for table in tables for firm_id in table.column("firm_id").to_pylist()]
        keywords = [words for table in tables for words in _keywords(table)]
        return QuarterTopics(np.concatenate(self.take_embeddings()), firm_ids, keywords)

    def take_embeddings(self) -> list[Vectors]:
        """The embeddings of each quarter's topics, which are not kept here: those of a million topics take 1.5 GB."""
        return [quarter.embeddings.pop() for quarter in self.quarters]

    def topic_sizes(self) -> Numbers:
        """How many sentences each topic has."""
        return np.concatenate([quarter.mapped.topics.column("n_sentences").to_numpy() for quarter in self.quarters])


def read_source(store: Store, quarters: Sequence[str]) -> PanelSource:
    """What the last run of each quarter has left.

    Raises InvalidInput when a quarter has no finished run, or when two have vectors of different lengths;
    FtmError when a file is damaged.
    """
    runs = {quarter: _last_run(store, quarter) for quarter in sorted(quarters)}
    mapped, embeddings = [], []
    for quarter, run in runs.items():
        found = read_mapped(store, quarter, str(run["manifest_key"]), _COLUMNS)
        if being_made := found.being_made:
            raise InvalidInput(
                f"{quarter}: {len(being_made)} batches have been started again since its themes were found, such as"
                f" {being_made[0]}: finish the quarter first"
            )
        embeddings.append(found.embeddings())
        mapped.append(replace(found, topics=found.topics.drop_columns(["embedding"])))
    _check_same_model(list(runs), embeddings)
    name_of = {firm["firm_id"]: firm["firm_name"] for each in mapped for firm in each.firms}
    firm_ids = sorted(name_of)
    starts = np.cumsum([0, *(each.topics.num_rows for each in mapped)])
    panel_quarters = [
        PanelQuarter(quarter, str(run["run"]), each, SpokenSentences(firm_ids, each.topics, int(start)), [vectors])
        for (quarter, run), each, start, vectors in zip(runs.items(), mapped, starts[:-1], embeddings, strict=True)
    ]
    return PanelSource(store, panel_quarters, firm_ids, [name_of[firm_id] for firm_id in firm_ids])


def inputs_of(store: Store, quarters: Sequence[str]) -> dict[str, str]:
    """Of each quarter the id of its last run; raises as read_source does when it has none."""
    return {quarter: str(_last_run(store, quarter)["run"]) for quarter in sorted(quarters)}


def _last_run(store: Store, quarter: str) -> dict[str, Any]:
    """The document of the quarter's last reduce job; raise InvalidInput when there was none."""
    where = store.where(keys.themes_progress(quarter))
    progress: dict[str, Any] | None = store.read_json_if_there(keys.themes_progress(quarter))
    if progress is None:
        raise InvalidInput(f"{quarter} has no themes yet ({where} is missing): run the quarter first, to its end")
    # Earlier versions gave a run no id.
    return {**progress, "run": progress.get("run") or progress["manifest_key"]}


def _keywords(topics: pa.Table) -> Iterator[list[str]]:
    """Those of each topic. Each word is one object, however many topics have it: a million have ten million words."""
    lists = cast("pa.ListArray[Any]", topics.column("keywords").combine_chunks())
    words: Any = lists.flatten().dictionary_encode()
    known = np.array(words.dictionary.to_pylist(), dtype=object)
    of_topics = known[words.indices.to_numpy()]
    ends = np.cumsum([0, *np.asarray(pc.list_value_length(lists))])
    return (of_topics[start:end].tolist() for start, end in pairwise(ends))


def _check_same_model(quarters: Sequence[str], embeddings: Sequence[Vectors]) -> None:
    dimensions = {each.shape[1]: quarter for quarter, each in zip(quarters, embeddings, strict=True)}
    if len(dimensions) > 1:
        told = " and ".join(f"{quarter} ({number} dimensions)" for number, quarter in dimensions.items())
        raise InvalidInput(f"{told} were made with different embedding models: run one of them again")
