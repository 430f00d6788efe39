"""The panel job: a panel of quarters that are in the bucket, written there under ``panels/<name>/``."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cloud.src.contract import keys
from cloud.src.models.embeddings import Embedder
from cloud.src.themes.measure import Limits
from cloud.src.worker.panel.panel import PanelRequest, make_panel
from cloud.src.worker.panel.tables import MARKER, TABLES
from cloud.src.worker.rank_quarter import FAMILY
from cloud.src.worker.settings import PanelSettings
from cloud.src.worker.store import Store

log = logging.getLogger(__name__)

_SECONDS_BETWEEN_LINES = 60


def run(settings: PanelSettings, store: Store, load_embedder: Callable[[], Embedder]) -> None:
    """Make the panel in a temporary folder, then put it into the bucket.

    Raises InvalidInput when a quarter has not been run, FtmError when a file of it is damaged.
    """
    limits = Limits(settings.min_firms, settings.max_firm_dominance)
    request = PanelRequest(settings.panel_name, settings.quarters, settings.themes_from, FAMILY, limits)
    with tempfile.TemporaryDirectory() as folder:
        rows = make_panel(store, request, Path(folder), load_embedder, _begin)
        _replace(store, keys.panel_prefix(request.name), Path(folder))
    written = ", ".join(f"{rows[table]:,} {table}" for table in TABLES)
    log.info("wrote %s: rows: %s", store.where(keys.panel_prefix(request.name)), written)


def _replace(store: Store, prefix: str, folder: Path) -> None:
    """Put the tables where another panel of this name may be.

    A job that is killed here leaves tables without MARKER, which nobody reads as a panel; the same job run again
    replaces them.
    """
    marker, *others = (keys.panel_table(table) for table in sorted(TABLES, key=lambda name: name != MARKER))
    store.delete(prefix + marker)
    for file in others:
        store.upload(prefix + file, folder / file)
    for key in store.list(prefix):
        if key.removeprefix(prefix) not in others:
            store.delete(key)
    store.upload(prefix + marker, folder / marker)


class _Step:
    """Tells in the log how far a step is, once a minute."""

    def __init__(self, total: int | None, unit: str) -> None:
        self._total, self._unit = total, unit
        self._told = time.monotonic()

    def update(self, done: int) -> None:
        """Tell it if it is time."""
        if time.monotonic() - self._told >= _SECONDS_BETWEEN_LINES:
            log.info("%d of %d %s", done, self._total, self._unit)
            self._told = time.monotonic()


@contextmanager
def _begin(step: str, total: int | None, unit: str) -> Iterator[_Step]:
    log.info("%s", step)
    yield _Step(total, unit)
