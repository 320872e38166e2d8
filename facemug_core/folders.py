"""Many photos: shared among processes; one bad file stops nothing, and a table tells what became of each."""

from __future__ import annotations

import csv
import errno
import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Literal

import torch

from .checkpoints.files import replacing, writing
from .errors import FacemugError, FaceNotFoundError, InputError, UnwritableError

TABLE_FILE = "facemug.csv"
"""Name of the table in the folder of the results."""

NAMES = "backslashreplace"
"""What becomes of file names that are no valid text: they must not stop the others."""

PATIENCE_SECONDS = 5
"""After this time, a lock is that of a process which has ended before it took it away."""

MOST_TABLES = 100
"""Tables that there can be beside each other."""

KEPT_TO_ITSELF = (errno.EACCES, errno.EPERM, errno.EBUSY, errno.EISDIR)
"""What the system says of a file that another program keeps to itself, or that nobody may write."""

LEAVE_SECONDS = 10
"""How long a process that is told to stop may take to clear up before it is ended."""

State = Literal["edited", "unchanged", "no face", "failed", "there already", "not a photo"]


@dataclass(frozen=True)
class Outcome:
    """What happened to a file: a row of the table."""

    name: str
    state: State
    faces: int = 0
    """Faces that were edited."""
    mask_pixels: int = 0
    """Pixels of the photo that may differ."""
    seconds: float = 0.0
    message: str = ""


Work = Callable[[Path], Outcome]
"""What to do to a file."""


class Table:
    """A CSV file with one row for each file, written as soon as it is known: no interruption loses it.

    Several processes may write to one table. Where another program keeps it to itself, as spreadsheets do,
    the rows go to a new table beside it.

    Args:
        path: of the file. Rows that an earlier run left there stay if their names are in `done`.
        done: names of files that are done. Those without a row get one.

    Attributes:
        path: where rows are written to.
    """

    def __init__(self, path: Path, done: Collection[str]) -> None:
        self.path = path
        self._columns = [field.name for field in fields(Outcome)]
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path):
            earlier = [row for row in self._read() if row.get("name") in done]
            known = {row["name"] for row in earlier}
            self._begin(earlier, [path, *_beside(path)])
        for name in done:
            if name not in known:
                self.add(Outcome(name, "there already"))

    def add(self, outcome: Outcome) -> None:
        """Append a row."""
        row = {**asdict(outcome), "seconds": round(outcome.seconds, 2)}
        with _alone(self.path):
            try:
                self._write(self.path, [row])
            except UnwritableError as error:
                if error.errno not in KEPT_TO_ITSELF:
                    raise
                self._begin([row], _beside(self.path))

    def _begin(self, rows: list[dict[str, Any]], places: Iterable[Path]) -> None:
        """Write a new table of these rows to the first of the places where that can be done."""
        header = dict(zip(self._columns, self._columns, strict=True))
        refused: UnwritableError | None = None
        for path in places:
            try:
                with replacing(path) as temporary:
                    self._write(temporary, [header, *rows])
            except UnwritableError as error:
                if error.errno not in KEPT_TO_ITSELF:
                    raise
                refused = error
            else:
                self.path = path
                return
        raise refused or InputError(f"There is no name left for a table beside {self.path}.")

    def _read(self) -> list[dict[str, Any]]:
        if not self.path.is_file():
            return []
        with self.path.open(newline="", encoding="utf-8", errors="replace") as file:
            return list(csv.DictReader(file))

    def _write(self, path: Path, rows: list[dict[str, Any]]) -> None:
        with writing(self.path), path.open("a", newline="", encoding="utf-8", errors=NAMES) as file:
            csv.DictWriter(file, self._columns, extrasaction="ignore").writerows(rows)


