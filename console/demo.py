"""What `demo`, `run` and `hub` consist of: their tables of children, handed to the supervisor. No Qt.

demo: keys in the data folder -> hub with the simulated city -> clips of the cameras -> feeder -> GUI.
run:  the same without hub, city and clips; addresses and keys come from the site's file.
hub:  the backend alone, with the simulated city, for consoles on other machines.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from backends.domain.feeds import Mode
from backends.domain.moment import MOMENTS_DIR, MomentRule
from backends.domain.shifts import SHIFTS
from backends.domain.times import NS_PER_S
from backends.hub.keys import KeyPair, authorise, ensure_hub_keys, ensure_station_keys
from backends.store.reader import stored_mode
from backends.video.broker import BrokerSettings, PictureBroker
from console.crash import CrashReports, Ending
from console.doctor import need_qt
from console.events import EventLog, box_file
from console.lock import DataDirLock
from console.options import NeedsMachine, Options, chosen_look, default_data_dir, platform_for, scene_cache
from console.screens import UsageError, VirtualScreen
from console.secret_desk import SecretDesk
from console.settings import Door, GuiSettings, KeepSection, OtherHubSection, Preferences, SiteConfig, to_child
from console.status import STATUS_FILE
from console.supervisor import ChildSpec, Service, Supervisor
from layouts.load import load_layouts
from layouts.options import SHIPPED_KINDS

if TYPE_CHECKING:
    from console.cli_hubs import Several
    from console.clips import ClipMaker

WORKER = "worker"
"""The decoder workers' name in crash reports."""
_SEED = 2020
_RESOURCES = Path(__file__).resolve().parent.parent / "resources"
_LOG_LIMIT = 5_000_000
_SOCKET_FOLDER_LIMIT = 80
"""Bytes; a Unix socket's whole path has 107."""


def run_demo(options: Options, warm: subprocess.Popen[bytes] | None = None) -> int:
    """The simulated city on this machine, in one session. Returns the exit status. `warm`: see `console.warm`.

    Raises UsageError or NeedsMachine before anything is started.
    """
    options.check()
    check_scenario(options)
    station = options.demo_seat()
    site = options.site()
    data_dir = options.data_dir or default_data_dir("demo")
    with _session(options, data_dir) as session:
        session.need_mode(Mode.DEMO)
        look = session.look(site)
        platform = platform_for(options, session.folder)
        session.need_qt(platform[0])
        hub_keys = ensure_hub_keys(session.data_dir / "keys")
        station_keys = ensure_station_keys(session.data_dir / "keys", station)
        authorise(session.data_dir / "authorised", station_keys)
        clips = _clips(session, options, site, look, platform[1])
        more = {"scenes": clips.patterns}
        hub = _Hub(session, options, session.data_dir / "hub", Mode.DEMO, more=more, seats=True)
        feed, pictures, keys = session.door("feed"), session.door("pictures"), session.door("keys")
        broker = session.broker(pictures, site, clips.files)
        clips.watch(broker.wanted_uris)
        children = [
            hub.child(),
            _feeder(session, feed, hub.addresses, hub_keys.public.decode(), station_keys, Mode.DEMO, keys, ("hub",)),
            _gui(
                session, options, site, look, platform, Mode.DEMO, station, feed, pictures, ("hub", "feeder"),
                warm,
                # With a stored state the windows open at once; screenshots wait for their pictures.
                clips.first_are_there if options.screenshot is not None or not session.has_stored_state else None,
            ),
        ]  # fmt: skip
        return session.supervise(children, broker, clips, _secret_desk(broker, keys))


