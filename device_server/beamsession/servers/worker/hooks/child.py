"""`python -m beamsession.servers.worker.hooks.child NAME`: call a hook that an installed package provides.

The facts come as JSON on standard input. Exit code 2 if there is no such hook, 1 if it raises.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import entry_points

GROUP = "beamsession.hooks"


def main() -> int:
    """The exit code; the last line printed says what is wrong."""
    name = sys.argv[1]
    found = entry_points(group=GROUP)
    if name not in found.names:
        known = ", ".join(sorted(found.names)) or "none"
        print(f"there is no '{name}' in the entry-point group {GROUP}, installed are: {known}.", file=sys.stderr)
        return 2
    facts = json.load(sys.stdin)
    found[name].load()(facts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
