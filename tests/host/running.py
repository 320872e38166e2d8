"""Starts the host with chosen packs, queues prompts, and reads what it did."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .installing import COMFYUI, HOST_PYTHON, ROOT

PACK = "ComfyUI-FACEMUG"
"""Folder name of our pack in the host."""
START_SECONDS, RUN_SECONDS = 600, 600
"""Generous: only a host that hangs reaches them."""
POLL_SECONDS = 0.1
"""Between two questions whether a prompt is done: each costs the host time that the prompt could use."""

Prompt = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Run:
    """What the host did with one prompt."""

    prompt: Prompt
    ran: frozenset[str]
    """Ids of the nodes that ran."""
    cached: frozenset[str]
    """Ids of the nodes whose results were still there."""
    outputs: Mapping[str, dict[str, Any]]
    """What output nodes show, by id."""
    error: str
    """Empty, or what a node raised."""
    seconds: float
    """From queueing to the host's last message, by the clock that both share."""


@dataclass
class Host:
    """A running host with a folder of its own. A context manager.

    Args:
        folder: where its input, output and models folders are made.
        packs: source folder of each pack by its folder name in the host; linked, not copied.
        without: modules that count as not installed.
        options: more of the command line that starts it.
    """

    folder: Path
    packs: Mapping[str, Path] = field(default_factory=lambda: {PACK: ROOT})
    without: Sequence[str] = ()
    options: Sequence[str] = ()

    def __enter__(self) -> Host:
        for name in ("custom_nodes", "models", "input", "output", "temp", "user/default"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "user/default/comfy.settings.json").write_text('{"Comfy.TutorialCompleted": true}')
        for name, source in self.packs.items():
            (self.folder / "custom_nodes" / name).symlink_to(source, target_is_directory=True)
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [
            str(HOST_PYTHON), "main.py", "--cpu", "--listen", "127.0.0.1", "--port", str(self.port),
            "--base-directory", str(self.folder), "--disable-api-nodes", "--database-url", "sqlite:///:memory:",
            *self.options,
        ]  # fmt: skip
        environment = os.environ | {
            "PYTHONPATH": str(Path(__file__).with_name("shim")),
            "HOST_WITHOUT": ",".join(self.without),
        }
        self._log = (self.folder / "host.log").open("wb")
        self._process = subprocess.Popen(
            command, cwd=COMFYUI, env=environment, stdout=self._log, stderr=subprocess.STDOUT
        )
        self._await_start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._log.close()

    @property
    def log(self) -> str:
        """What the host has said since it started."""
        return (self.folder / "host.log").read_text(errors="replace")

    def get(self, path: str, **query: str) -> bytes:
        """The answer to a GET request."""
        suffix = f"?{urllib.parse.urlencode(query)}" if query else ""
        with urllib.request.urlopen(f"{self.url}{urllib.parse.quote(path)}{suffix}", timeout=60) as answer:
            return answer.read()

    def nodes(self, pack: str | None = None) -> dict[str, Any]:
        """Descriptions of all nodes, or of one pack's."""
        everything = json.loads(self.get("/object_info"))
        if pack is None:
            return everything
        return {k: v for k, v in everything.items() if v["python_module"] == f"custom_nodes.{pack}"}

    def run(self, prompt: Prompt) -> Run:
        """Queue a prompt in the host's own format and wait until it is done.

        Raises:
            AssertionError: the host refuses the prompt; the message is the host's.
        """
        queued = time.time()
        return self.finished(self.queue(prompt), queued)

    def queue(self, prompt: Prompt, client: str = "") -> str:
        """Queue a prompt for a client, who is told of it; its id. Raises as `run`."""
        body = json.dumps({"prompt": prompt, "client_id": client}).encode()
        request = urllib.request.Request(f"{self.url}/prompt", body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read())["prompt_id"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error

    def interrupt(self) -> None:
        """Stop what runs."""
        request = urllib.request.Request(f"{self.url}/interrupt", b"", method="POST")
        urllib.request.urlopen(request, timeout=60).close()

    def finished(self, identity: str, queued: float | None = None) -> Run:
        """What became of the prompt with this id, when it is done; it was queued at this time or just now."""
        queued = time.time() if queued is None else queued
        while True:
            history = json.loads(self.get(f"/history/{identity}"))
            if identity in history:
                return _run(history[identity], queued)
            assert time.time() - queued < RUN_SECONDS, f"The prompt did not finish:\n{self.log}"
            time.sleep(POLL_SECONDS)

    def picture(self, run: Run, node: str, index: int = 0) -> Image.Image:
        """A picture that an output node shows."""
        entry = run.outputs[node]["images"][index]
        return Image.open(io.BytesIO(self.get("/view", **entry)))

    def pictures(self, run: Run, node: str) -> list[NDArray[np.uint8]]:
        """Colors of all pictures that an output node shows."""
        return [
            np.asarray(self.picture(run, node, index).convert("RGB"))
            for index in range(len(run.outputs[node]["images"]))
        ]

    def _await_start(self) -> None:
        start = time.monotonic()
        while time.monotonic() - start < START_SECONDS:
            try:
                self.get("/system_stats")
                return
            except OSError:
                assert self._process.poll() is None, f"The host ended at once:\n{self.log}"
                time.sleep(0.2)
        self._process.kill()
        raise AssertionError(f"The host did not start:\n{self.log}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _run(entry: dict[str, Any], queued: float) -> Run:
    prompt: Prompt = entry["prompt"][2]
    messages = dict(entry["status"]["messages"])
    seconds = max(message["timestamp"] for message in messages.values()) / 1000 - queued
    cached = frozenset(messages["execution_cached"]["nodes"])
    error = messages.get("execution_error")
    if error is None:
        ran, said = frozenset(prompt) - cached, ""
    else:
        ran, said = frozenset(error["executed"]) - cached, error["exception_message"].strip()
    return Run(prompt, ran, cached, entry["outputs"], said, seconds)
