"""One ONVIF device: how it is reached, what time it has, which services it offers, and a call to one of them.

A device may name other hosts in its answers (behind NAT, or because somebody has put himself there): user and
password go only to the host that a person has named. Its clock may be anything: the difference is measured before
the first token is made, and again when it refuses one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import urlsplit, urlunsplit
from xml.etree.ElementTree import Element

from backends.onvif import soap
from backends.onvif.soap import SPACES, DeviceFault, Markup, tag
from backends.onvif.untrusted import number, plain, text
from backends.video.address import reach_of
from backends.video.faults import NotASource, Refused, SourceFault
from backends.video.fetch import Access, post

CALL_S = 5.0
"""One call, connection and answer together. Slow cameras take 1 to 2 s for GetProfiles."""
MAX_BYTES = 8 << 20
"""Of one answer. GetProfiles of a recorder with 64 channels is about 1 MB."""
PATH = "/onvif/device_service"
"""ONVIF Core Specification, 5.1: where every device has its device service."""
CLOCK_S = 2.0
"""By so much a device's clock must have moved since it was read, to ask once more after a refusal."""


class Service(StrEnum):
    """ONVIF's services that are used here; the value is the namespace."""

    DEVICE = SPACES["tds"]
    MEDIA = SPACES["trt"]
    MEDIA2 = SPACES["tr2"]
    """Profile T: knows H.265."""
    PTZ = SPACES["tptz"]
    EVENTS = SPACES["tev"]
    RECORDING = SPACES["trc"]
    SEARCH = SPACES["tse"]
    REPLAY = SPACES["trp"]


_CAPABILITIES = {
    "Media": Service.MEDIA,
    "PTZ": Service.PTZ,
    "Events": Service.EVENTS,
    "Extension/Recording": Service.RECORDING,
    "Extension/Search": Service.SEARCH,
    "Extension/Replay": Service.REPLAY,
}
"""Where devices from before GetServices (ONVIF 2.1) say the same."""


@dataclass(frozen=True, slots=True)
class Login:
    """How a device is reached. `repr` shows no secret."""

    url: str
    """http(s)://host[:port]/path of its device service; `#sha256=HEX` pins its certificate."""
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Raises NotASource for what is no address of a device, or holds a password."""
        reach = reach_of(self.url, may_pin=self.url.lower().startswith("https:"))
        try:
            parts = urlsplit(reach.uri)
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise NotASource("a device's address must begin with http:// or https:// and name a host")


def url_of(host: str, *, tls: bool = False, pin: str = "") -> str:
    """The device service of "10.0.0.7", "10.0.0.7:8000", "[::1]:80" or a whole address. Raises NotASource later."""
    url = host if "://" in host else f"{'https' if tls else 'http'}://{host}{PATH}"
    return f"{url}#sha256={pin}" if pin else url


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device says it is."""

    maker: str
    model: str
    firmware: str
    serial: str


