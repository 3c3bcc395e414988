"""The hub as a program: settings, start and stop, and the choice of world and clock.

Order of start: lock and open the log, keys, world, clock; continue from the log or take the past; bind;
write `hub.json`; serve. Order of stop (parent gone, SIGTERM, SIGINT): BYE, close sockets, checkpoint.
A world goes on where it would be if its hub had not been killed; after a planned stop of the demo, or of a
scenario, a new day begins.
"""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
import zmq

from backends.domain.feeds import Mode
from backends.domain.times import NS_PER_S, ForwardClock, ScaledClock, SessionClock
from backends.hub.access import SESSION_S
from backends.hub.air import AirHours
from backends.hub.alarm_definitions import Definitions
from backends.hub.answers import Identity
from backends.hub.config_desk import carry, settings_in
from backends.hub.core import BEGUN, START_T, WALL_T, WORLD_T, Core
from backends.hub.keys import ensure_hub_keys
from backends.hub.limit_book import LIMITS, LimitBook
from backends.hub.log import SqliteLog
from backends.hub.own_numbers import OWN
from backends.hub.pictured import Pictured
from backends.hub.ports import EventLog, LogTrouble, WorldSource
from backends.hub.private import REPORTER, Confiding
from backends.hub.procedure_book import PROCEDURES, ProcedureBook
from backends.hub.replica import set_aside
from backends.hub.scene_files import SceneFiles
from backends.hub.server import Endpoints, Server
from backends.hub.shared import SITE_FILE
from backends.hub.site_cameras import SiteCameras
from backends.hub.stores import Stores
from backends.hub.sweeping import Sweep
from backends.hub.watching import EventWatch, end_all

if TYPE_CHECKING:
    from backends.hub.jetstream_client import NatsSettings
    from backends.hub.standby import Standby

log = logging.getLogger(__name__)

CALM = "calm"
READY_FILE = "hub.json"
RESUME_WALL_S = 600.0
"""A hub that was killed longer ago than this begins a new day."""
DAYS_KEPT = 3
"""Logs of simulated days that are over; a hub that consoles elsewhere use has `resume` always, and one log."""
MOST_FILES = 65_536
MAX_SPEED = 3600.0
ANY_PORT = "tcp://127.0.0.1:*"


class HubSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a hub is told. Paths are absolute or relative to the working directory."""

    data_dir: str
    authorised_dir: str
    """Public keys of the stations that may join, one certificate file each."""
    keys_dir: str
    """The hub's own key pair; made here at the first start."""
    bind_live: str = ANY_PORT
    bind_ctl: str = ANY_PORT
    mode: Mode = Mode.DEMO
    scenario: str = ""
    mark: str = ""
    speed: float = 1.0
    seed: int = 2020
    resume: Literal["crash", "always"] = "crash"
    """`crash`: a killed hub continues its log, a planned stop ends the simulated day, and the next start
    begins a new one; `always`: the log is kept whatever happened."""
    name: str = "ioc-hub"
    nats: tuple[str, ...] = ()
    """Servers of the replicated log, `nats://host:4222`; empty = one hub with its own SQLite log."""
    nats_ca: str = ""
    nats_cert: str = ""
    nats_key: str = ""
    """Files for TLS towards them (see `jetstream_client.NatsSettings`)."""
    nats_replicas: int = 3
    nats_log: str = "ioc"
    """Name of the log; hubs of one site give the same, two sites on the same servers different ones."""
    nats_blob_mb: int = 4096
    """Of blobs on the servers, at most."""
    member: str = ""
    """This hub's own name among several."""
    sign_in: Literal["password", "seat"] = "password"
    """`password`: people sign in with their accounts; `seat`: the roster says who sits where (the demo)."""
    sweep: bool = True
    """Look at the cameras that no station shows, in a process of its own (`hub.sweeping`)."""
    scenes: tuple[str, ...] = ()
    """Files of the demo's drawn scenes on this machine, {number} standing for the scene's; the first that is there
    counts. The sweep makes their small pictures."""
    events: bool = True
    """Listen to what the site's cameras notice, in a process of its own (`hub.watching`)."""
    limits_dir: str = ""
    """Files of limits that come with the program (`hub.limit_book`); the site's own are in `data_dir`/limits."""
    procedures_dir: str = ""
    """And of procedures (`hub.procedure_book`); the site's own are in `data_dir`/procedures."""
    session_s: float = SESSION_S
    """How long a session lasts at most, in seconds of the wall clock."""


