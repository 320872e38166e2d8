"""`edit`: a photo, a folder of photos, or the frames of a video."""

from __future__ import annotations

import json
from typing import Any

from .console import show_warning
from .declaring import add_command
from .options import EditOptions


def add_commands(commands: Any) -> None:
    """Add `edit`."""
    about = "Edit a photo inside a mask; all other pixels keep their bits."
    add_command(commands, "edit", about, EditOptions, edit)


def edit(options: EditOptions) -> None:
    """Edit a photo or a folder."""
    from .loading import load_editor
    from .many import edit_folder
    from .photo import beside_photo, edit_photo

    if options.folder:
        edit_folder(options)
        return
    output = options.output or beside_photo(options.photo)
    done = edit_photo(options, options.photo, output, lambda: load_editor(options))
    for warning in done["warnings"]:
        show_warning(warning)
    if options.json:
        print(json.dumps(done, indent=2))
