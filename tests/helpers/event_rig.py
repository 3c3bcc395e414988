"""A hub without sockets that watches devices: real core, log, vault, table of cameras, rules and watcher process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from helpers.onvif_device import PASSWORD, USER, OnvifCamera
from helpers.tiny_city import TinyCity
from helpers.waiting import wait_for

from backends.adapters.cameras_csv import SITE_FILE
from backends.domain.alarm import Alarm
from backends.domain.feeds import Mode
from backends.domain.times import NS_PER_S
from backends.hub.core import Core
from backends.hub.event_rules import RULES_FILE
from backends.hub.log import SqliteLog
from backends.hub.private import CAMERA, Vault
from backends.hub.site_cameras import SiteCameras
from backends.hub.watching import EventWatch
from backends.protocol.codec import decode_body

INTRUSION = ("tns1:RuleEngine/FieldDetector/ObjectsInside", "IsInside")
TAMPER = ("tns1:RuleEngine/TamperDetector/Tamper", "IsTamper")
MOTION = ("tns1:RuleEngine/CellMotionDetector/Motion", "IsMotion")
LINE = ("tns1:RuleEngine/LineDetector/Crossed", "ObjectId")
QUICK = """
[[rule]]
kinds = ["intrusion", "tamper", "line_crossed"]
off_delay_s = 0
dead_s = 0
"""
"""For tests that wait for the end of an alarm."""


def table(folder: Path, devices: Mapping[str, str], channels: Mapping[str, int] | None = None) -> None:
    """The site's cameras, number -> ONVIF address; the hub's vault has a password for each."""
    lines = [
        f"{number},Ngã tư {number},Crossing {number},phuong-1,scene:{number},{url},"
        f"{f'nvr-1,{channels[number]}' if channels and number in channels else ','}"
        for number, url in devices.items()
    ]
    head = "number,name_vi,name_en,area,sub_uri,onvif,nvr,channel"
    (folder / SITE_FILE).write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    vault = Vault(folder)
    vault.keep((CAMERA, f"cam-{number}", {"user": USER, "password": PASSWORD}) for number in devices)
    vault.close()


class WatchingHub:
    """Context manager; `wait` keeps its loop turning."""

    def __init__(self, folder: Path, rules: str = QUICK) -> None:
        self.folder = folder
        self.write(rules)
        self.log = SqliteLog(folder / "hub.db", Mode.TEST)
        self.site = SiteCameras(folder)
        now_ns = time.time_ns()
        self.core = Core(self.log, TinyCity(now_ns, past_s=10), site=self.site)
        self.core.start(now_ns)
        self.ahead_s = 0.0
        self.raised: list[str] = []
        """Keys, each time that an alarm was raised, by the timeline."""
        self.looks: set[str] = set()
        self._house_s = 0.0
        self.watch = EventWatch(folder, self.site, monotonic_s=lambda: time.monotonic() + self.ahead_s)

    def write(self, rules: str) -> None:
        (self.folder / RULES_FILE).write_text(rules, encoding="utf-8")

    def __enter__(self) -> WatchingHub:
        self.watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.watch.close()
        self.log.close()

    def turn(self) -> None:
        now_s, now_ns = time.monotonic(), time.time_ns() + int(self.ahead_s * NS_PER_S)
        self.looks |= self.watch.turn(self.core, now_ns)
        if now_s - self._house_s > 0.2:
            self._house_s = now_s
            self.core.maintain(now_ns)
        for envelope in self.core.round(now_ns, now_s):
            if envelope.feed == "timeline":
                event = decode_body("timeline", envelope.body)
                if event.what == "alarm_raised":
                    self.raised.append(event.target.rpartition("@")[0])

    def alarms(self) -> dict[str, Alarm]:
        """By key, without what the tiny city has."""
        found = {e.id.rpartition("@")[0]: decode_body("alarms", e.body) for e in self.core.snapshot("alarms")}
        return {key: alarm for key, alarm in found.items() if key.startswith(("event:", "unwatched", "flooded:"))}

    def wait(self, what: str, condition: Callable[[], object], timeout_s: float = 20.0) -> None:
        def turned() -> object:
            self.turn()
            return condition()

        wait_for(lambda: f"{what}: {self.alarms()}", turned, timeout_s)

    def watches(self, *cameras: OnvifCamera) -> None:
        """Wait until each of these has been told how things stand with it, and the hub too."""
        for camera in cameras:
            self.wait("a watch that stands", lambda camera=camera: "SetSynchronizationPoint" in camera.asked)  # type: ignore[misc]
        names = list(self.watch._watched)
        self.wait("it is heard", lambda: all(self.stands(name) for name in names))

    def lose(self, name: str) -> Alarm:
        """Wait for the loss of a device's watch and its reason, then for the alarm, three minutes later."""

        def why() -> str:
            losses = self.watch._losses
            return losses._devices[name].why if losses is not None and name in losses._devices else ""

        self.wait("a loss", why)
        self.ahead_s += 181.0
        self.wait("its alarm", lambda: f"unwatched:{name}" in self.alarms())
        return self.alarms()[f"unwatched:{name}"]

    def stands(self, name: str) -> bool:
        losses = self.watch._losses
        return losses is not None and name in losses._devices and losses._devices[name].lost_s is None
