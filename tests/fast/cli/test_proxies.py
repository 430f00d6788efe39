"""What reaches a server elsewhere, and never this machine by a proxy."""

from __future__ import annotations

import pytest

from cloud.src.cli.environment import proxies

PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "HTTP_PROXY", "https_proxy", "ALL_PROXY"])
def test_what_the_user_has_set_is_passed_on(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert name not in proxies.environment()
    monkeypatch.setenv(name, PROXY)
    assert proxies.environment()[name] == PROXY


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
@pytest.mark.parametrize(
    ("without", "expected"),
    [
        ("", "127.0.0.1,localhost"),
        ("example.org", "example.org,127.0.0.1,localhost"),
        ("localhost, example.org,", "localhost,example.org,127.0.0.1"),
        ("127.0.0.1,localhost", "127.0.0.1,localhost"),
        ("*", "*"),
    ],
)
def test_this_machine_is_never_behind_a_proxy(
    name: str, without: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, without)
    assert proxies.environment() == {"NO_PROXY": expected, "no_proxy": expected}


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://localhost:5000", True),
        ("http://127.0.0.1:5000", True),
        ("http://[::1]:5000/v1", True),
        ("http://10.0.0.7:8000", False),
        ("https://api.x.ai/v1", False),
        ("http://[::1:5000", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_a_url_of_this_machine_is_known(url: str, here: bool) -> None:
    assert proxies.is_on_this_machine(url) == here
