"""Which agencies there can be, and what becomes of the work of one that is taken away. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from backends.domain.place import Agency
from backends.domain.settings import SettingRefused, check_name


def check_agency(agency: Agency, known: Mapping[str, Agency], later: Mapping[str, Agency]) -> None:
    """`known`: the agencies of now, `later`: as they will be when all that was decided has begun. Raises
    SettingRefused."""
    check_name(agency.name)
    if not agency.parent:
        return
    if agency.parent not in known:
        raise SettingRefused("unknown_parent", agency.parent[:64])
    for agencies in (known, later):
        if _leads_to(agency.parent, agency.id, agencies):
            raise SettingRefused("parent_below", agencies[agency.parent].name.vi)


def _leads_to(start: str, wanted: str, agencies: Mapping[str, Agency]) -> bool:
    """Is `wanted` the agency `start`, or above it? Ends also where a source gives a ring."""
    seen: set[str] = set()
    at = start
    while at and at not in seen:
        if at == wanted:
            return True
        seen.add(at)
        at = agencies[at].parent if at in agencies else ""
    return False
