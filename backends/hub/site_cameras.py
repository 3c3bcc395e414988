"""The site's own cameras and recorders: `cameras.csv` and `recorders.csv` in the hub's data folder, looked at again
when they change.

A hub that has the first file serves its cameras in the place of the world's. A line that cannot be used is said and
left out, and the camera that it names stays as it was; a file that cannot be read at all, or goes away, changes
nothing. Must not: know a user or password (those are in the vault), or write a file.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from backends.adapters import recorders_csv
from backends.adapters.cameras_csv import SITE_FILE, CameraRow, camera_id, read_what_can_be, to_camera
from backends.adapters.csv_table import CsvFaults, Fault
from backends.adapters.recorders_csv import RECORDERS_FILE, RecorderRow, way_to
from backends.domain.camera import Camera

log = logging.getLogger(__name__)

FAULTS_SAID = 20
"""Lines of one file that are named in the log; of the others, how many there are."""


class Device(msgspec.Struct, frozen=True):
    """By which device a camera can be asked; no part of the record that everybody gets."""

    url: str
    """Its ONVIF device service, `#sha256=HEX` behind it where its certificate is pinned."""
    channel: int = 0
    """The camera's at that device, from 1; 0 = not said, or the device is the camera itself."""


class Listing(msgspec.Struct, frozen=True):
    """All cameras that there are."""

    cameras: tuple[Camera, ...]
    stay: frozenset[str] = frozenset()
    """Ids whose line could not be used: as they are known, if they are."""
    devices: Mapping[str, Device] = {}
    """By camera id; those that are in use and have an address."""


class _File:
    """One table that people edit."""

    def __init__(self, path: Path, consequence: str) -> None:
        self.path, self._consequence = path, consequence
        self._stamp: tuple[int, int, int] | None = None
        self._trouble = ""

    def changed(self) -> bytes | None:
        """What stands in it, when that may be something new. A look at an unchanged file is one stat."""
        try:
            found = self.path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp == self._stamp:
                return None
            raw = self.path.read_bytes()
        except FileNotFoundError:
            if self._stamp is not None:
                self.say(f"has gone; {self._consequence}")
            return None
        except OSError as error:
            self.say(f"cannot be read ({error.strerror}); {self._consequence}")
            return None
        # The stamp is of before the reading: a file that changes meanwhile is read again.
        self._stamp, self._trouble = stamp, ""
        return raw

    def refused(self, error: CsvFaults) -> None:
        self.say(f"is not used, {self._consequence}: {error}")

    def say(self, trouble: str) -> None:
        """Once, until it changes."""
        if trouble != self._trouble:
            log.error("%s %s", self.path, trouble)
        self._trouble = trouble

    def left_out(self, faults: Sequence[Fault]) -> None:
        for fault in faults[:FAULTS_SAID]:
            log.error("%s: %s; this line is left out", self.path, fault)
        if len(faults) > FAULTS_SAID:
            log.error("%s: %d more lines are left out", self.path, len(faults) - FAULTS_SAID)


class SiteCameras:
    """Used by the hub's loop."""

    def __init__(self, folder: Path) -> None:
        self._cameras = _File(folder / SITE_FILE, "cameras stay as they are")
        self._recorders = _File(folder / RECORDERS_FILE, "recorders stay as they are")
        self._rows: list[CameraRow] | None = None
        self._stay: frozenset[str] = frozenset()
        self._known: dict[str, RecorderRow] | None = None
        self._ways: dict[str, dict[str, str]] = {}
        self.listing: Listing | None = None
        """None: the site has named no cameras of its own, the world's are served."""
        self.look()

    def look(self) -> bool:
        """True: there is a new listing."""
        news = self._look_at_recorders()
        raw = self._cameras.changed()
        if raw is not None:
            news |= self._take(raw)
        return news and self._list()

    def past_of(self, camera: str) -> dict[str, str] | None:
        """How the past of this camera (id) is played, without a secret: the columns of its recorder, and "channel".
        None: no recorder of the site keeps it."""
        return self._ways.get(camera)

    def _look_at_recorders(self) -> bool:
        raw = self._recorders.changed()
        if raw is None:
            return False
        try:
            rows, faults = recorders_csv.read_what_can_be(raw)
        except CsvFaults as error:
            self._recorders.refused(error)
            return False
        self._recorders.left_out(faults)
        known = {row.id: row for row in rows}
        if known == self._known:
            return False
        self._known = known
        log.info("%s: %d recorders of the site", self._recorders.path, len(rows))
        return True

    def _take(self, raw: bytes) -> bool:
        try:
            rows, faults, refused = read_what_can_be(raw)
        except CsvFaults as error:
            self._cameras.refused(error)
            return False
        self._cameras.left_out(faults)
        self._rows = rows
        self._stay = frozenset(map(camera_id, refused)) - {camera_id(row.number) for row in rows}
        return True

    def _list(self) -> bool:
        if self._rows is None:
            return False
        ways = {}
        for row in self._rows:
            recorder = (self._known or {}).get(row.nvr)
            if recorder is not None and row.channel:
                ways[camera_id(row.number)] = way_to(recorder, row.channel)
        if self._known is not None:
            self._say_unplayed(self._rows, len(ways))
        cameras = tuple(_with_recorder(to_camera(row), ways) for row in self._rows)
        before = self.listing
        devices = {} if before is None else {id_: one for id_, one in before.devices.items() if id_ in self._stay}
        devices |= self._devices(self._rows)
        new = Listing(cameras, self._stay, devices)
        self._ways = {id_: way for id_, way in self._ways.items() if id_ in self._stay} | ways
        self.listing = new
        if new == before:
            return False
        log.info("%s: %d cameras of the site", self._cameras.path, len(cameras))
        return True

    def _devices(self, rows: list[CameraRow]) -> dict[str, Device]:
        """`channel` is one of the recorder's, and `onvif` may be the camera itself: it is where that host is not the
        recorder's and no other camera has the address. Of a recorder that nobody knows the channel counts: else another
        camera than this one might turn."""
        asked = [row for row in rows if row.onvif and row.enabled]
        at = Counter(row.onvif for row in asked)
        devices = {}
        for row in asked:
            recorder = (self._known or {}).get(row.nvr)
            itself = recorder is not None and urlsplit(row.onvif).hostname != recorder.host.lower()
            devices[camera_id(row.number)] = _device(row, 0 if itself and at[row.onvif] == 1 else row.channel)
        return devices

    def _say_unplayed(self, rows: list[CameraRow], played: int) -> None:
        wanted = [row for row in rows if row.nvr]
        odd = [row for row in wanted if row.nvr not in (self._known or {}) or not row.channel]
        for row in odd[:FAULTS_SAID]:
            why = f"there is no recorder {row.nvr}" if row.nvr not in (self._known or {}) else "channel is missing"
            log.error("%s: camera %s: no past is played: %s", self._cameras.path, row.number, why)
        log.info("%s: the past of %d cameras can be played", self._recorders.path, played)


def _with_recorder(camera: Camera, ways: dict[str, dict[str, str]]) -> Camera:
    way = ways.get(camera.id)
    return camera if way is None else msgspec.structs.replace(camera, recorder=way["id"])


def _device(row: CameraRow, channel: int) -> Device:
    pinned = row.onvif.lower().startswith("https:") and row.tls.startswith("pin:") and "#" not in row.onvif
    return Device(f"{row.onvif}#sha256={row.tls.removeprefix('pin:')}" if pinned else row.onvif, channel)
