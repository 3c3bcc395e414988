"""Playing a recording by ONVIF Profile G: RTSP with `Range: clock=` and `Require: onvif-replay`, unknown to FFmpeg.

Our own part is the talk (DESCRIBE, SETUP, PLAY, a sign of life) over one connection, in which the pictures come as
well; what they are made of (RTP of H.264, H.265, JPEG) FFmpeg takes apart, packet by packet from `ReplayFeed.read`
(its SDP reader with `sdp_flags=custom_io`, which opens no socket).

Sources: RFC 2326 (RTSP 1.0; 10.12 interleaved data); ONVIF Streaming Specification, 6 (replay; 6.3 the header
extension 0xABAC with the time at which a picture was recorded).
Must not: believe a length, let an address in a description lead anywhere, or put an address into words.
"""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from backends.video import tls
from backends.video.digest import authorization
from backends.video.faults import NotASource, Refused, SourceFault
from backends.video.nvr.past import ReplayPast, utc_text
from backends.video.reading import NO_ANSWER, OPEN_S, READ_S

PORT, TLS_PORT = 554, 322
MAX_HEAD = 16 << 10
MAX_BODY = 64 << 10
MAX_PACKET = 1 << 16
"""RFC 2326: the length of interleaved data has 16 bits."""
CLOSE_S = 0.5
LEAST_SIGN_S = 5.0
"""A sign of life is sent no more often, however short the session that a device claims."""
EXTENSION = 0xABAC
NTP_TO_UNIX_S = 2_208_988_800
"""From 1900 to 1970."""
_KEPT_LINES = re.compile(r"a=(?:rtpmap|fmtp|framerate|framesize|x-dimensions):[ -~]*")


@dataclass(slots=True)
class _Answer:
    status: int
    headers: dict[str, str]
    challenges: list[str]
    body: bytes


@dataclass(slots=True)
class _Times:
    """Which RTP time was recorded when, on our clock."""

    ahead_ns: int = 0
    first: int | None = None
    known: OrderedDict[int, int] = field(default_factory=OrderedDict)

    def take(self, packet: bytes) -> None:
        stamp = int.from_bytes(packet[4:8], "big")
        if self.first is None:
            self.first = stamp
        recorded_ns = recorded(packet)
        if recorded_ns:
            self.known[stamp] = recorded_ns - self.ahead_ns
            while len(self.known) > 256:
                self.known.popitem(last=False)

    def of(self, pts: int) -> int:
        """0: not known. `pts`: FFmpeg's, which counts from the first RTP time."""
        return self.known.get(((self.first or 0) + pts) & 0xFFFFFFFF, 0)


def recorded(packet: bytes) -> int:
    """When the picture of this RTP packet was recorded, by the device's clock, UTC nanoseconds; 0: it does not say."""
    if len(packet) < 12 or not packet[0] & 0x10:
        return 0
    at = 12 + 4 * (packet[0] & 0x0F)
    if len(packet) < at + 12 or int.from_bytes(packet[at : at + 2], "big") != EXTENSION:
        return 0
    seconds = int.from_bytes(packet[at + 4 : at + 8], "big") - NTP_TO_UNIX_S
    return max(0, seconds) * 1_000_000_000 + (int.from_bytes(packet[at + 8 : at + 12], "big") * 1_000_000_000 >> 32)


