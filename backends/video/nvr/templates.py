"""Addresses of live and recorded streams, as the makers of recorders and cameras write them.

Pure: opens nothing, and never holds a user or password (those travel beside the address, see
`reading.with_credentials`). A recorder that speaks ONVIF should be asked by ONVIF; these stand in where it
does not, and for playback, which most devices offer by address alone.

Where each form comes from:
- Hikvision, live: Hikvision USA support, article 17000129022: /Streaming/Channels/101 is the main stream of
  channel 1, 102 its sub-stream. Channels count from 1, on a recorder too.
- Hikvision, live, old firmware: the maker's note as quoted in blog.csdn.net/m0_37346206/article/details/128433355
  and codetd.com/article/15816703: /h264/ch1/main/av_stream. There the IP channels of recorders with fewer than
  64 channels begin at 33; of the others, at 1.
- Hikvision, playback: codetd.com/article/15816703: /Streaming/tracks/101 with starttime and endtime as
  YYYYMMDDTHHMMSSZ. An endtime may be ignored (CamioCam/rtsp#181): who plays must stop by himself.
- Dahua, live: www.cnblogs.com/lidabo/p/4103227.html: /cam/realmonitor?channel=1&subtype=0; channels count from 1,
  subtype 0 is the main stream, 1 the sub-stream.
- Dahua, playback: the maker's HTTP API, 4.1.2, quoted in AlexxIT/WebRTC#620:
  /cam/playback?channel=1&starttime=2012_09_15_12_37_05&endtime=... The times carry no zone: they are the device's.

None of them was tried on a real device here.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from backends.domain.camera import StreamKind
from backends.domain.device import DeviceTrouble
from backends.domain.times import NS_PER_S

RTSP_PORT = 554
"""IANA's port of RTSP; left out of the addresses."""
MOST_CHANNELS = 1024
"""More than any recorder has: a larger number is a mistake."""
OLD_FIRST_IP_CHANNEL = 33
"""Hikvision's old form, recorders with fewer than 64 channels."""

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


class Maker(StrEnum):
    """Whose addresses a device understands. Brands that resell a maker's devices understand the same."""

    HIKVISION = "hikvision"
    HIKVISION_OLD = "hikvision_old"
    """Firmware from before /Streaming/Channels: live only."""
    DAHUA = "dahua"


class NoTemplate(DeviceTrouble, LookupError):
    """The maker has no address for that; the text says which."""


@dataclass(frozen=True)
class Device:
    """A recorder, or a camera by itself. Raises ValueError for what cannot stand in an address."""

    maker: Maker
    host: str
    """Name, IPv4 or IPv6 address (without brackets)."""
    port: int = RTSP_PORT
    tls: bool = False
    """rtsps."""
    zone: str = "UTC"
    """IANA name of the zone in which the device reads times of playback. "Z" after Hikvision's times does not
    decide it: some devices take them as UTC (ZLMediaKit#493: 12:00:00Z played from 20:00 at UTC+8), others as
    their own time (Tedyst/HikLoad#11). Try it once for each device: the picture's own clock shows which."""
    ahead_s: float = 0.0
    """By how many seconds the device's clock is ahead of ours, where it is known."""
    first_channel: int = 1
    """What the device calls its first channel: OLD_FIRST_IP_CHANNEL on old small Hikvision recorders."""

    def __post_init__(self) -> None:
        _bracketed(self.host)
        if not 1 <= self.port <= 65_535:
            raise ValueError(f"port {self.port} is not within 1 to 65535")
        if not 0 <= self.first_channel <= MOST_CHANNELS:
            raise ValueError(f"first channel {self.first_channel} is not within 0 to {MOST_CHANNELS}")
        _zone(self.zone)

    @property
    def base(self) -> str:
        """rtsp://host or rtsp://host:port, without a slash at the end."""
        port = "" if self.port == RTSP_PORT and not self.tls else f":{self.port}"
        return f"{'rtsps' if self.tls else 'rtsp'}://{_bracketed(self.host)}{port}"


def live(device: Device, channel: int, kind: StreamKind = StreamKind.MAIN) -> str:
    """The live stream of `channel`, counted from 1. Raises ValueError for a channel that cannot be."""
    return device.base + _FORMS[device.maker].live(_called(device, channel), kind)


