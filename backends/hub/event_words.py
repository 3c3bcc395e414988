"""How alarms from cameras' events say things, in both languages. No state, no clock.

Names are short: on a wall a list has room for 26 letters, and the camera's number must be among them.

What a device sent (a topic, a token) is text from outside: `plain` has one line of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from backends.domain.camera import Camera
from backends.domain.device import EventKind
from backends.domain.picture import PictureFlag
from backends.domain.text import LocalText

KINDS: dict[EventKind, LocalText] = {
    EventKind.MOTION: LocalText("Có chuyển động", "Motion"),
    EventKind.TAMPER: LocalText("Bị can thiệp", "Tampering"),
    EventKind.SIGNAL_LOSS: LocalText("Mất tín hiệu", "Signal lost"),
    EventKind.LINE_CROSSED: LocalText("Vượt vạch", "Line crossed"),
    EventKind.INTRUSION: LocalText("Xâm nhập", "Intrusion"),
    EventKind.INPUT: LocalText("Tiếp điểm tác động", "Contact"),
    EventKind.SOUND: LocalText("Tiếng động lạ", "Unusual sound"),
    EventKind.STORAGE: LocalText("Không ghi hình", "Cannot record"),
    EventKind.OTHER: LocalText("Sự kiện", "Event"),
}
_FLAGS = {
    PictureFlag.FROZEN: LocalText("đứng hình", "frozen"),
    PictureFlag.REPEATING: LocalText("lặp hình", "repeating"),
    PictureFlag.BLACK: LocalText("hình đen", "black"),
    PictureFlag.COVERED: LocalText("bị che", "covered"),
    PictureFlag.TURNED: LocalText("lệch hướng", "turned away"),
    PictureFlag.BLURRED: LocalText("mất nét", "out of focus"),
    PictureFlag.BEHIND: LocalText("hình trễ", "behind"),
}
_PICTURE = frozenset({EventKind.TAMPER, EventKind.SIGNAL_LOSS})
"""Kinds that say something about the picture, which the sweep looks at too."""
NOWHERE = LocalText("Mất sự kiện · mọi camera", "Events lost · all cameras")


def plain(words: str, most: int = 60) -> str:
    """One line of what somebody else has written."""
    return "".join(char if char.isprintable() else " " for char in words[: 4 * most]).strip()[:most]


def told(name: LocalText | None, kind: EventKind, cameras: Sequence[Camera]) -> LocalText:
    """`Xâm nhập · camera 014`."""
    what, which = name or KINDS[kind], _which(cameras)
    return LocalText(f"{what.vi} · {which.vi}", f"{what.get('en')} · {which.get('en')}")


def figures(kind: EventKind, topic: str, source: str, camera: Camera | None) -> LocalText:
    """What stands below the name. `camera`: as the directory has it, where the event is of one camera."""
    vi: list[str] = []
    en: list[str] = []
    if kind is EventKind.OTHER and topic:
        vi, en = [plain(topic)], [plain(topic)]
    if kind is EventKind.INPUT and source:
        vi, en = [plain(source)], [plain(source)]
    if kind in _PICTURE and camera is not None and camera.t_state_ns:
        # Two that look at the same picture: what the other one sees is said, also where it does not agree.
        seen = _seen(camera)
        vi, en = [f"lượt quét camera: {seen.vi}"], [f"sweep: {seen.get('en')}"]
    return LocalText(" · ".join(vi), " · ".join(en))


def picture_counts(kind: EventKind) -> bool:
    """Should the sweep look at that camera now?"""
    return kind in _PICTURE


def _seen(camera: Camera) -> LocalText:
    if not camera.online:
        return LocalText("mất hình", "picture lost")
    if camera.flags:
        return LocalText(
            ", ".join(_FLAGS[flag].vi for flag in camera.flags), ", ".join(_FLAGS[flag].en for flag in camera.flags)
        )
    return LocalText("hình bình thường", "picture normal")


def unwatched(cameras: Sequence[Camera]) -> LocalText:
    """`Mất sự kiện · camera 014`: nobody listens to it."""
    which = _which(cameras)
    return LocalText(f"Mất sự kiện · {which.vi}", f"Events lost · {which.get('en')}")


_WHY = {
    "connection refused": "thiết bị từ chối kết nối",
    "no answer in time": "thiết bị không trả lời",
    "it no longer answers": "thiết bị không trả lời nữa",
    "the camera closed the connection": "thiết bị ngắt kết nối",
    "the camera refuses user name or password": "thiết bị từ chối tên người dùng hoặc mật khẩu",
    "the camera offers no events service": "thiết bị không có dịch vụ sự kiện",
    "the camera names no place to fetch its events from": "thiết bị không cho biết nơi lấy sự kiện",
    "the name of the camera is not known": "không tìm thấy tên của thiết bị trong mạng",
    "there is no way to the camera in the network": "không có đường mạng đến thiết bị",
    "the camera answers at too great length": "thiết bị trả lời quá dài",
    "what the camera answers is no XML": "thiết bị trả lời không đúng chuẩn",
    "what the camera answers is no SOAP": "thiết bị trả lời không đúng chuẩn",
    "what the camera answers is no HTTP": "thiết bị trả lời không đúng chuẩn",
}
"""The watcher's sentences that are met every day; the others stand there in English behind `lỗi:`."""


def why(said: str) -> LocalText:
    """The reason for a loss, for people."""
    vi = _WHY.get(said, f"lỗi: {said}") if said else "thiết bị chưa trả lời"
    return LocalText(f"không theo dõi được: {vi}", f"not watched: {said or 'no answer yet'}")


def flooded(cameras: Sequence[Camera]) -> LocalText:
    """`Quá nhiều sự kiện · camera 014`."""
    which = _which(cameras)
    return LocalText(f"Quá nhiều sự kiện · {which.vi}", f"Too many events · {which.get('en')}")


def per_second(messages: int) -> LocalText:
    """How many, at least: what was not fetched is not known."""
    return LocalText(f"từ {messages} sự kiện/giây trở lên", f"{messages} events/s or more")


def _which(cameras: Sequence[Camera]) -> LocalText:
    first, more = cameras[0].number, len(cameras) - 1
    if not more:
        return LocalText(f"camera {first}", f"camera {first}")
    return LocalText(f"camera {first} và {more} camera khác", f"camera {first} and {more} more")
