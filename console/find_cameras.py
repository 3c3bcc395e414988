"""What `ioc-console cameras discover` and `import-nvr` do: devices of the network become rows of the camera table.

Writes no site: what was found goes into a file for people to read, name and correct, before `cameras import` takes it.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from msgspec.structs import replace

from backends.adapters.cameras_csv import CameraRow, from_camera, read, write
from backends.adapters.csv_table import CsvFaults
from backends.domain.camera import StreamKind
from backends.onvif.device import Login, OnvifDevice, url_of
from backends.onvif.discovery import Heard
from backends.onvif.media import Found, survey, to_camera
from backends.video.faults import SourceFault
from backends.video.nvr.templates import Device, Maker, live


@dataclass(frozen=True, slots=True)
class Naming:
    """What the rows are called before a person has named them."""

    first: str
    """Number of the first; the others count on from it, with its zeros: "098", "099", "100"."""
    site: str = ""

    def number(self, index: int) -> str:
        """Raises ValueError where there is no number to count on from."""
        match = re.fullmatch(r"([0-9A-Za-z._-]*?)([0-9]{1,9})", self.first)
        if match is None:
            raise ValueError(f'--first: "{self.first[:20]}" does not end in a number to count on from')
        return match[1] + str(int(match[2]) + index).zfill(len(match[2]))


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks. `repr` shows no secret."""

    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return "Person()"


Say = Callable[[str], None]


def line_of(heard: Heard) -> str:
    """One device for people."""
    told = ", ".join(filter(None, (heard.name, heard.model, heard.place)))
    odd = f"(the answer came from {heard.sender})" if heard.elsewhere else ""
    return "  ".join(filter(None, (heard.url, told, odd)))


def rows_of_segment(found: Iterable[Heard], person: Person, naming: Naming, say: Say) -> list[CameraRow]:
    """Each device that was heard is asked for its cameras. What does not answer is said, and costs itself alone."""
    rows: list[CameraRow] = []
    for heard in found:
        if heard.elsewhere:
            say(f"{heard.url}: not asked, because the answer came from {heard.sender}; name it to import-nvr")
            continue
        try:
            rows += _rows_of_device(heard.url, "", person, naming, len(rows), heard.name or heard.sender, say, nvr="")
        except SourceFault as fault:
            say(f"{heard.url}: {fault}")
    return rows


def rows_by_onvif(
    host: str, pin: str, person: Person, naming: Naming, nvr: str, say: Say, *, tls: bool
) -> list[CameraRow]:  # fmt: skip
    """All cameras of one recorder. Raises SourceFault."""
    return _rows_of_device(url_of(host, tls=tls or bool(pin)), pin, person, naming, 0, nvr, say, nvr=nvr)


def _rows_of_device(
    url: str, pin: str, person: Person, naming: Naming, index: int, called: str, say: Say, nvr: str
) -> list[CameraRow]:  # fmt: skip
    device = OnvifDevice(Login(url_of(url, pin=pin), person.user, person.password))
    device.connect()
    identity = device.identity()
    if abs(device.ahead_s) >= 2:
        say(f"{called}: its clock is {device.ahead_s:+.0f} s off; playback would show other moments than asked for")
    rows: list[CameraRow] = []
    found = survey(device)
    say(f"{called}: {identity.maker} {identity.model}, firmware {identity.firmware}; cameras: {len(found)}")
    for channel, one in enumerate(found, 1):
        if one.wrong or not one.streams:
            say(f"{called}, channel {channel} ({one.channel.source}): left out: {one.wrong or 'it has no stream'}")
            continue
        name = called if len(found) == 1 else f"{called} kênh {channel}"
        row = _row(one, naming.number(index + len(rows)), name, naming.site, url, pin, nvr, channel)
        if odd := _odd(row):
            say(f"{called}, channel {channel} ({one.channel.source}): left out: {odd}")
            continue
        rows.append(row)
    return rows


def _odd(row: CameraRow) -> str:
    """Why `cameras import` would not take it, such as a password in its address; empty: it would."""
    try:
        read(write([row]))
    except CsvFaults as found:
        return found.faults[0].text
    return ""


def _row(found: Found, number: str, name: str, site: str, url: str, pin: str, nvr: str, channel: int) -> CameraRow:
    return replace(
        from_camera(to_camera(found, number, name)),
        site=site,
        tls=f"pin:{pin}" if pin else "verify",
        onvif=url,
        nvr=nvr,
        channel=channel if nvr else 0,
        ptz=bool(found.channel.ptz),
    )


def rows_by_template(device: Device, channels: int, naming: Naming, nvr: str) -> list[CameraRow]:
    """What the maker's addresses are for so many channels. Asks nothing: whether they are there is not known."""
    return [
        CameraRow(
            number=naming.number(channel - 1),
            name_vi=f"{nvr} kênh {channel}",
            site=naming.site,
            main_uri=live(device, channel, StreamKind.MAIN),
            sub_uri=live(device, channel, StreamKind.SUB),
            nvr=nvr,
            channel=channel,
        )
        for channel in range(1, channels + 1)
    ]


def host_and_port(word: str) -> tuple[str, int]:
    """ "10.0.0.7:8000", "[fe80::1]:80", "nvr.site" or a whole address; 0: no port was said. Raises ValueError."""
    parts = urlsplit(word if "://" in word else f"//{word}")
    if not parts.hostname or "@" in parts.netloc:
        raise ValueError("HOST must be a name or an IP address, without a user or password")
    return parts.hostname, parts.port or 0


def maker_of(word: str) -> Maker | None:
    """None: ONVIF. Raises ValueError."""
    if word == "onvif":
        return None
    try:
        return Maker(word.replace("-", "_"))
    except ValueError:
        known = ", ".join(["onvif", *(maker.value.replace("_", "-") for maker in Maker)])
        raise ValueError(f'--maker: "{word[:20]}" is not known; known are {known}') from None


def none_is_taken(rows: Iterable[CameraRow], site: Iterable[CameraRow]) -> None:
    """Raises ValueError where an import would overwrite a camera that has nothing to do with it."""
    taken = {row.number for row in site}
    for row in rows:
        if row.number in taken:
            raise ValueError(f"number {row.number} is another camera's already: choose --first")


def write_secrets(file: Path, rows: Iterable[CameraRow], person: Person) -> None:
    """The file for `cameras import --secrets`; readable by its owner alone, never overwritten. Raises OSError."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
        table = csv.writer(out)  # without guards against formulas: a password must stay what it is
        table.writerow(("number", "user", "password"))
        table.writerows((row.number, person.user, person.password) for row in rows)
