"""A world whose reports name pictures: their bytes are put among the hub's blobs before its events go on.

So a console that asks for a picture of a record gets it, whoever took it. What cannot be kept, or what the world does
not have, stops no report: the record names it all the same, and BLOBGET says "unknown". It is tried again when it is
named again. Must not: wait for anybody (the hub's round does this); other hubs get a picture afterwards (`shared`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

from backends.domain.picture_file import PNG
from backends.domain.report import Report
from backends.domain.world import Directory, ReportMoved, WorldEvent
from backends.hub.blobs import BlobStore
from backends.hub.ports import WorldSource

log = logging.getLogger(__name__)


@runtime_checkable
class Depicts(Protocol):
    """A world that has pictures of its reports."""

    def picture(self, blob: str) -> bytes | None:
        """The bytes of a picture that a report of it has named; None: it has none of that name."""
        ...


class Pictured:
    """WorldSource around another one."""

    def __init__(self, world: WorldSource, source: WorldSource, blobs: BlobStore) -> None:
        """`source`: the world itself, which `world` may stand around; one without pictures changes nothing."""
        self._world, self._blobs = world, blobs
        self._source = source if isinstance(source, Depicts) else None
        self._trouble = False

    def directory(self) -> Directory:
        return self._world.directory()

    def past(self) -> Iterator[WorldEvent]:
        """Kept when its end is reached, as its records stand then: nothing of the past is committed before."""
        last: dict[str, Report] = {}
        for event in self._world.past():
            if isinstance(event, ReportMoved):
                last[event.report.id] = event.report
            yield event
        self._keep(last.values())

    def until(self, t_ns: int) -> list[WorldEvent]:
        events = list(self._world.until(t_ns))
        self._keep(event.report for event in events if isinstance(event, ReportMoved))
        return events

    def _keep(self, reports: Iterable[Report]) -> None:
        if self._source is None:
            return
        named = dict.fromkeys(blob for report in reports for blob in (*report.before, *report.after))
        for blob in named:
            try:
                if self._blobs.find(blob) is None and (data := self._source.picture(blob)) is not None:
                    self._give(blob, data)
            except Exception:
                log.exception("a picture of a report cannot be had or kept")  # its events must not be lost with it

    def _give(self, blob: str, data: bytes) -> None:
        try:
            self._blobs.give(blob, "image/png" if data.startswith(PNG) else "image/jpeg", data)
        except OSError as error:
            if not self._trouble:
                log.error("pictures of reports cannot be kept: %s", error)
            self._trouble = True
            return
        self._trouble = False
