"""Workflow files through comfy-cli: checked against the nodes of a host, and converted for its queue."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .installing import CLI_PYTHON
from .running import Prompt

_CONVERT = """
import json, sys
from comfy_cli.workflow_to_api import convert_ui_to_api
known = json.load(open(sys.argv[1]))
json.dump([convert_ui_to_api(json.load(open(path)), known) for path in sys.argv[2:]], sys.stdout)
"""


def converted(files: Sequence[Path], known: Mapping[str, Any], folder: Path) -> list[Prompt]:
    """Workflow files as prompts; `known` is the host's description of its nodes, `folder` is for scratch."""
    command = [CLI_PYTHON, "-c", _CONVERT, _stored(known, folder), *files]
    return json.loads(subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE).stdout)


def complaints(file: Path, known: Mapping[str, Any], folder: Path) -> str:
    """What `comfy workflow validate` says against a workflow file; empty if nothing."""
    command = [
        CLI_PYTHON, "-m", "comfy_cli", "--skip-prompt", "--no-enable-telemetry", "workflow", "validate",
        "--workflow", file, "--input", _stored(known, folder),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _stored(known: Mapping[str, Any], folder: Path) -> Path:
    path = folder / "object_info.json"
    path.write_text(json.dumps(known))
    return path