class ReplayFeed:
    """One playback: open connection, playing. `Bytes` for FFmpeg's SDP reader. One thread."""

    def __init__(self, past: ReplayPast, from_ns: int, user: str, password: str) -> None:
        """Connects and begins to play at `from_ns`. Raises SourceFault; blocks for OPEN_S at most."""
        self._url = past.url
        self._user, self._password = user, password
        self._encrypted = past.url.startswith("rtsps:")
        self._number = 0
        self._session = ""
        self._challenges: list[str] = []
        self._buffer = bytearray()
        self.times = _Times(int(past.ahead_s * 1e9))
        self._until = time.monotonic() + OPEN_S
        self._sock = self._connect(past)
        try:
            description = self._describe()
            self._sdp: bytes | None = description.text
            life_s = self._set_up(description.control)
            self._play(from_ns, past.span.t1_ns, int(past.ahead_s * 1e9))
        except BaseException:
            self._sock.close()
            raise
        self._alive_s = max(LEAST_SIGN_S, min(life_s, 3600.0) / 2)
        self._next_sign = time.monotonic() + self._alive_s
        self._ended = False

    def read(self, size: int) -> bytes:
        """First the description, then its end, then one RTP packet at a time; empty when nothing more comes."""
        if self._sdp is not None:
            sdp, self._sdp = self._sdp, (b"" if self._sdp else None)
            return sdp
        while not self._ended:
            if time.monotonic() >= self._next_sign:
                self._send("GET_PARAMETER", self._url)
                self._next_sign = time.monotonic() + self._alive_s
            self._until = time.monotonic() + READ_S
            packet = self._interleaved()
            # Channel 0 carries pictures; RTCP, of which the recorder's clock is not needed, comes in channel 1.
            if packet is not None and 12 <= len(packet) <= size and packet[0] >> 6 == 2:
                self.times.take(packet)
                return packet
        return b""

    def close(self) -> None:
        """Blocks CLOSE_S at most: a connection that is closed with pictures unread takes the good-bye with it."""
        with contextlib.suppress(OSError, SourceFault):
            self._until = time.monotonic() + CLOSE_S
            number = self._send("TEARDOWN", self._url)
            while (answer := self._answer()) is None or answer.headers.get("cseq", "").strip() != str(number):
                continue
        self._sock.close()

    # -- the talk --------------------------------------------------------------------------------------

    def _connect(self, past: ReplayPast) -> socket.socket:
        parts = urlsplit(past.url)
        host = parts.hostname or ""
        if self._encrypted:
            return tls.connect_encrypted(host, parts.port or TLS_PORT, past.pin, self._until)
        return tls.connect(host, parts.port or PORT, self._until)

    def _describe(self) -> Description:
        answer = self._ask("DESCRIBE", self._url, {"Accept": "application/sdp", "Require": "onvif-replay"})
        return describe(answer.body, answer.headers.get("content-base") or self._url)

    def _set_up(self, control: str) -> float:
        """Seconds that the device keeps a session without a sign of life."""
        transport = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1", "Require": "onvif-replay"}
        answer = self._ask("SETUP", _at_home(control, self._url), transport)
        self._session, _, rest = answer.headers.get("session", "").partition(";")
        self._session = self._session.strip()
        if not re.fullmatch(r"[!-~]{1,256}", self._session):
            raise SourceFault("the recorder opens no session")
        timeout = re.search(r"timeout\s*=\s*(\d{1,5})", rest)
        return float(timeout[1]) if timeout else 60.0

    def _play(self, t0_ns: int, t1_ns: int | None, ahead_ns: int) -> None:
        ends = "" if t1_ns is None else _clock(t1_ns + ahead_ns)
        wanted = {"Range": f"clock={_clock(t0_ns + ahead_ns)}-{ends}", "Require": "onvif-replay", "Rate-Control": "yes"}
        self._ask("PLAY", self._url, wanted)

    def _ask(self, method: str, url: str, headers: dict[str, str]) -> _Answer:
        answer = self._once(method, url, headers)
        if answer.status == 401 and self._user and answer.challenges and answer.challenges != self._challenges:
            self._challenges = answer.challenges
            answer = self._once(method, url, headers)
        if answer.status == 200:
            return answer
        if answer.status in (401, 403):
            raise Refused("the camera refuses user name or password")
        if answer.status == 551:
            raise NotASource("the recorder does not know playback by ONVIF (551)")
        if answer.status in (404, 457):
            raise SourceFault(f"the recorder has nothing of that time ({answer.status})")
        raise SourceFault(f"the recorder answers with an error ({answer.status})")

    def _once(self, method: str, url: str, headers: dict[str, str]) -> _Answer:
        number = self._send(method, url, headers)
        while True:
            answer = self._answer()
            if answer is not None and answer.headers.get("cseq", "").strip() == str(number):
                return answer

    def _send(self, method: str, url: str, headers: dict[str, str] | None = None) -> int:
        self._number += 1
        said = {"CSeq": str(self._number), "User-Agent": "ioc-console"} | (headers or {})
        if self._session:
            said["Session"] = self._session
        if self._challenges:
            words = authorization(
                self._challenges, self._user, self._password, url, method=method, in_clear=self._encrypted
            )
            if not words:
                raise SourceFault("the camera wants to be shown the password in a way that is not known here")
            said["Authorization"] = words
        head = f"{method} {url} RTSP/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in said.items())
        try:
            self._sock.settimeout(max(0.01, self._until - time.monotonic()))
            self._sock.sendall(head.encode() + b"\r\n")
        except OSError as error:
            raise tls.fault_of_socket(error) from None
        return self._number

    # -- bytes -----------------------------------------------------------------------------------------

    def _interleaved(self) -> bytes | None:
        """The next packet of channel 0; None: something else came. Raises SourceFault."""
        if self._peek(1) != b"$":
            self._answer()
            return None
        head = self._take(4)
        packet = self._take(int.from_bytes(head[2:4], "big"))
        return packet if head[1] == 0 else None

    def _answer(self) -> _Answer | None:
        """The next answer; None for data between, and for requests of the device, which are not answered."""
        if self._peek(1) == b"$":
            self._take(int.from_bytes(self._take(4)[2:4], "big"))
            return None
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > MAX_HEAD:
                raise SourceFault("the camera sends headers without end")
            self._more()
        lines = self._take(end + 4).decode("latin-1").split("\r\n")
        pairs = [
            (name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])
        ]
        headers = dict(pairs)
        length = headers.get("content-length", "0")
        if not re.fullmatch(r"\d{1,6}", length) or int(length) > MAX_BODY:
            raise SourceFault("the camera describes its stream at too great length")
        body = self._take(int(length))
        match = re.match(r"RTSP/1\.[0-9] (\d{3})", lines[0])
        if match is None:
            if not re.match(r"[A-Z_]{3,20} \S+ RTSP/", lines[0]):
                raise SourceFault("what the camera answers is no RTSP")
            self._ended |= lines[0].startswith("TEARDOWN")
            return None
        return _Answer(int(match[1]), headers, [v for n, v in pairs if n == "www-authenticate"], body)

    def _peek(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        return bytes(self._buffer[:size])

    def _take(self, size: int) -> bytes:
        taken = self._peek(size)
        del self._buffer[:size]
        return taken

    def _more(self) -> None:
        left = self._until - time.monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            self._sock.settimeout(left)
            came = self._sock.recv(1 << 16)
        except TimeoutError:
            raise SourceFault(NO_ANSWER) from None
        except OSError as error:
            raise tls.fault_of_socket(error) from None
        if not came:
            raise SourceFault("the camera closed the connection")
        self._buffer += came


@dataclass(frozen=True, slots=True)
class Description:
    """What is played: for FFmpeg, and where it is set up."""

    text: bytes
    control: str


def describe(raw: bytes, base: str) -> Description:
    """The first picture in a description (SDP), and nothing else of it: no address, no other medium.

    Raises NotASource where there is none.
    """
    section: list[str] = []
    for line in raw.decode("latin-1").splitlines():
        if line.startswith("m="):
            if section:
                break
            if re.match(r"m=video \d+ RTP/AVP \d{1,3}(?: \d{1,3})*\s*$", line):
                section.append(line)
        elif section:
            section.append(line)
    if not section:
        raise NotASource("there is no picture in what this address sends")
    formats = " ".join(section[0].split()[3:4])
    kept = [line for line in section[1:] if _KEPT_LINES.fullmatch(line)]
    control = next((line[10:].strip() for line in section if line.startswith("a=control:")), "")
    lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", f"m=video 0 RTP/AVP {formats}"]
    text = "\r\n".join([*lines, *kept, ""]).encode("latin-1")
    if control in ("", "*"):
        return Description(text, base)
    if "://" in control:
        return Description(text, control)
    return Description(text, f"{base.rstrip('/')}/{control.lstrip('/')}")


def _at_home(url: str, ours: str) -> str:
    """A control address on the host that we know, with the scheme that we came by. Raises SourceFault."""
    try:
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    except ValueError:
        path = ""
    if not path or not all("!" <= letter <= "~" for letter in path):
        raise SourceFault("the recorder names an address that cannot be one")
    mine = urlsplit(ours)
    return f"{mine.scheme}://{mine.netloc}{path}"


def _clock(t_ns: int) -> str:
    """RFC 2326, 3.7: 20261120T081500.250Z."""
    return utc_text(t_ns).replace("-", "").replace(":", "")
