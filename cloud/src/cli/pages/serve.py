"""Serves a folder of pages to browsers of this machine.

Nothing else is served: only GET, only files of this folder, no links out of it, and only to who has asked for this
machine by name, so that no page of another site can read along (DNS rebinding).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

ADDRESS = "127.0.0.1"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".parquet": "application/vnd.apache.parquet",
}


def serve(folder: Path, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve the folder until Ctrl-C; ``on_ready`` gets the address. Port 0 is a free one.

    Raises OSError when the port is in use.
    """
    with server_of(folder, port) as server:
        on_ready(f"http://{ADDRESS}:{server.server_port}/")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def server_of(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of the folder on this machine, not yet running."""
    return ThreadingHTTPServer((ADDRESS, port), partial(_Handler, folder))


def file_of(folder: Path, path: str) -> Path | None:
    """The file that a request's path names; None if it does not exist or lies outside the folder."""
    parts = PurePosixPath(unquote(urlsplit(path).path)).parts[1:]
    if any(part == ".." or part.startswith(".") or "\0" in part for part in parts):
        return None
    file = folder
    for part in parts:
        file = file / part
        if file.is_symlink():
            return None
    if file.is_dir():
        file = file / "index.html"
    return file if file.is_file() and not file.is_symlink() else None


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, folder: Path, *request: object) -> None:
        self._folder = folder
        super().__init__(*request)  # type: ignore[arg-type]  # the server's own, passed on

    def do_GET(self) -> None:  # noqa: N802  # the name that the standard library calls
        """Send a file of the folder, or say why not."""
        host = self.headers.get("Host", "").rpartition(":")[0]
        if host not in (ADDRESS, "localhost"):
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        file = file_of(self._folder, self.path)
        if file is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        content = file.read_bytes()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", _TYPES.get(file.suffix, "application/octet-stream"))
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing: the terminal is the user's."""