def _beside(path: Path) -> list[Path]:
    """Names of further tables that are not there yet."""
    numbered = (path.with_name(f"{path.stem}_{number}{path.suffix}") for number in range(2, MOST_TABLES))
    return [place for place in numbered if not place.exists()]


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until no other process writes to a table, and keep others from it for a moment."""
    lock, patience = path.with_name(f".{path.name}.lock"), time.monotonic() + PATIENCE_SECONDS
    with writing(path):
        while time.monotonic() < patience:
            try:
                os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
                break
            except FileExistsError:
                time.sleep(0.01)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def work_on(sources: Sequence[Path], prepare: Callable[[], Work], workers: int = 1) -> Iterator[Outcome]:
    """Work on files in `workers` processes, and give each outcome as soon as it is known.

    An exception, or the end of a process, is the outcome of its own file only. Leaving the loop early stops
    the processes; results that they had not finished are dropped.

    Args:
        sources: the files.
        prepare: called once in each process (so it must be picklable); returns what to do to a file.
        workers: number of processes; of several, each has one thread.

    Raises:
        FacemugError: the work could not be prepared.
    """
    waiting = deque(sources)
    team: list[_Worker] = []
    try:
        team += [_Worker(prepare, workers) for _ in range(min(workers, len(waiting)))]
        while team:
            ready = wait([worker.connection for worker in team])
            for worker in [worker for worker in team if worker.connection in ready]:
                outcome = worker.outcome()
                if waiting and worker.alive:
                    worker.start(waiting.popleft())
                else:
                    worker.dismiss()
                    team.remove(worker)
                    if waiting:
                        team.append(_Worker(prepare, workers))
                if outcome is not None:
                    yield outcome
    finally:
        for worker in team:
            worker.stop()
        for worker in team:
            worker.wait()


class _Worker:
    """A process, seen from the one that hands out the work."""

    def __init__(self, prepare: Callable[[], Work], workers: int) -> None:
        # "spawn" everywhere: threads and devices of this process do not survive a fork.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, prepare, workers), daemon=True)
        with _interrupts_held_back():
            self._process.start()
        theirs.close()
        self._source: Path | None = None
        self.alive = True

    def start(self, source: Path) -> None:
        self._source = source
        with suppress(OSError):  # a process that has ended is noticed when it is asked for the outcome
            self.connection.send(source)

    def outcome(self) -> Outcome | None:
        """What the process has to say; None when it has prepared itself."""
        try:
            answer = self.connection.recv()
        except (EOFError, OSError):
            self.alive = False
            self._process.join()
            reason = f"The process ended with code {self._process.exitcode}, perhaps for want of memory."
            if self._source is None:
                raise FacemugError(reason) from None
            return Outcome(self._source.name, "failed", message=reason)
        if isinstance(answer, FacemugError):
            raise answer
        return answer  # type: ignore[no-any-return]

    def dismiss(self) -> None:
        """Let it end by itself."""
        self.connection.close()
        self._process.join()

    def stop(self) -> None:
        """Tell it to end now."""
        self._process.terminate()

    def wait(self) -> None:
        """Wait until it has ended."""
        self._process.join(LEAVE_SECONDS)
        self._process.kill()


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Keeps Ctrl-C from this process for a moment, and for ever from those that are started meanwhile.

    Without that they would end with a traceback each, if they hear it while they still import.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection, prepare: Callable[[], Work], workers: int) -> None:
    """The life of a process: prepare, then one file after the other until nobody asks for more."""
    # The first process hears Ctrl-C and stops the others; their unfinished files are cleared away.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    if workers > 1:
        torch.set_num_threads(1)
    try:
        work = prepare()
    except FacemugError as error:
        connection.send(error)
        return
    with suppress(EOFError, OSError):
        connection.send(None)
        while True:
            connection.send(_attempt(work, connection.recv()))


def _attempt(work: Work, source: Path) -> Outcome:
    start = time.perf_counter()
    try:
        outcome = work(source)
    except FaceNotFoundError as error:
        outcome = Outcome(source.name, "no face", message=str(error))
    except FacemugError as error:
        outcome = Outcome(source.name, "failed", message=str(error))
    except Exception as error:
        outcome = Outcome(source.name, "failed", message=f"{type(error).__name__}: {error}")
    return replace(outcome, seconds=time.perf_counter() - start)
