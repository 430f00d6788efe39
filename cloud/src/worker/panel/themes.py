"""The one set of themes that all quarters of a panel are measured with: found in all of them, or those of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import InvalidInput
from cloud.src.contract.record import run_of
from cloud.src.llm.answer_book import AnswerBook
from cloud.src.models.embeddings import Embedder
from cloud.src.naming.namer import Namer
from cloud.src.themes.dictionary import Dictionary
from cloud.src.themes.measure import FittedThemes, Groups, Limits
from cloud.src.themes.rank import sentences_of_any_call
from cloud.src.themes.sentence_grid import Mean, mean_of
from cloud.src.topics.grid import COARSE_STEPS
from cloud.src.worker.find_quarter_themes import FittedOnSample, Stability, find_and_fit
from cloud.src.worker.measure_quarter import MeasuredQuarter
from cloud.src.worker.name_quarter import candidates_of, names_of, speaker_words
from cloud.src.worker.panel.source import PanelSource
from cloud.src.worker.quarter_sentences import share_to_fit
from cloud.src.worker.rank_quarter import FAMILY, THEME, ids_by_number, rank_quarter
from cloud.src.worker.theme_table import theme_table


def found_in_all(
    source: PanelSource, limits: Limits, embedder: Embedder, begin: Callable[[str], None]
) -> FittedOnSample:
    """Themes found from the topics of all quarters."""
    return find_and_fit(source.topics(), source.sampled_parts, source.n_sentences, limits, embedder, begin)


def published(source: PanelSource) -> tuple[FittedThemes, pa.Table]:
    """The themes of a source with one quarter as that quarter's run has published them, and its table THEME.

    Nothing is found again: centroids and dictionaries are in the table, and the mean that is taken off is that of the
    quarter's own sentences. Raises InvalidInput when the table is of another run, or of another embedding model than
    the sentences.
    """
    [quarter] = source.quarters
    table = source.store.read_table(keys.themes(quarter.quarter))
    if run_of(table.schema) not in (None, quarter.run):  # earlier versions gave a run no id
        where = source.store.where(keys.themes(quarter.quarter))
        raise InvalidInput(f"{where} is not of the quarter's last run, which has not ended: run the quarter again")
    table = table.select(schemas.THEME.names)
    sample = source.sampled_parts(share_to_fit(source.n_sentences))
    mean = mean_of(part.vectors for part in sample if part.texts)
    if table.num_rows and len(table["centroid"][0].as_py()) != len(mean):
        where = source.store.where(keys.themes(quarter.quarter))
        raise InvalidInput(f"{where} comes from another embedding model than the sentences: run the quarter again")
    return fitted_from(table, mean), table


def fitted_from(table: pa.Table, mean: Mean) -> FittedThemes:
    """What the themes of a table THEME are measured with; numbers are places in the table, level by level."""
    families, themes = (of_level(table, level) for level in (FAMILY, THEME))
    phrases = sorted({entry["phrase"] for row in table["dictionary"].to_pylist() for entry in row or []})
    number_of = {family_id: number for number, family_id in enumerate(families["theme_id"].to_pylist())}
    family_of = np.array([number_of[family_id] for family_id in themes["family_id"].to_pylist()], dtype=np.int64)
    dimensions = len(mean)
    return FittedThemes(
        mean, phrases, _groups(themes, phrases, dimensions), _groups(families, phrases, dimensions), family_of
    )


def of_level(table: pa.Table, level: str) -> pa.Table:
    """The rows of a table of themes that are of this level."""
    return table.filter(pc.equal(table["level"], pa.scalar(level)))


def _groups(table: pa.Table, phrases: list[str], dimensions: int) -> Groups:
    column_of = {phrase: column for column, phrase in enumerate(phrases)}
    rows: list[Any] = table["dictionary"].to_pylist()
    own = [(number, column_of[entry["phrase"]], entry) for number, row in enumerate(rows) for entry in row]
    places = [number for number, _, _ in own], [column for _, column, _ in own]
    purity, share = (
        sp.csr_matrix(([entry[name] for *_, entry in own], places), shape=(table.num_rows, len(phrases)))
        for name in ("purity", "share")
    )
    dictionary = Dictionary(purity, share, sp.csr_matrix(purity.shape))  # log-odds are for finding families
    unit_vectors = np.array(table["centroid"].to_pylist(), dtype=np.float64).reshape(table.num_rows, dimensions)
    centroids = np.rint(unit_vectors * COARSE_STEPS).astype(np.float32)
    return Groups(centroids, dictionary, unit_vectors.astype(np.float32))


def ranked_and_named(
    panel: str, source: PanelSource, measured: MeasuredQuarter, found: FittedOnSample, namer: Namer, embedder: Embedder
) -> tuple[pa.Table, list[str], list[str]]:
    """A table THEME of the panel's themes, and the ids of the fitted families and themes by their numbers."""
    speakers = speaker_words(found.sample, len(source.firm_ids))
    phrases = candidates_of(measured.fitted, found.sentences, speakers, source.firm_names, embedder)
    ranked = rank_quarter(panel, measured, Stability(), sentences_of_any_call(embedder), phrases)
    names = names_of(ranked, phrases, namer, AnswerBook(), lambda: None)
    table = theme_table(panel, ranked, names, namer.themes_named_by["llm_model"])
    return table, ids_by_number(ranked.families), ids_by_number(ranked.themes)


def renamed(table: pa.Table, quarter: str, panel: str) -> pa.Table:
    """The themes of a quarter with the ids of a panel: ``theme_2020Q1_003`` becomes ``theme_PANEL_003``."""
    for name in ("theme_id", "family_id"):
        ids: list[Any] = [_id_in(panel, quarter, each) for each in table[name].to_pylist()]
        table = table.set_column(table.schema.get_field_index(name), schemas.THEME.field(name), pa.array(ids))
    return table


def _id_in(panel: str, quarter: str, theme_id: str | None) -> str | None:
    return None if theme_id is None else theme_id.replace(f"_{quarter}_", f"_{panel}_")
