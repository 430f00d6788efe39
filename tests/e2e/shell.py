"""One shell, into which blocks of commands are typed one after the other, as into a terminal."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_END = "end of the block"


class Shell:
    """A bash that ends at the first command that fails."""

    def __init__(self, bash: subprocess.Popen[str], folder: Path) -> None:
        self._bash = bash
        self._block = folder / "block.sh"

    def type(self, block: str) -> str:
        """Run a block, answer ``yes`` to whatever it asks, and return all that it prints."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        assert self._bash.poll() is None, "the shell has ended: an earlier command has failed"
        self._block.write_text(block)
        self._bash.stdin.write(f". {self._block} < <(yes yes)\nprintf '\\n%s\\n' '{_END}'\n")
        self._bash.stdin.flush()
        printed: list[str] = []
        for line in self._bash.stdout:
            if line == f"{_END}\n":
                return "".join(printed)[:-1]  # without the line end before _END: not every output ends with its own
            printed.append(line)
        self._bash.wait()
        raise AssertionError(f"a command has failed in\n{block}\n{''.join(printed)}")


@contextmanager
def open_shell(environment: dict[str, str], folder: Path, scratch: Path) -> Iterator[Shell]:
    """A shell in ``folder`` with these variables and no others; ``scratch`` is a folder for its own files."""
    bash = subprocess.Popen(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail"],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with bash:
        yield Shell(bash, scratch)
        assert bash.stdin is not None
        bash.stdin.close()
