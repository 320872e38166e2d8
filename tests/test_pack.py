"""What is published: texts in every language, files that hosts and registries read."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from facemug_core.conventions import REGIONS

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
