"""Finds tile kinds: every module of this folder with a SPEC. A kind that fails to load is named, the rest runs."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from functools import cache

import widgets.tiles
from widgets.tiles.base import TileSpec

_log = logging.getLogger(__name__)


@cache
def tile_specs() -> dict[str, TileSpec]:
    """All tile kinds by name."""
    found: dict[str, TileSpec] = {}
    for module in pkgutil.iter_modules(widgets.tiles.__path__):
        try:
            spec = getattr(importlib.import_module(f"widgets.tiles.{module.name}"), "SPEC", None)
        except Exception:  # noqa: BLE001  # whatever the broken kind raises
            # One broken tile kind must not take the wall away: it is named in the log and in its cells.
            _log.exception("tile kind in widgets/tiles/%s.py cannot be loaded", module.name)
            continue
        if isinstance(spec, TileSpec):
            found[spec.kind] = spec
    return found
