"""Keeps the moment at which an alarm was raised, where this station shows one of its cameras: a still at once, and the
seconds around it as a clip, which the picture broker copies out of its memory.

1. An alarm of the site's rule is raised. Its first camera whose picture is good here counts; where none is shown, it is
   looked for some seconds longer: the place kept for alarms may be opening it.
2. The picture is copied, the clip ordered, the still written by a thread. Alarms of one camera at one time share them.
3. What is too old or too much goes, oldest first.
Privacy masks are burnt into the still, and painted over the clip where it is shown. Must not: open a camera, or wait.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec
from PySide6.QtCore import QObject, QRectF, Signal
from PySide6.QtGui import QImage

from backends.domain.alarm import Alarm
from backends.domain.alarm_sight import USELESS, usable
from backends.domain.camera import Camera, Demand, PictureState
from backends.domain.feeds import Mode
from backends.domain.moment import Moment, MomentRule
from backends.domain.place import masks_of
from backends.domain.times import NS_PER_S
from widgets.models.alarm_order import Moves
from widgets.moment_file import prune, read_moments, read_still, write_moment
from widgets.parts import camera_zoom as zoom
from widgets.parts.picture import copy_of
from widgets.parts.privacy import burn_masks
from widgets.parts.stand_in import cameras_of
from widgets.pump import Pump
from widgets.session import Session

_log = logging.getLogger(__name__)

FRESH_S = 10.0
"""An alarm that was raised longer ago came with a start or a reconnection: its moment is over."""
WAIT_S = 5.0
"""So long a camera that is being opened is waited for."""
SHARED_S = 8.0
"""Alarms of one camera within so many seconds share a still and a clip."""
_AT_ONCE_S = 0.5
"""A camera that has its picture within this was shown when the alarm came."""
_MOST_WAITING = 16
_SEEN = 5000
_GOOD = (PictureState.LIVE, PictureState.SLOW)


@dataclass(frozen=True)
class _Waiting:
    alarm: Alarm
    raised_s: float
    """Monotonic."""
    seen_s: float
    """When it came here."""


class MomentDesk(QObject):
    """One a session. GUI thread only; `folder` is read and written by another one."""

    _written = Signal(object, object)
    """(Moment, its QImage or None)."""
    _read = Signal(object)
    """Moments of the folder, at the start."""
    _picture = Signal(str, object)
    """(base, QImage or None)."""
    _gone = Signal(object)
    """Names of what was taken away."""

    def __init__(self, session: Session, pump: Pump, folder: Path, rule: MomentRule) -> None:
        super().__init__()
        self._session, self._folder, self._rule = session, folder, rule
        self._seen: dict[tuple[str, int], None] = {}
        self._waiting: list[_Waiting] = []
        self._last: dict[str, Moment] = {}
        """By camera: its newest one."""
        self._reading: set[str] = set()
        self._closed = False
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="moments")
        book = session.moments
        self._written.connect(self._on_written)
        self._read.connect(book.add)
        self._picture.connect(self._on_picture)
        self._gone.connect(book.drop)
        book.wanted.connect(self._fetch)
        if rule.most:
            session.city.alarmsMoved.connect(self._on_moves)
            pump.secondPassed.connect(self._look)
        self._writer.submit(self._start)

    def close(self) -> None:
        """Finish what is being written."""
        self._closed = True
        self._writer.shutdown(wait=True)

    # -- which -----------------------------------------------------------------------------------------

    def _on_moves(self, moves: Moves) -> None:
        if self._session.city.link.mode is Mode.REPLAY:
            return  # what is played again is no moment of now
        now_ns, fresh = self._session.clock.now_ns(), False
        for alarm in moves.values():
            if alarm is None or not self._rule.wants(alarm) or (alarm.id, alarm.t_raised_ns) in self._seen:
                continue
            self._seen[alarm.id, alarm.t_raised_ns] = None
            age_s = max(0.0, (now_ns - alarm.t_raised_ns) / NS_PER_S)
            if age_s <= FRESH_S and len(self._waiting) < _MOST_WAITING:
                now_s = self._session.mono.monotonic_s()
                self._waiting.append(_Waiting(alarm, now_s - age_s, now_s))
                fresh = True
        while len(self._seen) > _SEEN:
            del self._seen[next(iter(self._seen))]
        if fresh:
            self._look()

    def _look(self) -> None:
        """Those whose camera has a picture now; the others wait on, for a while."""
        if self._closed:
            return
        now_s = self._session.mono.monotonic_s()
        left = [one for one in self._waiting if not self._take(one)]
        self._waiting = [one for one in left if now_s - one.seen_s < WAIT_S]

    # -- taken -----------------------------------------------------------------------------------------

    def _take(self, one: _Waiting) -> bool:
        """False: none of its cameras has a good picture here."""
        for camera, demand in self._shown(one.alarm):
            now_s = self._session.mono.monotonic_s()
            before = self._last.get(camera.id)
            shared = before is not None and abs(one.raised_s - before.mono_ns / NS_PER_S) < SHARED_S
            image = None if shared else self._image(camera, demand)
            if not shared and image is None:
                continue
            moment = self._moment(one, camera, now_s)
            if shared and before is not None:
                moment = msgspec.structs.replace(
                    moment, files=before.base, t_ns=before.t_ns, mono_ns=before.mono_ns, from_ns=before.from_ns,
                    until_ns=before.until_ns,
                )  # fmt: skip
            else:
                self._last[camera.id] = moment
                self._session.pictures.keep_clip(moment.name, demand, moment.from_ns, moment.until_ns)
            self._writer.submit(self._write, moment, image)
            return True
        return False

    def _shown(self, alarm: Alarm) -> list[tuple[Camera, Demand]]:
        """Its cameras that are on the screen here, whole and with a good picture, best first."""
        session, found = self._session, []
        wanted = session.demands.wanted()
        for shown in cameras_of(session.city, alarm):
            camera = session.city.camera(shown.camera_id)
            whole = (d for d in wanted if d.camera_id == shown.camera_id and d.crop == zoom.WHOLE)
            demand = max(whole, key=lambda d: d.width * d.height, default=None)
            if camera is None or demand is None or not usable(camera):
                continue
            status = session.pictures.status(demand)
            useless = any(raised.flag in USELESS for raised in status.raised)
            if status.state in _GOOD and not useless and session.pictures.sequence(demand):
                found.append((camera, demand))
        return found

    def _moment(self, one: _Waiting, camera: Camera, now_s: float) -> Moment:
        rule, raised_ns, now_ns = self._rule, round(one.raised_s * NS_PER_S), self._session.clock.now_ns()
        # Of a camera that was opened for it there is nothing from before: its seconds begin now.
        counted_s = one.raised_s if now_s - one.seen_s < _AT_ONCE_S else now_s
        number = re.sub(r"[^A-Za-z0-9]+", "-", camera.number)[:20].strip("-")
        digest = hashlib.sha256(f"{one.alarm.id} {one.alarm.t_raised_ns}".encode()).hexdigest()[:10]
        return Moment(
            name=f"{now_ns // 1_000_000}-{number or 'camera'}-{digest}",
            alarm_id=one.alarm.id,
            t_raised_ns=one.alarm.t_raised_ns,
            camera_id=camera.id,
            number=camera.number,
            t_ns=now_ns,
            mono_ns=round(now_s * NS_PER_S),
            from_ns=max(0, raised_ns - round(rule.before_s * NS_PER_S)),
            until_ns=round((counted_s + rule.after_s) * NS_PER_S),
        )

    def _image(self, camera: Camera, demand: Demand) -> QImage | None:
        """A copy of the picture that is shown, without the bars beside it, masked; None: it was torn."""
        pictures = self._session.pictures
        with pictures.pin(demand) as picture:
            if picture is None:
                return None
            whole = copy_of(picture)
        if not picture.sequence:
            return None
        image = whole.copy(zoom.picture_box(QRectF(whole.rect()), pictures.source_size(demand)).toRect())
        burn_masks(image, masks_of(self._session.city.records("config").values(), camera.id))
        return image

    # -- files: the writer's thread --------------------------------------------------------------------

    def _start(self) -> None:
        try:
            self._prune()
            self._read.emit(read_moments(self._folder))
        except OSError as error:
            _log.warning("moments of alarms in %s cannot be read: %s", self._folder, error)

    def _write(self, moment: Moment, image: QImage | None) -> None:
        try:
            self._written.emit(moment, write_moment(self._folder, moment, image))
            self._prune()
        except OSError as error:
            _log.warning("the moment of an alarm at camera %s is not kept: %s", moment.number, error)

    def _prune(self) -> None:
        if self._folder.is_dir():
            gone = prune(self._folder, self._rule, time.time_ns())  # as the files tell their age
            if gone:
                self._gone.emit(gone)

    def _read_still(self, moment: Moment) -> None:
        self._picture.emit(moment.base, read_still(self._folder, moment))

    # -- what has come of it ---------------------------------------------------------------------------

    def _on_written(self, moment: Moment, image: QImage | None) -> None:
        if image is not None:
            self._session.moments.put_picture(moment.base, image)
        self._session.moments.add((moment,))

    def _fetch(self, moment: Moment) -> None:
        if not self._closed and moment.base not in self._reading:
            self._reading.add(moment.base)
            self._writer.submit(self._read_still, moment)

    def _on_picture(self, base: str, image: QImage | None) -> None:
        self._reading.discard(base)
        if image is None:
            self._session.moments.drop((base,))
        else:
            self._session.moments.put_picture(base, image)
