"""`python -m docs.generate` writes every generated file; `--check` only names those that are out of date."""

from __future__ import annotations

import argparse
import sys

from docs.generate.files import GENERATED, ROOT, is_current


def main() -> None:
    """Exit code 1 with `--check` if a file is out of date."""
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, name what is out of date")
    check = parser.parse_args().check
    stale = [path for path in GENERATED if not is_current(path)]
    for path in stale:
        print(f"{path} {'is out of date' if check else 'is written'}")
        if not check:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(GENERATED[path](), encoding="utf-8")
    sys.exit(1 if check and stale else 0)


if __name__ == "__main__":
    main()
