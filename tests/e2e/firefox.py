"""A headless Firefox, asked over WebDriver BiDi: Debian has no geckodriver, and Firefox speaks BiDi by itself."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver.remote.websocket_connection import WebSocketConnection

from tests.e2e.ftm_process import until

TIMEOUT_S, POLL_S = 60, 0.02
# What the page's policy has stopped; before any script of the page.
LISTEN = """() => {
  window.stopped = [];
  document.addEventListener('securitypolicyviolation', (event) => stopped.push(event.violatedDirective));
}"""


class Firefox:
    """One tab. ``problems``: what was thrown in the page and written to its console since it was opened."""

    def __init__(self, connection: WebSocketConnection) -> None:
        self._connection = connection
        self.problems: list[str] = []
        connection.callbacks["log.entryAdded"] = [lambda entry: self.problems.append(entry["text"])]
        self._ask("session.new", capabilities={})
        self._tab = self._ask("browsingContext.getTree")["contexts"][0]["context"]
        self._ask("session.subscribe", events=["log.entryAdded"])
        self._ask("script.addPreloadScript", functionDeclaration=LISTEN)

    def open(self, address: str) -> None:
        """Open a page afresh, even when only its #fragment differs from the last one."""
        self._ask("browsingContext.navigate", context=self._tab, url="about:blank", wait="complete")
        self.problems.clear()
        self._ask("browsingContext.navigate", context=self._tab, url=address, wait="complete")

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression, as far as JSON can tell it."""
        script = f"JSON.stringify({expression}) ?? 'null'"
        found = self._ask("script.evaluate", expression=script, target={"context": self._tab}, awaitPromise=True)
        assert found["type"] == "success", found
        return json.loads(found["result"]["value"])

    def texts(self, selector: str) -> list[str]:
        """The texts a reader sees: hidden elements are left out."""
        every = f"[...document.querySelectorAll({json.dumps(selector)})]"
        return list(self.run(f"{every}.filter((each) => each.checkVisibility()).map((each) => each.innerText.trim())"))

    def press(self, selector: str, keys: str) -> None:
        """Give an element the focus and press keys, as a reader does with the keyboard."""
        self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._ask("input.performActions", context=self._tab, actions=[{"type": "key", "id": "k", "actions": actions}])

    def _ask(self, method: str, **params: Any) -> Any:
        answer = self._connection.send_cmd(method, params)
        assert "result" in answer, answer
        return answer["result"]


@contextmanager
def open_firefox(program: str, profile: Path) -> Iterator[Firefox]:
    """Start Firefox with a new profile and end it with the block."""
    command = [program, "--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", str(profile)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        server = profile / "WebDriverBiDiServer.json"  # Firefox writes it when it listens
        try:
            until(lambda: server.is_file() and server.read_text().endswith("}"), "Firefox to listen", TIMEOUT_S)
            where = json.loads(server.read_text())
            address = f"ws://{where['ws_host']}:{where['ws_port']}/session"
            yield Firefox(WebSocketConnection(address, TIMEOUT_S, POLL_S))
        finally:
            process.kill()