class Ready(msgspec.Struct, frozen=True, omit_defaults=True):
    """Content of `hub.json`: how to reach a running hub."""

    live: str
    ctl: str
    public_key: str
    pid: int
    instance: str
    mode: Mode
    leads: bool = True
    """False: one of several hubs, not the one that serves now; nothing listens at these addresses yet."""


WorldFactory = Callable[[HubSettings, int], WorldSource]
"""(settings, start time) -> world."""


def city(settings: HubSettings, start_ns: int) -> WorldSource:
    """The simulated Đông Hà."""
    from backends.city import City

    return City(seed=settings.seed, start_ns=start_ns, scenario=settings.scenario or CALM, mark=settings.mark)


def run(settings: HubSettings, stop: threading.Event | None = None, world: WorldFactory = city) -> int:
    """Serve until stopped. Returns an exit status; what kept the hub from starting is logged in words."""
    stop = stop or threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    allow_files()
    try:
        return _serve(settings, stop, world)
    except (LogTrouble, OSError, ValueError, sqlite3.Error, zmq.ZMQError) as error:
        log.error("the hub cannot run: %s", error)
        return 1


def allow_files() -> None:
    """As many open files as this process may have: each connection is one, also of those who get no further."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _serve(settings: HubSettings, stop: threading.Event, world: WorldFactory) -> int:
    if not 0 < settings.speed <= MAX_SPEED:
        raise ValueError(f"speed {settings.speed:g} is not within 0 to {MAX_SPEED:g}")
    if settings.nats:
        return _serve_one_of_several(settings, stop, world)
    events = _open_log(settings)
    (Path(settings.data_dir) / SITE_FILE).unlink(missing_ok=True)  # one hub alone: its files are the truth
    planned = False
    try:
        with Stores(Path(settings.data_dir)) as stores:
            site = SiteCameras(Path(settings.data_dir))
            _serve_log(settings, stop, _confiding(world, stores, site), events, stores, site)
        planned = True
    finally:
        events.close(planned=planned)
    return 0


def _confiding(world: WorldFactory, stores: Stores, site: SiteCameras) -> WorldFactory:
    def make(settings: HubSettings, start_ns: int) -> WorldSource:
        source = world(settings, start_ns)
        return Pictured(Confiding(source, stores.confided, site), source, stores.blobs)

    return make


def _serve_one_of_several(settings: HubSettings, stop: threading.Event, world: WorldFactory) -> int:
    try:
        from backends.hub.jetstream_client import JetStreamClient
        from backends.hub.jetstream_rows import SharedRows, Site, write_site
        from backends.hub.member import Member
    except ModuleNotFoundError as error:
        raise ValueError(f"several hubs need the extra [hubs]: pip install 'ioc-console[hubs]' ({error})") from error

    ends = _chosen_ports(settings)
    keys = ensure_hub_keys(Path(settings.keys_dir))
    standing = Ready(ends.live, ends.ctl, keys.public.decode(), os.getpid(), "", settings.mode, leads=False)
    folder, nats = Path(settings.data_dir), _nats(settings)
    name = settings.member or ends.ctl
    client = JetStreamClient(
        nats, f"{settings.nats_log}-{log_path(settings).stem}-{settings.mode.value}", f"{name}/{os.urandom(4).hex()}"
    )
    site = Site(nats, f"{settings.nats_log}-{settings.mode.value}-rows")
    write_site(folder, site)
    rows = SharedRows(client, site, folder)
    with Stores(folder, sharing=rows) as stores:
        cameras = SiteCameras(folder)  # each hub has a copy of its own
        confiding = _confiding(world, stores, cameras)

        def follows() -> None:
            write_atomically(folder / READY_FILE, msgspec.json.encode(standing))

        clocks: list[SessionClock] = []

        def clock(events: EventLog) -> SessionClock:
            """Of each term, and between terms: never behind the one before, which the world has seen."""
            clocks[:] = [_clock(settings, events, clocks[0].now_ns() if clocks else 0)]
            return clocks[0]

        def make_world(start_ns: int) -> WorldSource:
            made = confiding(settings, start_ns)
            made.directory()  # what it confides of its cameras is kept by every hub
            return made

        def serve(events: EventLog, source: Standby) -> None:
            _serve_log(
                settings, stop, lambda _settings, _start_ns: source, events, stores, cameras, clock, source.start_ns
            )

        member = Member(
            client, rows, log_path(settings), settings.mode, make_world=make_world,
            start=lambda events: _start(settings, events), clock=clock, serve=serve, follows=follows,
        )  # fmt: skip
        member.run(stop)
    return 0


def _nats(settings: HubSettings) -> NatsSettings:
    from backends.hub.jetstream_client import NatsSettings

    return NatsSettings(
        settings.nats, settings.nats_ca, settings.nats_cert, settings.nats_key, settings.nats_replicas,
        settings.nats_blob_mb,
    )  # fmt: skip


def _chosen_ports(settings: HubSettings) -> Endpoints:
    """The addresses at which this hub will serve when it leads: those of its last life, or free ones."""
    Path(settings.data_dir).mkdir(parents=True, exist_ok=True)
    live, ctl = settings.bind_live, settings.bind_ctl
    if not live.endswith(":*") or not ctl.endswith(":*"):
        return Endpoints(live, ctl)
    if (before := read_ready(Path(settings.data_dir) / READY_FILE)) is not None:
        return Endpoints(before.live, before.ctl)
    with socket.socket() as one, socket.socket() as two:
        for each in (one, two):
            each.bind(("127.0.0.1", 0))
        ports = one.getsockname()[1], two.getsockname()[1]
    return Endpoints(live.replace(":*", f":{ports[0]}"), ctl.replace(":*", f":{ports[1]}"))


def _serve_log(
    settings: HubSettings, stop: threading.Event, world: WorldFactory, events: EventLog, stores: Stores,
    site: SiteCameras, make_clock: Callable[[EventLog], SessionClock] | None = None, start_ns: int | None = None,
) -> None:  # fmt: skip
    """`start_ns`: where a world begins that has been made already."""
    began_s = time.monotonic()
    start_ns = _start(settings, events) if start_ns is None else start_ns
    folder = Path(settings.data_dir)
    book = LimitBook(_folders(settings.limits_dir), folder / LIMITS)
    procedures = ProcedureBook(_folders(settings.procedures_dir), folder / PROCEDURES).records
    core = Core(
        events, world(settings, start_ns), site=site, define=Definitions(folder).of, limits=book.of,
        procedures=procedures, air=AirHours(book.scales),
    )  # fmt: skip
    if not events.meta(BEGUN):
        # Its reports are new ones: who called about the old ones is nobody's business any more.
        stores.confided.forget(REPORTER, OWN)
    loaded = core.start(start_ns)
    clock = make_clock(events) if make_clock is not None else _clock(settings, events)
    instance = os.urandom(8).hex()
    identity = Identity(settings.name, instance, settings.mode, getattr(clock, "speed", 1.0))
    keys = ensure_hub_keys(Path(settings.keys_dir))
    seats, session_s = settings.sign_in == "seat", settings.session_s
    scenes = SceneFiles(settings.scenes)
    sweep = Sweep(Path(settings.data_dir), stores.blobs, scenes) if settings.sweep else None
    watch = EventWatch(Path(settings.data_dir), site) if settings.events else None
    if watch is None:
        end_all(core, clock.now_ns())
    server = Server(
        core, identity, clock, keys, Path(settings.authorised_dir), stores, seats=seats, session_s=session_s,
        sweep=sweep, events=watch,
    )  # fmt: skip
    try:
        for beside in (sweep, watch):
            if beside is not None:
                beside.start()
        ready_file = Path(settings.data_dir) / READY_FILE
        ends = _bind(server, settings, ready_file)
        ready = Ready(ends.live, ends.ctl, keys.public.decode(), os.getpid(), instance, settings.mode)
        write_atomically(ready_file, msgspec.json.encode(ready))
        log.info("hub ready after %.1f s, %d samples of the past", time.monotonic() - began_s, loaded)
        server.run(stop)
    finally:
        server.close()  # first: a hub that leads no longer must be silent at once
        for beside in (sweep, watch):
            if beside is not None:
                beside.close()
        log.info("hub stopped: %s", dict(server.counters))


def _folders(name: str) -> list[Path]:
    """Of files that come with the program."""
    return [Path(name)] if name else []


def log_path(settings: HubSettings) -> Path:
    """The log's file: one for the city of now, one for each scenario and mark."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", "-".join(p for p in (settings.scenario, settings.mark) if p)).strip("-")
    return Path(settings.data_dir) / (f"hub-{slug}.db" if slug else "hub.db")


