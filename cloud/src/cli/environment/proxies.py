"""How programs reach a server: whether it is on this machine, and the user's proxies and certificates."""

from __future__ import annotations

import os
from ipaddress import ip_address
from urllib.parse import urlsplit

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")  # read in lower case too
_THIS_MACHINE = ("127.0.0.1", "localhost")


def is_on_this_machine(url: str) -> bool:
    """Whether the URL's host is an address of this machine; false for a host's name, or if it is not a URL."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def environment() -> dict[str, str]:
    """The environment variables for proxies and certificates, with this machine itself never behind a proxy."""
    given = {name: value for name, value in os.environ.items() if name in _CERTIFICATES or name.upper() in _PROXIES}
    without = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if without != "*":  # every host
        hosts = [host.strip() for host in without.split(",") if host.strip()]
        without = ",".join([*hosts, *(host for host in _THIS_MACHINE if host not in hosts)])
    return {**given, "NO_PROXY": without, "no_proxy": without}  # if both are set, programs differ in which they read
