"""Who runs this program."""

from __future__ import annotations

import getpass
import os


def user_name() -> str:
    """The name of the user who is logged in; the number where the host knows no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid-{os.getuid()}"
