"""An ONVIF device for tests, on 127.0.0.1: a real HTTP server that checks what it is told as a camera does.

Passwords are checked apart from the program's own code. `OnvifCamera.asked` has what it was asked, `moves` what it was
told to do. Bad manners are one word each, see MANNERS.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.etree import ElementTree

from helpers import onvif_answers as says

USER, PASSWORD = "operator", 'ge"heim/1 <2>&'
REALM = "acme"
FRESH_S = 5
"""A token that is older, by the device's clock, is refused, as the specification recommends."""
_NS = {
    "s": "{http://www.w3.org/2003/05/soap-envelope}",
    "wsse": "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}",
    "wsu": "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}",
}
_OFFERED = {
    "http://www.onvif.org/ver10/device/wsdl": "/onvif/device_service",
    "http://www.onvif.org/ver10/media/wsdl": "/onvif/media",
    "http://www.onvif.org/ver20/media/wsdl": "/onvif/media2",
    "http://www.onvif.org/ver20/ptz/wsdl": "/onvif/ptz",
    "http://www.onvif.org/ver10/events/wsdl": "/onvif/events",
    "http://www.onvif.org/ver10/recording/wsdl": "/onvif/recording",
    "http://www.onvif.org/ver10/search/wsdl": "/onvif/search",
    "http://www.onvif.org/ver10/replay/wsdl": "/onvif/replay",
}
_BOMB = (
    '<?xml version="1.0"?><!DOCTYPE lol [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True))
    + "]><lol>&j;</lol>"
).encode()
_OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]><x>&f;</x>'
MANNERS: dict[str, bytes] = {
    "bomb": _BOMB,
    "outside": _OUTSIDE,
    "garbage": bytes(range(256)) * 40,
    "empty": b"",
    "html": b"<html><body>Log in</body></html>",
    "deep": b"<a>" * 5000,
    "half": says.envelope("<tds:GetServicesResponse>")[:-40],
    "many": b"<a>" + b"<b/>" * 300_000 + b"</a>",
    "encoding": b'<?xml version="1.0" encoding="cp037x"?><a/>',
}
"""Answers to every question; and besides: "endless", "drip", "mute", "500"."""


