"""A program with a busy local AWS, for tests that kill it: ``python -m tests.integration.localaws_busy_parent FOLDER``.

When a job, what the job has started, and a Lambda function are at work, their pids are in files in FOLDER, and the
endpoint's URL is printed.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from cloud.src.localaws.environment import local_aws
from tests.integration.localaws_helpers import (
    PYTHON_IMAGE,
    create_function,
    create_queue,
    invoke,
    register_python_job,
    submit,
    until,
)

SLEEP = "import os, pathlib, time; pathlib.Path({path!r}).write_text(str(os.getpid())); time.sleep(600)"


def main(folder: Path) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup has it ignored, also by those whom it starts
    job, child, function = (str(folder / name) for name in ("job", "child", "function"))
    with local_aws(images=PYTHON_IMAGE) as aws:
        create_queue(aws)
        start_child = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP.format(path=child)!r}])"
        code = f"{start_child}\n{SLEEP.format(path=job)}"
        submit(aws, register_python_job(aws, "sleeps", code, retryStrategy={"attempts": 3}))
        handler = f"def handler(event, context):\n    {SLEEP.format(path=function)}"
        create_function(aws, "sleeps", {"app.py": handler}, Timeout=600)
        threading.Thread(target=invoke, args=(aws, "sleeps"), daemon=True).start()
        until(lambda: all(Path(path).exists() and Path(path).read_text() for path in (job, child, function)))
        print(aws.endpoint_url, flush=True)
        signal.pause()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
