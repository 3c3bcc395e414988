"""What a recorder has kept (ONVIF Profile G): its recordings, and the address from which one is played.

Sources: ONVIF Recording Search Specification, 5; ONVIF Streaming Specification, 6 (replay over RTSP). The pictures
themselves come through the video source `replay:`.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from backends.onvif.device import Login, OnvifDevice, Service
from backends.onvif.media import channels, profiles
from backends.onvif.soap import DeviceFault, tag
from backends.onvif.untrusted import plain, text
from backends.video.address import reach_of
from backends.video.faults import SourceFault
from backends.video.nvr.past import Span, replay_past

MOST_RECORDINGS = 1024
ROUNDS = 20
"""A search is asked for its results so often, and answers each time within WAIT_S."""
WAIT_S = 2


@dataclass(frozen=True, slots=True)
class Recording:
    """What was kept of one camera. Times on our clock, UTC nanoseconds; 0 = not known."""

    token: str
    source: str
    """The device's name of the camera: not always the token of a video source."""
    name: str
    t0_ns: int
    t1_ns: int


def recordings(device: OnvifDevice) -> list[Recording]:
    """All, in the device's order. Blocks for up to a minute where a recorder searches long. Raises SourceFault."""
    scope = tag("tse:Scope")
    said = device.call(Service.SEARCH, tag("tse:FindRecordings", scope, tag("tse:KeepAliveTime", "PT30S")))
    search = tag("tse:SearchToken", text(said, "SearchToken"))
    found: dict[str, Recording] = {}
    state = ""
    for _ in range(ROUNDS):
        asked = tag("tse:GetRecordingSearchResults", search, tag("tse:WaitTime", f"PT{WAIT_S}S"))
        results = device.call(Service.SEARCH, asked, seconds=WAIT_S + 5.0).find("ResultList")
        for one in [] if results is None else results.findall("RecordingInformation"):
            recording = _recording(device, one)
            found.setdefault(recording.token, recording)
        state = text(results, "SearchState")
        if state not in ("Searching", "Queued") or len(found) >= MOST_RECORDINGS:
            break
    else:
        raise SourceFault("the recorder does not come to an end of its search")
    if state != "Completed":
        _end(device, search)
    return [one for one in found.values() if one.token][:MOST_RECORDINGS]


def _recording(device: OnvifDevice, one: Element) -> Recording:
    return Recording(
        token=text(one, "RecordingToken"),
        source=text(one, "Source/SourceId"),
        name=plain(text(one, "Source/Name"), 60),
        t0_ns=device.ours_ns(text(one, "EarliestRecording")),
        t1_ns=device.ours_ns(text(one, "LatestRecording")),
    )


def _end(device: OnvifDevice, search: str) -> None:
    try:
        device.call(Service.SEARCH, tag("tse:EndSearch", search))
    except DeviceFault:
        return


def address(device: OnvifDevice, recording: str) -> str:
    """Where the recording is played from, over RTSP inside its connection; on the device's host. Raises SourceFault."""
    transport = tag("tt:Transport", tag("tt:Protocol", "RTSP"))
    setup = tag("trp:StreamSetup", tag("tt:Stream", "RTP-Unicast"), transport)
    body = tag("trp:GetReplayUri", setup, tag("trp:RecordingToken", recording))
    said = text(device.call(Service.REPLAY, body), "Uri")
    where = device.stream_at_home(said)
    if not where.startswith("rtsp"):
        raise SourceFault("the recorder names an address for playback that is none of RTSP")
    return where


def past(device: OnvifDevice, recording: str, t0_ns: int, t1_ns: int | None = None, pin: str = "") -> str:
    """What `Demand.uri` takes to show this time (UTC on our clock). `pin`: of its certificate, where it plays over TLS.

    Raises SourceFault, and ValueError where the end does not come after the beginning.
    """
    return replay_past(address(device, recording), Span(t0_ns, t1_ns), round(device.ahead_s, 1), pin)


class OnvifRecorder:
    """Implements `PastPictures`. One thread; asks the recorder for its recordings once."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._device: OnvifDevice | None = None
        self._known: list[str] = []

    def past(self, channel: int, t0_ns: int, t1_ns: int | None = None) -> str:
        """By the recording whose source is the channel's video source; else by counting. Raises SourceFault."""
        if self._device is None:
            device = OnvifDevice(self._login)
            device.connect()
            self._known = by_channel([one.source for one in channels(profiles(device))], recordings(device))
            self._device = device
        if not 1 <= channel <= len(self._known):
            raise SourceFault(f"the recorder keeps {len(self._known)} recordings, and none of channel {channel}")
        return past(self._device, self._known[channel - 1], t0_ns, t1_ns, reach_of(self._login.url, may_pin=True).pin)


def by_channel(sources: list[str], kept: list[Recording]) -> list[str]:
    """The token of the recording of each channel. By source where every channel has one, else in the order given."""
    named = {one.source: one.token for one in kept}
    if sources and all(source in named for source in sources):
        return [named[source] for source in sources]
    return [one.token for one in kept]
