"""Finding, aligning, parsing and pasting back faces."""
