"""How fast is a quarter read from WRDS' tables, and how much memory does it take?

    python -m bench.bench_wrds [--firms 5000] [--turns 130]

Starts a PostgreSQL server on this machine, fills it with that many generated firms of one call each (4 sentences a
turn), and prefetches them to a folder: first reading alone, then with splitting and writing. What the network to WRDS
takes is not in it.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from cloud.src.prefetch.prefetch import write_quarter
from cloud.src.prefetch.storage import FolderStorage
from cloud.src.prefetch.wrds.transcripts import WrdsTranscripts
from tests.integration.wrds_postgres import PASSWORD, PostgresServer, postgres_server
from tests.integration.wrds_server import RESEARCHER, connected
from tests.integration.wrds_tables import Wrds, grant

QUARTER = "2023Q1"

_WORDS = "sales margin growth orders costs demand supply price backlog cash debt capex hiring churn rates wages".split()
_SENTENCE = "In the quarter our {} moved by {} percent, which is more than {} did when we last spoke about it."

# Tables are filled by the server: rows by the million would take longer from here.
_FILL = (
    """INSERT INTO ciq_transcripts.wrds_transcript_detail
         (companyid, companyname, keydevid, transcriptid, keydeveventtypeid, mostimportantdateutc,
          transcriptcreationdate_utc, transcriptcreationtime_utc)
       SELECT 10000 + firm, 'Firm ' || firm, firm, 3 * firm + version, 48,
              '2023-02-01', date '2023-02-01' + version, '12:00'
       FROM generate_series(1, %(firms)s) firm, generate_series(0, 2) version""",
    """INSERT INTO ciq_transcripts.ciqtranscriptcomponent
         (transcriptcomponentid, transcriptid, componentorder, transcriptcomponenttypeid, componenttext)
       SELECT (3 * firm + 2) * 1000 + turn, 3 * firm + 2, turn,
              CASE WHEN mod(turn, 10) = 0 THEN 7 WHEN turn < 20 THEN 2 ELSE 3 + mod(turn, 2) END,
              (SELECT string_agg((%(sentences)s::text[])[1 + mod(31 * firm + 7 * turn + 13 * place, %(n)s)], ' ')
               FROM generate_series(1, 4) place)
       FROM generate_series(1, %(firms)s) firm, generate_series(0, %(turns)s - 1) turn""",
    """INSERT INTO ciq_transcripts.wrds_transcript_person
         (transcriptcomponentid, transcriptid, transcriptpersonname, speakertypename, proid)
       SELECT transcriptcomponentid, transcriptid, 'Person ' || mod(transcriptcomponentid, 7), 'Executives', 1
       FROM ciq_transcripts.ciqtranscriptcomponent""",
    """INSERT INTO ciq_common.wrds_gvkey (companyid, gvkey)
       SELECT 10000 + firm, lpad(firm::text, 6, '0') FROM generate_series(1, %(firms)s) firm""",
    """INSERT INTO crsp.ccmxpf_lnkhist (gvkey, lpermno, linkprim, linktype, linkdt)
       SELECT lpad(firm::text, 6, '0'), 10000 + firm, 'P', 'LU', '2001-01-02'
       FROM generate_series(1, %(firms)s) firm""",
    "CREATE INDEX ON ciq_transcripts.ciqtranscriptcomponent (transcriptid)",
    "CREATE INDEX ON ciq_transcripts.wrds_transcript_person (transcriptcomponentid)",
    "ANALYZE",
)


def fill(server: PostgresServer, firms: int, turns: int) -> None:
    sentences = [
        _SENTENCE.format(one, number, other)
        for number, (one, other) in enumerate((one, other) for one in _WORDS for other in _WORDS)
    ]
    values = {"firms": firms, "turns": turns, "sentences": sentences, "n": len(sentences)}
    server.create_database("wrds")
    with server.connect("wrds") as connection:
        Wrds().create(connection)
        for statement in _FILL:
            connection.execute(statement.encode(), values if "%(" in statement else None)
        grant(connection, RESEARCHER, PASSWORD)


def peak_memory_mb() -> tuple[float, float]:
    """Of this process, and of the largest of its children that have ended."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_maxrss / 1024, children.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--firms", type=int, default=5000)
    parser.add_argument("--turns", type=int, default=130)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, postgres_server() as server:
        fill(server, options.firms, options.turns)
        print(f"before reading: {peak_memory_mb()[0]:.0f} MB")
        with connected(server) as connection:
            start = time.perf_counter()
            source = WrdsTranscripts(connection, QUARTER)
            found = time.perf_counter() - start
            print(f"{source.n_calls} calls, {source.amount.n_turns} turns found in {found:.1f} s")
            start = time.perf_counter()
            n_bytes = sum(len(turn.text) for calls in source.firms() for call in calls for turn in call.turns)
            seconds = time.perf_counter() - start
            print(f"reading alone: {n_bytes / 1e6:.0f} MB in {seconds:.1f} s, peak {peak_memory_mb()[0]:.0f} MB")
            start = time.perf_counter()
            summary = write_quarter(FolderStorage(Path(folder)), QUARTER, source)
            seconds = time.perf_counter() - start
        print(f"all of it: {summary.n_sentences} sentences in {seconds:.1f} s, {summary.n_sentences / seconds:,.0f}/s")
        print("peak {:.0f} MB, of the largest other process {:.0f} MB".format(*peak_memory_mb()))


if __name__ == "__main__":
    main()
