"""`ioc-console doctor`: looks at this machine and says what is missing, with the command that mends it.

Looks only: changes nothing, starts no session. Every check is one function that returns a `Finding`, so
that a failing one costs nothing but its own line.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import locale
import math
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from backends.store.backup import backups
from backends.store.schema import OPS_FILE, check_whole
from console.options import NeedsMachine, Options, default_data_dir, has_display
from console.screens import UsageError
from console.settings import VideoSection
from console.status import STATUS_FILE, Phase, read_status
from layouts.load import load_layouts
from layouts.options import SHIPPED_KINDS

SHM_NEEDED_MB = 256
"""64 tiles of 480x270 take 100 MB, three 4K pictures as much again; containers give 64 MB by default."""
DISK_NEEDED_MB = 2000
BACKUP_OLD_H = 26
"""Older than a day and a bit: the console has not run, or its backups fail."""
_RECENT_NS = 7 * 86400 * 10**9

#: Library that Qt loads -> Debian/Ubuntu package (proved in a bare Debian 12; scripts/debian-packages.txt agrees).
QT_LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libpulse.so.0": "libpulse0",
    "libXrandr.so.2": "libxrandr2",
}
XCB_LIBRARIES = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}


class Finding(msgspec.Struct, frozen=True):
    """One line of the report."""

    ok: bool
    what: str
    mend: str = ""
    """The command or step that mends it."""
    needed: bool = True
    """False: the console runs without it, with what the line says."""


def run_doctor(options: Options, write: Callable[[str], object]) -> int:
    """Writes the report line by line. Returns 0, or 3 when something needed is missing."""
    missing = 0
    for check in _CHECKS:
        for finding in check(options):
            mark = "ok     " if finding.ok else "MISSING" if finding.needed else "note   "
            write(f"{mark}  {finding.what}\n")
            if not finding.ok and finding.mend:
                write(f"         -> {finding.mend}\n")
            missing += not finding.ok and finding.needed
    write("Everything that is needed is here.\n" if not missing else f"{missing} things are missing.\n")
    return 3 if missing else 0


def need_qt(platform_name: str) -> None:
    """Before windows are started: raises NeedsMachine with the command that brings Qt's missing libraries."""
    if sys.platform != "linux":
        return
    table = dict(QT_LIBRARIES)
    if platform_name.startswith("xcb") or (not platform_name and not os.environ.get("WAYLAND_DISPLAY")):
        table |= XCB_LIBRARIES
    absent = [package for library, package in table.items() if not _loads(library)]
    if absent:
        raise NeedsMachine(f"Qt's libraries are missing here; install them with: {_apt(absent)}")


def check_python(options: Options) -> Iterable[Finding]:
    version = platform.python_version()
    fits = (3, 11) <= sys.version_info < (3, 14)
    yield Finding(fits, f"Python {version}", "use Python 3.11, 3.12 or 3.13: make run PYTHON=python3.12")


def check_sqlite(options: Options) -> Iterable[Finding]:
    text = sqlite3.sqlite_version
    yield Finding(
        not has_wal_race(tuple(int(part) for part in text.split("."))),
        f"SQLite {text}",
        "has a rare race of checkpoint and writer; the store keeps clear of it (one connection a file), a newer one "
        "(3.51.3) has it mended",
        needed=False,
    )


def has_wal_race(version: tuple[int, ...]) -> bool:
    """SQLite 3.7.0 to 3.51.2, but not the mended 3.44.6 and 3.50.7 (and what follows on those branches)."""
    if not (3, 7, 0) <= version <= (3, 51, 2):
        return False
    return not any(version[:2] == mended[:2] and version >= mended for mended in ((3, 44, 6), (3, 50, 7)))


def check_libraries(options: Options) -> Iterable[Finding]:
    if sys.platform != "linux":
        return
    for group, table, needed in (
        ("Qt's libraries", QT_LIBRARIES, True),
        ("libraries for windows on X11", XCB_LIBRARIES, has_display() and not os.environ.get("WAYLAND_DISPLAY")),
    ):
        absent = [package for library, package in table.items() if not _loads(library)]
        yield Finding(not absent, group, _apt(absent), needed)


def check_qt(options: Options) -> Iterable[Finding]:
    probe = subprocess.run(
        [sys.executable, "-c", "from PySide6 import QtMultimedia, QtWidgets; QtWidgets.QApplication([])"],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        check=False,
    )
    last = (probe.stderr.strip().splitlines() or ["no message"])[-1]
    yield Finding(probe.returncode == 0, "Qt starts (offscreen)", f"it said: {last}")


def check_display(options: Options) -> Iterable[Finding]:
    yield Finding(
        has_display(),
        "a display for the windows",
        "without one: --platform vnc, --platform offscreen, or --screenshot DIR",
        needed=False,
    )


