"""What a camera tile says over its picture: caption, flag of an alarm, words of a state, health flags, marks, border.

Painted once for each state and second, then laid over every frame. Must not: know pictures, or decide what is true.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtWidgets import QWidget

from backends.domain.alarm import Alarm, Priority
from backends.domain.camera import Camera, PictureState, PictureStatus
from backends.domain.picture import Apart
from backends.domain.stream_choice import Act
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.parts import replay_look, text
from widgets.parts.camera_flags import FlagSaid, sayings
from widgets.parts.camera_marks import CHIP, CHIP_INK, NO_MARKS, MarkPainter, Marks
from widgets.parts.replay import ReplaySeen
from widgets.parts.shapes import chip_width, draw_arrow, draw_chip, draw_hatch
from widgets.parts.stand_in import Shown
from widgets.parts.symbols import draw_inverted, draw_symbol
from widgets.session import Session
from widgets.theme import Theme
from widgets.typography import TypeScale, Weight

BAD = (PictureState.LOST, PictureState.REFUSED, PictureState.DISABLED, PictureState.NO_SOURCE)
"""There is no picture that could be shown as it is."""
_CALM = (PictureState.LIVE, PictureState.SLOW, PictureState.REPLAY, PictureState.ENDED)
"""The picture can be seen; around it there is nothing but what is said at the edges."""

_CAPTION = 0.25
"""Share of a picture's height from which on a caption costs more than a cut name tells."""


@dataclass(frozen=True)
class Said:
    """What is to be said over one picture."""

    shown: Shown
    camera: Camera | None
    status: PictureStatus
    asked: str = ""
    """Number that the layout names, also where the directory does not have it."""
    idle: bool = False
    """A place kept for alarms that has none: calm, not a fault."""
    left_out: Act | None = None
    """What is left out of its picture because the machine is too small: the gravest."""
    flags: tuple[FlagSaid, ...] = ()
    """What is wrong with the pictures that come, most urgent first."""
    marks: Marks = NO_MARKS
    replay: ReplaySeen | None = None
    """It is an old picture; None: it is live, or would be."""
    nothing_old: str = ""
    """A person wanted an old one, and there is none, or no more: why."""

    @property
    def grave(self) -> FlagSaid | None:
        """The picture comes and is still an old one."""
        return next((one for one in self.flags if one.grave), None)


