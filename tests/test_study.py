"""The user study: pages that tell nothing, and votes that are counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from facemug_core.errors import InputError
from facemug_core.evaluation.study import QUESTIONS, count_votes, write_study


@pytest.fixture
def sides(tmp_path: Path) -> dict[str, Path]:
    """Red and blue pictures of three faces, and one that has no partner."""
    folders = {"ours": tmp_path / "red", "theirs": tmp_path / "blue"}
    for color, folder in zip(("red", "blue"), folders.values(), strict=True):
        folder.mkdir()
        for name in ("x", "y", "z"):
            Image.new("RGB", (8, 8), color).save(folder / f"{name}.png")
    Image.new("RGB", (8, 8)).save(folders["ours"] / "alone.png")
    return folders


def key_of(study: Path) -> list[dict[str, str]]:
    return json.loads((study / "key.json").read_text())["pairs"]


def vote(study: Path, name: str, choices: dict[str, str]) -> Path:
    """A file of somebody who always prefers the named side, for each question."""
    votes = [
        {"pair": number, "question": question, "choice": next(s for s in "ab" if pair[s] == choice)}
        for number, pair in enumerate(key_of(study))
        for question, choice in choices.items()
    ]
    path = study / f"{name}.json"
    path.write_text(json.dumps(votes))
    return path


def test_pictures_of_one_name_are_pairs(sides, tmp_path: Path) -> None:
    study = tmp_path / "study"
    assert write_study(study, sides) == 3
    assert {pair["picture"] for pair in key_of(study)} == {"x", "y", "z"}


def test_the_page_does_not_say_who_made_a_picture(sides, tmp_path: Path) -> None:
    study = tmp_path / "study"
    write_study(study, sides)
    shown = {path.name for path in (study / "page").iterdir()}
    assert shown == {"index.html"} | {f"00{n}{side}.png" for n in (1, 2, 3) for side in "ab"}
    page = (study / "page" / "index.html").read_text()
    assert not {"ours", "theirs", "red", "blue"} & set(page.replace('"', " ").split())


def test_the_key_tells_which_picture_is_whose(sides, tmp_path: Path) -> None:
    study = tmp_path / "study"
    write_study(study, sides)
    for number, pair in enumerate(key_of(study), 1):
        for side in "ab":
            color = Image.open(study / "page" / f"00{number}{side}.png").getpixel((0, 0))
            assert color == ((255, 0, 0) if pair[side] == "ours" else (0, 0, 255))


def test_a_seed_decides_on_pairs_order_and_sides(sides, tmp_path: Path) -> None:
    keys = []
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        write_study(tmp_path / name, sides, pairs=2, seed=seed)
        keys.append(key_of(tmp_path / name))
    assert keys[0] == keys[1] != keys[2]
    assert len(keys[0]) == 2


def test_votes_are_counted_by_question_with_an_interval(sides, tmp_path: Path) -> None:
    study = tmp_path / "study"
    write_study(study, sides)
    files = [
        vote(study, "one", {"realism": "ours", "consistency": "ours"}),
        vote(study, "two", {"realism": "ours", "consistency": "theirs"}),
    ]
    counted = count_votes(study, files)
    assert counted["realism"]["ours"].share == 1
    assert counted["realism"]["theirs"].votes == 0
    half = counted["consistency"]["ours"]
    assert (half.votes, half.of) == (3, 6)
    # Wilson's interval of 3 in 6.
    assert half.low == pytest.approx(0.1876, abs=1e-4)
    assert half.high == pytest.approx(0.8124, abs=1e-4)


def test_questions_without_votes_are_left_out(sides, tmp_path: Path) -> None:
    study = tmp_path / "study"
    write_study(study, sides)
    assert list(count_votes(study, [vote(study, "one", {"realism": "ours"})])) == ["realism"]
    assert len(QUESTIONS) == 2


@pytest.mark.parametrize(
    "content",
    [
        "no votes",
        '[{"pair": 9, "question": "realism", "choice": "a"}]',
        '[{"pair": 0, "question": "beauty", "choice": "a"}]',
        '{"pair": 0}',
    ],
)
def test_files_that_are_no_votes_are_named(content: str, sides, tmp_path: Path) -> None:
    write_study(tmp_path / "study", sides)
    path = tmp_path / "votes.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"votes\.json"):
        count_votes(tmp_path / "study", [path])


def test_votes_need_the_studys_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--report"):
        count_votes(tmp_path, [])


def test_folders_without_common_pictures_are_refused(sides, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    Image.new("RGB", (8, 8)).save(empty / "else.png")
    with pytest.raises(InputError, match="no picture of the same name"):
        write_study(tmp_path / "study", {"ours": sides["ours"], "empty": empty})


def test_a_study_compares_two(sides, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--between"):
        write_study(tmp_path / "study", {"ours": sides["ours"]})
