"""Peak memory of this process, where the system tells it."""

from __future__ import annotations

import re
from pathlib import Path

CLEAR, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def restart_peak() -> bool:
    """Forget the peak of the process's memory so far; False where the system cannot (it is not Linux)."""
    try:
        CLEAR.write_text("5")
    except OSError:
        return False
    return True


def peak_megabytes() -> float:
    """Peak of the resident memory since `restart_peak` returned True, in MB."""
    kilobytes = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())
    assert kilobytes is not None
    return int(kilobytes[1]) * 1024 / 1e6
