"""One edit, in steps: `editor.py` reads from top to bottom, and calls the other modules in their order."""
