"""A shipped tile kind has one record of options: the layout's, which can be checked without Qt."""

from __future__ import annotations

import pytest

from layouts.options import CAMERA_BLOCK, SHIPPED_KINDS
from widgets.tiles.registry import tile_specs

KINDS = sorted(set(SHIPPED_KINDS) - {CAMERA_BLOCK})


@pytest.mark.parametrize("kind", KINDS)
def test_tile_and_layout_share_their_options(kind: str) -> None:
    assert tile_specs()[kind].options is SHIPPED_KINDS[kind].options