def playback(
    device: Device, channel: int, t0_ns: int, t1_ns: int | None = None, kind: StreamKind = StreamKind.MAIN
) -> str:
    """What was recorded of `channel` from `t0_ns` to `t1_ns` (UTC nanoseconds); None: until it ends.

    Devices count whole seconds: the beginning is rounded down, the end up, so that what was asked for is in it.
    Most recorders keep the main stream alone. Raises ValueError for times that do not follow each other, and
    NoTemplate where the maker has no such address.
    """
    form = _FORMS[device.maker].playback
    if form is None:
        raise NoTemplate(f"devices of the kind {device.maker.value} have no address for playback")
    if t1_ns is not None and t1_ns <= t0_ns:
        raise ValueError("the end of a playback must come after its beginning")
    first = _device_time(device, t0_ns // NS_PER_S)
    last = None if t1_ns is None else _device_time(device, -(-t1_ns // NS_PER_S))
    if last is not None and last <= first:
        # The clock went back between them: the device would be asked for a span that runs backwards.
        last = None
    return device.base + form(_called(device, channel), kind, first, last)


def ambiguous(device: Device, t_ns: int) -> bool:
    """The device shows this moment's time twice (its clock goes back by an hour): it may play the other one."""
    moment = datetime.fromtimestamp(t_ns // NS_PER_S + device.ahead_s, UTC)
    shown = moment.astimezone(_zone(device.zone))
    return shown.replace(fold=0).utcoffset() != shown.replace(fold=1).utcoffset()


# -- the makers' forms -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Form:
    """Path and query; channels as the device calls them, times as its clock shows them."""

    live: Callable[[int, StreamKind], str]
    playback: Callable[[int, StreamKind, datetime, datetime | None], str] | None


def _hik_live(channel: int, kind: StreamKind) -> str:
    return f"/Streaming/Channels/{_hik_stream(channel, kind)}"


def _hik_old_live(channel: int, kind: StreamKind) -> str:
    return f"/h264/ch{channel}/{'main' if kind is StreamKind.MAIN else 'sub'}/av_stream"


def _hik_playback(channel: int, kind: StreamKind, first: datetime, last: datetime | None) -> str:
    end = "" if last is None else f"&endtime={last:%Y%m%dT%H%M%SZ}"
    return f"/Streaming/tracks/{_hik_stream(channel, kind)}?starttime={first:%Y%m%dT%H%M%SZ}{end}"


def _hik_stream(channel: int, kind: StreamKind) -> str:
    """Channel and stream as one number: 101, 1602."""
    return f"{channel}{1 if kind is StreamKind.MAIN else 2:02d}"


def _dahua_live(channel: int, kind: StreamKind) -> str:
    return f"/cam/realmonitor?channel={channel}&subtype={0 if kind is StreamKind.MAIN else 1}"


def _dahua_playback(channel: int, kind: StreamKind, first: datetime, last: datetime | None) -> str:
    # The maker's example has no subtype: it is said only where it is not the main stream, before the times.
    sub = "" if kind is StreamKind.MAIN else "&subtype=1"
    end = "" if last is None else f"&endtime={last:%Y_%m_%d_%H_%M_%S}"
    return f"/cam/playback?channel={channel}{sub}&starttime={first:%Y_%m_%d_%H_%M_%S}{end}"


_FORMS: dict[Maker, _Form] = {
    Maker.HIKVISION: _Form(_hik_live, _hik_playback),
    Maker.HIKVISION_OLD: _Form(_hik_old_live, None),
    Maker.DAHUA: _Form(_dahua_live, _dahua_playback),
}


def _called(device: Device, channel: int) -> int:
    if not 1 <= channel <= MOST_CHANNELS:
        raise ValueError(f"channel {channel} is not within 1 to {MOST_CHANNELS}")
    return channel - 1 + device.first_channel


def _device_time(device: Device, t_s: int) -> datetime:
    """What the device's clock shows at `t_s`, without a zone."""
    moment = datetime.fromtimestamp(t_s, UTC) + timedelta(seconds=round(device.ahead_s))
    return moment.astimezone(_zone(device.zone)).replace(tzinfo=None)


def _zone(name: str) -> tzinfo:
    """Raises ValueError."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError) as error:
        raise ValueError(f'there is no time zone "{name}"') from error


def _bracketed(host: str) -> str:
    """As it stands in an address. Raises ValueError; does not repeat what it was given: it may hold a password."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if not _HOST.fullmatch(host):
            raise ValueError("a device's host must be a plain name or IP address, nothing else") from None
        return host
    return f"[{address}]" if address.version == 6 else str(address)
