"""A path is taken only where it really lies inside a root, whatever it looks like."""

from __future__ import annotations

from pathlib import Path

import pytest

from beamsession.archive.inside_roots import inside_roots
from beamsession.model.errors import InvalidInputError


def test_a_path_inside_is_taken_whether_it_exists_or_not(root: Path) -> None:
    (root / "a.h5").touch()
    for name in ("a.h5", "absent/b.h5"):
        assert inside_roots(root / name, (root,)) == root / name
    assert inside_roots(root / "x/../a.h5", (root,)) == root / "a.h5"


def test_paths_begin_like_their_root_also_where_that_is_a_link(tmp_path: Path, root: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(root)
    for path in (link / "a.h5", root / "a.h5"):
        assert inside_roots(path, (link,)) == link / "a.h5"


def test_what_leads_out_is_refused(tmp_path: Path, root: Path) -> None:
    (tmp_path / "secret").touch()
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "folder").symlink_to(tmp_path)
    for path in (tmp_path / "secret", root / "../secret", root / "link", root / "folder/secret", Path("/etc/passwd")):
        with pytest.raises(InvalidInputError, match=r"data\.allowed_roots") as caught:
            inside_roots(path, (root,))
        assert caught.value.code == "OUTSIDE_ROOTS"


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_what_no_file_can_be_called_is_refused(root: Path, name: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        inside_roots(root / name, (root,))
    assert caught.value.code == "BAD_PATH"
    assert caught.value.text.isprintable()
