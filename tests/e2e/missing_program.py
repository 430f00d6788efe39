"""Programs that the tests need and FTM does not, so that a newcomer need not install them."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def skip_without(what: str, packages: str) -> NoReturn:
    """Skip the test and say what would run it; fail where CI is set, because there everything has to be checked."""
    reason = f"{what}: apt-get install {packages}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
