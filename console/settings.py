"""Settings: a site's TOML file (strict), a person's saved preferences (tolerant), and what children are given.

A mistake in the site's file stops the start with one sentence that names the entry and what was perhaps
meant. A mistake in saved preferences costs that preference alone. No secret stands in either: keys are
files in a folder, and travel to children through their pipe only.
"""

from __future__ import annotations

import difflib
import json
import logging
import os
import re
import tomllib
import typing
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from backends.domain.moment import MomentRule
from backends.domain.shifts import SHIFTS
from console.screens import UsageError, VirtualScreen

_log = logging.getLogger(__name__)

Language = Literal["vi", "en"]
ThemeChoice = Literal["dark", "light"]
ScreenKind = Literal["desk", "wall"]
TcpAddress = Annotated[str, msgspec.Meta(pattern=r"^tcp://[^\s:/]+:\d{1,5}$|^tcp://\[[0-9a-fA-F:]+\]:\d{1,5}$")]
HardwareDecoding = Literal["off", "auto", "cuda", "d3d11va", "vaapi", "d3d12va", "vulkan"]
"""The devices are those of `backends.domain.picture.DEVICES`."""
TimeOfDay = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Z85Key = Annotated[str, msgspec.Meta(min_length=40, max_length=40)]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of the site file's records."""


class SiteSection(_Strict, frozen=True):
    """`[site]`: which city this is."""

    name: str = ""
    """Stands in window titles and over everything that is printed."""
    zone: str = "Asia/Ho_Chi_Minh"
    """IANA name; all times on the screen are in it."""
    shifts: Annotated[tuple[TimeOfDay, ...], msgspec.Meta(min_length=1)] = SHIFTS
    """When shifts begin, in that zone: ["06:00", "18:00"] for a day and a night."""


class HubSection(_Strict, frozen=True):
    """`[hub]`: where the backend is."""

    live: TcpAddress
    """LIVE endpoint, "tcp://10.0.0.5:7401"."""
    ctl: TcpAddress
    """CTL endpoint, "tcp://10.0.0.5:7402"."""
    public_key: Z85Key
    """The hub's CURVE public key, 40 characters of Z85."""
    mode: Literal["live", "demo"] = "live"
    """What the city behind it is. A hub that says otherwise is refused: the reference hub simulates its city, so
    its consoles say "demo", and their windows do too."""


class OtherHubSection(_Strict, frozen=True):
    """`[[hubs]]`: one of several hubs that serve the same feeds, of which one leads."""

    live: TcpAddress
    ctl: TcpAddress
    public_key: Annotated[str, msgspec.Meta(pattern="^$|^.{40}$")] = ""
    """Empty = the hubs share one key pair, that of `[hub]`."""


class StationSection(_Strict, frozen=True):
    """`[station]`: which seat of the room this is."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    """Name of the seat, as the hub knows it by its key."""
    keys_dir: str = ""
    """Folder of its key pair; empty = the folder "keys" of the data folder."""


class ScreenSection(_Strict, frozen=True):
    """`[screen]`: what is shown when a person has chosen nothing yet."""

    lang: Language = "vi"
    theme: ThemeChoice = "dark"
    layout: str = "overview"
    """Id, name or function key of a layout."""
    layouts_dir: str = ""
    """Folder of the site's own layouts; empty = none."""
    alarm_monitor: str = ""
    """Monitor on which everything about an alarm is shown, as the system names it or by its number from the left, "2";
    empty = the second desk, else the window in use."""


class MonitorSection(_Strict, frozen=True):
    """`[[monitors]]`: what a monitor does not say of itself."""

    name: str
    """As the system names it ("DP-1"), or its number from the left, "1"."""
    kind: ScreenKind = "desk"
    inches: Annotated[float, msgspec.Meta(ge=0, le=300)] = 0.0
    """Diagonal; 0 = as the monitor says."""
    distance_m: Annotated[float, msgspec.Meta(ge=0, le=50)] = 0.0
    """From the eye; 0 = 0.7 m for a desk, 4 m for a wall."""


class AccessSection(_Strict, frozen=True):
    """`[access]`."""

    lock_after_min: Annotated[float, msgspec.Meta(ge=0, le=1440)] = 15.0
    """Minutes without keyboard or mouse after which actions and personal data are locked; 0 = never. Alarms and
    sound go on in any case."""