class OnvifCamera:
    """A running device. Settings are attributes, and may be changed while it runs."""

    def __init__(self, cert: Path | None = None) -> None:
        self.password = PASSWORD
        self.ahead_s = 0.0
        self.unknown: set[str] = set()
        """Operations that it does not know."""
        self.slow_s = 0.0
        """Before each answer."""
        self.channels = 1
        self.names: tuple[str, ...] = ("main", "sub")
        self.ptz = True
        self.media2 = True
        self.old = False
        """Knows no GetServices."""
        self.http_login = ""
        """"digest" or "basic": asks for it in HTTP, and looks at no token."""
        self.manners = ""
        self.xaddr_host = ""
        """Another host than the one that it is reached by, for its addresses."""
        self.streams = "rtsp://127.0.0.1:554/{token}"
        self.life_s = 60.0
        self.timeouts = ("PT0S", "PT60S")
        self.presets = {"1": "Cổng chính", "2": "Bãi xe"}
        self.recordings = {"rec_1": "video_1"}
        self.replay = "rtsp://127.0.0.1:554/replay"
        self.asked: list[str] = []
        self.bodies: list[ElementTree.Element] = []
        self.refusals = 0
        self.authorizations: list[str] = []
        self.moves: list[str] = []
        self.at: list[float] = []
        """When each of them came (monotonic)."""
        self.heedless = False
        """Does not stop by itself, as a broken one."""
        self._turns_until_s = 0.0
        self.subscriptions: set[str] = set()
        self.flood = 0
        """Messages in each answer to PullMessages, at once: something that begins and ends all the time."""
        self._news: dict[str, list[str]] = {}
        self._states: dict[tuple[str, str, str], str] = {}
        """(topic, item, source) -> value: how things stand, which every new subscription is told first."""
        self._changed = threading.Condition()
        self._nonces: set[str] = set()
        self.gone = threading.Event()
        self._cert = cert
        self._server: _Server | None = None
        self.port = 0
        self.start()

    def start(self) -> None:
        """Start (again, on the same port)."""
        self.gone.clear()
        self._server = _Server(self.port, self)
        if self._cert:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._cert)
            self._server.context = context
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="onvif camera")
        self._thread.start()

    def close(self) -> None:
        """Unplugged."""
        server, self._server = self._server, None
        if server is None:
            return
        self.gone.set()
        with self._changed:
            self._changed.notify_all()
        server.shutdown()
        self._thread.join()
        server.server_close()

    def __enter__(self) -> OnvifCamera:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def base(self) -> str:
        return f"http{'s' if self._cert else ''}://{self.xaddr_host or '127.0.0.1'}:{self.port}"

    @property
    def url(self) -> str:
        return f"http{'s' if self._cert else ''}://127.0.0.1:{self.port}/onvif/device_service"

    def now_s(self) -> float:
        return time.time() + self.ahead_s

    def emit(
        self, topic: str, item: str, value: str, operation: str = "Changed", *, source: str = "vs_1", t_s: float = 0.0
    ) -> None:  # fmt: skip
        """Something happens in front of the camera, now, or by its own word at `t_s`. Nobody is told later what
        happened while there was no subscription, but how things stand."""
        with self._changed:
            if value in ("true", "false"):
                self._states[topic, item, source] = value
            for name in self.subscriptions:
                self._tell(name, says.notification(topic, item, value, t_s or self.now_s(), operation, source))
            self._changed.notify_all()

    def _tell(self, subscription: str, said: str) -> None:
        self._news.setdefault(subscription, []).append(said)

    def forget(self) -> None:
        """Loses its subscriptions, as a reboot does."""
        with self._changed:
            self.subscriptions.clear()
            self._changed.notify_all()

    # -- answers -----------------------------------------------------------------------------------------

    def answer(self, path: str, raw: bytes) -> tuple[int, bytes]:
        envelope = ElementTree.fromstring(raw)
        body = envelope.find(f"{_NS['s']}Body")
        assert body is not None
        operation = body[0].tag.rpartition("}")[2]
        self.asked.append(operation)
        self.gone.wait(self.slow_s)
        self.bodies.append(body[0])
        if operation == "GetSystemDateAndTime":
            return 200, says.envelope(says.clock(self.now_s()))
        if not self.http_login and not self._token_is_right(envelope):
            self.refusals += 1
            return 400, says.fault("NotAuthorized", "Sender not authorized")
        made = getattr(self, f"do_{operation}", None)
        if made is None or operation in self.unknown or (self.old and operation == "GetServices"):
            return 400, says.fault("ActionNotSupported", "Optional Action Not Implemented", "Receiver")
        said: str | bytes = made(body[0], path, envelope)
        return (400, said) if isinstance(said, bytes) else (200, says.envelope(said))

    def _token_is_right(self, envelope: ElementTree.Element) -> bool:
        token = envelope.find(f"{_NS['s']}Header/{_NS['wsse']}Security/{_NS['wsse']}UsernameToken")
        if token is None:
            return False
        name, shown, nonce = (token.findtext(f"{_NS['wsse']}{part}", "") for part in ("Username", "Password", "Nonce"))
        created = token.findtext(f"{_NS['wsu']}Created", "")
        if nonce in self._nonces or abs(_seconds(created) - self.now_s()) > FRESH_S:
            return False
        self._nonces.add(nonce)
        digest = hashlib.sha1(base64.b64decode(nonce) + created.encode() + self.password.encode()).digest()
        return name == USER and secrets.compare_digest(base64.b64encode(digest).decode(), shown)

    def do_GetServices(self, *_: object) -> str:
        offered = {space: path for space, path in _OFFERED.items() if self.media2 or "ver20/media" not in space}
        return says.services(self.base, offered)

    def do_GetCapabilities(self, *_: object) -> str:
        return says.capabilities(self.base)

    def do_GetDeviceInformation(self, *_: object) -> str:
        return says.information()

    def do_GetProfiles(self, _body: object, path: str, *_: object) -> str:
        return says.profiles(self.channels, self.names, ptz=self.ptz, second=path.endswith("media2"))

    def _uri(self, operation: str, body: ElementTree.Element, path: str, where: str) -> str | bytes:
        token = next((node.text or "" for node in body.iter() if node.tag.endswith("ProfileToken")), "")
        if not re.fullmatch(r"[a-z]+_[0-9]+", token):
            return says.fault("NoProfile", "Profile Not Exist")
        return says.uri(operation, where.format(token=token), second=path.endswith("media2"))

    def do_GetStreamUri(self, body: ElementTree.Element, path: str, *_: object) -> str | bytes:
        return self._uri("GetStreamUri", body, path, self.streams)

    def do_GetSnapshotUri(self, body: ElementTree.Element, path: str, *_: object) -> str | bytes:
        return self._uri("GetSnapshotUri", body, path, "http://127.0.0.1/snap/{token}")

    @property
    def turning(self) -> bool:
        """It turns now: until the time-out of its last move."""
        return time.monotonic() < self._turns_until_s

    def _did(self, what: str, turns_s: float = 0.0) -> None:
        self.moves.append(what)
        self.at.append(time.monotonic())
        self._turns_until_s = time.monotonic() + (1e9 if self.heedless and turns_s else turns_s)

    def do_ContinuousMove(self, body: ElementTree.Element, *_: object) -> str:
        parts = [f"{node.tag.rpartition('}')[2]}{sorted(node.attrib.items())}" for node in body.iter() if node.attrib]
        timeout = next((node.text for node in body.iter() if node.tag.endswith("Timeout")), "none")
        still = all(float(node.get(axis, "0")) == 0 for node in body.iter() for axis in ("x", "y"))
        self._did(f"move {' '.join(parts)} {timeout}", 0.0 if still else float((timeout or "PT0S")[2:-1]))
        return "<tptz:ContinuousMoveResponse/>"

    def do_Stop(self, *_: object) -> str:
        self._did("stop")
        return "<tptz:StopResponse/>"

    def do_GotoPreset(self, body: ElementTree.Element, *_: object) -> str | bytes:
        token = next((node.text or "" for node in body.iter() if node.tag.endswith("PresetToken")), "")
        if token not in self.presets:
            return says.fault("NoToken", "Preset does not exist")
        self._did(f"preset {token}")
        return "<tptz:GotoPresetResponse/>"

    def do_GetPresets(self, *_: object) -> str:
        return says.presets(self.presets)

    def do_SetPreset(self, body: ElementTree.Element, *_: object) -> str:
        name, token = (
            next((n.text or "" for n in body.iter() if n.tag.endswith(x)), "") for x in ("Name", "PresetToken")
        )
        token = token or str(len(self.presets) + 1)
        self.presets[token] = name
        return f"<tptz:SetPresetResponse><tptz:PresetToken>{token}</tptz:PresetToken></tptz:SetPresetResponse>"

    def do_GetStatus(self, *_: object) -> str:
        return says.ptz_status(moving=self.turning)

    def do_GetConfigurations(self, *_: object) -> str:
        return says.ptz_configurations()

    def do_GetConfigurationOptions(self, *_: object) -> str:
        return says.ptz_options(*self.timeouts)

    def do_CreatePullPointSubscription(self, *_: object) -> str:
        name = secrets.token_hex(4)
        with self._changed:
            self.subscriptions.add(name)
        return says.subscription(f"{self.base}/onvif/sub?Idx=1", name, self.now_s(), self.life_s)

    def _meant(self, envelope: ElementTree.Element) -> str | bytes:
        """The subscription in the header, which has to come back as it was given."""
        meant = envelope.findtext(f"{_NS['s']}Header/{{http://acme.example/sub}}Sub", "")
        action = envelope.findtext(f"{_NS['s']}Header/{{http://www.w3.org/2005/08/addressing}}Action", "")
        if meant not in self.subscriptions or not action:
            return says.fault("InvalidArgVal", "no such subscription")
        return meant

    def do_SetSynchronizationPoint(self, _body: object, _path: str, envelope: ElementTree.Element) -> str | bytes:
        meant = self._meant(envelope)
        if isinstance(meant, str):
            motion = ("tns1:RuleEngine/CellMotionDetector/Motion", "IsMotion", "vs_1")
            with self._changed:
                self._states.setdefault(motion, "false")
                for (topic, item, source), value in self._states.items():
                    self._tell(meant, says.notification(topic, item, value, self.now_s(), "Initialized", source))
                self._changed.notify_all()
        return meant if isinstance(meant, bytes) else "<tev:SetSynchronizationPointResponse/>"

    def do_PullMessages(self, body: ElementTree.Element, path: str, envelope: ElementTree.Element) -> str | bytes:
        meant = self._meant(envelope)
        if isinstance(meant, bytes) or not path.endswith("Idx=1"):
            return says.fault("InvalidArgVal", "no such subscription")
        timeout = next((n.text or "" for n in body.iter() if n.tag.endswith("Timeout")), "PT1S")
        with self._changed:
            wait_s = float(timeout[2:-1])
            self._changed.wait_for(
                lambda: self._news.get(meant) or self.flood or self.gone.is_set() or meant not in self.subscriptions,
                wait_s,
            )
            if meant not in self.subscriptions:
                return says.fault("InvalidArgVal", "no such subscription")
            news = self._news.pop(meant, [])
            if self.flood:
                topic = "tns1:RuleEngine/FieldDetector/ObjectsInside"
                both = [says.notification(topic, "IsInside", on, self.now_s()) for on in ("true", "false")]
                news += both * (self.flood // 2)
        return says.pulled(news, self.now_s(), self.life_s)

    def do_Renew(self, _body: object, _path: str, envelope: ElementTree.Element) -> str | bytes:
        meant = self._meant(envelope)
        return meant if isinstance(meant, bytes) else says.renewed(self.now_s(), self.life_s)

    def do_Unsubscribe(self, _body: object, _path: str, envelope: ElementTree.Element) -> str | bytes:
        meant = self._meant(envelope)
        if isinstance(meant, bytes):
            return meant
        self.subscriptions.discard(meant)
        return "<wsnt:UnsubscribeResponse/>"

    def do_FindRecordings(self, *_: object) -> str:
        return "<tse:FindRecordingsResponse><tse:SearchToken>s1</tse:SearchToken></tse:FindRecordingsResponse>"

    def do_GetRecordingSearchResults(self, *_: object) -> str:
        return says.recordings(self.recordings, self.now_s() - 86_400, self.now_s())

    def do_EndSearch(self, *_: object) -> str:
        return f"<tse:EndSearchResponse><tse:Endpoint>{says.stamp(self.now_s())}</tse:Endpoint></tse:EndSearchResponse>"

    def do_GetReplayUri(self, body: ElementTree.Element, *_: object) -> str | bytes:
        token = next((n.text or "" for n in body.iter() if n.tag.endswith("RecordingToken")), "")
        if token not in self.recordings:
            return says.fault("NoRecording", "no such recording")
        return f"<trp:GetReplayUriResponse><trp:Uri>{self.replay}</trp:Uri></trp:GetReplayUriResponse>"


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, port: int, camera: OnvifCamera) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.camera = camera
        self.context: ssl.SSLContext | None = None

    def get_request(self) -> tuple[socket.socket, object]:
        plain, address = super().get_request()
        if self.context is None:
            return plain, address
        # The handshake comes with the first reading, in the request's own thread.
        return self.context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go are what is tested."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def log_message(self, format: str, *args: object) -> None:
        """Tests keep quiet."""

    def do_POST(self) -> None:
        camera = self.server.camera
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            special: Callable[[], None] | None = getattr(self, f"send_{camera.manners}", None)
            if camera.manners in MANNERS:
                self.send(200, MANNERS[camera.manners])
            elif special is not None:
                special()
            elif camera.http_login and not self.login_is_right():
                camera.refusals += 1
                challenge = f'Digest realm="{REALM}", nonce="5ca1ab1e", qop="auth", algorithm=MD5'
                basic = f'Basic realm="{REALM}"'
                self.send(401, b"", challenge if camera.http_login == "digest" else basic)
            else:
                self.send(*camera.answer(self.path, raw))
        except OSError:
            return

    def send(self, status: int, body: bytes, challenge: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/soap+xml; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.end_headers()
        self.wfile.write(body)

    def login_is_right(self) -> bool:
        said = self.headers.get("Authorization", "")
        self.server.camera.authorizations.append(said)
        fields = dict(re.findall(r'(\w+)="?([^",]*)"?', said))
        secret = _md5(f"{USER}:{REALM}:{self.server.camera.password}")
        middle = f"5ca1ab1e:{fields.get('nc')}:{fields.get('cnonce')}:auth"
        return fields.get("response") == _md5(f"{secret}:{middle}:{_md5(f'POST:{self.path}')}")

    def send_500(self) -> None:
        self.send(500, b"internal error")

    def send_mute(self) -> None:
        self.server.camera.gone.wait(15)

    def send_endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<a>")
        while not self.server.camera.gone.is_set():
            self.wfile.write(b"<b>x</b>" * 8192)

    def send_drip(self) -> None:
        self.send_response(200)
        self.end_headers()
        while not self.server.camera.gone.wait(0.05):
            self.wfile.write(b"<")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _seconds(created: str) -> float:
    try:
        return datetime.fromisoformat(created).timestamp()
    except ValueError:
        return 0.0
