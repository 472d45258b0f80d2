"""What the disk said when it refused, in words for a person."""

from __future__ import annotations

import errno
import os
import re

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

# The HDF5 library's own account has time, buffer address and file descriptor in it, over several lines.
_NUMBER = re.compile(r"\berrno = (\d+)")
_DETAILS = re.compile(r"\s*\((?:[^()]|\([^()]*\))*\b\w+ = .*\Z", re.DOTALL)


def disk_words(fault: BaseException) -> str:
    """The system's words for `fault` where there are any, e.g. 'No space left on device'; one line, no full stop."""
    text = str(fault)
    if found := _NUMBER.search(text):
        words = os.strerror(int(found[1]))
    elif isinstance(fault, OSError) and fault.errno:
        words = os.strerror(fault.errno)
    else:
        words = _DETAILS.sub("", text)
    return " ".join(words.split()).rstrip(".") or type(fault).__name__
