"""Starts the console's processes in order, restarts what dies, and ends them all together.

Tiny on purpose: no Qt, no sockets of its own, nothing that could crash before what it watches. One loop in
the main thread does everything (children must be started there: on Linux the parent-death signal follows
the starting thread); other threads and signal handlers only put events on its queue:

1. start children of the table in order, each when what it needs is ready or has been given up;
2. ask a starting child's `ready` every 50 ms; when its time is up, say so and go on;
3. a child died: restart it (at once, then slower); after 5 restarts in 60 s it is given up, said on
   stderr, in the JSON log and in the status file, while the others go on;
4. the GUI's exit with status 0 ends everything; its death restarts it like any other; a child with one job
   to do (`once`) has simply ended;
5. a child whose main loop gives no sign any more is killed, and then restarted like any other dead one
   (see `console.watchdog`);
6. on SIGINT, SIGTERM or the console window's close: stop the children, last started first.

Every abnormal end goes to the crash reports. What is given up may be started again by a person
(`ioc-console restart`, Ctrl+R). A child that exits with status 2 or 3 says that it cannot work here as it
was asked (usage, or something of the machine is missing): it is not restarted.
"""

from __future__ import annotations

import logging
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from backends.domain.times import MonotonicClock, SystemClock
from backends.process import PARENT, give_settings, spawn_child, stop_child, tie_children_to_me
from console import watchdog
from console.crash import CrashReports, Ending, secrets_in
from console.events import EventLog
from console.notify import Notifier
from console.status import ChildStatus, Phase, take_asked, write_status
from console.stopping import StopSignals

_log = logging.getLogger(__name__)

RESTARTS = 5
WINDOW_S = 60.0
_DELAYS_S = (0.0, 0.2, 0.5, 1.0, 2.0)
_POLL_S = 0.05
_IDLE_S = 0.5
_NEEDS_A_PERSON = (2, 3)


@dataclass(frozen=True)
class ChildSpec:
    """One row of the table. Rows are started in order and stopped in reverse."""

    name: str
    module: str
    settings: Callable[[], Mapping[str, Any]]
    """Called at each start, because addresses of earlier children are known only then."""
    ready: Callable[[], bool] | None = None
    """Cheap and never raising; None = ready as soon as it runs. One that beats must have done so, too."""
    ready_timeout_s: float = 60.0
    needs: tuple[str, ...] = ()
    """Names of children that must be ready, or given up, before its first start."""
    when: Callable[[], bool] | None = None
    """Something else that its first start waits for; cheap and never raising."""
    exit_ends_all: bool = False
    """Its exit with status 0 is the end of the session (the GUI)."""
    once: bool = False
    """Does one job; its exit with status 0 is no death."""
    env: Mapping[str, str] = field(default_factory=dict)
    log: Path | None = None
    beats: bool = False
    """Its main loop says twice a second that it turns (`backends.process.beat`); silent, it is killed."""
    warm: subprocess.Popen[bytes] | None = None
    """Already running and waiting for its settings: its first start takes this one (see `console.warm`)."""


