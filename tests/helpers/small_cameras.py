"""The cameras of the small backend: LEASE and SEES, kept or broken as `small_backend` says."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from backends.domain.camera import Camera, Sight, StationSight, Stream, StreamKind
from backends.domain.incident import TimelineEvent
from backends.domain.people import Role
from backends.domain.picture import PictureFlag
from backends.domain.text import LocalText
from backends.domain.turning import Turner
from backends.protocol.codec import decode_body
from backends.protocol.messages import Lease, Leased, Sees

if TYPE_CHECKING:
    from helpers.small_backend import SmallBackend

LEASE_S = SIGHT_S = 2.0
NAMES = {"op": "Hà", "op-2": "Minh", "adm": "Tuấn"}
CAMERAS = tuple(
    Camera(
        f"cam-{n}", f"{n:03}", LocalText(f"Ngã tư {n}"), (Stream(StreamKind.SUB, f"rtsp://10.0.0.{n}/2"),), turns=n == 1
    )
    for n in (1, 2)
)


class SmallCameras:
    """In the backend's thread."""

    def __init__(self, backend: SmallBackend) -> None:
        self._backend = backend
        self._held: dict[str, tuple[Turner, str, float]] = {}
        """Camera -> who has it, the lease's name, its end (monotonic)."""
        self._over: set[str] = set()
        """Names of leases that were given back."""
        self._seen: dict[str, tuple[dict[str, Sight], float]] = {}
        """Station -> its last word, and when that ends."""

    def look(self) -> None:
        """What ends by itself."""
        now_s = time.monotonic()
        for camera, (_, _, end_s) in list(self._held.items()):
            if now_s > end_s and not self._backend.broken("lease-over"):
                self._end(camera)
        for station, (_, end_s) in list(self._seen.items()):
            if now_s > end_s and not self._backend.broken("sees-over"):
                del self._seen[station]
                self._put_sights()

    # --- LEASE -----------------------------------------------------------------------------------

    def lease(self, station: str, person: str, ask: Lease) -> Leased:
        broken = self._backend.broken
        if not person:
            return Leased(ask.request, "nobody_signed_in")
        turner, name, _ = self._held.get(ask.camera, (None, "", 0.0))
        mine = turner is not None and turner.is_at(person, station)
        named = mine and (name == ask.lease or (broken("lease-late") and ask.act == "give_back"))
        no = Leased(ask.request, "not_held")
        match ask.act:
            case "give_back":
                if not named:
                    return no
                self._over.add(ask.lease)
                self._end(ask.camera)
                return Leased(ask.request)
            case "preset":
                if not broken("lease-rights"):
                    return Leased(ask.request, "not_allowed")
                self._note("preset_kept", ask.camera, person, ask.text)
                return Leased(ask.request)
            case "take" | "renew":
                record = self._records().get(ask.camera)
                if record is None or not (record.turns or broken("lease-refused")):
                    return Leased(ask.request, "unknown")
                if turner is not None and not mine and not (turner.patrol or broken("lease-held")):
                    return Leased(ask.request, "held", turner.name)
                if (ask.act == "renew" and not named) or ask.lease in self._over:
                    return no
                if turner is not None and not mine:
                    self._end(ask.camera)
                if not mine or (broken("lease-repeated") and ask.act == "take" and name == ask.lease):
                    self._take(station, person, ask)
                held = self._held.get(ask.camera)
                assert held is not None
                self._held[ask.camera] = held[0], ask.lease, time.monotonic() + LEASE_S
                return Leased(ask.request, lease_s=LEASE_S, address="http://10.0.0.1/onvif/device_service")
        return Leased(ask.request, "bad_act")

    def _take(self, station: str, person: str, ask: Lease) -> None:
        turner = Turner(person, NAMES[person], Role.OPERATOR, station, time.time_ns(), ask.patrol)
        self._held[ask.camera] = turner, ask.lease, 0.0
        self._note("turning_begun", ask.camera, person)
        if not self._backend.broken("lease"):
            self._put(ask.camera, turner=turner)

    def _end(self, camera: str) -> None:
        turner, _, _ = self._held.pop(camera)
        self._note("turning_ended", camera, turner.operator_id)
        self._put(camera, turner=None)

    def _note(self, what: str, camera: str, person: str, text: str = "") -> None:
        event = TimelineEvent(f"{what}/{time.time_ns()}", time.time_ns(), what, camera, person, LocalText(text))
        self._backend.append("timeline", event.id, event)

    # --- SEES ------------------------------------------------------------------------------------

    def sees(self, station: str, message: Sees) -> None:
        self._seen[station] = {sight.camera: sight for sight in message.cameras}, time.monotonic() + SIGHT_S
        for sight in message.cameras[: 1 if self._backend.broken("sees-hostile") else 0]:
            if sight.camera not in self._records():
                self._backend.append("cameras", sight.camera, msgspec.structs.replace(CAMERAS[0], id=sight.camera))
        self._put_sights()

    def _put_sights(self) -> None:
        for camera in self._records().values():
            told = {station: cameras[camera.id] for station, (cameras, _) in self._seen.items() if camera.id in cameras}
            sights = [StationSight(s, one.online, tuple(dict.fromkeys(one.flags))) for s, one in told.items()]
            seeing = [one for one in sights if one.online]
            flags = tuple(flag for flag in PictureFlag if any(flag in one.flags for one in seeing))
            if not seeing:
                flags = camera.flags
            if self._backend.broken("sees"):
                flags = ()
            same = all((one.online, one.flags) == (True, flags) for one in sights)
            if self._backend.broken("sees-disagree"):
                sights = sights[:1]
            self._put(camera.id, online=True, flags=flags, sights=() if same else tuple(sights))

    def _records(self) -> dict[str, Camera]:
        return {id_: decode_body("cameras", one.body) for id_, one in self._backend.items["cameras"].items()}

    def _put(self, id_: str, **fields: Any) -> None:
        before = self._records()[id_]
        after = msgspec.structs.replace(before, **fields)
        if after != before:
            self._backend.append("cameras", id_, msgspec.structs.replace(after, rev=before.rev + 1))