def check_shared_memory(options: Options) -> Iterable[Finding]:
    folder = Path("/dev/shm")
    if sys.platform != "linux":
        return
    if not folder.is_dir():
        yield Finding(False, "shared memory (/dev/shm)", "mount -t tmpfs -o size=1g tmpfs /dev/shm")
        return
    free_mb = shutil.disk_usage(folder).free // 2**20
    yield Finding(
        free_mb >= SHM_NEEDED_MB,
        f"shared memory for pictures: {free_mb} MB free of {SHM_NEEDED_MB} MB needed",
        "mount -o remount,size=1g /dev/shm (in a container: docker run --shm-size=1g)",
    )
    yield from ring_finding(_ring_mb(options), free_mb)


def ring_finding(ring_mb: int, free_mb: int) -> Iterable[Finding]:
    """Room for instant replay, beside that for pictures. What is missing costs seconds of the past, nothing else."""
    if not ring_mb:
        return
    room_mb = max(0, free_mb - SHM_NEEDED_MB)
    size_gb = math.ceil((SHM_NEEDED_MB + ring_mb) / 1024)
    yield Finding(
        room_mb >= ring_mb,
        f"shared memory for instant replay: {min(room_mb, ring_mb)} MB of {ring_mb} MB ([video] ring_mb) beside the "
        "pictures",
        f"mount -o remount,size={size_gb}g /dev/shm (in a container: docker run --shm-size={size_gb}g); with less, "
        "cameras can be shown again for a shorter time",
        needed=False,
    )


def _ring_mb(options: Options) -> int:
    return _video(options).ring_mb


def _video(options: Options) -> VideoSection:
    try:
        site = options.site()
    except UsageError:  # said in its own line
        site = None
    return site.video if site is not None else VideoSection()


DEVICE_DRIVERS = {
    "cuda": "NVIDIA's driver with its video part (Debian: nvidia-driver, libnvcuvid1; in a container: --gpus all -e "
    "NVIDIA_DRIVER_CAPABILITIES=video,utility)",
    "vaapi": "the chip's driver (Debian: intel-media-va-driver or mesa-va-drivers) and the group render for this user",
    "vulkan": "a Vulkan driver that decodes video (Debian: mesa-vulkan-drivers)",
    "d3d11va": "the graphics driver of its maker",
    "d3d12va": "the graphics driver of its maker",
}
_CODEC_WORDS = {"h264": "H.264", "hevc": "H.265"}


