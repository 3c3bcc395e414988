"""Alarms of the station itself: hub gone, alarm engine dead, store in trouble. Feed `local`.

They are the same record as the city's and follow the same transitions, but live in memory only and
need no hub: acknowledged here, gone when returned and acknowledged.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec

from backends.domain.alarm import Alarm, AlarmState, Priority, TransitionRefused, acknowledge, raise_again
from backends.domain.alarm import return_to_normal as returned
from backends.domain.text import LocalText

Changed = Callable[[Alarm], None]


class _Kind(msgspec.Struct, frozen=True):
    priority: Priority
    name: LocalText


KINDS: dict[str, _Kind] = {
    "hub": _Kind(
        Priority.HIGH,
        LocalText("Mất kết nối tới hệ thống trung tâm", "Connection to the centre's system lost"),
    ),
    "canary": _Kind(
        Priority.URGENT,
        LocalText("Bộ xử lý cảnh báo không hoạt động", "The alarm engine does not answer"),
    ),
    "gaps": _Kind(
        Priority.MEDIUM,
        LocalText("Đường truyền chậm, dữ liệu liên tục bị thiếu", "The link is too slow: data keeps going missing"),
    ),
    "mode": _Kind(
        Priority.HIGH,
        LocalText("Hệ thống trung tâm đang ở chế độ khác", "The centre's system runs in another mode"),
    ),
    "store": _Kind(
        Priority.HIGH,
        LocalText("Máy trạm không lưu được dữ liệu", "This station cannot store data"),
    ),
    "samples": _Kind(
        Priority.MEDIUM,
        LocalText("Máy trạm không lưu được số liệu đo", "This station cannot store measurements"),
    ),
    "backup": _Kind(
        Priority.MEDIUM,
        LocalText("Máy trạm không sao lưu được dữ liệu", "This station's data is not being backed up"),
    ),
    # Raised in the GUI (`console.parts_watch`), as all that follow.
    "pictures": _Kind(
        Priority.LOW,
        LocalText("Máy trạm quá tải, hình camera bị giảm", "This station is overloaded: pictures are reduced"),
    ),
    # Parts of the program itself, by the supervisor's names.
    "part_feeder": _Kind(
        Priority.URGENT,
        LocalText("Phần nhận dữ liệu của máy trạm đã dừng", "This station no longer receives data"),
    ),
    "part_hub": _Kind(
        Priority.HIGH,
        LocalText("Hệ thống trung tâm mô phỏng đã dừng", "The simulated centre has stopped"),
    ),
}


DETAILS: dict[str, LocalText] = {
    "hub_silent": LocalText("Không nhận được tín hiệu", "Nothing is received"),
    "late": LocalText("Dữ liệu đến quá chậm", "What is received is too old"),
    "key_refused": LocalText("Khóa của máy trạm bị từ chối", "This station's key is refused"),
    "mode_mismatch": LocalText("Khác chế độ", "Another mode"),
    "denied": LocalText("Máy trạm bị từ chối", "This station is refused"),
    "bye": LocalText("Hệ thống trung tâm dừng theo kế hoạch", "Planned stop of the centre's system"),
    "disk_full": LocalText("Đĩa đầy", "The disk is full"),
    "io_error": LocalText("Không ghi được vào đĩa", "The disk cannot be written"),
    "damaged": LocalText(
        "Tệp dữ liệu bị hỏng, đã được giữ lại; bản sao lưu hoặc tệp mới đã thay thế",
        "The data file is damaged and has been kept; a backup or a new one took its place",
    ),
    "newer_schema": LocalText(
        "Tệp dữ liệu do phiên bản mới hơn tạo ra", "The data file was written by a newer program"
    ),
    "given_up": LocalText(
        "Ctrl+R để chạy lại · tự khởi động lại không được",
        "Ctrl+R starts it again · restarting itself has not helped",
    ),
    "other_mode": LocalText("Tệp dữ liệu thuộc chế độ khác", "The data file belongs to another mode"),
}
"""Words for the codes of LinkStatus.reason and StoreTrouble.code (what follows a colon is left out)."""


def words(code: str | LocalText) -> LocalText:
    """The detail of an alarm. What is not a code (the name of a feed) stands for itself."""
    if isinstance(code, LocalText):
        return code
    return DETAILS.get(code.partition(":")[0], LocalText(code))


class LocalAlarms:
    """Thread-safe; `changed` is called with each new state (NORMAL = it leaves the list)."""

    def __init__(self, changed: Changed) -> None:
        self._changed = changed
        self._lock = threading.Lock()
        self._alarms: dict[str, Alarm] = {}

    def set(self, kind: str, on: bool, t_ns: int, detail: str | LocalText = "") -> None:
        """The cause is there, or has gone. `detail` is a code of DETAILS or the words themselves; words that change
        while the cause lasts take the place of the old ones, without a new alarm."""
        with self._lock:
            alarm = self._alarms.get(kind)
            if on and alarm is None:
                spec = KINDS[kind]
                new = Alarm(
                    f"local:{kind}", spec.priority, AlarmState.UNACKNOWLEDGED, spec.name, t_ns,
                    detail=words(detail), source="station",
                )  # fmt: skip
            elif on and alarm is not None:
                new = raise_again(alarm, t_ns)
                if isinstance(detail, LocalText) and detail != new.detail:
                    new = msgspec.structs.replace(new, detail=detail, rev=alarm.rev + 1)
            elif alarm is not None:
                new = returned(alarm, t_ns)
            else:
                return
            if new is not alarm:
                self._keep(kind, new)

    def acknowledge(self, alarm_id: str, by: str, t_ns: int) -> None:
        """Raises TransitionRefused."""
        kind = alarm_id.removeprefix("local:")
        with self._lock:
            alarm = self._alarms.get(kind)
            if alarm is None:
                raise TransitionRefused("not_active")
            self._keep(kind, acknowledge(alarm, by, t_ns))

    def _keep(self, kind: str, alarm: Alarm) -> None:
        if alarm.state is AlarmState.NORMAL:
            del self._alarms[kind]
        else:
            self._alarms[kind] = alarm
        self._changed(alarm)