class SoundSection(_Strict, frozen=True):
    """`[sound]`."""

    room: Annotated[str, msgspec.Meta(max_length=40)] = ""
    """Stations that say the same name here are heard in one room: one loudspeaker sounds for all. Empty = by itself."""


class VideoSection(_Strict, frozen=True):
    """`[video]`."""

    workers: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    """Decoder processes; 0 = as many as suit this machine."""
    stills_dir: str = ""
    """Folder of the stills that people save; empty = the folder "stills" of the data folder."""
    ring_mb: Annotated[int, msgspec.Meta(ge=0, le=262_144)] = 512
    """Memory for what the shown cameras sent last, for instant replay; 0 = none is kept."""
    hardware_decoding: HardwareDecoding = "off"
    """Graphics device that decodes H.264 and H.265; "auto" = the first that opens. Without one the processor decodes.
    docs/video.md says when it is worth it."""


Days = Annotated[int, msgspec.Meta(ge=1, le=36_500)]


class KeepSection(_Strict, frozen=True):
    """`[keep]`: how many days (on which the console ran) its own store keeps things; docs/store.md."""

    samples: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 30
    """Every single measurement."""
    minutes: Days = 90
    """Least, greatest and mean of each minute."""
    hours: Days = 1100
    """The same of each hour."""
    log: Days = 30
    """Every change of alarms, incidents and reports, and the timeline."""
    actions: Annotated[int, msgspec.Meta(ge=30, le=36_500)] = 90
    """Finished actions; the hub recognises a repeated one for 30 days."""
    audit: Days = 366
    """Who did what. Vietnamese practice asks for 12 months."""
    quarantine: Days = 30
    """Messages that did not follow the protocol, the newest 1,000 at most."""
    ballast_mb: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 64
    """Space held for the moment when the disk is full; 0 = none."""


class SiteConfig(_Strict, frozen=True):
    """A site's file, `--config FILE`."""

    version: Literal[1]
    hub: HubSection
    station: StationSection
    hubs: tuple[OtherHubSection, ...] = ()
    """Further hubs beside `[hub]`, in the order in which they are tried."""
    site: SiteSection = SiteSection()
    screen: ScreenSection = ScreenSection()
    monitors: tuple[MonitorSection, ...] = ()
    video: VideoSection = VideoSection()
    keep: KeepSection = KeepSection()
    access: AccessSection = AccessSection()
    moments: MomentRule = MomentRule()
    """`[moments]`: of which alarms a still and a clip are kept here, and how much."""
    sound: SoundSection = SoundSection()


class Preferences(msgspec.Struct, frozen=True, kw_only=True):
    """What a person chose on this machine. Stored as JSON in the data folder, with its version."""

    version: int = 1
    lang: Language = "vi"
    theme: ThemeChoice = "dark"
    layout: str = "overview"
    muted: bool = False


class Door(msgspec.Struct, frozen=True):
    """A local listener of `multiprocessing.connection` and what opens it."""

    address: str
    """Path of a Unix socket, or name of a Windows pipe."""
    authkey: str
    """Hexadecimal; travels through the child's stdin only."""

    @property
    def key(self) -> bytes:
        return bytes.fromhex(self.authkey)


class GuiSettings(msgspec.Struct, frozen=True, kw_only=True):
    """All that `python -m console.gui` is told, as one JSON line on its stdin (`to_child`, `from_parent`)."""

    data_dir: str
    mode: str
    """A `backends.domain.feeds.Mode`: what the windows frame and name from the first paint on."""
    feed: Door
    """Where the feeder listens."""
    pictures: Door
    """Where the picture broker listens."""
    station: str = ""
    """Id of this seat."""
    room: str = ""
    """Of the stations that are heard together; empty = by itself."""
    site_name: str = ""
    zone: str = "Asia/Ho_Chi_Minh"
    shifts: tuple[str, ...] = SHIFTS
    """When shifts begin, in that zone."""
    lang: Language = "vi"
    theme: ThemeChoice = "dark"
    layout: str = "overview"
    layouts_dir: str = ""
    """The site's own layouts; empty = none."""
    alarm_monitor: str = ""
    """Name or number of the monitor for everything about an alarm; empty = none in particular."""
    screens: tuple[VirtualScreen, ...] = ()
    """Virtual monitors; empty = the machine's own."""
    monitors: tuple[MonitorSection, ...] = ()
    """What the site says of its real monitors."""
    platform: str = ""
    """Value for QT_QPA_PLATFORM; empty = as the environment says."""
    screenshot_dir: str = ""
    """Where to write one PNG per window and moment; empty = none."""
    after_s: tuple[float, ...] = ()
    """Moments of the screenshots, seconds since the first window was painted."""
    moments: MomentRule = MomentRule()
    lock_after_min: float = 0.0
    """Lock the screen of who signed in here after so many idle minutes; 0 = never."""
    exit_after_s: float = 0.0
    """Leave with status 0 after so many seconds; 0 = stay."""
    stills_dir: str = ""
    """Folder of saved stills; empty = "stills" in the data folder."""
    preferences_file: str = ""
    """Where the person's choices are kept; empty = keep nothing."""
    status_file: str = ""
    """The supervisor's account of its children (see `console.supervisor`)."""
    json_log: str = ""
    """Append one JSON line an event here, beside the supervisor's; empty = none."""