def check_hardware_decoding(options: Options) -> Iterable[Finding]:
    """In a process of its own, with the rights of a decoder worker: a driver may end or hang it."""
    asked = _video(options).hardware_decoding
    command = [sys.executable, "-m", "backends.video.hardware"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    try:
        probe = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
        found = json.loads(probe.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        what = "hardware decoding: the look for graphics devices hangs or dies"
        yield Finding(False, what, f"mend their driver; until then {_DECODE_OFF}", needed=False)
        return
    yield decoding_finding(asked, found["pyav"], found["built_with"], found["opens"])


_DECODE_OFF = 'hardware_decoding = "off" under [video]: the processor decodes'


def decoding_finding(asked: str, pyav: str, built_with: list[str], opens: dict[str, dict[str, str]]) -> Finding:
    """`opens`: by kind and codec, empty = a picture came from the device, else why none did."""
    works = {
        kind: [_CODEC_WORDS[codec] for codec, why in tried.items() if not why]
        for kind, tried in opens.items()
        if not all(tried.values())
    }
    here = "; ".join(f"{kind} ({', '.join(codecs)})" for kind, codecs in works.items()) or "nothing"
    built = ", ".join(built_with) or "none"
    what = f"hardware decoding: {asked}; opens here: {here}; PyAV {pyav} was built with {built}"
    if asked == "off" or asked in works or (asked == "auto" and works):
        return Finding(True, what)
    if asked not in ("auto", *opens):
        mend = f"this PyAV cannot open {asked}: build one that can (pip install --no-binary av av)"
    else:
        tried = {asked: opens[asked]} if asked in opens else opens
        whys = "; ".join(f"{kind}: {next(iter(why.values()))}" for kind, why in tried.items())
        needs = "; or ".join(DEVICE_DRIVERS[kind] for kind in tried)
        mend = f"{whys}; it needs {needs}" if tried else "this PyAV was built without any device that is of use here"
    return Finding(False, what, f"{mend}; or {_DECODE_OFF}", needed=False)


def check_confinement(options: Options) -> Iterable[Finding]:
    """Decoder workers read what cameras send: the fewer rights they have, the less a hostile stream can do."""
    from backends.video.sandbox import offered

    parts = offered()
    held = ", ".join(part.name for part in parts if part.holds)
    missing = "; ".join(f"{part.name}: {part.why}" for part in parts if not part.holds)
    yield Finding(
        not missing,
        f"decoders run with reduced rights ({held or 'none'})",
        f"pictures come all the same; not here: {missing} (Linux 5.13 or newer has all; containers may hide it)",
        needed=False,
    )


def check_data_dir(options: Options) -> Iterable[Finding]:
    folder = options.data_dir or default_data_dir("demo")
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    yield Finding(
        os.access(there, os.W_OK), f"data folder {folder} can be written", f"chown it, or give --data-dir ({there})"
    )
    free_mb = shutil.disk_usage(there).free // 2**20
    yield Finding(
        free_mb >= DISK_NEEDED_MB, f"disk: {free_mb} MB free of {DISK_NEEDED_MB} MB", "make room, or --data-dir"
    )


def check_backups(options: Options) -> Iterable[Finding]:
    """Copies of the store, and whether the newest one is whole."""
    folder = options.data_dir or default_data_dir("demo" if options.config is None else "site")
    if not (folder / OPS_FILE).exists():
        return
    found = backups(folder)
    if not found:
        yield Finding(
            False, "backups of the store: none yet", "the console makes one a minute after its start", needed=False
        )
        return
    newest = found[-1]
    age_h = (time.time() - newest.t_s) / 3600
    what = f"backups of the store: {len(found)}, the newest of {newest.stamp}, {newest.path.stat().st_size >> 10} KB"
    try:
        check_whole(newest.path)
    except (sqlite3.Error, OSError) as error:
        yield Finding(False, f"{what}, is not whole: {error}", "look at the disk; an older one is used instead", False)
        return
    yield Finding(
        age_h < BACKUP_OLD_H,
        f"{what}, whole",
        f"it is {age_h:.0f} hours old; a console that runs makes one an hour: see DATA_DIR/logs/feeder.log",
        needed=False,
    )


def check_locale(options: Options) -> Iterable[Finding]:
    name = locale.getpreferredencoding(False)
    yield Finding(
        name.upper().replace("-", "") == "UTF8", f"locale's encoding: {name}", "export LC_ALL=C.UTF-8", needed=False
    )


def check_site(options: Options) -> Iterable[Finding]:
    own = None
    if options.config is not None:
        try:
            site = options.site()
        except UsageError as error:
            yield Finding(False, "the site's settings", str(error))
            return
        yield Finding(True, f"the site's settings, {options.config}")
        own = Path(site.screen.layouts_dir) if site is not None and site.screen.layouts_dir else None
    loaded = load_layouts(SHIPPED_KINDS, own)
    for problem in loaded.problems:
        yield Finding(
            False, f"layout {problem}", "mend that line; the rest of the wall goes on without it", needed=False
        )
    yield Finding(bool(loaded.layouts), f"{len(loaded.layouts)} layouts")


def check_crashes(options: Options) -> Iterable[Finding]:
    from console.cli_crashes import data_dirs, line_of, reports_of

    found = reports_of(options.data_dir)
    days = [report for _, report in found if time.time_ns() - report.t_ns < _RECENT_NS]
    yield Finding(
        not days,
        f"crash reports of the last week: {len(days)}" + (f"; the newest: {line_of(days[0])}" if days else ""),
        "ioc-console crashes; ioc-console crashes show 1",
        needed=False,
    )
    for folder in data_dirs(options.data_dir):
        status = read_status(folder / STATUS_FILE)
        for child in status.children if status is not None else ():
            if child.phase == Phase.GIVEN_UP:
                yield Finding(
                    False,
                    f"{child.name} was given up: {child.reason}",
                    f"ioc-console restart {child.name}",
                    needed=False,
                )


def check_several_hubs(options: Options) -> Iterable[Finding]:
    yield Finding(
        importlib.util.find_spec("nats") is not None,
        "several hubs on one log (ioc-console hub --nats)",
        "one hub needs nothing more; for several: pip install 'ioc-console[hubs]', and three machines with the Debian "
        "package nats-server",
        needed=False,
    )


_CHECKS: tuple[Callable[[Options], Iterable[Finding]], ...] = (
    check_python,
    check_sqlite,
    check_libraries,
    check_qt,
    check_display,
    check_shared_memory,
    check_confinement,
    check_hardware_decoding,
    check_data_dir,
    check_backups,
    check_locale,
    check_site,
    check_crashes,
    check_several_hubs,
)


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _apt(packages: list[str]) -> str:
    sudo = "" if getattr(os, "geteuid", lambda: 0)() == 0 else "sudo "
    return f"{sudo}apt-get install --no-install-recommends {' '.join(packages)}"
