"""pip that ends with the process that has started it: ``python guarded_pip.py download ...``.

A process that is killed with SIGKILL cannot end its pip any more. But the kernel then closes the pipe that is pip's
standard input. Started as a script: it needs pip and the standard library only.
"""

from __future__ import annotations

import os
import runpy
import threading


def main() -> None:
    """Run pip with this process's arguments, and end it when standard input ends."""
    threading.Thread(target=_exit_when_input_closes, daemon=True).start()
    runpy.run_module("pip", run_name="__main__", alter_sys=True)


def _exit_when_input_closes() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