def _open_log(settings: HubSettings) -> SqliteLog:
    """The log, continued or begun anew (see `HubSettings.resume`); what people changed of the centre's data goes on."""
    path = log_path(settings)
    events = SqliteLog(path, settings.mode)
    if settings.resume == "always" or not events.meta(WALL_T):
        return events
    slept_ns = time.time_ns() - int(events.meta(WALL_T))
    if not events.stopped_cleanly and slept_ns < RESUME_WALL_S * NS_PER_S:
        return events
    changed = settings_in(events)
    events.close()
    log.info("a new day begins; the log of the one before is kept as %s", set_aside(path, "day").name)
    for day in sorted(path.parent.glob(f"{path.name}.day-*[0-9]"))[:-DAYS_KEPT]:
        for suffix in ("", "-wal", "-shm"):
            day.with_name(day.name + suffix).unlink(missing_ok=True)
    begun = SqliteLog(path, settings.mode)
    carry(changed, begun, time.time_ns())
    return begun


def _start(settings: HubSettings, events: EventLog) -> int:
    """Where the world starts; a continued world keeps its start."""
    known = events.meta(START_T)
    return int(known) if known else scenario_start_ns(settings) or time.time_ns()


def _clock(settings: HubSettings, events: EventLog, at_least_ns: int = 0) -> ForwardClock | ScaledClock:
    """The hub's clock, made when the world is loaded. It goes on from the log's last moment and never back."""
    world_ns = int(events.meta(WORLD_T) or 0)
    if not settings.scenario and settings.speed == 1.0:
        return ForwardClock(max(world_ns, at_least_ns))
    wall_ns = time.time_ns()
    slept_ns = max(0, wall_ns - int(events.meta(WALL_T) or wall_ns))
    return ScaledClock(max(world_ns + int(slept_ns * settings.speed), at_least_ns), settings.speed)