def run_site(options: Options, warm: subprocess.Popen[bytes] | None = None) -> int:
    """The console of a real site, `--config FILE`. Returns the exit status; raises like `run_demo`."""
    options.check()
    site = options.site()
    if site is None:
        raise UsageError("run needs --config FILE, which says where the hub is; `ioc-console demo` runs without one")
    if options.scenario or options.speed != 1.0:
        raise UsageError("--scenario and --speed belong to the simulated city: use `ioc-console demo` or `hub`")
    data_dir = options.data_dir or default_data_dir("site")
    with _session(options, data_dir) as session:
        mode = Mode(site.hub.mode)
        session.need_mode(mode)
        look = session.look(site)
        platform = platform_for(options, session.folder)
        session.need_qt(platform[0])
        keys_dir = Path(site.station.keys_dir) if site.station.keys_dir else data_dir / "keys"
        known = (keys_dir / f"{site.station.id}.key_secret").exists()
        station_keys = ensure_station_keys(keys_dir, site.station.id)
        if not known:
            _tell(
                f"a new key pair was made; the hub's people must put {keys_dir / (site.station.id + '.key')} "
                "into the hub's folder of authorised stations"
            )
        feed, pictures, keys = session.door("feed"), session.door("pictures"), session.door("keys")
        addresses = (site.hub.live, site.hub.ctl)
        children = [
            _feeder(
                session, feed, addresses, site.hub.public_key, station_keys, mode, keys, hubs=site.hubs, keep=site.keep
            ),
            _gui(session, options, site, look, platform, mode, site.station.id, feed, pictures, ("feeder",), warm),
        ]
        broker = session.broker(pictures, site, {})
        return session.supervise(children, broker, _secret_desk(broker, keys))


def run_hub(options: Options, bind: str, live_port: int, ctl_port: int, several: Several | None = None) -> int:
    """The hub with its simulated city, for consoles elsewhere; perhaps one of several. Returns the exit status."""
    options.check()
    # Consoles elsewhere rely on its log: only the simulated day of a scenario begins anew after a planned stop.
    more = {"resume": "crash" if options.scenario else "always", **(several.settings() if several is not None else {})}
    check_scenario(options)
    data_dir = options.data_dir or default_data_dir("hub")
    with _session(options, data_dir) as session:
        keys = ensure_hub_keys(session.data_dir / "keys")
        authorised = session.data_dir / "authorised"
        authorised.mkdir(parents=True, exist_ok=True)
        _tell(
            f"hub at {bind}, ports {live_port} (LIVE) and {ctl_port} (CTL), public key {keys.public.decode()}; "
            f"stations whose public key is in {authorised} may join"
        )
        hub = _Hub(
            session, options, session.data_dir, Mode.DEMO, (f"tcp://{bind}:{live_port}", f"tcp://{bind}:{ctl_port}"),
            more,
        )  # fmt: skip
        return session.supervise([hub.child()])


def check_scenario(options: Options) -> None:
    """Raises UsageError for a scenario or mark that the city cannot play."""
    if not options.scenario:
        return
    # The city is loaded by those who show it: a site's console must not wait a quarter of a second for it.
    from backends.city.scenarios import UnknownScenario, scenario_start_ns

    name, mark = options.scenario_and_mark()
    try:
        scenario_start_ns(name, mark)
    except UnknownScenario as error:
        raise UsageError(f"--scenario: {error}") from error


def _tell(sentence: str) -> None:
    """To the person at the command line."""
    sys.stderr.write(f"ioc-console: {sentence}\n")
    sys.stderr.flush()


