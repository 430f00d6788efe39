"""Checks the user's settings of the jobs before anything is started."""

from __future__ import annotations


def check_job_settings() -> None:
    """Raise InvalidInput, naming each variable that the jobs would refuse, such as ``CHECKPOINT_INTERVAL=0``."""
    from cloud.src.worker.settings import MapSettings, from_environment  # here: it loads what finds topics

    from_environment(MapSettings, quarter="2023Q1", s3_bucket="checked-by-ftm", manifest_key="", batch_id="")
