"""How many firms a batch of ``ftm run`` has when the user does not say."""

from __future__ import annotations

import pytest

from cloud.src.cli.run.command import fitting_batch_size


@pytest.mark.parametrize(
    ("n_firms", "jobs", "batch_size"), [(1, 2, 25), (149, 2, 25), (500, 2, 63), (2_000, 2, 200), (2_000, 16, 32)]
)
def test_batches_are_few_and_keep_all_jobs_busy(n_firms: int, jobs: int, batch_size: int) -> None:
    assert fitting_batch_size(n_firms, jobs) == batch_size