class _Session:
    """The data folder, the short-lived folder of sockets, and the JSON log of one run."""

    def __init__(self, options: Options, data_dir: Path, folder: Path, events: EventLog) -> None:
        self.data_dir, self.folder, self.events = data_dir, folder, events
        self._options = options
        self.has_stored_state = (data_dir / "ops.db").exists()
        """Then the windows open at once with what is stored, and do not wait for the hub."""
        logs = [options.json_log] if options.json_log is not None else []
        self.crashes = CrashReports(data_dir, [*logs, box_file(data_dir)])

    def supervise(self, children: Sequence[ChildSpec], *services: Service) -> int:
        """Until the session ends. Returns the exit status."""
        status = self.data_dir / STATUS_FILE
        return Supervisor(children, self.events, status, services, crashes=self.crashes).run()

    def log_file(self, name: str) -> Path:
        """Where a child's stderr goes; the log of the life before stays beside it when it has grown large."""
        path = self.data_dir / "logs" / f"{name}.log"
        path.parent.mkdir(exist_ok=True)
        if path.exists() and path.stat().st_size > _LOG_LIMIT:
            path.replace(path.with_suffix(".log.1"))
        return path

    @property
    def preferences_file(self) -> Path:
        return self.data_dir / "preferences.json"

    def look(self, site: SiteConfig | None) -> Preferences:
        return chosen_look(self._options, site, self.preferences_file)

    def need_qt(self, platform: str) -> None:
        """Raises NeedsMachine when Qt cannot start here. Not asked again where windows have been shown before:
        loading the libraries to look at them takes as long as a tenth of the way to the first paint."""
        if not self.has_stored_state:
            need_qt(platform)

    def need_mode(self, mode: Mode) -> None:
        """Raises UsageError when the data folder holds another kind of city: a simulation must never stand under
        "operating", and a click made in one must never reach the other."""
        kept = stored_mode(self.data_dir)
        if kept not in ("", mode):
            raise UsageError(
                f"--data-dir: {self.data_dir} holds the data of a console in mode {kept}; "
                f"give the one in mode {mode} a folder of its own"
            )

    def door(self, name: str) -> Door:
        """Address and key of a local listener; Unix socket paths must stay under 108 bytes."""
        key = secrets.token_hex(32)
        if sys.platform == "win32":
            return Door(rf"\\.\pipe\ioc-console-{name}-{secrets.token_hex(8)}", key)
        return Door(str(self.folder / f"{name}.sock"), key)

    def broker(self, door: Door, site: SiteConfig | None, scenes: dict[str, str]) -> PictureBroker:
        """The picture broker lives in the supervisor's process because it owns the shared memory."""
        settings = BrokerSettings(
            workers=site.video.workers if site is not None else 0,
            scenes=scenes,
            hardware=site.video.hardware_decoding if site is not None else "off",
            ring_bytes=site.video.ring_mb << 20 if site is not None else BrokerSettings().ring_bytes,
            keep_dir=str(self.data_dir / MOMENTS_DIR),
            log_file=str(self.log_file("pictures")),
        )

        def ended(number: int, pid: int, rc: int, lived_s: float, hung: bool) -> None:
            """From a thread of the broker: a decoder worker has died."""
            self.events.emit("worker_died", number=number, pid=pid, rc=rc, hung=hung)
            log = self.data_dir / "logs" / "pictures.log"
            self.crashes.ended(Ending(WORKER, pid, rc, lived_s, hung, log=log, secrets=broker.passwords()))

        broker = PictureBroker(settings, address=door.address, authkey=door.key, ended=ended)
        return broker


@contextlib.contextmanager
def _session(options: Options, data_dir: Path) -> Iterator[_Session]:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        log = options.json_log.absolute() if options.json_log is not None else None
        events = EventLog(log, "supervisor", box_file(data_dir))
    except OSError as error:
        raise NeedsMachine(f"{error.filename or data_dir} cannot be written: {error.strerror}") from error
    with DataDirLock(data_dir):
        folder = _socket_folder(data_dir.absolute())
        try:
            yield _Session(options, data_dir.absolute(), folder, events)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            events.close()


