"""What is published: texts in every language, files that hosts and registries read."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from facemug_core.conventions import REGIONS
from facemug_core.editing.inversion import INVERSION_STEPS
from facemug_core.pipeline.style import FIT_STEPS

ROOT = Path(__file__).parents[1]
TEXTS = {
    path.parent.name: json.loads(path.read_text(encoding="utf-8"))
    for path in ROOT.glob("locales/*/nodeDefs.json")
}


def test_there_are_texts_in_english_chinese_and_japanese() -> None:
    assert set(TEXTS) >= {"en", "zh", "ja"}


def keys(tree: Any) -> Any:
    """The tree without its texts."""
    return {key: keys(value) for key, value in tree.items()} if isinstance(tree, dict) else None


@pytest.mark.parametrize("language", sorted(TEXTS))
def test_every_language_has_every_text(language: str) -> None:
    assert keys(TEXTS[language]) == keys(TEXTS["en"])


def texts(tree: Any) -> Iterator[str]:
    """The tree's texts."""
    for value in tree.values():
        yield from texts(value) if isinstance(value, dict) else [value]


@pytest.mark.parametrize("language", sorted(TEXTS))
def test_every_text_tells_the_steps_of_inversion_and_fit_that_are_usual(language: str) -> None:
    for name, steps in (("inversion_steps", INVERSION_STEPS), ("fit_steps", FIT_STEPS)):
        tooltips = [n["inputs"][name]["tooltip"] for n in TEXTS[language].values() if name in n["inputs"]]
        assert tooltips
        for tooltip in tooltips:
            assert {int(number) for number in re.findall(r"\d+", tooltip)} - {0, 1} == {steps}


@pytest.mark.parametrize("language", sorted(TEXTS.keys() - {"en"}))
def test_texts_call_nodes_as_people_see_them_in_their_language(language: str) -> None:
    own = TEXTS[language]
    translated = {
        node["display_name"]
        for identity, node in TEXTS["en"].items()
        if own[identity]["display_name"] != node["display_name"]
    }
    assert not [text for text in texts(own) for name in translated if name in text]


@pytest.mark.parametrize("node", sorted(TEXTS["en"]))
def test_what_a_help_page_sets_in_bold_are_inputs_and_outputs_of_its_node(node: str) -> None:
    page = (ROOT / "web" / "docs" / f"{node}.md").read_text(encoding="utf-8")
    sockets = {*TEXTS["en"][node]["inputs"], *(one["name"] for one in TEXTS["en"][node]["outputs"].values())}
    assert sockets >= set(re.findall(r"\*\*(.+?)\*\*", page))


def test_every_node_is_found_by_other_words() -> None:
    """Read from the source: hosts before 0.10 know no aliases."""
    schemas = [
        call
        for path in (ROOT / "nodes").glob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "host.schema"
    ]
    aliases = [
        ast.literal_eval(one.value)
        for call in schemas
        for one in call.keywords
        if one.arg == "search_aliases"
    ]
    assert len(schemas) == len(aliases) == len(TEXTS["en"])
    assert all(aliases)


def test_the_tooltip_of_regions_names_them_all() -> None:
    tooltip = TEXTS["en"]["FACEMUG_Edit"]["inputs"]["regions"]["tooltip"]
    assert set(re.findall(r"\w+", tooltip)) >= set(REGIONS)


def test_the_pack_imports_without_a_host_and_without_optional_packages() -> None:
    code = (
        "import sys\n"
        "for name in ('tqdm', 'ai_edge_litert', 'comfy_api', 'comfy', 'folder_paths', 'cv2', 'scipy'):\n"
        "    sys.modules[name] = None\n"
        "import importlib.util\n"
        f"spec = importlib.util.spec_from_file_location('face-mug pack', {str(ROOT / '__init__.py')!r})\n"
        "spec.loader.exec_module(importlib.util.module_from_spec(spec))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd="/")


def test_the_manager_never_sees_the_install_fail(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    spec = importlib.util.spec_from_file_location("facemug_install", ROOT / "install.py")
    assert spec is not None
    assert spec.loader is not None
    install = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(install)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def broken(arguments: list[str]) -> int:
        raise RuntimeError("no network")

    monkeypatch.setattr("facemug_core.cli.main", broken)
    install.main()
    assert "fetch" in capsys.readouterr().out


def test_only_one_module_imports_the_host() -> None:
    importing = {
        path.name
        for path in (ROOT / "nodes").glob("*.py")
        if re.search(r"^\s*(?:from|import) (?:comfy|folder_paths)", path.read_text(encoding="utf-8"), re.M)
    }
    assert importing == {"host.py"}


def test_requirements_have_no_upper_bounds() -> None:
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert not re.search(r"^[^#]*(<|==|~=)", requirements, re.M)
    assert not re.search(r"^(insightface|dlib|mediapipe|opencv)", requirements, re.M)


def test_an_installed_package_has_all_modules_the_weights_and_the_command() -> None:
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    tool = project["tool"]["setuptools"]
    own = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in ROOT.glob("facemug_core/**/*.py")
        if "inert_backend" not in path.parts
    }
    assert {*tool["packages"]} == own | {"facemug_core.weights"}
    assert tool["package-dir"] == {"facemug_core.weights": "weights"}
    assert {"*.safetensors", "manifest.json"} <= {*tool["package-data"]["facemug_core.weights"]}
    assert project["project"]["scripts"] == {"facemug": "facemug_core.__main__:main"}
