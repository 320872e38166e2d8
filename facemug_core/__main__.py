"""`python -m facemug_core`, and the command `facemug`."""

import gc
import sys


def main() -> int:
    """Run the command line, and return its exit code; Ctrl+C may come while it is still imported."""
    # A search for garbage visits all of torch's objects: it is rare, and the end of the process does without.
    gc.set_threshold(10_000)
    try:
        from .cli import main

        return main()
    except KeyboardInterrupt:
        print("facemug: stopped", file=sys.stderr)
        return 130
    finally:
        gc.freeze()


if __name__ == "__main__":
    sys.exit(main())
