"""How long does ftm-create-batch-manifest take, and does it fit the 256 MB of its Lambda function?

    python bench/bench_create_batch_manifest.py

Each row is measured in a new process, as a cold Lambda would be, against a local S3 in this one. "import" is mostly
boto3; the peak is the whole process's, so it holds the interpreter and boto3 too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

BUCKET = "ftm-bench"
QUARTER = "2023Q1"
# (firms, firms a batch): a usual quarter, the size we promise, and ten times of it
CASES = [(5_000, 50), (50_000, 1000), (50_000, 50), (500_000, 500)]
FIRMS_A_CHUNK = 100


def put_prefetch_manifest(s3: Any, n_firms: int) -> None:
    firms = {str(10_000_000 + firm): f"chunk_{firm // FIRMS_A_CHUNK:04d}.parquet" for firm in range(n_firms)}
    key = f"prefetch/transcripts/quarter={QUARTER}/manifest.json"
    s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps({"quarter": QUARTER, "firms": firms}))


def measure_here(batch_size: int) -> None:
    """Call the Lambda once in this process and print what it took as JSON."""
    started = time.perf_counter()
    from cloud.src.lambdas import create_batch_manifest

    imported = time.perf_counter()
    answer = create_batch_manifest.handler({"quarter": QUARTER, "bucket": BUCKET, "batch_size": batch_size}, None)
    called = time.perf_counter()
    figures = {"import_s": imported - started, "call_s": called - imported, "peak_mb": peak_memory_mb()}
    print(json.dumps({**figures, "n_batches": answer["n_batches"]}))


def peak_memory_mb() -> float:
    """Of this process only: getrusage's ru_maxrss starts from the parent's, which holds moto."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measure_in_new_process(batch_size: int) -> dict[str, float]:
    finished = subprocess.run(
        [sys.executable, __file__, "--here", str(batch_size)], check=True, stdout=subprocess.PIPE, text=True
    )
    return dict(json.loads(finished.stdout))


def main() -> None:
    # Not at the top of the module: the process that is measured must not hold them.
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.environ.update(
        AWS_ENDPOINT_URL=f"http://{host}:{port}",
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
    )
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    print("| firms | a batch | batches | import s | call s | peak MB |")
    print("|---|---|---|---|---|---|")
    for n_firms, batch_size in CASES:
        put_prefetch_manifest(s3, n_firms)
        took = measure_in_new_process(batch_size)
        print(
            f"| {n_firms} | {batch_size} | {took['n_batches']} "
            f"| {took['import_s']:.2f} | {took['call_s']:.2f} | {took['peak_mb']:.0f} |"
        )
    server.stop()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--here"]:
        measure_here(int(sys.argv[2]))
    else:
        main()
