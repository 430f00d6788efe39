"""Opens a page that FTM has written in the user's browser."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path


def open_page(path: Path) -> None:
    """Open the file in the browser; on a machine without one, such as a server, say which file to open."""
    if not webbrowser.open(path.resolve().as_uri()):
        print(f"no browser was found here: open {path}", file=sys.stderr)
