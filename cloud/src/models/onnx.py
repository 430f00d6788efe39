"""onnxruntime without its telemetry: whoever needs the library takes it from here.

From its import on it queues events (a device's id, Python's path, the CPU) in ``~/.cache/Microsoft`` and in
``$TMPDIR/.ses``, and sends them to Microsoft. Its own ``disable_telemetry_events`` comes too late: the files are there
by then. It reads the variable when it is loaded.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime  # noqa: E402  # after the line that it reads

__all__ = ["onnxruntime"]
