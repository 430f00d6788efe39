"""A first boot of an instance, as far as its user data goes: in namespaces of its own, where nothing of this machine is
changed, with servers at the addresses from which an instance and its containers get their roles.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.e2e.missing_program import skip_without

INSTANCE = ("169.254.169.254", "fd00:ec2::254")
CONTAINER = "169.254.170.2"

# Program -> Debian package.
_PROGRAMS = {"unshare": "util-linux", "ip": "iproute2", "iptables": "iptables", "ip6tables": "iptables"}
# What the user data writes goes into copies of these; programs are found through links in /etc/alternatives.
_FOLDERS = ("/etc", "/usr/local/sbin", "/var/lib")

_BOOT = """
set -e
cd "$1"
mkdir -p etc/ecs
for folder in etc usr/local/sbin var/lib; do mount --bind "$folder" "/$folder"; done
ip link set lo up
for address in 169.254.169.254/32 169.254.170.2/32 fd00:ec2::254/128; do ip address add $address dev lo nodad; done
"$2" probe.py >before
PATH="$1/programs:$PATH" bash user_data
agent=$(sed -n s/^ExecStartPre=//p /etc/systemd/system/ecs.service.d/*.conf)
$agent
"$2" probe.py >after
$agent
[ "$(iptables --list-rules OUTPUT | grep --count REJECT)" = 1 ]
iptables --flush OUTPUT
if PATH="$1/broken:$PATH" $agent; then echo 'the agent starts without the rule' >&2; exit 1; fi
"""

_PROBE = """
import json, os, socket

def connects(user, address):
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.setuid(user)
    with socket.socket(family(address)) as client:
        os._exit(client.connect_ex((address, 80)))

def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET

addresses = ["169.254.169.254", "fd00:ec2::254", "169.254.170.2"]
servers = [socket.create_server((one, 80), family=family(one)) for one in addresses]
print(json.dumps({user: [one for one in addresses if connects(user, one)] for user in (0, 2000, 65532)}))
"""


def require_namespaces() -> None:
    """Skip the test where it cannot have them, or lacks a program that makes them; in CI, fail without a program."""
    for program, package in _PROGRAMS.items():
        if not shutil.which(program):
            skip_without("nobody looks who reaches an instance's role", package)
    if os.geteuid() != 0:
        pytest.skip("only root has network namespaces and rules of its own")
    tried = subprocess.run(
        ["unshare", "--net", "--mount", "iptables", "--list-rules"], capture_output=True, text=True, check=False
    )
    if tried.returncode != 0:
        pytest.skip(f"no rules in a namespace: {tried.stderr.strip()}")


def shell_script(user_data: bytes) -> str:
    """The only part of user data that is MIME, as AWS Batch asks."""
    whole, *parts = message_from_bytes(user_data).walk()
    assert whole.get_content_type() == "multipart/mixed", user_data
    (part,) = parts
    assert part.get_content_type() == "text/x-shellscript"
    return str(part.get_payload())


def reached(user_data: bytes, folder: Path) -> tuple[dict[int, list[str]], dict[int, list[str]]]:
    """User -> addresses that it reaches, before the user data and once the agent may start.

    Fails where a second start of the agent adds rules, or where it would start without them.
    """
    for name in _FOLDERS:
        (folder / name.lstrip("/")).mkdir(parents=True)
    shutil.copytree("/etc/alternatives", folder / "etc/alternatives", symlinks=True)
    _program(folder / "programs/systemctl", '[ "$*" = daemon-reload ]')
    _program(folder / "broken/ip6tables", "exit 1")
    (folder / "user_data").write_text(shell_script(user_data))
    (folder / "probe.py").write_text(_PROBE)
    booted = subprocess.run(
        ["unshare", "--net", "--mount", "bash", "-c", _BOOT, "boot", str(folder), sys.executable],
        capture_output=True,
        text=True,
        check=False,
    )
    assert booted.returncode == 0, booted.stderr
    before, after = (json.loads((folder / name).read_text()) for name in ("before", "after"))
    return _by_user(before), _by_user(after)


def _program(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def _by_user(reached: dict[str, list[str]]) -> dict[int, list[str]]:
    return {int(user): addresses for user, addresses in reached.items()}
