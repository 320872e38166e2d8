"""`python -m facemug_core`, and the command `facemug`."""

import sys


def main() -> int:
    """Run the command line, and return its exit code; Ctrl+C may come while it is still imported."""
    try:
        from .cli import main

        return main()
    except KeyboardInterrupt:
        print("facemug: stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
