"""A signal that comes while DuckDB runs a query: instead of what the handler raises, DuckDB raises its own error.

DuckDB itself takes no part: it looks for signals only between its tasks, which may take minutes.
"""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

IN_A_QUERY = """
import signal, sys
from cloud.src.cli import __main__ as ftm

def query(*_, **__):
    try:
        signal.raise_signal(int(sys.argv[1]))
    except BaseException:
        raise RuntimeError("Query interrupted")

ftm.app = query
ftm.main()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_in_a_query_ends_ftm_without_a_traceback(number: int, code: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", IN_A_QUERY, str(int(number))], capture_output=True, text=True, timeout=60, check=False
    )

    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr
