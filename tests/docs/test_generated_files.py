"""Pages and files that programs write are those that the present code would write."""

from __future__ import annotations

import pytest
from docs.generate.files import GENERATED, ROOT


@pytest.mark.parametrize("path", GENERATED)
def test_a_generated_file_is_up_to_date(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == GENERATED[path](), "write it again with `make pages`"
