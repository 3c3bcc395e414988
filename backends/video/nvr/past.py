"""Addresses of the past: which device keeps it, which channel, from when to when. What a tile demands.

Two forms, told apart by their scheme; both hold UTC times, and neither a password:
- `nvr-hikvision://host[:port]/CHANNEL?from=TIME[&to=TIME][&stream=sub][&zone=Asia/Ho_Chi_Minh][&ahead=3.5][&tls=1]`
  (and `nvr-dahua`; `#sha256=HEX` behind it pins): the maker's own address, made by `templates` when it is opened;
- `onvif-replay://host[:port]/path?query#from=TIME[&to=TIME][&ahead=3.5]` (`onvif-replays` over TLS,
  `&sha256=HEX` pins): an address of ONVIF Profile G, as `backends.onvif.replay.address` gives it.
Pure. Must not: ask a device, or open anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

from backends.domain.camera import StreamKind
from backends.domain.times import NS_PER_S
from backends.video.address import refuse_password
from backends.video.faults import NotASource
from backends.video.nvr import templates
from backends.video.nvr.templates import RTSP_PORT, Device, Maker

MAKERS = {"nvr-hikvision": Maker.HIKVISION, "nvr-dahua": Maker.DAHUA}
REPLAY, REPLAY_TLS = "onvif-replay", "onvif-replays"
SCHEMES = (*MAKERS, REPLAY, REPLAY_TLS)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, UTC nanoseconds; `t1_ns` None: as far as there is something."""

    t0_ns: int
    t1_ns: int | None = None

    def __post_init__(self) -> None:
        if self.t1_ns is not None and self.t1_ns <= self.t0_ns:
            raise ValueError("the end of a playback must come after its beginning")


@dataclass(frozen=True, slots=True)
class Recorder:
    """A recorder whose maker's addresses are known. Implements `PastPictures`."""

    device: Device

    def past(self, channel: int, t0_ns: int, t1_ns: int | None = None, kind: StreamKind = StreamKind.MAIN) -> str:
        """What `Demand.uri` takes. Raises ValueError for what cannot be, NoTemplate for makers without playback."""
        device, span = self.device, Span(t0_ns, t1_ns)
        templates.playback(device, channel, t0_ns, t1_ns, kind)  # whether it can be asked for at all
        scheme = next(scheme for scheme, maker in MAKERS.items() if maker is device.maker)
        said = _said(span)
        if kind is not StreamKind.MAIN:
            said["stream"] = kind.value
        if device.zone != "UTC":
            said["zone"] = device.zone
        if device.ahead_s:
            said["ahead"] = f"{device.ahead_s:g}"
        if device.first_channel != 1:
            said["first"] = str(device.first_channel)
        if device.tls:
            said["tls"] = "1"
        place = device.base.partition("//")[2]
        return f"{scheme}://{place}/{channel}?{urlencode(said, safe=':/')}"


@dataclass(frozen=True, slots=True)
class MakersPast:
    """An address of the first form, taken apart."""

    device: Device
    channel: int
    kind: StreamKind
    span: Span
    pin: str = ""

    def address(self, from_ns: int) -> str:
        """The maker's address from `from_ns` on, for the RTSP source."""
        bare = templates.playback(self.device, self.channel, from_ns, self.span.t1_ns, self.kind)
        return f"{bare}#sha256={self.pin}" if self.pin else bare


@dataclass(frozen=True, slots=True)
class ReplayPast:
    """An address of the second form, taken apart."""

    url: str
    """rtsp(s)://..., without a fragment."""
    pin: str
    span: Span
    ahead_s: float = 0.0
    """By how many seconds the device's clock is ahead of ours."""


def replay_past(rtsp: str, span: Span, ahead_s: float = 0.0, pin: str = "") -> str:
    """The second form. `rtsp`: rtsp(s)://host/path of a recording, without a fragment."""
    scheme, _, rest = rtsp.partition(":")
    said = _said(span) | ({"ahead": f"{ahead_s:.1f}"} if ahead_s else {})
    if pin and scheme == "rtsps":
        said["sha256"] = pin
    return f"{REPLAY_TLS if scheme == 'rtsps' else REPLAY}:{rest}#{urlencode(said, safe=':')}"


def read_past(uri: str) -> MakersPast | ReplayPast:
    """Raises NotASource; never repeats the address."""
    refuse_password(uri)
    try:
        scheme = uri.partition(":")[0].lower()
        if scheme not in SCHEMES:
            raise ValueError("its scheme is not known")
        return _makers(uri, MAKERS[scheme]) if scheme in MAKERS else _replay(uri, scheme)
    except (KeyError, ValueError) as error:
        words = str(error) if isinstance(error, ValueError) else f"it does not say {error}"
        raise NotASource(f"this is no address of a playback: {words}") from None


def _makers(uri: str, maker: Maker) -> MakersPast:
    parts = urlsplit(uri)
    said = _pairs(parts.query, {"from", "to", "stream", "zone", "ahead", "first", "tls"})
    tls = said.get("tls") == "1"
    device = Device(
        maker,
        parts.hostname or "",
        parts.port or (322 if tls else RTSP_PORT),
        tls,
        said.get("zone", "UTC"),
        float(said.get("ahead", "0")),
        int(said.get("first", "1")),
    )
    kind, pin = StreamKind(said.get("stream", "main")), _pin(parts.fragment.removeprefix("sha256="), tls)
    found = MakersPast(device, int(parts.path[1:]), kind, _span(said), pin)
    found.address(found.span.t0_ns)
    return found


def _replay(uri: str, scheme: str) -> ReplayPast:
    bare, _, fragment = uri.partition("#")
    said = _pairs(fragment, {"from", "to", "ahead", "sha256"})
    if not urlsplit(bare).hostname or urlsplit(bare).port == 0:
        raise ValueError("it names no host")
    pin = _pin(said.get("sha256", ""), scheme == REPLAY_TLS)
    rtsp = "rtsps" if scheme == REPLAY_TLS else "rtsp"
    ahead_s = float(said.get("ahead", "0"))
    if not abs(ahead_s) < 4e9:
        raise ValueError("its clock cannot be so far ahead")
    return ReplayPast(f"{rtsp}:{bare.partition(':')[2]}", pin, _span(said), ahead_s)


def _pin(pin: str, tls: bool) -> str:
    if pin and (not tls or len(pin) != 64 or set(pin) - set("0123456789abcdef")):
        raise ValueError("its pin is not the SHA-256 of a certificate, 64 small hexadecimal digits, over TLS")
    return pin


def _pairs(query: str, known: set[str]) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
    said = dict(pairs)
    if len(said) < len(pairs) or not set(said) <= known:
        raise ValueError("something stands there twice, or is not known")
    return said


def _span(said: dict[str, str]) -> Span:
    return Span(_ns(said["from"]), _ns(said["to"]) if "to" in said else None)


def _said(span: Span) -> dict[str, str]:
    return {"from": utc_text(span.t0_ns)} | ({"to": utc_text(span.t1_ns)} if span.t1_ns is not None else {})


def utc_text(t_ns: int) -> str:
    """ "2026-11-20T08:15:00.250Z", to the millisecond before."""
    moment = _EPOCH + timedelta(milliseconds=t_ns // 1_000_000)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def _ns(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("its times need a zone, such as the Z of UTC")
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1000
