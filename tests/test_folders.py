"""Folders of photos: what is done and told, and what a bad file or an interruption does to the others."""

from __future__ import annotations

import csv
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from facemug_core.errors import FacemugError, UnwritableError
from facemug_core.folders import LEAVE_SECONDS, TABLE_FILE, Outcome, Table, work_on
from tests.folder_work import by_name, deadly, without_weights
from tests.full_disk import room_for

SOURCES = [Path(f"{name}.jpg") for name in "abcdef"]


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / TABLE_FILE).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("workers", [1, 2])
def test_every_file_has_one_outcome(workers: int) -> None:
    outcomes = list(work_on(SOURCES, by_name, workers))
    assert sorted(outcome.name for outcome in outcomes) == [source.name for source in SOURCES]
    assert {outcome.state for outcome in outcomes} == {"edited"}


def test_one_bad_file_stops_nothing() -> None:
    bad = [Path("faceless.jpg"), Path("broken.jpg"), Path("deadly.jpg")]
    outcomes = {outcome.name: outcome for outcome in work_on([*bad, *SOURCES], by_name)}
    assert outcomes["faceless.jpg"].state == "no face"
    assert outcomes["broken.jpg"].message == "ValueError: broken data"
    assert outcomes["deadly.jpg"].state == "failed"
    assert "code 9" in outcomes["deadly.jpg"].message
    assert all(outcomes[source.name].state == "edited" for source in SOURCES)


def test_no_files_need_no_process() -> None:
    assert list(work_on([], deadly)) == []


@pytest.mark.parametrize(("prepare", "message"), [(without_weights, "Run fetch"), (deadly, "code 9")])
def test_work_that_cannot_be_prepared_is_told(prepare: Callable[[], object], message: str) -> None:
    with pytest.raises(FacemugError, match=message):
        list(work_on(SOURCES, prepare))  # type: ignore[arg-type]


def test_leaving_early_ends_the_processes_and_leaves_no_partial_file(tmp_path: Path) -> None:
    outcomes = work_on([Path("a.jpg"), tmp_path / "endless.jpg"], by_name)
    assert next(outcomes).name == "a.jpg"
    while not list(tmp_path.iterdir()):
        time.sleep(0.01)
    start = time.monotonic()
    outcomes.close()
    assert time.monotonic() - start < LEAVE_SECONDS
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="Windows lets no process inherit this")
def test_processes_do_not_hear_ctrl_c_even_while_they_start() -> None:
    def interrupt() -> None:
        while not (children := multiprocessing.active_children()):
            time.sleep(0.001)
        os.kill(children[0].pid or 0, signal.SIGINT)

    sender = threading.Thread(target=interrupt)
    sender.start()
    assert [outcome.state for outcome in work_on(SOURCES[:1], by_name)] == ["edited"]
    sender.join()


def test_the_table_tells_what_happened_to_each_file(tmp_path: Path) -> None:
    table = Table(tmp_path / TABLE_FILE, done=[])
    table.add(Outcome("a, b.jpg", "edited", 2, 100, 1.234, "two\nlines"))
    table.add(Outcome("é.jpg", "failed"))
    first, second = rows(tmp_path)
    assert first == {
        "name": "a, b.jpg", "state": "edited", "faces": "2", "mask_pixels": "100", "seconds": "1.23",
        "message": "two\nlines",
    }  # fmt: skip
    assert (second["name"], second["state"]) == ("é.jpg", "failed")


def test_a_later_run_keeps_the_rows_of_what_is_done_and_asks_the_rest_again(tmp_path: Path) -> None:
    table = Table(tmp_path / TABLE_FILE, done=[])
    table.add(Outcome("done.jpg", "edited", seconds=3))
    table.add(Outcome("bad.jpg", "failed"))
    Table(tmp_path / TABLE_FILE, done=["done.jpg", "unheard_of.jpg"])
    assert [(row["name"], row["state"], row["seconds"]) for row in rows(tmp_path)] == [
        ("done.jpg", "edited", "3"), ("unheard_of.jpg", "there already", "0.0"),
    ]  # fmt: skip


def test_no_room_for_a_row_is_told_and_the_rows_before_stay(tmp_path: Path) -> None:
    table = Table(tmp_path / TABLE_FILE, done=[])
    table.add(Outcome("a.jpg", "edited"))
    room = (tmp_path / TABLE_FILE).stat().st_size + 10
    with room_for(room), pytest.raises(UnwritableError, match="Free some space"):
        table.add(Outcome("b.jpg", "edited"))
    Table(tmp_path / TABLE_FILE, done=["a.jpg"])
    assert [row["name"] for row in rows(tmp_path)] == ["a.jpg"]


def test_names_that_are_no_text_are_told_as_well(tmp_path: Path) -> None:
    Table(tmp_path / TABLE_FILE, done=[]).add(Outcome(os.fsdecode(b"\xff.jpg"), "edited"))
    assert rows(tmp_path)[0]["name"].endswith(".jpg")


# --- tables that others hold or write to --------------------------------------------------------------------


def test_two_runs_on_one_folder_lose_no_row(tmp_path: Path) -> None:
    first = Table(tmp_path / TABLE_FILE, done=[])
    first.add(Outcome("a.jpg", "edited"))
    second = Table(tmp_path / TABLE_FILE, done=["a.jpg"])
    names = [f"{owner}{i}.jpg" for owner in "xy" for i in range(40)]

    def write(table: Table, owner: str) -> None:
        for name in names:
            if name.startswith(owner):
                table.add(Outcome(name, "edited"))

    threads = [threading.Thread(target=write, args=one) for one in ((first, "x"), (second, "y"))]
    for thread in threads:
        thread.start()
    third = Table(tmp_path / TABLE_FILE, done=["a.jpg", *names])
    for thread in threads:
        thread.join()
    third.add(Outcome("last.jpg", "edited"))
    assert {row["name"] for row in rows(tmp_path)} == {"a.jpg", *names, "last.jpg"}
    assert not list(tmp_path.glob(".*"))


def test_a_table_that_another_program_keeps_to_itself_goes_on_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Table(tmp_path / TABLE_FILE, done=[])
    table.add(Outcome("a.jpg", "edited"))
    opened = Path.open

    def refused(path: Path, mode: str = "r", *arguments: object, **options: object) -> object:
        if path.name == TABLE_FILE and mode == "a":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, mode, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refused)
    for name in ("b.jpg", "c.jpg"):
        table.add(Outcome(name, "edited"))
    assert table.path.name == "facemug_2.csv"
    with table.path.open(newline="", encoding="utf-8") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["b.jpg", "c.jpg"]
    assert [row["name"] for row in rows(tmp_path)] == ["a.jpg"]


def test_a_lock_of_a_process_that_has_ended_does_not_stop_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facemug_core.folders.PATIENCE_SECONDS", 0.05)
    (tmp_path / f".{TABLE_FILE}.lock").touch()
    Table(tmp_path / TABLE_FILE, done=["a.jpg"])
    assert [row["name"] for row in rows(tmp_path)] == ["a.jpg"]
