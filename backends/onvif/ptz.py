"""Turning a camera by ONVIF. Implements `PtzDriver`.

A move that is not renewed ends in the camera by itself, after the time-out that travels with it: a console that
dies, or a cable that is pulled, leaves no camera turning. Who may turn it is not asked here (the lease of the hub).
"""

from __future__ import annotations

import math
import re

from backends.domain.device import Preset, PtzPosition
from backends.onvif.device import OnvifDevice, Service
from backends.onvif.soap import DeviceFault, Markup, tag
from backends.onvif.untrusted import plain, text

LEAST_S, MOST_S = 0.2, 10.0
"""Bounds of a move's time-out. Shorter ones stutter over a network; a longer one is a runaway."""
MOST_PRESETS = 1024
MOVE_S = 2.0
"""A move that the camera has not taken by then is too late to be wanted."""
_SECONDS = re.compile(r"P(?:0D)?T(?:(\d{1,4})H)?(?:(\d{1,5})M)?(?:(\d{1,6}(?:\.\d{0,6})?)S)?")


class OnvifPtz:
    """One camera that turns. One thread; every call blocks for CALL_S at most and raises SourceFault."""

    def __init__(self, device: OnvifDevice, profile: str) -> None:
        """`device`: connected. `profile`: `media.Channel.ptz`."""
        self._device = device
        self._profile = profile
        self._bounds = (0.0, MOST_S)
        """The shortest and longest time-out that the camera takes."""

    def prepare(self) -> None:
        """Asks for the bounds of a move's time-out; a camera that says no has the usual ones."""
        try:
            said = self._device.call(Service.PTZ, tag("tptz:GetConfigurations"))
            token = next((one.get("token", "") for one in said.findall("PTZConfiguration")), "")
            asked = tag("tptz:GetConfigurationOptions", tag("tptz:ConfigurationToken", token))
            said = self._device.call(Service.PTZ, asked)
        except DeviceFault:
            return
        limits = said.find("PTZConfigurationOptions/PTZTimeout")
        least, most = seconds_of(text(limits, "Min")), seconds_of(text(limits, "Max"))
        self._bounds = (min(least, MOST_S), most if most >= LEAST_S else MOST_S)

    def move(self, pan: float, tilt: float, zoom: float, timeout_s: float) -> None:
        """Speeds from -1 to 1 (right, up and in are positive), for `timeout_s` from now, or until the next call."""
        pan, tilt, zoom = (_bounded(speed) for speed in (pan, tilt, zoom))
        least, most = self._bounds
        seconds = min(max(least, LEAST_S, 0.0 if math.isnan(timeout_s) else timeout_s), most, MOST_S)
        # A part that is not to move is left out: fixed domes refuse a zoom, box cameras on zoom lenses a pan.
        parts = []
        if pan or tilt or not zoom:
            parts.append(tag("tt:PanTilt", x=f"{pan:.3f}", y=f"{tilt:.3f}"))
        if zoom:
            parts.append(tag("tt:Zoom", x=f"{zoom:.3f}"))
        velocity = tag("tptz:Velocity", *parts)
        self._call("ContinuousMove", velocity, tag("tptz:Timeout", f"PT{seconds:.1f}S"), seconds=MOVE_S)

    def stop(self) -> None:
        self._call("Stop", tag("tptz:PanTilt", "true"), tag("tptz:Zoom", "true"), seconds=MOVE_S)

    def presets(self) -> tuple[Preset, ...]:
        """In the camera's order."""
        said = self._device.call(Service.PTZ, tag("tptz:GetPresets", tag("tptz:ProfileToken", self._profile)))
        found = ((one.get("token", ""), plain(text(one, "Name"), 60)) for one in said.findall("Preset")[:MOST_PRESETS])
        return tuple(Preset(token, name or token) for token, name in found if token)

    def go_to(self, preset: str) -> None:
        """Turns to a preset, by its token, at the camera's own speed."""
        self._call("GotoPreset", tag("tptz:PresetToken", preset), seconds=MOVE_S)

    def keep_preset(self, name: str, preset: str = "") -> str:
        """Keeps the present view under `name`, in the place of `preset` where one is given. Returns its token."""
        token = (tag("tptz:PresetToken", preset),) if preset else ()
        body = tag("tptz:SetPreset", tag("tptz:ProfileToken", self._profile), tag("tptz:PresetName", name), *token)
        return text(self._device.call(Service.PTZ, body), "PresetToken") or preset

    def position(self) -> PtzPosition:
        body = tag("tptz:GetStatus", tag("tptz:ProfileToken", self._profile))
        status = self._device.call(Service.PTZ, body).find("PTZStatus")
        pan_tilt = None if status is None else status.find("Position/PanTilt")
        zoom = None if status is None else status.find("Position/Zoom")
        states = {text(status, f"MoveStatus/{part}").upper() for part in ("PanTilt", "Zoom")} - {"", "UNKNOWN"}
        return PtzPosition(
            pan=None if pan_tilt is None else _attribute(pan_tilt.get("x")),
            tilt=None if pan_tilt is None else _attribute(pan_tilt.get("y")),
            zoom=None if zoom is None else _attribute(zoom.get("x")),
            moving="MOVING" in states if states else None,
        )

    def _call(self, name: str, *inside: Markup, seconds: float) -> None:
        body = tag(f"tptz:{name}", tag("tptz:ProfileToken", self._profile), *inside)
        self._device.call(Service.PTZ, body, seconds=seconds)


def seconds_of(duration: str) -> float:
    """xs:duration without days, such as "PT1M30S"; 0 where it is none."""
    match = _SECONDS.fullmatch(duration)
    hours, minutes, seconds = (float(part or 0) for part in match.groups()) if match else (0.0, 0.0, 0.0)
    return hours * 3600 + minutes * 60 + seconds


def _bounded(speed: float) -> float:
    return 0.0 if math.isnan(speed) else max(-1.0, min(1.0, speed))


def _attribute(said: str | None) -> float | None:
    try:
        value = float(said or "")
    except ValueError:
        return None
    return value if -1e6 < value < 1e6 else None
