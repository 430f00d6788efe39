"""What FTM's HTML pages share: each needs no network and runs only its own script.

Every text in them comes from transcripts or a language model and is untrusted: templates escape it, scripts only ever
set it as text, and the Content-Security-Policy lets nothing else run or load.
"""

from __future__ import annotations

import os
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import jinja2

from cloud.src.contract.errors import FtmError
from cloud.src.contract.files import written_whole

_HERE = Path(__file__).parent


def render(folder: Path, name: str, **values: Any) -> str:
    """Return the page of ``NAME.html.jinja`` in a folder, styled by ``page.css`` and the folder's ``NAME.css``.

    Its script is ``NAME_*.js`` in their order, and then ``NAME.js``, those of them that the folder has.

    The template gets ``values``, plus ``style`` and ``script`` with the hashes that its policy allows.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}  # a tenth smaller than with spaces
    style = _text(_HERE / "page.css") + "\n" + _text(folder / f"{name}.css")
    files = [*sorted(folder.glob(f"{name}_*.js")), folder / f"{name}.js"]
    script = "\n".join(_text(file) for file in files if file.is_file())
    return environment.get_template(f"{name}.html.jinja").render(
        style=style, script=script, style_hash=_csp_hash(style), script_hash=_csp_hash(script), **values
    )


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all, creating its folder if needed; raise FtmError if it cannot be written."""
    try:
        with written_whole(path, str(os.getpid())) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FtmError(f"cannot write {path}: {error.strerror}") from error


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def _csp_hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