def scenario_start_ns(settings: HubSettings) -> int | None:
    """When the scenario begins, None = now. Raises ValueError for a name or mark that nobody knows."""
    if not settings.scenario:
        return None
    from backends.city import scenario_start_ns as start

    return start(settings.scenario, settings.mark)


def _bind(server: Server, settings: HubSettings, ready_file: Path) -> Endpoints:
    """Free ports are kept over a restart where they are still free: consoles find the hub again."""
    live, ctl = settings.bind_live, settings.bind_ctl
    before = read_ready(ready_file)
    if live.endswith(":*") and ctl.endswith(":*") and before is not None:
        try:
            return server.bind(before.live, before.ctl)
        except zmq.ZMQError as error:
            log.info("the ports of the run before are taken (%s): new ones", error)
            server.unbind()
    return server.bind(live, ctl)


def read_ready(path: Path) -> Ready | None:
    """What `hub.json` says, None when it is not there or not whole."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Ready)
    except (OSError, msgspec.DecodeError):
        return None


def write_atomically(path: Path, data: bytes) -> None:
    """Beside, then moved: a reader sees the old text or the new one."""
    handle, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    os.replace(name, path)


def main() -> int:
    """A child of the console: settings from stdin."""
    from backends.process import child_settings

    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop = threading.Event()
    raw = child_settings(stop.set)
    try:
        settings = msgspec.json.decode(json.dumps(raw).encode(), type=HubSettings)
    except msgspec.ValidationError as error:
        log.error("settings of the hub: %s", error)
        return 2
    return run(settings, stop)