class CameraOverlay:
    """One tile's overlay. GUI thread only."""

    def __init__(self, session: Session, scale: TypeScale) -> None:
        self.session = session
        self.scale = scale
        self._said = Said(Shown("", None), None, PictureStatus(PictureState.CONNECTING))
        self._pixmap: QPixmap | None = None
        self._key: object = None
        self._ratio = 1.0
        self.parts: list[QRectF] = []
        """Where it is not empty."""

    @property
    def theme(self) -> Theme:
        return self.session.look.theme

    def forget(self) -> None:
        """Records, words or the size have changed: the next paint starts anew."""
        self._key = None

    def paint(self, painter: QPainter, tile: QWidget, said: Said) -> None:
        """Lay it over the picture of `tile`."""
        overlay = self._pixmap_for(tile, said)
        for part in self.parts:
            # Blending the whole tile for each frame would cost more than the picture.
            painter.drawPixmap(part, overlay, QRectF(part.topLeft() * self._ratio, part.size() * self._ratio))

    def _pixmap_for(self, tile: QWidget, said: Said) -> QPixmap:
        alarm, status = said.shown.alarm, said.status
        calm = status.state in (PictureState.LIVE, PictureState.REPLAY, PictureState.ENDED)
        key = (
            tile.size(),
            self.theme.name,
            status.state,
            0 if calm else int(status.age_s),
            status.reason,
            status.apart,
            said.left_out,
            said.replay,
            said.nothing_old,
            said.shown,
            alarm.rev if alarm else 0,
            said.flags,
            said.marks,
            text.recording_active(),
        )
        if self._pixmap is None or key != self._key:
            self._key, self._said = key, said
            self._ratio = ratio = tile.devicePixelRatioF()
            self._pixmap = QPixmap(tile.size() * ratio)
            self._pixmap.setDevicePixelRatio(ratio)
            self._pixmap.fill(Qt.GlobalColor.transparent)
            painter = QPainter(self._pixmap)
            try:
                with text.on_device(tile):
                    self._paint(painter, QRectF(tile.rect()))
            finally:
                painter.end()
        return self._pixmap

    def _paint(self, painter: QPainter, whole: QRectF) -> None:
        said, status = self._said, self._said.status
        hands = MarkPainter(self.theme, self.scale)
        border = self._border()
        rect = whole.adjusted(border, border, -border, -border)
        old, frame, title = said.replay, 0.0, 0.0
        if said.grave is not None:
            self._paint_veil(painter, whole)
        flag = QRectF(rect.left(), rect.top(), rect.width(), self._paint_flag(painter, rect))
        inside = hands.ring_width(said.marks)  # the tile that a person replays has the ring: it must hide no frame
        below = rect.adjusted(inside, max(flag.height(), inside), -inside, -inside)
        if old is not None:
            frame, title = replay_look.frame_width(self.scale), replay_look.title_height(self.scale)
        elif said.nothing_old:
            title = replay_look.band_height(self.scale)
        caption = self._caption_rect(below.adjusted(frame, 0, -frame, -frame) if old is not None else rect)
        middle = QRectF(caption.left(), below.top() + title, caption.width(), caption.top() - below.top() - title)
        calm = said.grave is None and (status.state in _CALM or (old is not None and status.state not in BAD))
        # Words of a state go before marks and figures: those take only what is left over.
        words = 0 if calm else self.scale.line(self.scale.floor)
        tight = middle.height() < words + self.scale.line(self.scale.read) * 1.5
        zoom = QRectF() if tight and not calm else hands.zoom(painter, middle, said.marks.zoom)
        number = hands.number(painter, middle, said.marks.number)
        free = middle.adjusted(0, max(zoom.height(), number.height()) + 2 * words, 0, 0)
        trouble = hands.trouble(painter, free, said.marks.trouble)
        details = hands.details(painter, free.adjusted(0, 0, 0, -trouble.height()), said.marks.details)
        self._paint_middle(painter, self._middle_room(middle, zoom, number, details), status)
        if old is None and self._number_is_enough(caption, rect, status):
            width = (
                text.width(said.camera.number if said.camera else "", self.scale.floor, Weight.BOLD)
                + 2 * self.scale.pad
                + 1
            )
            caption.setWidth(min(width, caption.width()))
        self._paint_caption(painter, caption, status)
        if old is not None:
            now_ns = self.session.clock.now_ns()
            replay_look.draw(painter, below, old, now_ns, self.theme, self.scale)
        elif calm and said.nothing_old:
            replay_look.draw_nothing(painter, below, said.nothing_old, self.theme, self.scale)
        self._paint_border(painter, whole, border)
        ring = hands.ring(painter, rect, said.marks)
        parts = [caption, flag, zoom, number, details, trouble, *ring, *_sides(whole, border)] if calm else [whole]
        if calm and old is not None:
            parts += replay_look.parts(below, self.scale)
        elif calm and said.nothing_old:
            parts.append(replay_look.note_part(below, self.scale))
        self.parts = [part for part in parts if not part.isEmpty()]

    def _middle_room(self, middle: QRectF, zoom: QRectF, number: QRectF, details: QRectF) -> QRectF:
        """What the marks leave for the words of a state: below them, or between them where that is too low."""
        room = QRectF(middle)
        if not details.isEmpty():
            room.setBottom(details.top())
        below = room.adjusted(0, max(zoom.height(), number.height()), 0, 0)
        if below.height() >= self.scale.line(self.scale.read):
            return below
        return room.adjusted(number.width(), 0, -zoom.width(), 0)

    def _paint_veil(self, painter: QPainter, whole: QRectF) -> None:
        """An old picture that keeps coming must not look live: it is dimmed and hatched, and still to be seen."""
        painter.fillRect(whole, QColor(8, 9, 11, 120))
        draw_hatch(painter, whole, QColor(255, 255, 255, 26), self.scale.read * 1.5)

    def _paint_middle(self, painter: QPainter, middle: QRectF, status: PictureStatus) -> None:
        """The words of a state that has no picture, or not a new one."""
        grave = self._said.grave
        if status.state in BAD:
            self._paint_bad(painter, middle, status)
        elif self._said.replay is not None:
            return  # its title says all there is to say
        elif status.state in (PictureState.CONNECTING, PictureState.WAITING_KEY):
            words = tr("camera.connecting" if status.state is PictureState.CONNECTING else "camera.waiting_key")
            self._paint_ground(painter, middle, [(words, self.scale.read)])
            muted, centre = self.theme.on_picture_muted, Qt.AlignmentFlag.AlignHCenter
            text.draw(painter, middle, words, self.scale.read, muted, align=centre)
        elif grave is not None:
            lines = self._large(grave.words.upper(), grave.age, middle)
            self._paint_ground(painter, middle, lines)
            self._paint_lines(painter, middle, lines)

    def _paint_ground(self, painter: QPainter, middle: QRectF, lines: list[tuple[str, int]]) -> None:
        """Behind words that may stand over a picture."""
        height = sum(self.scale.line(px) for _, px in lines) + self.scale.pad
        wide = max(text.width(said, px, Weight.SEMIBOLD) for said, px in lines) + 3 * self.scale.pad
        ground = QRectF(0, 0, min(wide, middle.width()), min(height, middle.height()))
        ground.moveCenter(middle.center())
        painter.fillRect(ground, self.theme.scrim)

    def _caption_rect(self, rect: QRectF) -> QRectF:
        height = self.scale.line(self.scale.floor) + self.scale.floor * 0.35
        return QRectF(rect.left(), rect.bottom() - height, rect.width(), height)

    def _number_is_enough(self, caption: QRectF, rect: QRectF, status: PictureStatus) -> bool:
        """In a small tile with nothing to report the stump of a name is not worth a third of the picture."""
        said, px = self._said, self.scale.floor
        if said.camera is None or status.state is not PictureState.LIVE or caption.height() < rect.height() * _CAPTION:
            return False
        marks = said.marks
        more = said.flags or said.left_out or status.apart or marks.turn or marks.tour or marks.by_hand
        number = text.width(said.camera.number, px, Weight.BOLD) + 1 + px * 0.6
        name = text.width(local(said.camera.name), px)
        return not more and number + name > caption.width() - 2 * self.scale.pad

    def _paint_caption(self, painter: QPainter, caption: QRectF, status: PictureStatus) -> None:
        theme, px, pad = self.theme, self.scale.floor, self.scale.pad
        painter.fillRect(caption, theme.scrim)
        camera = self._said.camera
        inner = caption.adjusted(pad, 0, -pad, 0)
        if camera is None:
            number = self._said.shown.number or self._said.asked
            words = tr("camera.unknown", number=number) if number else tr("camera.alarm_slot")
            text.draw(painter, inner, words, px, theme.on_picture)
            return
        right, number_width = inner.right(), text.width(camera.number, px, Weight.BOLD) + 1
        spare = right - inner.left() - number_width - px * 0.4
        turned = [one for one in self._said.marks.turn if chip_width(one, px) <= spare] or self._said.marks.turn[-1:]
        for words in [*turned[:1], *self._caption_chips(status, inner.width())]:
            width = min(chip_width(words, px), right - inner.left() - number_width - px * 0.4)
            if width < px * 2:
                break
            chip = QRectF(right - width, caption.top() + 1, width, caption.height() - 2)
            draw_chip(painter, chip, words, px, CHIP, CHIP_INK)
            right -= width + pad * 0.6
        if status.state in BAD and self._said.shown.see:
            words = tr("camera.see", number=self._said.shown.see)
            width = text.width(words, px) + 1
            room = QRectF(right - width, caption.top(), width, caption.height())
            text.draw(painter, room, words, px, theme.on_picture_muted)
            right -= width + pad
        if self._said.left_out is not None and status.state not in BAD:
            words = self._left_out_words(self._said.left_out, camera, right - inner.left() - number_width - px * 0.6)
            width = text.width(words, px) + 1 if words else px * 0.5
            room = QRectF(right - width, caption.top(), width, caption.height())
            if words:
                text.draw(painter, room, words, px, theme.on_picture)
            else:
                draw_arrow(painter, room.adjusted(0, (room.height() - width) / 2, 0, (width - room.height()) / 2),
                           theme.on_picture, up=False)  # fmt: skip
            right -= width + pad
        if status.apart is not None and status.state not in BAD:
            words = tr("camera.apart")
            width = text.width(words, px) + 1
            if right - width - pad > inner.left() + number_width:
                room = QRectF(right - width, caption.top(), width, caption.height())
                text.draw(painter, room, words, px, theme.on_picture_muted)
                right -= width + pad
        if self._said.marks.tour:
            right = self._paint_tour(painter, caption, inner.left() + number_width + px * 0.6, right)
        box = QRectF(inner.left(), caption.top(), number_width, caption.height())
        text.draw(painter, box, camera.number, px, theme.on_picture, Weight.BOLD)
        left = inner.left() + number_width + px * 0.6
        if self._said.marks.by_hand and right - left > px:
            left = self._paint_by_hand(painter, QRectF(left, caption.top(), right - left, caption.height()))
        name = local(camera.name)
        # A stump of a name beside other words says nothing: the number is enough there.
        if right - left > (px * 2 if status.apart is None else min(text.width(name, px), px * 8)):
            room = QRectF(left, caption.top(), right - left, caption.height())
            text.draw(painter, room, name, px, theme.on_picture)

    def _left_out_words(self, act: Act, camera: Camera, room: float) -> str:
        """The longest words beside the whole name; empty: there is room for a sign alone. Which camera it is comes
        first: that the machine is too small stands in words in the list of alarms."""
        px = self.scale.floor
        spare = room - text.width(local(camera.name), px) - self.scale.pad - 2  # each is rounded up when it is painted
        sayings = (tr(f"camera.left_out.{act}"), tr("camera.reduced"))
        return next((words for words in sayings if text.width(words, px) <= spare), "")

    def _caption_chips(self, status: PictureStatus, room: float) -> list[str]:
        """Grey chips at the right of the caption: slow, and the milder flags as far as they leave half of the room."""
        px, chips = self.scale.floor, []
        if status.state is PictureState.SLOW:
            chips.append(tr("camera.slow", n=max(1, int(status.age_s))))
        if mild := sayings(self._said.flags):
            left = room * 0.55 - sum(chip_width(words, px) for words in chips)
            chips.append(next((words for words in mild if chip_width(words, px) <= left), mild[-1]))
        return chips

    def _paint_tour(self, painter: QPainter, caption: QRectF, left: float, right: float) -> float:
        """Which of the tour's cameras it is, in the longest words beside the whole name; returns where that ends."""
        px, camera, at = self.scale.floor, self._said.camera, self._said.marks.tour
        name = text.width(local(camera.name), px) if camera is not None else 0.0
        room = right - left - name - px
        words = next((said for said in (tr("camera_hand.tour", at=at), at) if text.width(said, px) <= room), at)
        width = text.width(words, px) + 1
        if width > right - left:
            return right
        box = QRectF(right - width, caption.top(), width, caption.height())
        text.draw(painter, box, words, px, self.theme.on_picture_muted)
        return box.left() - px * 0.6

    def _paint_by_hand(self, painter: QPainter, room: QRectF) -> float:
        """A pin, and the words where the name keeps its room; returns where the name begins."""
        px, camera = self.scale.floor, self._said.camera
        side = px * 0.9
        pin = QRectF(room.left(), room.center().y() - side / 2, side * 0.7, side)
        MarkPainter(self.theme, self.scale).pin(painter, pin, self.theme.on_picture)
        left, words = pin.right() + px * 0.4, tr("camera_hand.by_hand")
        width = text.width(words, px) + 1
        name = text.width(local(camera.name), px) if camera is not None else 0.0
        if left + width + px + name <= room.right():
            text.draw(painter, QRectF(left, room.top(), width, room.height()), words, px, self.theme.on_picture_muted)
            left += width + px * 0.7
        return left

    def _paint_bad(self, painter: QPainter, room: QRectF, status: PictureStatus) -> None:
        scale = self.scale
        if self._said.idle:
            lines = [(tr("alarms.empty"), scale.read)]
        elif status.state is not PictureState.LOST:
            words = tr(f"camera.{status.state}")
            lines = [(words, scale.read), (status.reason, scale.floor)] if status.reason else [(words, scale.read)]
        else:
            lines = self._large(tr("camera.lost"), fmt.countdown(status.age_s), room)
        if status.apart is not None:
            lines = [*lines, *self._apart_lines(status.apart, lines, room)]
        self._paint_lines(painter, room, lines)

    def _paint_lines(self, painter: QPainter, room: QRectF, lines: list[tuple[str, int]]) -> None:
        theme, scale, gray = self.theme, self.scale, CHIP
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
                gray if px > scale.floor or len(lines) == 1 else theme.on_picture_muted,
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

    def _large(self, words: str, since: str, room: QRectF) -> list[tuple[str, int]]:
        """MẤT HÌNH and since when, as large as goes without a cut; in the smallest tile one of the two."""
        scale = self.scale
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
        alarm = self._said.shown.alarm
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
        if self._said.shown.for_number:
            dead = self.session.city.camera_by_number(self._said.shown.for_number)
            name = local(dead.name) if dead is not None else ""
            return tr("camera.stands_in", number=self._said.shown.for_number, name=name)
        name = local(alarm.name)
        whole = f"{name} · {fmt.event_minutes(alarm.t_raised_ns, self.session.clock.now_ns())}"
        return whole if text.width(whole, self.scale.floor, Weight.SEMIBOLD) <= room else name

    def _border(self) -> float:
        """Its width: thick round the camera of an unacknowledged alarm, 0 without one."""
        alarm, px = self._said.shown.alarm, self.scale.floor
        if alarm is None:
            return 0.0
        return max(3.0, round(px * 0.26)) if alarm.unacknowledged else max(2.0, round(px * 0.12))

    def _paint_border(self, painter: QPainter, rect: QRectF, thick: float) -> None:
        alarm = self._said.shown.alarm
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
