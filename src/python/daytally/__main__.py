"""``python -m daytally``: becomes the program, with the same arguments."""

from __future__ import annotations

import os
import sys

from . import BinaryNotFound, find_binary


def main() -> None:
    try:
        binary = find_binary()
    except BinaryNotFound as error:
        sys.exit(f"error: {error}")
    sys.stdout.flush()
    try:
        os.execv(binary, ["daytally", *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"error: {binary} does not start: {error}")


if __name__ == "__main__":
    main()