class OnvifDevice:
    """One device. One thread; `connect` first."""

    def __init__(self, login: Login, wall: Callable[[], float] = time.time) -> None:
        reach = reach_of(login.url, may_pin=True)
        self._url = reach.uri
        self._parts = urlsplit(reach.uri)
        self.host = self._parts.hostname or ""
        """As an address needs it, but IPv6 without brackets."""
        self._access = Access(self.host, login.user, login.password, reach.pin)
        self._wall = wall
        self._services: dict[Service, str] = {Service.DEVICE: self._url}
        self.ahead_s = 0.0
        """By how many seconds the device's clock is ahead of ours, to half a second."""
        self.zone = ""
        """Its time zone as it writes it (POSIX); for people."""

    def connect(self) -> None:
        """Learns clock and services: two or three calls. Raises SourceFault."""
        self._read_clock()
        try:
            said = self.call(Service.DEVICE, tag("tds:GetServices", tag("tds:IncludeCapability", "false")))
            offered = {text(one, "Namespace"): text(one, "XAddr") for one in said.findall("Service")}
            found = {service: offered[service.value] for service in Service if offered.get(service.value)}
        except DeviceFault:
            said = self.call(Service.DEVICE, tag("tds:GetCapabilities", tag("tds:Category", "All")))
            inside = said.find("Capabilities")
            found = {
                service: xaddr for path, service in _CAPABILITIES.items() if (xaddr := text(inside, f"{path}/XAddr"))
            }
        self._services = {service: self.at_home(xaddr) for service, xaddr in found.items()}
        self._services[Service.DEVICE] = self._url

    def has(self, service: Service) -> bool:
        return service in self._services

    def identity(self) -> Identity:
        """Raises SourceFault."""
        said = self.call(Service.DEVICE, tag("tds:GetDeviceInformation"))
        names = ("Manufacturer", "Model", "FirmwareVersion", "SerialNumber")
        return Identity(*(plain(text(said, name), 60) for name in names))

    def call(
        self, service: Service, body: Markup, *, seconds: float = CALL_S, to: str = "", headers: str = ""
    ) -> Element:
        """The answer's element, `...Response`. `to`: another address of that service, as `at_home` gave it.

        Raises SourceFault; Refused where user or password is wrong, DeviceFault where the device says no.
        """
        if service not in self._services:
            raise DeviceFault(f"the camera offers no {service.name.lower()} service", frozenset({"NoService"}))
        url = to or self._services[service]
        try:
            return self._ask(url, body, seconds, headers)
        except Refused:
            before = self.ahead_s
            self._read_clock()
            if abs(self.ahead_s - before) < CLOCK_S:
                raise  # never a second time with the same: devices lock accounts
            return self._ask(url, body, seconds, headers)

    def at_home(self, url: str) -> str:
        """An address from the device's answers, on the host that we know it by. Raises SourceFault."""
        try:
            parts = urlsplit(url.strip())
            host, port = parts.hostname, parts.port
        except ValueError:
            raise SourceFault("the camera names an address that cannot be one") from None
        same = host == self.host and parts.scheme == self._parts.scheme
        place = self._parts.netloc
        if same:
            place = self._bracketed + (f":{port}" if port else "")
        return urlunsplit((self._parts.scheme, place, parts.path or "/", parts.query, ""))

    def stream_at_home(self, url: str) -> str:
        """The address of a stream from the device's answers: its scheme, port, path and query, on our host, and
        without any user or password in front of it. Raises SourceFault."""
        try:
            parts = urlsplit(url.strip())
            scheme, port = parts.scheme.lower(), parts.port
        except ValueError:
            scheme, port = "", None
        if scheme not in ("rtsp", "rtsps", "http", "https"):
            raise SourceFault("the camera names an address that cannot be a stream's")
        if not all("!" <= letter <= "~" for letter in parts.path + parts.query):
            raise SourceFault("the camera names a stream's address with letters that no address has")
        place = self._bracketed + (f":{port}" if port else "")
        return urlunsplit((scheme, place, parts.path, parts.query, ""))

    def ours_ns(self, said: str) -> int:
        """A time of the device (xs:dateTime) on our clock, UTC nanoseconds; 0 where it is none."""
        try:
            moment = datetime.fromisoformat(said.strip())
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return int((moment.timestamp() - self.ahead_s) * 1e9)
        except (ValueError, OverflowError):
            return 0

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    def _ask(self, url: str, body: Markup, seconds: float, headers: str) -> Element:
        token = Markup("")
        if self._access.user:
            token = soap.user_token(self._access.user, self._access.password, self._wall() + self.ahead_s)
        return self._send(url, soap.envelope(body, token, headers), seconds)

    def _send(self, url: str, raw: bytes, seconds: float) -> Element:
        return soap.answer(*post(url, self._access, "application/soap+xml; charset=utf-8", raw, seconds, MAX_BYTES))

    def _read_clock(self) -> None:
        """Without a token: ONVIF Core, 8.3.1 lets anybody ask. A device that does not answer it counts as right."""
        before = self._wall()
        try:
            said = self._send(self._url, soap.envelope(tag("tds:GetSystemDateAndTime")), CALL_S)
        except (DeviceFault, Refused):
            return
        clock = said.find("SystemDateAndTime")
        self.zone = plain(text(clock, "TimeZone/TZ"), 60)
        utc = None if clock is None else clock.find("UTCDateTime")
        year, month, day = (int(number(utc, f"Date/{part}")) for part in ("Year", "Month", "Day"))
        hour, minute, second = (int(number(utc, f"Time/{part}")) for part in ("Hour", "Minute", "Second"))
        try:
            theirs = datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
        except (ValueError, OverflowError):
            return
        # They count whole seconds: on average half of one has gone.
        self.ahead_s = theirs + 0.5 - (before + self._wall()) / 2
