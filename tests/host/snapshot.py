"""What saved workflows rely on: `python -m tests.host.snapshot` writes it to `nodes.json`.

Ids are for ever, and so are names, order, types and defaults of inputs and outputs: later versions may only
append.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .running import PACK, Host

FILE = Path(__file__).with_name("nodes.json")
Socket = list[Any]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Host(Path(folder)) as host:
        nodes = snapshot(host.nodes(PACK))
    FILE.write_text(written(nodes))


def snapshot(known: Mapping[str, Any]) -> dict[str, dict[str, list[Socket]]]:
    """Of the host's description of nodes, for each id its inputs [section, name, type, default] and outputs
    [name, type], in their order."""
    return {
        identity: {
            "inputs": [
                [section, name, *_type_and_default(node["input"][section][name])]
                for section in ("required", "optional")
                for name in node["input_order"].get(section, ())
            ],
            "outputs": [list(pair) for pair in zip(node["output_name"], node["output"], strict=True)],
        }
        for identity, node in sorted(known.items())
    }


def written(nodes: Mapping[str, Any]) -> str:
    """A snapshot as JSON, one node a line."""
    return (
        "{\n" + ",\n".join(f"{json.dumps(key)}: {json.dumps(node)}" for key, node in nodes.items()) + "\n}\n"
    )


def breaks(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What workflows saved with the old nodes would miss in the new ones."""
    missing = [f"{identity} is gone" for identity in old if identity not in new]
    for identity in old.keys() & new.keys():
        for kind in ("inputs", "outputs"):
            now = new[identity][kind]
            for place, before in enumerate(old[identity][kind]):
                after = now[place] if place < len(now) else "gone"
                if after != before:
                    missing.append(f"{identity}: one of its {kind} was {before}, and is {after}")
    return missing


def _type_and_default(spec: Socket) -> Socket:
    kind, *options = spec
    return ["COMBO" if isinstance(kind, list) else kind, (options[0] if options else {}).get("default")]


if __name__ == "__main__":
    main()
