"""A checkout with a stand-in for Pants, and how its scripts are run."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]
ENVIRONMENT = "dist/export/python/virtualenvs/product"

# Stands for Pants: notes how it was called, and makes an environment whose Python prints how it was started.
PANTS = f"""#!/usr/bin/env bash
echo "$*" >>pants_calls
mkdir -p {ENVIRONMENT}/3.11.9/bin
cat >{ENVIRONMENT}/3.11.9/bin/python <<'PYTHON'
#!/usr/bin/env bash
[ "$1" = -c ] || echo "$PYTHONPATH; $PWD; $*"
PYTHON
chmod +x {ENVIRONMENT}/3.11.9/bin/python
"""


def write_script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def run_ftm(checkout: Path, commands: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_script(checkout / "ftm", commands, *arguments)


def run_script(script: Path, commands: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it from another folder, as someone who has no pyenv."""
    return subprocess.run(
        [script, *arguments],
        cwd=commands,
        env={"PATH": str(commands), "HOME": str(commands)},
        capture_output=True,
        text=True,
        check=False,
    )
