"""A picture made small enough to be shown in a list of datasets, as the data URL that the catalogue stores."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from beamsession.model.errors import RefusedError

MAX_SIDE = 512
"""Longest side, pixels."""
MAX_BYTES = 300_000
"""Of the encoded picture, before base64."""
_MAX_FILE_BYTES = 64 * 1024 * 1024
_MAX_PIXELS = 64_000_000
_QUALITIES = (85, 70, 50, 30)


def thumbnail_url(path: Path) -> str:
    """`data:image/png;base64,…`, JPEG where a PNG would be too large; the same for the same picture.

    Nothing of what else the file holds is kept. Raises RefusedError (BAD_PICTURE) and OSError.
    """
    if path.stat().st_size > _MAX_FILE_BYTES:
        raise _bad(path, f"is larger than {_MAX_FILE_BYTES} bytes")
    image = _opened(path)
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    while True:  # A single pixel always fits.
        for kind, options in (("PNG", {"optimize": True}), *(("JPEG", {"quality": quality}) for quality in _QUALITIES)):
            content = _encoded(image, kind, options)
            if len(content) <= MAX_BYTES:
                return f"data:image/{kind.lower()};base64,{base64.b64encode(content).decode()}"
        image = image.resize((max(image.width // 2, 1), max(image.height // 2, 1)), Image.Resampling.LANCZOS)


def _opened(path: Path) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.width * image.height > _MAX_PIXELS:
                    raise _bad(path, f"has {image.width} x {image.height} pixels")
                image.load()
                return _plain(image)
    except (ValueError, SyntaxError, EOFError, Image.DecompressionBombError, Image.DecompressionBombWarning) as fault:
        raise _bad(path, f"is no picture that can be read ({fault})") from fault
    except OSError as fault:
        if fault.errno is not None:
            raise
        raise _bad(path, f"is no picture that can be read ({fault})") from fault


def _plain(image: Image.Image) -> Image.Image:
    """8 bits grey or colour, without transparency, palette and everything else that is not pixels."""
    if image.mode.startswith(("I", "F")):
        image = _stretched(image)
    if image.mode in ("1", "L"):
        plain = image.convert("L")
    elif "A" in image.getbands() or "transparency" in image.info:
        ground = Image.new("RGBA", image.size, "white")
        plain = Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")
    else:
        plain = image.convert("RGB")
    bare = Image.new(plain.mode, plain.size)
    bare.paste(plain)
    return bare


def _stretched(image: Image.Image) -> Image.Image:
    """More than 8 bits of grey as 8, from the darkest to the brightest."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    low, high = float(values.min()), float(values.max())
    return Image.fromarray(((values - low) * (255 / ((high - low) or 1))).astype(np.uint8))


def _encoded(image: Image.Image, kind: str, options: Mapping[str, int | bool]) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _bad(path: Path, what: str) -> RefusedError:
    return RefusedError(
        f"The picture {path} {what}.",
        code="BAD_PICTURE",
        value=str(path),
        remedy="It is left out; make the run's quick look again, then ask for the ingest.",
    )
