"""What pictures a device has: its profiles, put together by channel, and the addresses of main and sub-stream.

Asks Media2 where there is one (only it knows H.265), else Media1. A channel is one video source: one for a camera, one
for each camera behind a recorder.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from backends.domain.camera import Camera, Stream, StreamKind
from backends.domain.text import LocalText
from backends.onvif.device import OnvifDevice, Service
from backends.onvif.soap import Markup, tag
from backends.onvif.untrusted import number, plain, text
from backends.video.faults import NotASource, SourceFault

SUB_MOST_HEIGHT = 576
"""The largest picture that is a sub-stream: PAL at full height. Tiles of a wall are smaller."""
MOST_PROFILES = 1024
MOST_CHANNELS = 256
_COSTLY = frozenset({"JPEG", "MJPEG"})
"""Ten times the bits of the others: taken only where there is nothing else."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One stream that a device offers."""

    token: str
    name: str
    source: str
    """Token of the video source: which camera."""
    width: int
    height: int
    fps: float
    encoding: str
    """"H264", "H265", "JPEG" as the device says it, in capitals and without points."""
    ptz: bool
    """It can be turned through this profile."""
    configuration: str = ""
    """Token of the settings of that video source: some events name this one instead of `source`."""

    @property
    def area(self) -> int:
        return self.width * self.height


@dataclass(frozen=True, slots=True)
class Channel:
    """One camera of a device."""

    source: str
    main: Profile
    sub: Profile | None
    ptz: str
    """Token of the profile through which it turns; empty: it does not."""


@dataclass(frozen=True, slots=True)
class Found:
    """One camera with the addresses of its streams; `wrong`: why it has none."""

    channel: Channel
    streams: tuple[Stream, ...] = ()
    wrong: str = ""


def profiles(device: OnvifDevice) -> list[Profile]:
    """All that have a picture, in the device's order. Raises SourceFault."""
    if device.has(Service.MEDIA2):
        said = device.call(Service.MEDIA2, tag("tr2:GetProfiles", tag("tr2:Type", "All")))
        return _read(said, "Configurations/VideoSource", "Configurations/VideoEncoder", "Configurations/PTZ")
    said = device.call(Service.MEDIA, tag("trt:GetProfiles"))
    return _read(said, "VideoSourceConfiguration", "VideoEncoderConfiguration", "PTZConfiguration")


def _read(said: Element, source_at: str, encoder_at: str, ptz_at: str) -> list[Profile]:
    found = []
    for one in said.findall("Profiles")[:MOST_PROFILES]:
        source, encoder = one.find(source_at), one.find(encoder_at)
        token = one.get("token", "")
        if source is None or encoder is None or not token:
            continue
        found.append(
            Profile(
                token=token,
                name=plain(text(one, "Name"), 60),
                source=text(source, "SourceToken"),
                width=_side(encoder, "Resolution/Width"),
                height=_side(encoder, "Resolution/Height"),
                fps=max(0.0, min(240.0, number(encoder, "RateControl/FrameRateLimit"))),
                encoding=plain(text(encoder, "Encoding"), 20).upper().replace(".", ""),
                ptz=one.find(ptz_at) is not None,
                configuration=source.get("token", ""),
            )
        )
    return found


def _side(encoder: Element, path: str) -> int:
    return int(max(0, min(65_535, number(encoder, path))))


def channels(offered: list[Profile]) -> list[Channel]:
    """The cameras, in the device's order. Main = the largest picture, sub = the largest that a tile can use."""
    by_source: dict[str, list[Profile]] = {}
    for profile in offered:
        by_source.setdefault(profile.source, []).append(profile)
    return [_channel(source, ones) for source, ones in list(by_source.items())[:MOST_CHANNELS]]


def channel_of_tokens(offered: list[Profile]) -> dict[str, int]:
    """Channel, counted from 1 as `channels` lists them, by every token that an event may name it by."""
    number = {channel.source: n for n, channel in enumerate(channels(offered), start=1)}
    # A token that means one thing here and another there says nothing: the source itself counts.
    settings = {one.configuration: number[one.source] for one in offered if one.configuration and one.source in number}
    return settings | number


def _channel(source: str, ones: list[Profile]) -> Channel:
    main = max(ones, key=lambda one: (one.encoding not in _COSTLY, one.area))
    smaller = [one for one in ones if 0 < one.area < main.area]
    fitting = [one for one in smaller if one.height <= SUB_MOST_HEIGHT]
    sub = None
    if fitting:
        sub = max(fitting, key=lambda one: (one.encoding not in _COSTLY, one.area))
    elif smaller:
        sub = min(smaller, key=lambda one: (one.encoding in _COSTLY, one.area))
    ptz = next((one.token for one in (main, *ones) if one.ptz), "")
    return Channel(source, main, sub, ptz)


def stream_address(device: OnvifDevice, profile: Profile) -> str:
    """Where the profile's stream is, over RTSP inside its connection; on the device's host and without a password.

    Raises SourceFault.
    """
    if device.has(Service.MEDIA2):
        body = tag("tr2:GetStreamUri", tag("tr2:Protocol", "RTSP"), tag("tr2:ProfileToken", profile.token))
        said = text(device.call(Service.MEDIA2, body), "Uri")
    else:
        transport = tag("tt:Transport", tag("tt:Protocol", "RTSP"))
        setup = tag("trt:StreamSetup", tag("tt:Stream", "RTP-Unicast"), transport)
        body = tag("trt:GetStreamUri", setup, tag("trt:ProfileToken", profile.token))
        said = text(device.call(Service.MEDIA, body), "MediaUri/Uri")
    if not said:
        raise SourceFault("the camera names no address for its stream")
    return device.stream_at_home(said)


def still_address(device: OnvifDevice, profile: Profile) -> str:
    """Where single JPEG pictures of the profile are. Raises SourceFault."""
    token = profile.token
    if device.has(Service.MEDIA2):
        said = text(device.call(Service.MEDIA2, tag("tr2:GetSnapshotUri", tag("tr2:ProfileToken", token))), "Uri")
    else:
        asked: Markup = tag("trt:GetSnapshotUri", tag("trt:ProfileToken", token))
        said = text(device.call(Service.MEDIA, asked), "MediaUri/Uri")
    address = device.stream_at_home(said)
    if not address.startswith("http"):
        raise NotASource("the camera names an address for single pictures that is none of HTTP")
    return address


def survey(device: OnvifDevice) -> list[Found]:
    """Every camera of the device with its streams. Raises SourceFault where the device as a whole does not answer;
    a single camera that has no address says so in `wrong`."""
    return [_found(device, channel) for channel in channels(profiles(device))]


def _found(device: OnvifDevice, channel: Channel) -> Found:
    streams = []
    try:
        for kind, profile in ((StreamKind.MAIN, channel.main), (StreamKind.SUB, channel.sub)):
            if profile is not None:
                uri = stream_address(device, profile)
                streams.append(Stream(kind, uri, profile.width, profile.height, profile.fps))
    except SourceFault as fault:
        return Found(channel, (), str(fault))
    if len({stream.uri for stream in streams}) < len(streams):
        del streams[1:]  # some devices have one stream under two names
    return Found(channel, tuple(streams))


def to_camera(found: Found, number: str, name: str) -> Camera:
    """The directory's record of a camera that was found."""
    return Camera(id=f"cam-{number}", number=number, name=LocalText(name, ""), streams=found.streams)
