"""A network segment with ONVIF devices that answer WS-Discovery, on the loopback interface."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Callable

from backends.onvif.discovery import GROUP

_SOAP, _WSA = "http://www.w3.org/2003/05/soap-envelope", "http://schemas.xmlsoap.org/ws/2004/08/addressing"
_WSD = "http://schemas.xmlsoap.org/ws/2005/04/discovery"


def match(endpoint: str, xaddrs: str, scopes: str = "") -> str:
    return (
        f"<d:ProbeMatch><w:EndpointReference><w:Address>{endpoint}</w:Address></w:EndpointReference><d:Types>dn:x"
        f"</d:Types><d:Scopes>{scopes}</d:Scopes><d:XAddrs>{xaddrs}</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion>"
        "</d:ProbeMatch>"
    )


def answer(message: str, *matches: str) -> bytes:
    return (
        f'<?xml version="1.0"?><e:Envelope xmlns:e="{_SOAP}" xmlns:w="{_WSA}" xmlns:d="{_WSD}"><e:Header>'
        f"<w:MessageID>uuid:1</w:MessageID><w:RelatesTo>{message}</w:RelatesTo></e:Header><e:Body><d:ProbeMatches>"
        f"{''.join(matches)}</d:ProbeMatches></e:Body></e:Envelope>"
    ).encode()


Answers = Callable[[str], list[bytes]]


class Segment:
    """Devices that listen to the group on the loopback interface; `answers` makes their datagrams of a message id."""

    def __init__(self) -> None:
        self.answers: Answers = lambda message: []
        self.probes: list[bytes] = []
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("", 0))
        member = struct.pack("=4s4s", socket.inet_aton(GROUP), socket.inet_aton("127.0.0.1"))
        self._sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        self.port: int = self._sock.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="segment")
        self._thread.start()

    def _serve(self) -> None:
        while True:
            raw, who = self._sock.recvfrom(65_535)
            if raw == b"end":
                return
            self.probes.append(raw)
            found = re.search(rb"urn:uuid:[0-9a-f-]+", raw)
            for datagram in self.answers(found[0].decode() if found else ""):
                self._sock.sendto(datagram, who)

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"end", ("127.0.0.1", self.port))
        self._thread.join()
        self._sock.close()
