"""How our servers log: the standard library, one line each, UTC, on stderr, where systemd or `up` collects them."""

from __future__ import annotations

import logging
import os
import sys
import time


def log_to_stderr() -> None:
    """Log from BEAMSESSION_LOG's level (INFO) on, with UTC time, level, logger and message."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=os.environ.get("BEAMSESSION_LOG", "INFO").upper(), handlers=[handler])
    for noisy in ("httpx", "alembic", "dbos"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