def to_child(settings: msgspec.Struct) -> dict[str, Any]:
    """The plain form that `start_child` sends."""
    plain: dict[str, Any] = msgspec.to_builtins(settings)
    return plain


def gui_settings(raw: dict[str, Any]) -> GuiSettings:
    """In the GUI process: what `child_settings()` returned, checked. Raises msgspec.ValidationError."""
    return msgspec.convert(raw, GuiSettings)


def load_site(path: Path) -> SiteConfig:
    """Reads and checks a site's file. Raises UsageError with one sentence that names file and entry."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--config: {path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"--config: {path} is not valid TOML: {error}") from error
    try:
        return msgspec.convert(raw, SiteConfig)
    except msgspec.ValidationError as error:
        raise UsageError(f"--config: {path}: {_in_words(str(error))}") from error


def load_preferences(path: Path, start: Preferences) -> Preferences:
    """Saved choices over `start`, field by field: what does not fit is named in the log and left at `start`."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return start
    except (OSError, ValueError, RecursionError) as error:
        _log.warning("preferences in %s are not used: %s", path.name, error)
        return start
    if not isinstance(raw, dict):
        _log.warning("preferences in %s are not used: not a JSON object", path.name)
        return start
    kept: dict[str, Any] = {}
    for field in msgspec.structs.fields(Preferences):
        if field.name == "version" or field.name not in raw:
            continue
        try:
            kept[field.name] = msgspec.convert(raw[field.name], field.type)
        except msgspec.ValidationError as error:
            _log.warning("preference %s is not used: %s", field.name, error)
    return msgspec.structs.replace(start, **kept)


def save_preferences(path: Path, preferences: Preferences) -> None:
    """Writes them whole or not at all. Raises OSError."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(preferences), indent=2))


def write_whole(path: Path, content: bytes) -> None:
    """Replaces a file so that a reader never sees half of it. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(content)
    os.replace(beside, path)


def _known_entries() -> set[str]:
    records = (
        SiteConfig,
        SiteSection,
        HubSection,
        OtherHubSection,
        StationSection,
        ScreenSection,
        MonitorSection,
        VideoSection,
        KeepSection,
        AccessSection,
        MomentRule,
    )
    return {field.name for record in records for field in msgspec.structs.fields(record)}


def _in_words(error: str) -> str:
    """msgspec's message, with "did you mean" for an unknown entry or choice."""
    unknown = re.search(r"unknown field `([^`]*)`", error)
    if unknown is None:
        return _choice_in_words(error)
    at = re.search(r"at `\$\.?([^`]*)`", error)
    place = f" in [{at[1]}]" if at and at[1] else ""
    close = difflib.get_close_matches(unknown[1], sorted(_known_entries()), n=1, cutoff=0.6)
    hint = f'; did you mean "{close[0]}"?' if close else ""
    return f'there is no entry "{unknown[1]}"{place}{hint}'


def _choice_in_words(error: str) -> str:
    """For an entry that takes one of a few words: which, and which was perhaps meant."""
    wrong = re.match(r"Invalid enum value '([^']*)' - at `\$\.([a-z_]+)\.([a-z_]+)`", error)
    if wrong is None:
        return error
    said, section, entry = wrong.groups()
    record = typing.get_type_hints(SiteConfig)[section]
    choices = typing.get_args(typing.get_type_hints(record)[entry])
    close = difflib.get_close_matches(said, choices, n=1, cutoff=0.6)
    hint = f'; did you mean "{close[0]}"?' if close else ""
    return f'[{section}] {entry} = "{said}" is none of {", ".join(choices)}{hint}'
