"""Splitting in several processes: the same sentences in the same order, and no process is left over."""

from __future__ import annotations

import datetime
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from cloud.src.prefetch.calls import Call, Turn
from cloud.src.prefetch.parallel import sentences_of_firms

N_FIRMS = 30
# Two processes, of which one firm is asked for: the others are in flight when this is killed.
FOR_EVER = """
import itertools, os
from tests.component.prefetch.test_parallel import firms
from cloud.src.prefetch.parallel import sentences_of_firms
import multiprocessing
if __name__ == "__main__":
    results = sentences_of_firms(itertools.cycle(firms()), "2023Q1", 1000, processes=2)
    next(results)
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    for _ in results:
        pass
"""


def firms() -> Iterator[list[Call]]:
    day = datetime.date(2023, 2, 1)
    for n in range(N_FIRMS):
        text = f"We are happy to take questions. Plant {n} made {n} tools. " * (1 + 50 * (n % 3))
        yield [Call(f"{n:03d}", f"Firm {n}", "T1", day, (Turn(text),))]


def test_the_number_of_processes_changes_nothing() -> None:
    alone = list(sentences_of_firms(firms(), "2023Q1", N_FIRMS, processes=1))
    shared_out = list(sentences_of_firms(firms(), "2023Q1", N_FIRMS, processes=2))
    assert [firm.firm_id for firm in alone] == [f"{n:03d}" for n in range(N_FIRMS)]
    assert shared_out == alone
    n_procedure = sum(firm.skipped["sentences that run the call"] for firm in alone)
    assert n_procedure == sum(1 + 50 * (n % 3) for n in range(N_FIRMS))


def test_only_a_few_firms_are_read_ahead() -> None:
    read = itertools.count()
    results = sentences_of_firms((calls for calls in firms() if next(read) >= 0), "2023Q1", N_FIRMS, processes=2)
    next(results)
    n_read = next(read)
    results.close()  # type: ignore[attr-defined]
    assert n_read <= 10


def test_killed_it_leaves_no_process_behind(tmp_path: Path) -> None:
    script = tmp_path / "for_ever.py"
    script.write_text(FOR_EVER)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[3]), *sys.path])}
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    pids = [int(pid) for pid in process.stdout.readline().split()]
    assert len(pids) == 2
    process.kill()
    process.wait()
    process.stdout.read()  # until the last one that has this pipe has ended
    process.stdout.close()
    assert [pid for pid in pids if Path(f"/proc/{pid}/cmdline").exists() and _state(pid) != "Z"] == []


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