class Service(Protocol):
    """Something that lives in the supervisor's own process for as long as the children (the picture broker)."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


@dataclass
class _Child:
    spec: ChildSpec
    phase: Phase = Phase.WAITING
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    due_s: float = 0.0
    restarts: int = 0
    deaths_s: list[float] = field(default_factory=list)
    reason: str = ""
    slow_said: bool = False
    pulse: watchdog.Pulse | None = None
    hung: bool = False
    """It was killed for its silence."""
    kept: str = ""
    """What it asked to be told again after a crash."""
    died_ns: int = 0
    log_from: int = 0
    secrets: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Died:
    name: str
    pid: int
    rc: int


@dataclass(frozen=True)
class _Stop:
    why: str


class Supervisor:
    """See the module. Used once: `Supervisor(...).run()`, in the main thread."""

    def __init__(
        self,
        children: Sequence[ChildSpec],
        events: EventLog,
        status_file: Path | None = None,
        services: Sequence[Service] = (),
        clock: MonotonicClock | None = None,
        crashes: CrashReports | None = None,
        notifier: Notifier | None = None,
    ) -> None:
        self._children = {spec.name: _Child(spec) for spec in children}
        self._events = events
        self._status_file = status_file
        self._services = services
        self._clock = clock or SystemClock()
        self._crashes = crashes
        self._notifier = notifier or Notifier()
        self._held_up = watchdog.HeldUp()
        # SimpleQueue: its `put` may run inside a signal handler.
        self._queue: queue.SimpleQueue[_Died | _Stop] = queue.SimpleQueue()
        self._said_ready = False
        self._exit: int | None = None

    def stop(self, why: str) -> None:
        """Ask for the end; any thread, also a signal handler."""
        self._queue.put(_Stop(why))

    def run(self) -> int:
        """Until the session ends. Returns the exit status for the command line."""
        tie_children_to_me()
        started: list[Service] = []
        with StopSignals(self.stop) as signals:
            try:
                for service in ([self._crashes] if self._crashes is not None else []) + list(self._services):
                    service.start()
                    started.append(service)
                self._held_up.look(self._clock.monotonic_s())
                while self._exit is None:
                    self._step()
            finally:
                self._end(started)
                signals.stopped()
        return self._exit if self._exit is not None else 1

    # -- the loop ------------------------------------------------------------------------------------

    def _step(self) -> None:
        self._start_due()
        if self._exit is not None:
            return
        try:
            event = self._queue.get(timeout=self._patience_s())
        except queue.Empty:
            pass
        else:
            if isinstance(event, _Stop):
                self._events.emit("stopping", why=event.why)
                self._exit = 0
                return
            self._died(event)
        self._look_for_ready()
        self._care()

    def _patience_s(self) -> float:
        phases = {child.phase for child in self._children.values()}
        return _POLL_S if phases & {Phase.STARTING, Phase.WAITING, Phase.RESTARTING} else _IDLE_S

    def _start_due(self) -> None:
        now = self._clock.monotonic_s()
        for child in self._children.values():
            if child.phase is Phase.RESTARTING and now >= child.due_s:
                self._start(child, "child_restarted")
            if child.phase is Phase.WAITING and self._may_start(child.spec):
                self._start(child, "child_started")

    def _may_start(self, spec: ChildSpec) -> bool:
        settled = all(self._settled(self._children[name]) for name in spec.needs)
        return settled and (spec.when is None or spec.when())

    @staticmethod
    def _settled(child: _Child) -> bool:
        return child.phase in (Phase.READY, Phase.GIVEN_UP, Phase.ENDED) or child.slow_said

    def _start(self, child: _Child, event: str) -> None:
        spec = child.spec
        try:
            settings = spec.settings()
            told: dict[str, Any] = {"listens": spec.beats, "restarts": child.restarts}
            if child.died_ns:
                told |= {"died_ns": child.died_ns, "hung": child.hung, "kept": child.kept}
            child.secrets, child.log_from = secrets_in(settings), _size(spec.log)
            warm = spec.warm if not child.restarts else None
            if warm is None or warm.poll() is not None:
                warm = spawn_child(spec.module, env=spec.env, log=spec.log, answers=spec.beats)
            child.process = warm
            give_settings(warm, {**settings, PARENT: told})
        except OSError as error:
            self._after_death(child, f"cannot be started: {error}")
            return
        child.started_s = self._clock.monotonic_s()
        child.phase, child.hung, child.pulse = Phase.STARTING, False, None
        if child.process.stdout is not None:
            child.pulse = watchdog.Pulse(child.started_s)
            watchdog.listen(spec.name, child.process.stdout, child.pulse, self._clock, lambda text: _keep(child, text))
        self._events.emit(event, name=child.spec.name, pid=child.process.pid, restarts=child.restarts)
        threading.Thread(
            target=self._watch, args=(child.spec.name, child.process), name=f"watch-{child.spec.name}", daemon=True
        ).start()
        self._look_for_ready()

    def _watch(self, name: str, process: subprocess.Popen[bytes]) -> None:
        rc = process.wait()
        self._queue.put(_Died(name, process.pid, rc))

    def _look_for_ready(self) -> None:
        now = self._clock.monotonic_s()
        for child in self._children.values():
            if child.phase is not Phase.STARTING:
                continue
            turns = child.pulse is None or child.pulse.beats > 0
            if turns and (child.spec.ready is None or child.spec.ready()):
                child.phase = Phase.READY
                self._events.emit("child_ready", name=child.spec.name, after_s=round(now - child.started_s, 3))
                self._write_status()
            elif now - child.started_s > child.spec.ready_timeout_s and not child.slow_said:
                child.slow_said = True
                _log.warning("%s is not ready after %.0f s; going on", child.spec.name, child.spec.ready_timeout_s)
                self._events.emit("child_slow", name=child.spec.name)
        if not self._said_ready and all(self._settled(child) for child in self._children.values()):
            self._said_ready = True
            self._events.emit("ready")
            self._notifier.ready("all parts run")

    # -- the watch -----------------------------------------------------------------------------------

    def _care(self) -> None:
        """Every turn: kill what hangs, follow a person's wish, tell systemd."""
        now = self._clock.monotonic_s()
        held_up = self._held_up.look(now)
        steady = True
        for child in self._children.values():
            if child.pulse is None or child.process is None or child.phase not in (Phase.STARTING, Phase.READY):
                continue
            if held_up:
                child.pulse.forgive(now)
            steady = steady and child.pulse.steady(now)
            self._judge(child, child.process, child.pulse, now)
        if self._status_file is not None and (names := take_asked(self._status_file.parent)) is not None:
            self._start_given_up(names)
        self._notifier.alive(now, steady)

    def _judge(self, child: _Child, process: subprocess.Popen[bytes], pulse: watchdog.Pulse, now: float) -> None:
        match pulse.judge(now):
            case watchdog.Step.DUMP:
                silent_s = round(pulse.silent_s(now), 1)
                _log.warning("%s has given no sign for %.1f s; its stacks go to its log", child.spec.name, silent_s)
                self._events.emit("child_silent", name=child.spec.name, pid=process.pid, for_s=silent_s)
                watchdog.dump(process)
            case watchdog.Step.KILL if not child.hung:
                child.hung = True
                self._events.emit("child_hung", name=child.spec.name, pid=process.pid)
                process.kill()

    def _start_given_up(self, names: Sequence[str]) -> None:
        for child in self._children.values():
            if child.phase is Phase.GIVEN_UP and (not names or child.spec.name in names):
                child.phase, child.due_s, child.reason = Phase.RESTARTING, 0.0, ""
                child.deaths_s.clear()
                child.restarts += 1
                self._events.emit("child_asked_for", name=child.spec.name)

    # -- deaths --------------------------------------------------------------------------------------

    def _died(self, death: _Died) -> None:
        child = self._children[death.name]
        if child.process is None or child.process.pid != death.pid:
            return
        _close_pipe(child.process)
        if death.rc == 0 and (child.spec.exit_ends_all or child.spec.once):
            child.phase = Phase.ENDED
            self._events.emit("child_ended", name=death.name, pid=death.pid)
            self._write_status()
            if child.spec.exit_ends_all:
                self._events.emit("stopping", why=f"{death.name} has ended")
                self._exit = 0
            return
        self._events.emit("child_died", name=death.name, pid=death.pid, rc=death.rc, hung=child.hung)
        child.died_ns = time.time_ns()
        self._report(child, death)
        if death.rc in _NEEDS_A_PERSON:
            why = f"it says that it cannot work here (exit status {death.rc}){_last_words(child.spec.log)}"
            self._give_up(child, why, death.rc)
            return
        # What a hung one wrote last is the end of its stacks, which tells a reader nothing.
        how = (
            "gave no sign and was killed" if child.hung else f"died with status {death.rc}{_last_words(child.spec.log)}"
        )
        self._after_death(child, how)

    def _report(self, child: _Child, death: _Died) -> None:
        if self._crashes is None:
            return
        uptime_s = self._clock.monotonic_s() - child.started_s
        self._crashes.ended(
            Ending(
                death.name, death.pid, death.rc, uptime_s, child.hung, child.restarts,
                child.spec.log, child.log_from, child.secrets,
            )
        )  # fmt: skip

    def _after_death(self, child: _Child, why: str) -> None:
        now = self._clock.monotonic_s()
        child.deaths_s = [t for t in child.deaths_s if now - t < WINDOW_S]
        if len(child.deaths_s) >= RESTARTS:
            self._give_up(child, f"{why}; {RESTARTS} restarts in {WINDOW_S:.0f} s did not help", 1)
            return
        delay = _DELAYS_S[min(len(child.deaths_s), len(_DELAYS_S) - 1)]
        child.deaths_s.append(now)
        child.restarts += 1
        child.phase, child.due_s = Phase.RESTARTING, now + delay
        _log.warning("%s %s; it is started again", child.spec.name, why)
        self._write_status()

    def _give_up(self, child: _Child, why: str, rc: int) -> None:
        child.phase, child.reason = Phase.GIVEN_UP, why
        _log.error("%s is given up: %s", child.spec.name, why)
        self._events.emit("child_given_up", name=child.spec.name, reason=why)
        self._notifier.status(f"{child.spec.name} is given up")
        self._write_status()
        if child.spec.exit_ends_all:  # without windows the rest has nobody to serve
            self._events.emit("stopping", why=f"{child.spec.name} is given up")
            self._exit = rc

    # -- the end -------------------------------------------------------------------------------------

    def _end(self, services: Sequence[Service]) -> None:
        self._notifier.stopping()
        for child in reversed(self._children.values()):
            if child.process is not None and child.process.poll() is None:
                rc = stop_child(child.process)
                self._events.emit("child_stopped", name=child.spec.name, pid=child.process.pid, rc=rc)
            child.phase = Phase.ENDED if child.phase is not Phase.GIVEN_UP else child.phase
        for service in reversed(services):
            service.stop()
        self._write_status()
        self._events.emit("stopped")

    def _write_status(self) -> None:
        if self._status_file is None:
            return
        rows = tuple(
            ChildStatus(
                c.spec.name,
                c.phase,
                c.process.pid if c.process is not None and c.phase in (Phase.STARTING, Phase.READY) else 0,
                c.restarts,
                c.reason,
            )
            for c in self._children.values()
        )
        write_status(self._status_file, rows)


def _keep(child: _Child, text: str) -> None:
    child.kept = text


def _size(log: Path | None) -> int:
    try:
        return log.stat().st_size if log is not None else 0
    except OSError:
        return 0


def _last_words(log: Path | None) -> str:
    """The last line that a dead child wrote, for people."""
    if log is None:
        return ""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - 4096))
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return f": {lines[-1].strip()}" if lines else ""


def _close_pipe(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None and not process.stdin.closed:
        try:
            process.stdin.close()
        except OSError as error:
            _log.debug("pipe of a dead child: %s", error)
