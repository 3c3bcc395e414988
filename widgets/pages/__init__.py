"""Pages: one file a kind, with a `SPEC`. A page with the id `figures` is opened by the command `window.figures`, or by
`session.calls.pageCalled("figures", about)`."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from dataclasses import dataclass
from functools import cache

from widgets.windows.page import Page

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PageSpec:
    """A kind of page."""

    id: str
    page: type[Page]


@cache
def page_specs() -> dict[str, PageSpec]:
    """All kinds by id. One that fails to load is named in the log; the rest runs."""
    found: dict[str, PageSpec] = {}
    for module in pkgutil.iter_modules(__path__):
        try:
            spec = getattr(importlib.import_module(f"{__name__}.{module.name}"), "SPEC", None)
        except Exception:  # noqa: BLE001  # whatever the broken kind raises
            _log.exception("the page in widgets/pages/%s.py cannot be loaded", module.name)
            continue
        if isinstance(spec, PageSpec):
            found[spec.id] = spec
    return found
