"""Capital IQ's transcripts on WRDS, as a source of the prefetch."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import astuple

from sqlalchemy import Connection

from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.calls import Call, Turn
from cloud.src.prefetch.sentences.languages import ALL_LANGUAGES
from cloud.src.prefetch.wrds.firm_list import FirmList
from cloud.src.prefetch.wrds.sectors import UNKNOWN_SECTOR, Sector, read_sectors
from cloud.src.prefetch.wrds.selection import SelectedCall, choose, find_calls, firm_ids
from cloud.src.prefetch.wrds.tables import SECTORS, TITLES, use_schemas
from cloud.src.prefetch.wrds.turns import measure, read_titles, read_turns

COPIES = "copies of a turn"
# Some 25 MB of text. Ten queries per quarter, each of which is a matter of minutes should the table lack an index.
_CALLS_AT_A_TIME = 500


class WrdsTranscripts:
    """The earnings calls of one quarter on WRDS: a ``TranscriptSource``.

    Which calls they are is decided when the object is made; texts are read while the firms are, some calls at a time.

    Args:
        connection: of ``connection.connect``.
        firms: only these; None: all.
        limit: only the first so many firms by firm_id; None: all.
        keep_unlinked: also calls without a PERMNO.
        all_languages: also calls that are not in English.

    Attributes:
        unlinked: names of the firms that have a call without a PERMNO: with ``keep_unlinked`` of those taken,
            else of all from which the first ``limit`` were taken.
        limit, keep_unlinked: as above.
        not_found: ids of ``firms`` that have no call in the quarter.
        n_calls: number of calls that ``firms()`` yields.
        amount: how much text they have.
        has_titles: whether the account can read titles; if not, CEOs and CFOs are executives like others.
        has_sectors: whether it can read Compustat's GICS; if not, firms have neither sector nor industry.
        n_sectors_of_today: firms whose sector is today's, because Compustat has none for the day of the call.

    Raises:
        InvalidInput: no call is left. WrdsError, as ``connect`` makes it: WRDS refuses something.
    """

    name = "wrds"

    def __init__(
        self,
        connection: Connection,
        quarter: str,
        firms: FirmList | None = None,
        limit: int | None = None,
        keep_unlinked: bool = False,
        all_languages: bool = False,
    ) -> None:
        self._connection = connection
        self.all_languages = all_languages
        self.limit, self.keep_unlinked = limit, keep_unlinked
        optional = use_schemas(connection)
        self.has_titles, self.has_sectors = TITLES in optional, SECTORS in optional
        found = find_calls(connection, quarter)
        of_quarter = [call for call in found if not call.has_moved]
        self.not_found = firms.not_in(of_quarter) if firms else []
        selection = choose(firms.of(found) if firms else found, limit, keep_unlinked)
        self._calls, self.skipped, self.unlinked = selection.calls, selection.skipped, selection.unlinked
        if not self._calls:
            left_out = ", ".join(f"{count} {reason}" for reason, count in self.skipped.items())
            raise InvalidInput(
                f"WRDS has no earnings call of {quarter} to take: {len(of_quarter)} calls in all"
                f"{', left out: ' if left_out else ''}{left_out}"
            )
        firms_taken = firm_ids(self._calls)
        self.n_firms, self.n_calls = len(firms_taken), len(self._calls)
        self.amount = measure(connection, self._transcript_ids(self._calls))
        if self.amount.n_copies:
            self.skipped[COPIES] = self.amount.n_copies
        self._titles = read_titles(connection, [int(firm) for firm in firms_taken]) if self.has_titles else {}
        self._sectors = read_sectors(connection, self._calls) if self.has_sectors else {}
        today = [call.firm_id for call in self._calls if self._sector(call).is_of_today]
        self.n_sectors_of_today = len(set(today))
        self.fingerprint = self._fingerprint(quarter)
        self.selection = selection_options(firms, limit, keep_unlinked, all_languages)

    def firms(self, after: str | None = None) -> Iterator[list[Call]]:
        """Yield the calls of one firm after the other."""
        left = [call for call in self._calls if after is None or call.firm_id > after]
        for _, calls in itertools.groupby(self._with_turns(left), key=lambda call: call.firm_id):
            yield list(calls)

    def _with_turns(self, calls: list[SelectedCall]) -> Iterator[Call]:
        for start in range(0, len(calls), _CALLS_AT_A_TIME):
            some = calls[start : start + _CALLS_AT_A_TIME]
            turns = read_turns(self._connection, self._transcript_ids(some), self._titles)
            for call in some:
                yield _call(call, turns.get(call.transcript_id, ()), self._sector(call))

    def _sector(self, call: SelectedCall) -> Sector:
        return self._sectors.get((call.gvkey, call.date), UNKNOWN_SECTOR)

    @staticmethod
    def _transcript_ids(calls: list[SelectedCall]) -> list[int]:
        return sorted({call.transcript_id for call in calls})  # two firms may share a call

    def _fingerprint(self, quarter: str) -> str:
        """Another one as soon as WRDS has a newer version of a transcript, a link or a title."""
        calls = [astuple(call) for call in self._calls]
        read = [
            quarter,
            calls,
            astuple(self.amount),
            sorted(self._titles.items()),
            [self._sector(call) for call in self._calls],
        ]
        return hashlib.sha256(json.dumps(read, default=str).encode()).hexdigest()


def selection_options(firms: FirmList | None, limit: int | None, keep_unlinked: bool, all_languages: bool) -> str:
    """Return the options of ``ftm prefetch`` that say this, in one line; empty when all firms are taken.

    The ids of a list are represented by their number and a hash: the same file name may hold other ids later.
    """
    options = []
    if firms:
        ids = hashlib.sha256(" ".join([firms.kind, *sorted(firms.ids)]).encode()).hexdigest()[:8]
        options.append(f"--firms (list {ids} of {len(firms.ids):,} {firms.kind}s)")
    if limit is not None:
        options.append(f"--limit {limit}")
    if keep_unlinked:
        options.append("--keep-unlinked")
    if all_languages:
        options.append(ALL_LANGUAGES)
    return " ".join(options)


def _call(call: SelectedCall, turns: tuple[Turn, ...], sector: Sector) -> Call:
    return Call(
        firm_id=call.firm_id,
        firm_name=call.firm_name,
        transcript_id=str(call.transcript_id),
        date=call.date,
        turns=turns,
        permno=call.permno,
        gvkey=call.gvkey,
        link_date=call.link_date,
        sector=sector.sector,
        industry=sector.industry,
        time=call.time,
    )
