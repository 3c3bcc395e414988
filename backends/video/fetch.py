"""GET and POST over HTTP(S), as far as cameras need it: deadlines, limits, digest, pinned certificates, few redirects.

The standard library's `urllib` waits as long as a server sends a byte now and then, follows the environment's
proxies and knows no pins; so only its parser of answers (`http.client`) is used, on sockets of our own.
Must not: know what a body holds, or put an address or a password into words.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from backends.video import tls
from backends.video.digest import authorization
from backends.video.faults import NotASource, Refused, SourceFault

MAX_REDIRECTS = 3
AGENT = "ioc-console"


@dataclass(frozen=True, slots=True)
class Access:
    """Who we are, for whom, and which certificate counts. `repr` shows no secret."""

    host: str
    """Only this one is given the password: a redirect may lead to another."""
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    pin: str = ""


class _Door(io.RawIOBase):
    """A socket that is read until a deadline, whatever little comes before it."""

    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock = sock
        self.until = until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._sock.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What `http.client.HTTPResponse` asks of a socket."""
        return io.BufferedReader(self, 65536)

    def close(self) -> None:
        self._sock.close()
        super().close()


class Body:
    """The body of an answer. One thread, but for `close`. Reading raises SourceFault in words."""

    def __init__(self, url: str, door: _Door, answer: http.client.HTTPResponse) -> None:
        self.url = url
        """Where it came from at last, redirects followed."""
        self.content_type = answer.getheader("Content-Type") or ""
        self._door = door
        self._answer = answer

    def allow(self, seconds: float) -> None:
        """From now on, so long in all may reading take."""
        self._door.until = time.monotonic() + seconds

    def peek(self) -> bytes:
        """What comes first, without taking it."""
        try:
            return self._answer.peek(512)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _fault(error) from None

    def read(self, size: int) -> bytes:
        """At most `size` bytes, as soon as there are some; empty at the end."""
        try:
            return self._answer.read1(size)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _fault(error) from None

    def close(self) -> None:
        self._answer.close()
        self._door.close()


def get(url: str, access: Access, seconds: float) -> Body:
    """The body behind this address, its head read within `seconds` in all. Raises SourceFault."""
    until = time.monotonic() + seconds
    for _ in range(MAX_REDIRECTS + 1):
        parts = _checked(url)
        door, answer = _ask(parts, access, "", until)
        if answer.status == http.client.UNAUTHORIZED and access.user and parts.hostname == access.host:
            asked = answer.headers.get_all("WWW-Authenticate") or []
            _shut(door, answer)
            words = authorization(asked, access.user, access.password, _target(parts))
            if not words:
                raise SourceFault("the camera wants to be shown the password in a way that is not known here")
            door, answer = _ask(parts, access, words, until)
        if answer.status == http.client.OK:
            return Body(url, door, answer)
        location = answer.getheader("Location") if answer.status in (301, 302, 303, 307, 308) else None
        _shut(door, answer)
        if location is None:
            raise _fault_of_status(answer.status)
        before, url = url, urljoin(url, location)
        if before.lower().startswith("https:") and not url.lower().startswith("https:"):
            raise SourceFault("the camera sends us on to an address that may not be opened")
    raise SourceFault("the camera sends us from one address to the next")


def post(url: str, access: Access, content_type: str, body: bytes, seconds: float, most: int) -> tuple[int, bytes]:
    """Status and whole body of the answer, within `seconds` in all. Raises SourceFault; also past `most` bytes.

    No redirect is followed, and over plain HTTP the password is shown as a digest or not at all.
    """
    until = time.monotonic() + seconds
    parts = _checked(url)
    sent = _Sent(content_type, body)
    door, answer = _ask(parts, access, "", until, sent)
    if answer.status == http.client.UNAUTHORIZED and access.user and parts.hostname == access.host:
        asked = answer.headers.get_all("WWW-Authenticate") or []
        words = authorization(
            asked, access.user, access.password, _target(parts), method="POST", in_clear=parts.scheme == "https"
        )
        if words:
            _shut(door, answer)
            door, answer = _ask(parts, access, words, until, sent)
    try:
        return answer.status, _whole(answer, most)
    finally:
        _shut(door, answer)


def _whole(answer: http.client.HTTPResponse, most: int) -> bytes:
    read = bytearray()
    try:
        while piece := answer.read1(65536):
            read += piece
            if len(read) > most:
                raise SourceFault("the camera answers at too great length")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _fault(error) from None
    return bytes(read)


@dataclass(frozen=True, slots=True)
class _Sent:
    """What a POST carries."""

    content_type: str
    body: bytes


def _shut(door: _Door, answer: http.client.HTTPResponse) -> None:
    answer.close()
    door.close()


def _checked(url: str) -> SplitResult:
    """An address that may be asked. Raises SourceFault: a camera may have sent us there."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        usable = False
    if not usable:
        raise SourceFault("the camera sends us on to an address that may not be opened")
    if not all(" " < letter <= "~" for letter in _target(parts) + parts.netloc):
        raise NotASource("there are letters in this address that must be written as %XX")
    return parts


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _ask(
    parts: SplitResult, access: Access, words: str, until: float, sent: _Sent | None = None
) -> tuple[_Door, http.client.HTTPResponse]:
    method = "POST" if sent else "GET"
    sock = _connect(parts, access.pin, until)
    door = _Door(sock, until)
    try:
        head = [
            f"{method} {_target(parts)} HTTP/1.1",
            f"Host: {parts.netloc.rpartition('@')[2]}",
            f"User-Agent: {AGENT}",
            "Accept: */*",
            "Connection: close",
        ]
        if words:
            head.append(f"Authorization: {words}")
        if sent:
            head += [f"Content-Type: {sent.content_type}", f"Content-Length: {len(sent.body)}"]
        sock.settimeout(max(0.01, until - time.monotonic()))
        sock.sendall("\r\n".join([*head, "", ""]).encode() + (sent.body if sent else b""))
        answer = http.client.HTTPResponse(door, method=method)  # type: ignore[arg-type]  # makefile is all it asks of it
        answer.begin()
    except (OSError, http.client.HTTPException, ValueError) as error:
        door.close()
        raise _fault(error) from None
    return door, answer


def _connect(parts: SplitResult, pin: str, until: float) -> socket.socket:
    host = parts.hostname or ""
    if parts.scheme == "https":
        return tls.connect_encrypted(host, parts.port or 443, pin, until)
    return tls.connect(host, parts.port or 80, until)


def _fault_of_status(status: int) -> SourceFault:
    if status in (401, 403):
        return Refused("the camera refuses user name or password")
    if status == 404:
        return SourceFault("the camera does not know this address (404)")
    return SourceFault(f"the camera answers with an error ({status})")


def _fault(error: BaseException) -> SourceFault:
    if isinstance(error, http.client.LineTooLong) or "headers" in str(error):
        return SourceFault("the camera sends headers without end")
    if isinstance(error, http.client.IncompleteRead | http.client.RemoteDisconnected):
        return SourceFault("the camera closed the connection")
    if isinstance(error, ssl.SSLError) and not isinstance(error, TimeoutError):
        return SourceFault("the encrypted connection (TLS) broke")
    if isinstance(error, OSError):
        return tls.fault_of_socket(error)
    return SourceFault("what the camera answers is no HTTP")
