"""Finding devices on a network segment: WS-Discovery's Probe by multicast, and who answers it.

Sources: OASIS WS-Discovery (April 2005 draft, as ONVIF Core Specification 7.3 asks for): Probe to
239.255.255.250, UDP 3702. What is found has proved nothing: anybody on the segment can answer.
Must not: leave the segment (time to live 1), or send a password.
"""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from backends.onvif.untrusted import parse, plain, text
from backends.video.faults import SourceFault

GROUP, PORT = "239.255.255.250", 3702
WAIT_S = 3.0
"""Devices answer within APP_MAX_DELAY, 500 ms; some take 2 s."""
REPEAT_S = 0.4
"""UDP loses: the same probe is sent three times."""
MOST_DEVICES = 2048
MAX_DATAGRAM = 65_535
MOST_ELEMENTS = 2000
"""In one datagram: an answer has 12."""

_SOAP, _WSA = "http://www.w3.org/2003/05/soap-envelope", "http://schemas.xmlsoap.org/ws/2004/08/addressing"
_WSD, _NET = "http://schemas.xmlsoap.org/ws/2005/04/discovery", "http://www.onvif.org/ver10/network/wsdl"


@dataclass(frozen=True, slots=True)
class Heard:
    """One device that answered."""

    endpoint: str
    """Its own lasting name, a urn:uuid."""
    url: str
    """Its device service."""
    sender: str
    """The IP address that the answer came from."""
    name: str = ""
    model: str = ""
    place: str = ""

    @property
    def elsewhere(self) -> bool:
        """It names another host than the one that it spoke from: another of its interfaces, or not itself."""
        return urlsplit(self.url).hostname != self.sender


def discover(
    interface: str = "", wait_s: float = WAIT_S, target: tuple[str, int] = (GROUP, PORT)
) -> list[Heard]:  # fmt: skip
    """Devices that answer within `wait_s`, by address. Blocks for as long.

    `interface`: our IPv4 address on the wanted segment; empty: the one that the system prefers. Raises SourceFault
    where nothing can be sent there.
    """
    message = f"urn:uuid:{uuid.uuid4()}"
    found: dict[str, Heard] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
            if interface:
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
            sock.bind((interface or "0.0.0.0", 0))
        except OSError:
            raise SourceFault(f"{interface} is no IPv4 address of this machine") from None
        for raw, sender in _answers(sock, _probe(message), target, time.monotonic() + wait_s):
            for heard in read_matches(raw, sender, message):
                found.setdefault(heard.endpoint, heard)
            if len(found) >= MOST_DEVICES:
                break
    return sorted(found.values(), key=lambda heard: (_sortable(heard.sender), heard.url))


def _answers(
    sock: socket.socket, probe: bytes, target: tuple[str, int], until: float
) -> Iterator[tuple[bytes, str]]:  # fmt: skip
    sends = [time.monotonic() + n * REPEAT_S for n in range(3)]
    while (now := time.monotonic()) < until:
        if sends and now >= sends[0]:
            del sends[0]
            try:
                sock.sendto(probe, target)
            except OSError as error:
                raise SourceFault(f"nothing can be sent to the devices of this network: {error.strerror}") from None
        sock.settimeout(max(0.001, min([until, *sends[:1]]) - now))
        try:
            raw, (sender, _) = sock.recvfrom(MAX_DATAGRAM)
        except TimeoutError:
            continue
        except ConnectionResetError:
            continue  # Windows: somebody refused an earlier datagram
        yield raw, sender


def _probe(message: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{_SOAP}" xmlns:a="{_WSA}" xmlns:d="{_WSD}" '
        f'xmlns:dn="{_NET}"><s:Header><a:Action s:mustUnderstand="1">{_WSD}/Probe</a:Action><a:MessageID>{message}'
        "</a:MessageID><a:ReplyTo><a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
        '</a:Address></a:ReplyTo><a:To s:mustUnderstand="1">urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>'
        "</s:Header><s:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></s:Body></s:Envelope>"
    ).encode()


def read_matches(raw: bytes, sender: str, message: str) -> list[Heard]:
    """The devices in one datagram that answers `message`; none where it is anything else."""
    if message.encode() not in raw:
        return []  # old, or for somebody else: not worth reading
    try:
        root = parse(raw, MOST_ELEMENTS)
    except SourceFault:
        return []
    if text(root, "Header/RelatesTo") != message:
        return []
    return [
        heard
        for match in root.findall("Body/ProbeMatches/ProbeMatch")[:64]
        if (
            heard := _heard(
                text(match, "XAddrs"), text(match, "Scopes"), sender, text(match, "EndpointReference/Address")
            )
        )
    ]


def _heard(xaddrs: str, scopes: str, sender: str, endpoint: str) -> Heard | None:
    usable = [xaddr for xaddr in xaddrs.split()[:16] if _is_web(xaddr)]
    if not usable:
        return None
    # Of several, the one on the segment that it was heard on.
    url = min(usable, key=lambda xaddr: urlsplit(xaddr).hostname != sender)
    return Heard(
        endpoint=plain(endpoint) or url,
        url=url,
        sender=sender,
        name=_scope(scopes, "name"),
        model=_scope(scopes, "hardware"),
        place=_scope(scopes, "location"),
    )


def _is_web(xaddr: str) -> bool:
    try:
        parts = urlsplit(xaddr)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and named and "@" not in xaddr and xaddr.isascii() and xaddr.isprintable()


def _scope(scopes: str, kind: str) -> str:
    """ONVIF Core, 7.3.2.2: onvif://www.onvif.org/name/Gate%20North."""
    start = f"onvif://www.onvif.org/{kind}/"
    return next((plain(unquote(one[len(start) :]), 60) for one in scopes.split() if one.lower().startswith(start)), "")


def _sortable(ip: str) -> tuple[int, ...]:
    return tuple(int(part) for part in ip.split(".") if part.isdecimal())
