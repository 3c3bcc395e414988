"""The site's own cameras: `cameras.csv` in the hub's data folder, looked at again when it changes.

A hub that has the file serves its cameras in the place of the world's. A line that cannot be used is said and left
out, and the camera that it names stays as it was; a file that cannot be read at all, or goes away, changes
nothing. Must not: know a user or password (those are in the vault), or write the file.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec

from backends.adapters.cameras_csv import SITE_FILE, CameraRow, camera_id, read_what_can_be, to_camera
from backends.adapters.csv_table import CsvFaults
from backends.domain.camera import Camera

log = logging.getLogger(__name__)

FAULTS_SAID = 20
"""Lines of one file that are named in the log; of the others, how many there are."""


class Device(msgspec.Struct, frozen=True):
    """By which device a camera can be asked; no part of the record that everybody gets."""

    url: str
    """Its ONVIF device service, `#sha256=HEX` behind it where its certificate is pinned."""
    channel: int = 0
    """The camera's at that device, from 1; 0 = not said."""


class Listing(msgspec.Struct, frozen=True):
    """All cameras that there are."""

    cameras: tuple[Camera, ...]
    stay: frozenset[str] = frozenset()
    """Ids whose line could not be used: as they are known, if they are."""
    devices: Mapping[str, Device] = {}
    """By camera id; those that are in use and have an address."""


class SiteCameras:
    """Used by the hub's loop. A look at an unchanged file is one stat."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / SITE_FILE
        self._stamp: tuple[int, int, int] | None = None
        self._trouble = ""
        self.listing: Listing | None = None
        """None: the site has named no cameras of its own, the world's are served."""
        self.look()

    def look(self) -> bool:
        """True: there is a new listing."""
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp == self._stamp:
                return False
            raw = self._path.read_bytes()
        except FileNotFoundError:
            if self._stamp is not None:
                self._say("has gone; its cameras stay")
            return False
        except OSError as error:
            self._say(f"cannot be read ({error.strerror}); cameras stay as they are")
            return False
        # The stamp is of before the reading: a file that changes meanwhile is read again.
        self._stamp, self._trouble = stamp, ""
        return self._take(raw)

    def _take(self, raw: bytes) -> bool:
        try:
            rows, faults, refused = read_what_can_be(raw)
        except CsvFaults as error:
            self._say(f"is not used, cameras stay as they are: {error}")
            return False
        for fault in faults[:FAULTS_SAID]:
            log.error("%s: %s; this line is left out", self._path, fault)
        if len(faults) > FAULTS_SAID:
            log.error("%s: %d more lines are left out", self._path, len(faults) - FAULTS_SAID)
        cameras = tuple(to_camera(row) for row in rows)
        stay = frozenset(map(camera_id, refused)) - {camera.id for camera in cameras}
        before = self.listing.devices if self.listing is not None else {}
        devices = {id_: device for id_, device in before.items() if id_ in stay}
        devices |= {camera_id(row.number): _device(row) for row in rows if row.onvif and row.enabled}
        new = Listing(cameras, stay, devices)
        if new == self.listing:
            return False
        self.listing = new
        log.info("%s: %d cameras of the site", self._path, len(cameras))
        return True

    def _say(self, trouble: str) -> None:
        """Once, until it changes."""
        if trouble != self._trouble:
            log.error("%s %s", self._path, trouble)
        self._trouble = trouble


def _device(row: CameraRow) -> Device:
    pinned = row.onvif.lower().startswith("https:") and row.tls.startswith("pin:") and "#" not in row.onvif
    return Device(f"{row.onvif}#sha256={row.tls.removeprefix('pin:')}" if pinned else row.onvif, row.channel)
