"""A look at a past time: from the hub's answer to an address that this station's decoders may open.

1. The hub has allowed the look and kept it on record; its answer says how the recorder is reached, with its password.
2. By the maker's addresses the address is written; by ONVIF the recorder is asked, for some seconds, in a thread.
3. User and password go to the decoders (`SecretKeeper.allow`), for this address alone; the screen gets the address.
Must not: give a password to a screen, keep one on disk, or ask the hub.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from backends.domain.camera import StreamKind
from backends.domain.device import DeviceTrouble
from backends.domain.ports import PastPictures
from backends.domain.replay import span_of
from backends.onvif.device import Login, url_of
from backends.onvif.replay import OnvifRecorder
from backends.video.nvr.past import Recorder
from backends.video.nvr.templates import RTSP_PORT, Device, Maker

_log = logging.getLogger(__name__)

TLS_RTSP_PORT = 322
KEPT = 16
"""Recorders whose own list of recordings is remembered."""

Allow = Callable[[str, str, str, str, str], None]
"""(person, camera id, user, password, the address that is allowed)."""
Told = Callable[[dict[str, str]], None]
"""Gets {"uri": ...}, or {"trouble": why not, in words}."""


class PastDesk:
    """Thread-safe; each question has a thread of its own."""

    def __init__(self, allow: Allow) -> None:
        self._allow = allow
        self._lock = threading.Lock()
        self._onvif: dict[Login, tuple[threading.Lock, OnvifRecorder]] = {}
        self._newest: dict[str, object] = {}
        """Camera -> its newest question: a recorder that is slow is not asked for what nobody wants any more."""

    def open(self, person: str, camera: str, span: str, values: Mapping[str, str], told: Told) -> None:
        """Returns at once; `told` is called once, in a thread of ours. `values`: of the hub's answer."""
        question = object()
        with self._lock:
            self._newest[camera] = question
        asked = (question, person, camera, span, dict(values), told)
        threading.Thread(target=self._open, args=asked, name="past", daemon=True).start()

    def _open(
        self, question: object, person: str, camera: str, span: str, values: dict[str, str], told: Told
    ) -> None:  # fmt: skip
        user, password = values.pop("user", ""), values.pop("password", "")
        try:
            uri = self._address(span, values, user, password, lambda: self._newest.get(camera) is question)
        except (DeviceTrouble, ValueError) as trouble:
            _log.info("a past time of %s cannot be played: %s", camera, trouble)
            told({"trouble": str(trouble)})
            return
        except KeyError as missing:
            _log.error("the hub does not say how a past time of %s is played: %s is missing", camera, missing)
            told({"trouble": "the hub does not say how"})
            return
        self._allow(person, camera, user, password, uri)
        told({"uri": uri})

    def _address(
        self, span: str, way: Mapping[str, str], user: str, password: str, wanted: Callable[[], bool]
    ) -> str:  # fmt: skip
        """Raises DeviceTrouble, ValueError, KeyError."""
        times = span_of(span)
        if times is None:
            raise ValueError("what is asked for is no span of time")
        port, tls = int(way["port"]), way["tls"]
        pin, channel = tls.removeprefix("pin:") if tls.startswith("pin:") else "", int(way["channel"])
        if way["maker"] == "onvif":
            host = f"[{way['host']}]" if ":" in way["host"] else way["host"]
            url = url_of(f"{host}:{port}" if port else host, tls=bool(tls), pin=pin)
            return self._by_onvif(Login(url, user, password), channel, *times, wanted)
        device = Device(
            Maker(way["maker"]), way["host"], port or (TLS_RTSP_PORT if tls else RTSP_PORT), bool(tls), way["zone"],
            float(way["ahead"]), int(way["first"]),
        )  # fmt: skip
        uri = Recorder(device).past(channel, *times, StreamKind(way["stream"]))
        return f"{uri}#sha256={pin}" if pin else uri

    def _by_onvif(self, login: Login, channel: int, t0_ns: int, t1_ns: int, wanted: Callable[[], bool]) -> str:
        with self._lock:
            found = self._onvif.pop(login) if login in self._onvif else (threading.Lock(), OnvifRecorder(login))
            lock, keeper = self._onvif[login] = found  # the newest last
            while len(self._onvif) > KEPT:
                del self._onvif[next(iter(self._onvif))]
        past: PastPictures = keeper
        with lock:
            if not wanted():
                raise DeviceTrouble("another time is asked for")
            try:
                return past.past(channel, t0_ns, t1_ns)
            except DeviceTrouble:
                with self._lock:
                    self._onvif.pop(login, None)  # it may have been set up anew
                raise
