"""One camera: the picture fills the tile, and anything that is wrong with it is said on it.

Never shows an old picture as live: what is drawn over it follows the age of the last new frame, read
from shared memory at every pass, not from a message that could be missing. A tile with `slot = "alarm"`
shows the camera of the gravest alarm, or the one that stands in for it; no other tile ever changes by
itself.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QHideEvent, QImage, QPainter, QPaintEvent, QPixmap, QResizeEvent, QShowEvent

from backends.domain.alarm import Alarm, Priority
from backends.domain.camera import Camera, Demand, PictureState, PictureStatus, StreamKind
from backends.domain.picture import Apart
from layouts.options import CameraOptions
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.parts import text
from widgets.parts.picture import PicturePainter
from widgets.parts.shapes import chip_width, draw_chip, draw_hatch
from widgets.parts.stand_in import Shown, choose
from widgets.parts.symbols import draw_inverted, draw_symbol
from widgets.session import Session
from widgets.tiles.base import Tile, TileSpec
from widgets.typography import TypeScale, Weight

_STATUS_EVERY = 5
"""Passes between looks at the status: 10 Hz at 50 passes a second."""
_BAD = (PictureState.LOST, PictureState.REFUSED, PictureState.DISABLED, PictureState.NO_SOURCE)


class CameraTile(Tile):
    """See the module."""

    feeds = ("cameras", "alarms", "local")
    has_header = False

    def __init__(self, session: Session, scale: TypeScale, options: Any) -> None:
        super().__init__(session, scale, options)
        self._called = ""
        self._neighbours: frozenset[str] = frozenset()
        self._shown = Shown("", None)
        self._demand: Demand | None = None
        self._painter: PicturePainter | None = None
        self._sequence = 0
        self._passes = 0
        self._status = PictureStatus(PictureState.CONNECTING)
        self._overlay: QPixmap | None = None
        self._overlay_key: object = None
        self._parts: list[QRectF] = []
        """Where the overlay is not empty."""
        self._ratio = 1.0
        self._kept: QImage | None = None
        """The last picture of a camera that the hub reports dead, kept dark under the hatch."""
        if options.slot:
            session.calls.cameraCalled.connect(self._on_called)
        self.refresh()

    # -- which camera ----------------------------------------------------------------------------------

    def refresh(self) -> None:
        self._shown = choose(self.session.city, self.options, self._called, self._neighbours)
        self._update_demand()
        self._overlay_key = None
        super().refresh()

    def set_neighbours(self, numbers: frozenset[str]) -> None:
        """Camera numbers that the window's other tiles show."""
        if numbers != self._neighbours:
            self._neighbours = numbers
            self.refresh()

    def _on_called(self, camera_id: str) -> None:
        self._called = camera_id
        self.refresh()

    @property
    def camera(self) -> Camera | None:
        return self.session.city.camera(self._shown.camera_id)

    @property
    def alarmed(self) -> bool:
        """An alarm is seen on it."""
        return self._shown.alarm is not None

    def _update_demand(self) -> None:
        camera = self.camera
        demand = None
        if camera is not None and camera.enabled and self.isVisible() and not self._dead_by_hub(camera):
            ratio = self.devicePixelRatioF()
            size = round(self.width() * ratio), round(self.height() * ratio)
            if camera.streams and min(size) > 0:
                demand = Demand(camera.id, camera.stream(StreamKind.SUB).uri, *size)
        if demand != self._demand:
            if demand is None:
                self._keep_last()
            elif self._demand is None or demand.camera_id != self._demand.camera_id:
                self._kept = None
            self._demand = demand
            self._painter = PicturePainter(self.session.pictures, demand) if demand is not None else None
            self._sequence = 0
        self.session.demands.set(self, demand)

    @staticmethod
    def _dead_by_hub(camera: Camera) -> bool:
        """A drawn scene cannot fail by itself, so there the hub's word decides; elsewhere the picture does."""
        return not camera.online and any(s.uri.startswith("scene:") for s in camera.streams)

    def _keep_last(self) -> None:
        if self._demand is None:
            return
        with self.session.pictures.pin(self._demand) as picture:
            if picture is not None:
                rows, columns = picture.pixels.shape[:2]
                kept = QImage(picture.pixels.tobytes(), columns, rows, columns * 4, QImage.Format.Format_RGB32)
                self._kept = kept.copy()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._update_demand()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.session.demands.set(self, None)
        self._demand, self._painter = None, None

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._update_demand()
        self._overlay_key = None

    # -- clocks ----------------------------------------------------------------------------------------

    def on_picture_pass(self) -> None:
        if self._demand is None or not self.isVisible():
            return
        sequence = self.session.pictures.sequence(self._demand)
        self._passes += 1
        if self._passes % _STATUS_EVERY == 0:
            self._look_at_status()
        if sequence != self._sequence:
            self.update()

    def _look_at_status(self) -> None:
        if self._demand is None:
            return
        status = self.session.pictures.status(self._demand)
        if (status.state, int(status.age_s)) != (self._status.state, int(self._status.age_s)) and (
            status.state is not PictureState.LIVE or self._status.state is not PictureState.LIVE
        ):
            self.update()
        self._status = status

    def on_second(self) -> None:
        camera = self.camera
        if camera is not None and self._dead_by_hub(camera):
            self.update()

    def on_blink(self, bright: bool) -> None:
        """Nothing blinks on a picture: the flag's symbol is steady, the list's blinks."""

    def status(self) -> PictureStatus:
        """What the tile says about its picture."""
        camera = self.camera
        if camera is None:
            return PictureStatus(PictureState.NO_SOURCE)
        if not camera.enabled:
            return PictureStatus(PictureState.DISABLED)
        if self._dead_by_hub(camera):
            age_s = max(0.0, (self.now_ns() - camera.t_state_ns) / 1e9) if camera.t_state_ns else 0.0
            return PictureStatus(PictureState.LOST, age_s=age_s)
        return self._status

    # -- painting --------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            status = self.status()
            bad = status.state in _BAD
            self._paint_picture(painter, dark=bad and not self._idle)
            overlay = self._overlay_for(status)
            for part in self._parts:
                # Blending the whole tile for each frame would cost more than the picture.
                painter.drawPixmap(part, overlay, QRectF(part.topLeft() * self._ratio, part.size() * self._ratio))
        finally:
            painter.end()

    @property
    def _idle(self) -> bool:
        """A place kept for alarms that has none and no camera of its own: that is calm, not a fault."""
        return bool(self.options.slot) and not self._shown.camera_id and not self._shown.number

    def _paint_picture(self, painter: QPainter, *, dark: bool) -> None:
        rect = self.rect()
        painted = 0
        if self._painter is not None:
            painted = self._painter.paint(painter, rect)
            self._sequence = painted
        elif self._kept is not None:
            painter.drawImage(QRectF(rect), self._kept)
            painted = 1
        if not painted:
            painter.fillRect(rect, QColor("#0b0c0e"))
        if dark:
            painter.fillRect(rect, QColor(8, 9, 11, 205))
            draw_hatch(painter, QRectF(rect), QColor(255, 255, 255, 16), self.scale.read * 1.5)

    def _overlay_for(self, status: PictureStatus) -> QPixmap:
        """Caption, flag, words: painted once for each state and second, then laid over every frame."""
        alarm = self._shown.alarm
        live = status.state is PictureState.LIVE
        key = (
            self.size(),
            self.session.look.theme.name,
            status.state,
            0 if live else int(status.age_s),
            status.reason,
            status.apart,
            self._shown,
            alarm.rev if alarm else 0,
            text.recording_active(),
        )
        if self._overlay is None or key != self._overlay_key:
            self._overlay_key = key
            self._ratio = ratio = self.devicePixelRatioF()
            self._overlay = QPixmap(self.size() * ratio)
            self._overlay.setDevicePixelRatio(ratio)
            self._overlay.fill(Qt.GlobalColor.transparent)
            painter = QPainter(self._overlay)
            try:
                with text.on_device(self):
                    self._paint_overlay(painter, QRectF(self.rect()), status)
            finally:
                painter.end()
        return self._overlay

    def _paint_overlay(self, painter: QPainter, whole: QRectF, status: PictureStatus) -> None:
        border = self._border()
        rect = whole.adjusted(border, border, -border, -border)
        caption = self._caption_rect(rect)
        flag_height = self._paint_flag(painter, rect)
        calm = status.state in (PictureState.LIVE, PictureState.SLOW)
        flag = QRectF(rect.left(), rect.top(), rect.width(), flag_height)
        self._parts = [caption, flag, *_sides(whole, border)] if calm else [whole]
        self._parts = [part for part in self._parts if not part.isEmpty()]
        if status.state in _BAD:
            self._paint_bad(
                painter,
                QRectF(rect.left(), rect.top() + flag_height, rect.width(), caption.top() - rect.top() - flag_height),
                status,
            )
        elif status.state in (PictureState.CONNECTING, PictureState.WAITING_KEY):
            words = tr("camera.connecting" if status.state is PictureState.CONNECTING else "camera.waiting_key")
            middle = QRectF(
                rect.left(), rect.top() + flag_height, rect.width(), caption.top() - rect.top() - flag_height
            )
            text.draw(
                painter,
                middle,
                words,
                self.scale.read,
                self.theme.on_picture_muted,
                align=Qt.AlignmentFlag.AlignHCenter,
            )
        self._paint_caption(painter, caption, status)
        self._paint_border(painter, whole, border)

    def _caption_rect(self, rect: QRectF) -> QRectF:
        height = self.scale.line(self.scale.floor) + self.scale.floor * 0.35
        return QRectF(rect.left(), rect.bottom() - height, rect.width(), height)

    def _paint_caption(self, painter: QPainter, caption: QRectF, status: PictureStatus) -> None:
        theme, px, pad = self.theme, self.scale.floor, self.scale.pad
        painter.fillRect(caption, theme.scrim)
        camera = self.camera
        inner = caption.adjusted(pad, 0, -pad, 0)
        if camera is None:
            number = self._shown.number or self.options.camera
            words = tr("camera.unknown", number=number) if number else tr("camera.alarm_slot")
            text.draw(painter, inner, words, px, theme.on_picture)
            return
        right = inner.right()
        if status.state is PictureState.SLOW:
            words = tr("camera.slow", n=max(1, int(status.age_s)))
            width = chip_width(words, px)
            draw_chip(
                painter,
                QRectF(right - width, caption.top() + 1, width, caption.height() - 2),
                words,
                px,
                QColor("#d7dce3"),
                QColor("#121417"),
            )
            right -= width + pad
        elif status.state in _BAD and self._shown.see:
            words = tr("camera.see", number=self._shown.see)
            width = text.width(words, px) + 1
            room = QRectF(right - width, caption.top(), width, caption.height())
            text.draw(painter, room, words, px, theme.on_picture_muted)
            right -= width + pad
        number_width = text.width(camera.number, px, Weight.BOLD) + 1
        if status.apart is not None and status.state not in _BAD:
            words = tr("camera.apart")
            width = text.width(words, px) + 1
            if right - width - pad > inner.left() + number_width:
                room = QRectF(right - width, caption.top(), width, caption.height())
                text.draw(painter, room, words, px, theme.on_picture_muted)
                right -= width + pad
        box = QRectF(inner.left(), caption.top(), number_width, caption.height())
        text.draw(painter, box, camera.number, px, theme.on_picture, Weight.BOLD)
        left = inner.left() + number_width + px * 0.6
        name = local(camera.name)
        # A stump of a name beside other words says nothing: the number is enough there.
        if right - left > (px * 2 if status.apart is None else min(text.width(name, px), px * 8)):
            room = QRectF(left, caption.top(), right - left, caption.height())
            text.draw(painter, room, name, px, theme.on_picture)

    def _paint_bad(self, painter: QPainter, room: QRectF, status: PictureStatus) -> None:
        theme, scale = self.theme, self.scale
        gray = QColor("#d7dce3")
        if self._idle:
            lines = [(tr("alarms.empty"), scale.read)]
        elif status.state is not PictureState.LOST:
            words = tr(f"camera.{status.state}")
            lines = [(words, scale.read), (status.reason, scale.floor)] if status.reason else [(words, scale.read)]
        else:
            lines = self._lost_lines(status, room)
        if status.apart is not None:
            lines = [*lines, *self._apart_lines(status.apart, lines, room)]
        px_sum = sum(scale.line(px) for _, px in lines)
        if px_sum > room.height():
            lines = [(" ".join(words for words, _ in lines), min(px for _, px in lines))]
            px_sum = scale.line(lines[0][1])
        top = room.center().y() - px_sum / 2
        for words, px in lines:
            step = scale.line(px)
            line = QRectF(room.left() + scale.pad, top, room.width() - 2 * scale.pad, step)
            text.draw(
                painter,
                line,
                words,
                px,
                gray if px > scale.floor else theme.on_picture_muted,
                Weight.SEMIBOLD,
                align=Qt.AlignmentFlag.AlignHCenter,
            )
            top += step

    def _apart_lines(self, apart: Apart, others: list[tuple[str, int]], room: QRectF) -> list[tuple[str, int]]:
        """Why its decoder is not shared, as much of it as there is room for below the others."""
        px, left = self.scale.floor, room.height() - sum(self.scale.line(px) for _, px in others)
        width = room.width() - 2 * self.scale.pad
        for words in (tr(f"camera.apart_{apart}"), tr("camera.apart")):
            lines = text.wrap(words, px, Weight.SEMIBOLD, width, 2)
            whole = " ".join(lines) == words and all(text.width(line, px, Weight.SEMIBOLD) <= width for line in lines)
            if whole and len(lines) * self.scale.line(px) <= left:
                return [(line, px) for line in lines]
        return []

    def _lost_lines(self, status: PictureStatus, room: QRectF) -> list[tuple[str, int]]:
        """MẤT HÌNH and since when, as large as goes without a cut; in the smallest tile one of the two."""
        scale, words, since = self.scale, tr("camera.lost"), fmt.countdown(status.age_s)
        choices = [
            [(said, px) for said in lines]
            for px in (scale.glance, scale.read, scale.floor)
            for lines in ((words, since), (f"{words} {since}",))
        ]
        choices += [[(words, scale.floor)], [(since, scale.floor)]]
        width = room.width() - 2 * scale.pad

        def fits(lines: list[tuple[str, int]]) -> bool:
            wide = max(text.width(said, px, Weight.SEMIBOLD) for said, px in lines)
            return wide <= width and sum(scale.line(px) for _, px in lines) <= room.height()

        return next((lines for lines in choices if fits(lines)), choices[-1])

    def _paint_flag(self, painter: QPainter, rect: QRectF) -> float:
        """Flag of an alarm; returns its height."""
        alarm = self._shown.alarm
        if alarm is None:
            return 0.0
        theme, px = self.theme, self.scale.floor
        hue = theme.hue(alarm.priority)
        height = self.scale.line(px) + px * 0.35
        side = height * 0.86
        words = self._flag_words(alarm, rect.width() - side - px * 1.3)
        width = min(rect.width(), side + text.width(words, px, Weight.SEMIBOLD) + px * 1.3)
        flag = QRectF(rect.left(), rect.top(), width, height)
        urgent = alarm.priority is Priority.URGENT
        painter.fillRect(flag, QColor("#3a1d25") if urgent else (hue if alarm.unacknowledged else QColor("#24272c")))
        box = QRectF(flag.left() + px * 0.25, flag.center().y() - side / 2, side, side)
        on_hue = not urgent and alarm.unacknowledged
        if not on_hue:
            draw_symbol(painter, box, alarm.priority, theme, filled=alarm.unacknowledged)
        else:
            draw_inverted(painter, box, alarm.priority, theme.ink, hue)
        ink = theme.ink if on_hue else QColor("#ffffff")
        room = flag.adjusted(side + px * 0.6, 0, -px * 0.4, 0)
        text.draw(painter, room, words, px, ink, Weight.SEMIBOLD)
        return height

    def _flag_words(self, alarm: Alarm, room: float) -> str:
        """What fits into `room` pixels: where it is tight, the time goes before the name is cut."""
        if self._shown.for_number:
            dead = self.session.city.camera_by_number(self._shown.for_number)
            name = local(dead.name) if dead is not None else ""
            return tr("camera.stands_in", number=self._shown.for_number, name=name)
        name = local(alarm.name)
        whole = f"{name} · {fmt.event_minutes(alarm.t_raised_ns, self.session.clock.now_ns())}"
        return whole if text.width(whole, self.scale.floor, Weight.SEMIBOLD) <= room else name

    def _border(self) -> float:
        """Its width: thick round the camera of an unacknowledged alarm, 0 without one."""
        alarm, px = self._shown.alarm, self.scale.floor
        if alarm is None:
            return 0.0
        return max(3.0, round(px * 0.26)) if alarm.unacknowledged else max(2.0, round(px * 0.12))

    def _paint_border(self, painter: QPainter, rect: QRectF, thick: float) -> None:
        alarm = self._shown.alarm
        if alarm is None:
            return
        for side in _sides(rect, thick):
            painter.fillRect(side, self.theme.hue(alarm.priority))


def _sides(rect: QRectF, thick: float) -> tuple[QRectF, QRectF, QRectF, QRectF]:
    """The four strips of a border inside `rect`."""
    return (
        QRectF(rect.left(), rect.top(), rect.width(), thick),
        QRectF(rect.left(), rect.bottom() - thick, rect.width(), thick),
        QRectF(rect.left(), rect.top(), thick, rect.height()),
        QRectF(rect.right() - thick, rect.top(), thick, rect.height()),
    )


SPEC = TileSpec(kind="camera", options=CameraOptions, widget=CameraTile)
