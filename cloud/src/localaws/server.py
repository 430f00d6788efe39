"""The local AWS: moto's server on a loopback port, in which Lambda functions and Batch jobs are processes."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from moto.moto_server import werkzeug_app
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from cloud.src.contract import standard_input
from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.localaws import lambdas, not_implemented, services, stepfunctions
from cloud.src.localaws.batch import job as batch
from cloud.src.localaws.clients import ACCOUNT, REGION
from cloud.src.localaws.endpoint import Endpoint
from cloud.src.localaws.host import Host
from cloud.src.localaws.moto_gaps import install as terraform_gaps
from cloud.src.localaws.moto_gaps.patching import patch
from cloud.src.localaws.signatures import OnlySigned, RequestHandler

_MOTO_VERSION = "5.2.5"  # the patches change its inner parts, so they fit no other
_ADDRESS = "127.0.0.1"


def serve(
    port: int,
    job_slots: int,
    images: Mapping[str, Sequence[str]],
    work_folder: Path,
    watch_stdin: bool,
    containers: bool = False,
) -> None:
    """Serve until a signal arrives or, with ``watch_stdin``, standard input closes; port 0 is any free one.

    Prints what to export when it is ready. ``work_folder`` is deleted at the end, and no process is left behind.
    ``containers``: Batch jobs run as containers of the Docker engine, whose images then count instead of ``images``.
    """
    if version("moto") != _MOTO_VERSION:
        raise FtmError(f"the local AWS needs moto {_MOTO_VERSION}, but {version('moto')} is installed")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    if watch_stdin:
        standard_input.when_it_closes(stop.set)

    _check_free(port)
    os.environ["MOTO_ACCOUNT_ID"] = ACCOUNT
    patch(werkzeug_app, "DISABLE_GLOBAL_CORS", True)  # stock moto lets pages of any origin read what it answers
    moto = DomainDispatcherApplication(create_backend_app)
    server = make_server(_ADDRESS, port, moto, threaded=True, request_handler=RequestHandler)
    endpoint = Endpoint.with_new_keys(f"http://{_ADDRESS}:{server.server_port}")
    server.app = OnlySigned(moto, endpoint)
    host = Host(endpoint, work_folder, images, threading.Semaphore(job_slots), containers)
    _install(host)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(endpoint.exports(REGION), flush=True)  # from here on somebody can send requests

    stop.wait()
    host.processes.kill_all()
    _delete(work_folder)
    # Requests may still be under way in threads that Python would wait for.
    os._exit(0)


def _install(host: Host) -> None:
    lambdas.install(host)
    batch.install(host)
    stepfunctions.install(host)
    services.install()
    not_implemented.install()
    terraform_gaps.install()
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # no line for every request


def _check_free(port: int) -> None:
    """Raise InvalidInput when the port cannot be listened on: moto would wait for ever for its server to start."""
    if not 0 <= port <= 65535:
        raise InvalidInput(f"port {port} is not a port: choose one from 1 to 65535")
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what was closed a moment ago is free
            probe.bind((_ADDRESS, port))
    except PermissionError:
        raise InvalidInput(f"port {port} may not be used by this user: choose one above 1023") from None
    except OSError as error:
        raise InvalidInput(
            f"port {port} is not free ({error.strerror}): stop the program that listens there, or choose another port"
        ) from None


def _delete(folder: Path) -> None:
    """Under another name first, so that the threads that still run cannot put something into it meanwhile."""
    renamed = folder.with_name(f"{folder.name}-deleted")
    with suppress(FileNotFoundError):  # whoever cleans temporary folders was faster
        folder.rename(renamed)
        shutil.rmtree(renamed, ignore_errors=True)
