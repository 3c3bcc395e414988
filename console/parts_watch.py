"""What the supervisor says of the other parts of the program, in the GUI process: alarms and quiet notices.

A part that was given up is an alarm of this station, whichever part it is: that is why it is raised here and
not in the feeder, which may be the one that is gone. A part that died and was started again is one sentence.
Stands between the pump and the feed: its own alarms travel the same way as all others, so they are listed,
sound and are acknowledged like them. A thread reads the supervisor's files; the GUI's thread never does.
No Qt.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Protocol

from backends.domain.access import Grant
from backends.domain.action import Verb, new_aid
from backends.domain.alarm import Alarm, AlarmState, TransitionRefused
from backends.domain.ports import ActionDesk, ActionRefused, Changes, Delivery, Inbox
from backends.domain.text import LocalText
from backends.domain.times import SessionClock
from console.crash import FOLDER, child_of, read_report, report_files
from console.feed_alarms import KINDS, LocalAlarms
from console.feed_wire import LOCAL_FEED
from console.status import Phase, Status, ask_restart, read_status

_log = logging.getLogger(__name__)

LOOK_S = 1.0
PREFIX = "part_"
"""Of the kinds of local alarms that are raised here."""

Restarted = Callable[[str, int], None]
"""(part, UTC ns): it has died and was started again."""


class Feed(Inbox, ActionDesk, Protocol):
    """The feed below."""

    @property
    def grant(self) -> Grant:
        """Who sits here."""
        ...

    def acknowledged_here(self, target: str) -> None:
        """For the audit: an alarm that is raised here was acknowledged."""
        ...


class PartsWatch:
    """Inbox and ActionDesk around the feed's. `drain` and `submit` belong to the GUI's thread."""

    def __init__(
        self, feed: Feed, data_dir: Path, status_file: Path | None, clock: SessionClock, on_restarted: Restarted
    ) -> None:
        """`on_restarted` is called from `drain`."""
        self._feed, self._clock, self._on_restarted = feed, clock, on_restarted
        self._data_dir, self._status_file = data_dir, status_file
        self._alarms = LocalAlarms(self._changed)
        self._shown: dict[str, Alarm] = {}
        self._out: list[Delivery] = []
        self._found: SimpleQueue[Status | tuple[str, int]] = SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look_all_the_time, name="parts", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def start_again(self) -> None:
        """A person asks for what was given up. Any thread; the disk is touched in another one."""
        threading.Thread(target=self._ask, name="parts ask", daemon=True).start()

    def say_left_out(self, words: LocalText | None) -> None:
        """What is left out of the pictures on this station's screens; None: nothing any more. The GUI's thread."""
        self._alarms.set("pictures", words is not None, self._clock.now_ns(), words or "")

    # -- as Inbox ------------------------------------------------------------------------------------

    def drain(self, limit: int = 5000) -> list[Delivery]:
        """See ports.Inbox."""
        deliveries = self._feed.drain(limit)
        if any(isinstance(d, Changes) and d.feed == LOCAL_FEED and d.reset for d in deliveries):
            # The feeder tells the list of its own as a whole: ours stay in it.
            self._out.append(Changes(LOCAL_FEED, tuple(self._shown.values())))
        self._take_found()
        if self._out:
            deliveries = [*deliveries, *self._out]
            self._out.clear()
        return deliveries

    def _take_found(self) -> None:
        while True:
            try:
                found = self._found.get_nowait()
            except Empty:
                return
            if isinstance(found, Status):
                self._judge(found)
            else:
                self._on_restarted(*found)

    def _judge(self, status: Status) -> None:
        for child in status.children:
            kind = f"{PREFIX}{child.name}"
            if kind in KINDS:
                gone = child.phase == Phase.GIVEN_UP
                self._alarms.set(kind, gone, self._clock.now_ns(), "given_up" if gone else "")

    def _changed(self, alarm: Alarm) -> None:
        if alarm.state is AlarmState.NORMAL:
            self._shown.pop(alarm.id, None)
            self._out.append(Changes(LOCAL_FEED, (), (alarm.id,)))
        else:
            self._shown[alarm.id] = alarm
            self._out.append(Changes(LOCAL_FEED, (alarm,)))

    # -- as ActionDesk -------------------------------------------------------------------------------

    def submit(
        self, verb: Verb, feed: str, target: str, expect_state_rev: int, args: dict[str, str] | None = None,
        pictures: Sequence[bytes] = (),
    ) -> str:  # fmt: skip
        """See ports.ActionDesk."""
        if feed != LOCAL_FEED or target not in self._shown:
            return self._feed.submit(verb, feed, target, expect_state_rev, args, pictures)
        if verb is not Verb.ACKNOWLEDGE:
            raise ActionRefused("not_here", "an alarm of this station can only be acknowledged")
        grant = self._feed.grant
        refusal = grant.refusal(verb)
        if refusal:
            raise ActionRefused(refusal)
        try:
            self._alarms.acknowledge(target, grant.name, self._clock.now_ns())
        except TransitionRefused as error:
            raise ActionRefused("not_active", str(error)) from None
        self._feed.acknowledged_here(target)
        return new_aid()

    # -- the threads ---------------------------------------------------------------------------------

    def _look_all_the_time(self) -> None:
        reports = self._data_dir / FOLDER
        known = set(report_files(reports))
        t_ns = -1
        while not self._stop.is_set():
            status = read_status(self._status_file) if self._status_file is not None else None
            if status is not None and status.t_ns != t_ns:
                t_ns = status.t_ns
                self._found.put(status)
            for path in report_files(reports):
                if path not in known:
                    known.add(path)
                    self._tell(path)
            self._stop.wait(LOOK_S)

    def _tell(self, path: Path) -> None:
        part = child_of(path)
        report = read_report(path)
        if report is not None and part != "gui":  # of itself it has been told by its parent
            self._found.put((part, report.t_ns))

    def _ask(self) -> None:
        try:
            ask_restart(self._data_dir)
        except OSError as error:
            _log.warning("the wish to start a part again could not be written: %s", error)