def _socket_folder(data_dir: Path) -> Path:
    """An empty folder for sockets that only this user may enter: in the data folder (whose lock is held, so
    that what a killed console left there may go), or, where a socket's path would be too long, a temporary one."""
    folder = data_dir / "run"
    if len(os.fsencode(folder)) > _SOCKET_FOLDER_LIMIT:
        return Path(tempfile.mkdtemp(prefix="ioc-"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder


class _Hub:
    """The hub's row of the table. Its ports are chosen before its first start and kept at a restart."""

    def __init__(
        self, session: _Session, options: Options, data_dir: Path, mode: Mode, bind: tuple[str, str] | None = None,
        more: Mapping[str, Any] | None = None, *, seats: bool = False,
    ) -> None:  # fmt: skip
        """`more`: further fields of HubSettings; `seats`: nobody signs in, the simulated roster says who sits at the
        station."""
        self._more = dict(more or {})
        self._session, self._options, self._data_dir, self._mode = session, options, data_dir, mode
        self._sign_in = "seat" if seats else "password"
        self._ready_file = data_dir / "hub.json"
        self.addresses = bind or _free_addresses()
        """LIVE and CTL."""

    def child(self) -> ChildSpec:
        return ChildSpec(
            "hub",
            "backends.hub",
            self._settings,
            self._ready,
            ready_timeout_s=60.0,
            log=self._session.log_file("hub"),
            beats=True,
        )

    def _settings(self) -> dict[str, Any]:
        self._data_dir.mkdir(parents=True, exist_ok=True)
        self._ready_file.unlink(missing_ok=True)  # one of an earlier life would say "ready" too soon
        live, ctl = self.addresses
        scenario, mark = self._options.scenario_and_mark()
        return {
            "data_dir": str(self._data_dir),
            "bind_live": live,
            "bind_ctl": ctl,
            "mode": self._mode,
            "scenario": scenario,
            "mark": mark,
            "speed": self._options.speed,
            "seed": _SEED,
            "authorised_dir": str(self._session.data_dir / "authorised"),
            "keys_dir": str(self._session.data_dir / "keys"),
            "name": "Đông Hà",
            "limits_dir": str(_RESOURCES / "limits"),
            "procedures_dir": str(_RESOURCES / "procedures"),
            "sign_in": self._sign_in,
            **self._more,
        }

    def _ready(self) -> bool:
        return self._ready_file.exists()


def _free_addresses() -> tuple[str, str]:
    """Two free ports of this machine. Both sockets are open at once, so that the ports differ."""
    with socket.socket() as live, socket.socket() as ctl:
        for each in (live, ctl):
            each.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{live.getsockname()[1]}", f"tcp://127.0.0.1:{ctl.getsockname()[1]}"


def _clips(
    session: _Session,
    options: Options,
    site: SiteConfig | None,
    look: Preferences,
    screens: tuple[VirtualScreen, ...],
) -> ClipMaker:
    """The demo's street scenes: those of the first layout first, then those of the others."""
    from backends.city.scenarios import SCENARIOS, scenario_start_ns
    from console.clips import ClipMaker, cameras_shown

    own = Path(site.screen.layouts_dir) if site is not None and site.screen.layouts_dir else None
    layouts = load_layouts(SHIPPED_KINDS, own)
    first = layouts.find(look.layout)
    shown = cameras_shown(first, screens) if first is not None else ()
    others = [number for layout in layouts.layouts for number in cameras_shown(layout, screens)]
    name, mark = options.scenario_and_mark()
    start_ns = (scenario_start_ns(name, mark) if name else None) or time.time_ns()
    weather = SCENARIOS[name or "calm"].weather(start_ns / NS_PER_S)
    # Drawings are the same for every data folder and may be deleted at any time: a cache.
    return ClipMaker(scene_cache(), weather, shown, others, session.events, session.log_file("scenes"), session.crashes)


def _feeder(
    session: _Session,
    door: Door,
    addresses: tuple[str, str],
    server_key: str,
    keys: KeyPair,
    mode: Mode,
    cameras: Door,
    needs: tuple[str, ...] = (),
    hubs: tuple[OtherHubSection, ...] = (),
    keep: KeepSection = KeepSection(),  # noqa: B008  # frozen
) -> ChildSpec:
    """`needs` the demo's own hub: a link that looks for one that is still starting would raise an alarm."""

    all_hubs = [(*addresses, server_key), *((h.live, h.ctl, h.public_key or server_key) for h in hubs)]
    several = [{"live": live, "ctl": ctl, "server_key": key} for live, ctl, key in all_hubs] if hubs else []

    def settings() -> dict[str, Any]:
        return {
            "data_dir": str(session.data_dir),
            "live": addresses[0],
            "ctl": addresses[1],
            "server_key": server_key,
            "hubs": several,
            "public_key": keys.public.decode(),
            "secret_key": keys.secret.decode(),
            "station": keys.name,
            "mode": mode,
            "listen": door.address,
            "authkey": door.authkey,
            "cameras_door": cameras.address,
            "cameras_key": cameras.authkey,
            "keep_days": keep.samples,
            "keep": {
                "log_days": keep.log,
                "quarantine_days": keep.quarantine,
                "actions_days": keep.actions,
                "audit_days": keep.audit,
                "minute_days": keep.minutes,
                "hour_days": keep.hours,
                "ballast_bytes": keep.ballast_mb << 20,
            },
        }

    return ChildSpec(
        "feeder",
        "console.feeder",
        settings,
        _listens(door),
        ready_timeout_s=30.0,
        needs=needs,
        log=session.log_file("feeder"),
        beats=True,
    )


def _secret_desk(broker: PictureBroker, door: Door) -> SecretDesk:
    """The feeder alone gets the key of this door: the windows have no use for passwords."""
    return SecretDesk(broker, door.address, door.key)


def _listens(door: Door) -> Callable[[], bool] | None:
    """Ready when the socket file is there; a Windows pipe cannot be looked at without taking a connection."""
    if sys.platform == "win32":
        return None
    return Path(door.address).exists


def _gui(
    session: _Session,
    options: Options,
    site: SiteConfig | None,
    look: Preferences,
    platform: tuple[str, tuple[Any, ...]],
    mode: Mode,
    station: str,
    feed: Door,
    pictures: Door,
    needs: tuple[str, ...],
    warm: subprocess.Popen[bytes] | None,
    when: Callable[[], bool] | None = None,
) -> ChildSpec:
    qpa, screens = platform
    settings = GuiSettings(
        data_dir=str(session.data_dir),
        mode=mode,
        feed=feed,
        pictures=pictures,
        station=station,
        room=site.sound.room if site is not None else "",
        site_name=site.site.name if site is not None else "Đông Hà",
        zone=site.site.zone if site is not None else "Asia/Ho_Chi_Minh",
        shifts=site.site.shifts if site is not None else SHIFTS,
        lang=look.lang,
        theme=look.theme,
        layout=look.layout,
        layouts_dir=site.screen.layouts_dir if site is not None else "",
        alarm_monitor=site.screen.alarm_monitor if site is not None else "",
        screens=screens,
        monitors=site.monitors if site is not None else (),
        platform=qpa,
        screenshot_dir=str(options.screenshot.absolute()) if options.screenshot is not None else "",
        after_s=options.moments_s(),
        lock_after_min=site.access.lock_after_min if site is not None else 0.0,
        moments=site.moments if site is not None else MomentRule(),
        stills_dir=site.video.stills_dir if site is not None else "",
        exit_after_s=options.exit_after_s,
        preferences_file=str(session.preferences_file),
        status_file=str(session.data_dir / STATUS_FILE),
        json_log=str(options.json_log.absolute()) if options.json_log is not None else "",
    )
    starts = 0

    def at_start() -> dict[str, Any]:
        # After a crash the person's own choices since the start count, not the command line's.
        nonlocal starts
        starts += 1
        if starts == 1:
            return to_child(settings)
        now = session.look(site)
        return to_child(msgspec.structs.replace(settings, lang=now.lang, theme=now.theme, layout=now.layout))

    return ChildSpec(
        "gui",
        "console.gui",
        at_start,
        needs=() if session.has_stored_state else needs,
        when=when,
        exit_ends_all=True,
        warm=warm,
        log=session.log_file("gui"),
        beats=True,
    )
