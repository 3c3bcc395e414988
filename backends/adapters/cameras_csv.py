"""A site's camera directory as a table for people and spreadsheets (CSV), and as the hub's own `cameras.csv`.

Pure. Reading is whole or nothing: every fault is told with its line (`csv_table`). Must not: hold a user or
password in any column, or repeat one in a fault's words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec

from backends.adapters.csv_table import CsvFaults, Fault, Heading, LeftOut, one_of, plain, read_table, write_table
from backends.domain.camera import Camera, PresetView, Sector, Stream, StreamKind
from backends.domain.text import LocalText, fold

SITE_FILE = "cameras.csv"
"""In the hub's data folder: what `ioc-console cameras import` keeps."""
MOST_CHANNELS = 1024
MOST_PRESET_NAME = 60

_ID = "cam-"
_NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,15}")
_KEY = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
_SECRET = re.compile(r"(?i)(?<![a-z])(?:user(?:name)?|usr|pass(?:word|wd)?|pwd|token|auth)=")
"""In queries, and in the paths of cameras that take "/user=..._password=..."."""
_SECRET_COLUMNS = frozenset({"user", "username", "password", "passwd", "pwd", "secret", "token"})
_ADDRESSED = frozenset({"rtsp", "rtsps", "http", "https"})
"""Schemes whose addresses name a host."""


class CameraRow(msgspec.Struct, frozen=True):
    """One line: a camera as people write it down. Field names are the columns."""

    number: str
    name_vi: str
    name_en: str = ""
    site: str = ""
    area: str = ""
    owner: str = "city"
    lat: float | None = None
    lon: float | None = None
    bearing: float | None = None
    """Degrees clockwise from north, below 360."""
    angle: float | None = None
    """Degrees that it sees across."""
    range: float | None = None
    """Metres that it sees far."""
    reach: Sector | None = None
    """What it can be turned to: "200-40", clockwise."""
    presets: tuple[PresetView, ...] = ()
    """Where it looks at its presets: "Cổng chợ=95 | 3=200"."""
    main_uri: str = ""
    sub_uri: str = ""
    restream_uri: str = ""
    """The large stream from the room's restreamer, or its only one: used before the camera itself."""
    restream_sub_uri: str = ""
    """The small stream from there."""
    transport: str = "tcp"
    tls: str = "verify"
    """`verify`, or `pin:` and the SHA-256 of the camera's certificate in hexadecimal."""
    onvif: str = ""
    """Address of its ONVIF device service."""
    nvr: str = ""
    channel: int = 0
    """At its recorder, from 1; 0 = not said."""
    ptz: bool = False
    substitutes: tuple[str, ...] = ()
    """Numbers of cameras that may stand in for it, best first."""
    enabled: bool = True


COLUMNS: tuple[str, ...] = CameraRow.__struct_fields__
_NEEDED = ("number", "name_vi")
_ADDRESSES = ("main_uri", "sub_uri", "restream_uri", "restream_sub_uri")
_HEADING = Heading(COLUMNS, _NEEDED, _SECRET_COLUMNS)


# -- reading -----------------------------------------------------------------------------------------


def read(
    raw: bytes, known: Mapping[str, CameraRow] | None = None, schemes: Collection[str] | None = None
) -> list[CameraRow]:
    """The rows of a file, in its order. Raises CsvFaults with everything that is wrong.

    `known`: the site's cameras by number; a column that the file does not have keeps what is there. `schemes`:
    the kinds of addresses that can be opened ("rtsp"), None = any.
    """
    known = known or {}
    rows, faults, _ = _rows(read_table(raw, _HEADING), known, schemes)
    if faults:
        raise CsvFaults(faults)
    return rows


def read_what_can_be(raw: bytes) -> tuple[list[CameraRow], list[Fault], frozenset[str]]:
    """For a running hub: the rows that are right, what is wrong with the others, and the numbers of those others, as
    far as they can be read. Raises CsvFaults for a file that is no such table."""
    left_out: LeftOut = []
    rows, faults, refused = _rows(read_table(raw, _HEADING, left_out), {}, None)
    faults += [fault for fault, _ in left_out]
    refused |= {cells.get("number", "").strip() for _, cells in left_out}
    return rows, sorted(faults, key=lambda fault: fault.line), frozenset(filter(_NUMBER.fullmatch, refused))


def _rows(
    lines: list[tuple[int, dict[str, str]]], known: Mapping[str, CameraRow], schemes: Collection[str] | None
) -> tuple[list[CameraRow], list[Fault], set[str]]:
    """(rows that are right, faults, numbers of rows that are not). A stand-in whose own row is wrong is one still."""
    faults: list[Fault] = []
    rows: list[CameraRow] = []
    at: dict[str, int] = {}
    refused: set[str] = set()
    for line, cells in lines:
        before = len(faults)
        row = _row(line, cells, known, faults)
        if row is None:
            refused.add(cells["number"].strip())
            continue
        if row.number in at:
            faults.append(Fault(line, f"number {row.number} stands in line {at[row.number]} already"))
        at.setdefault(row.number, line)
        faults += [Fault(line, text) for text in _odd(row, known, schemes)]
        if len(faults) == before:
            rows.append(row)
        else:
            refused.add(row.number)
    there = at.keys() | known.keys() | refused
    for row in list(rows):
        unknown = [n for n in row.substitutes if n not in there]
        if unknown:
            faults.append(Fault(at[row.number], f"substitutes: there is no camera {unknown[0]}"))
            rows.remove(row)
            refused.add(row.number)
    return rows, faults, refused


def _row(
    line: int, cells: dict[str, str], known: Mapping[str, CameraRow], faults: list[Fault]
) -> CameraRow | None:  # fmt: skip
    values: dict[str, Any] = {}
    good = True
    for column, cell in cells.items():
        try:
            text = plain(cell)
            values[column] = _CELLS[column](text) if text or column in _NEEDED else _DEFAULTS[column]
        except ValueError as error:
            faults.append(Fault(line, f"{column}: {error}"))
            good = False
    if not good:
        return None
    before = known.get(values["number"])
    return msgspec.structs.replace(before, **values) if before is not None else CameraRow(**values)


def _odd(row: CameraRow, known: Mapping[str, CameraRow], schemes: Collection[str] | None) -> list[str]:
    """What does not go together in one row."""
    said = []
    if (row.lat is None) != (row.lon is None):
        said.append("lat and lon go together")
    if not any(getattr(row, column) for column in _ADDRESSES):
        said.append("a camera needs main_uri, sub_uri, restream_uri or restream_sub_uri")
    if row.channel and not row.nvr:
        said.append("channel counts at a recorder: give nvr with it")
    if row.number in row.substitutes:
        said.append("substitutes: a camera does not stand in for itself")
    for column in _ADDRESSES:
        scheme = getattr(row, column).partition(":")[0].lower()
        if scheme and schemes is not None and scheme not in schemes:
            said.append(f'{column}: no addresses that begin with "{scheme[:20]}" can be opened; known are '
                        f"{', '.join(f'{name}:' for name in sorted(schemes))}")  # fmt: skip
    if row.number not in known and row.number.isdecimal():
        # 014 comes back as 14 from a spreadsheet that was not told that it is text.
        meant = [n for n in known if n.isdecimal() and len(n) > len(row.number) and int(n) == int(row.number)]
        if meant:
            said.append(f"number {row.number} is new, but there is {meant[0]}: has a spreadsheet dropped its zeros?")
    return said


# -- cells -------------------------------------------------------------------------------------------


def _number(cell: str) -> str:
    if not _NUMBER.fullmatch(cell):
        raise ValueError("give 1 to 16 letters, digits, '.', '_' or '-', such as 014")
    return cell


def _name(cell: str) -> str:
    if not cell:
        raise ValueError("a camera needs a name")
    return cell


def _key(cell: str) -> str:
    if not _KEY.fullmatch(cell):
        raise ValueError("give an id of letters, digits, '.', '_' and '-'")
    return cell


def _within(low: float, high: float) -> Callable[[str], float]:
    def parse(cell: str) -> float:
        # A Vietnamese spreadsheet writes 16,81; thousands never come here.
        if not re.fullmatch(r"[+-]?[0-9]{1,9}(?:[.,][0-9]{0,12})?", cell):
            raise ValueError(f'"{cell[:20]}" is no number such as {high / 2:g}')
        value = float(cell.replace(",", "."))
        if not low <= value <= high:
            raise ValueError(f"{value:g} is not within {low:g} to {high:g}")
        return value

    return parse


def _bearing(cell: str) -> float:
    return _within(0, 360)(cell) % 360.0


_BEARING = r"[0-9]{1,3}(?:[.,][0-9]{1,6})?"


def _reach(cell: str) -> Sector:
    """All round is 0-360."""
    found = re.fullmatch(rf"({_BEARING}) ?[-–] ?({_BEARING})", cell)
    if found is None:
        raise ValueError('must be two bearings, clockwise, such as 200-40; all round is "0-360"')
    start, end = (_bearing(one) for one in found.groups())
    return Sector(start, (end - start) % 360.0) if start != end else Sector(0.0, 360.0)


def _presets(cell: str) -> tuple[PresetView, ...]:
    views = []
    for part in cell.split("|"):
        name, equals, deg = (one.strip() for one in part.rpartition("="))
        if not equals or not 1 <= len(name) <= MOST_PRESET_NAME or not re.fullmatch(_BEARING, deg):
            raise ValueError("must be names or tokens of presets with their bearings, such as Cổng chợ=95 | 3=200")
        views.append(PresetView(name, _bearing(deg)))
    return tuple(views)


def _channel(cell: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", cell) or not 1 <= int(cell) <= MOST_CHANNELS:
        raise ValueError(f"must be a whole number, 1 to {MOST_CHANNELS}")
    return int(cell)


_TRUE = frozenset({"yes", "true", "1", "co", "x"})
_FALSE = frozenset({"no", "false", "0", "khong"})


def _yes(cell: str) -> bool:
    word = fold(cell)
    if word not in _TRUE | _FALSE:
        raise ValueError(f'"{cell[:20]}" is neither yes nor no')
    return word in _TRUE


def _tls(cell: str) -> str:
    word = cell.lower().replace(" ", "")
    pin = word.removeprefix("pin:").replace(":", "")
    if word == "verify":
        return word
    if not word.startswith("pin:") or not re.fullmatch(r"[0-9a-f]{64}", pin):
        raise ValueError("must be verify, or pin: and the 64 hexadecimal digits of a certificate's SHA-256")
    return f"pin:{pin}"


def _numbers(cell: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_number(part) for part in cell.split()))


def _address(cell: str) -> str:
    """Never repeats the cell: it may hold what it must not."""
    scheme, colon, rest = cell.partition(":")
    if not colon or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]{0,19}", scheme) or not rest or " " in cell:
        raise ValueError("must be an address without spaces, such as rtsp://10.0.0.7/stream2")
    if _SECRET.search(cell):
        raise ValueError("holds a user or password: take it out, and give it in the file of secrets")
    if "@" in cell and scheme.lower() != "file":
        raise ValueError("holds a user or password (or an @, written %40): give them in the file of secrets")
    if scheme.lower() in _ADDRESSED:
        try:
            parts = urlsplit(cell)
            named = bool(parts.hostname) and parts.port != 0
        except ValueError:
            named = False
        if not named:
            raise ValueError("names no host, or no port that can be")
    return cell


def _web_address(cell: str) -> str:
    if cell.partition(":")[0].lower() not in ("http", "https"):
        raise ValueError("must be an address that begins with http:// or https://")
    return _address(cell)


_CELLS: dict[str, Callable[[str], Any]] = {
    "number": _number,
    "name_vi": _name,
    "name_en": str,
    "site": _key,
    "area": _key,
    "owner": one_of("city", "ward"),
    "lat": _within(-90, 90),
    "lon": _within(-180, 180),
    "bearing": _bearing,
    "angle": _within(1, 360),
    "range": _within(1, 20_000),
    "reach": _reach,
    "presets": _presets,
    "main_uri": _address,
    "sub_uri": _address,
    "restream_uri": _address,
    "restream_sub_uri": _address,
    "transport": one_of("tcp", "udp", "multicast"),
    "tls": _tls,
    "onvif": _web_address,
    "nvr": _key,
    "channel": _channel,
    "ptz": _yes,
    "substitutes": _numbers,
    "enabled": _yes,
}
_DEFAULTS: dict[str, Any] = dict(zip(COLUMNS[2:], CameraRow.__struct_defaults__, strict=True))


# -- writing -----------------------------------------------------------------------------------------


def write(rows: Iterable[CameraRow], delimiter: str = ",") -> bytes:
    """A file that `read` gives back unchanged. With ';' numbers have a decimal comma, as spreadsheets set to
    Vietnamese expect."""
    cells = ([_cell(getattr(row, column), delimiter) for column in COLUMNS] for row in rows)
    return write_table(COLUMNS, cells, delimiter)


def _cell(value: Any, delimiter: str) -> str:
    if value is None or (value == 0 and type(value) is int):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        plain = f"{value:.12f}".rstrip("0").rstrip(".")
        return plain.replace(".", ",") if delimiter == ";" else plain
    if isinstance(value, Sector):
        end = value.from_deg + value.width_deg
        ends = (value.from_deg, end % 360.0) if value.width_deg < 360.0 else (0.0, 360.0)
        return "-".join(_cell(one, delimiter) for one in ends)
    if isinstance(value, PresetView):
        return f"{value.preset}={_cell(value.bearing_deg, delimiter)}"
    if isinstance(value, tuple):
        between = " | " if value and isinstance(value[0], PresetView) else " "
        return between.join(_cell(one, delimiter) for one in value)
    return str(value)


# -- difference --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    """What an import would change."""

    added: tuple[CameraRow, ...]
    removed: tuple[CameraRow, ...]
    changed: tuple[tuple[CameraRow, CameraRow], ...]
    """(before, after)."""

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def lines(self) -> list[str]:
        """For people: "+ 115 Tên", "- 114 Tên", "~ 014 sub_uri: a -> b"."""
        said = [f"+ {row.number} {row.name_vi}" for row in self.added]
        said += [f"- {row.number} {row.name_vi}" for row in self.removed]
        for before, after in self.changed:
            for column in COLUMNS:
                old, new = _cell(getattr(before, column), ","), _cell(getattr(after, column), ",")
                if old != new:
                    said.append(f"~ {after.number} {column}: {old or '(empty)'} -> {new or '(empty)'}")
        return said


def compare(before: Iterable[CameraRow], after: Iterable[CameraRow]) -> Difference:
    """By number."""
    old, new = {row.number: row for row in before}, {row.number: row for row in after}
    return Difference(
        added=tuple(row for number, row in new.items() if number not in old),
        removed=tuple(row for number, row in old.items() if number not in new),
        changed=tuple((old[n], row) for n, row in new.items() if n in old and old[n] != row),
    )


# -- the directory's records -------------------------------------------------------------------------


def camera_id(number: str) -> str:
    """The id of the camera called `number`; the same as in the simulated city."""
    return f"{_ID}{number}"


def to_camera(row: CameraRow) -> Camera:
    """The directory record. The ONVIF address has no place in it; the hub adds the recorder where it knows it."""
    return Camera(
        id=camera_id(row.number),
        number=row.number,
        name=LocalText(row.name_vi, row.name_en),
        streams=_streams(_reached(row.main_uri, row), _reached(row.sub_uri, row)),
        site=row.site,
        area_id=row.area,
        owner=row.owner,
        lon=row.lon,
        lat=row.lat,
        bearing_deg=row.bearing,
        angle_deg=row.angle,
        range_m=row.range,
        reach=row.reach,
        preset_views=row.presets,
        enabled=row.enabled,
        substitutes=tuple(camera_id(number) for number in row.substitutes),
        restream=_streams(row.restream_uri, row.restream_sub_uri),
        turns=row.ptz and bool(row.onvif),
    )


def _reached(uri: str, row: CameraRow) -> str:
    """The address with what it takes to reach it behind the "#", where a console's decoder looks for it."""
    scheme = uri.partition(":")[0].lower()
    if "#" in uri:
        return uri  # somebody has written it there
    if scheme == "rtsp" and row.transport == "udp":
        return f"{uri}#udp"
    if scheme in ("rtsps", "https") and row.tls.startswith("pin:"):
        return f"{uri}#sha256={row.tls.removeprefix('pin:')}"
    return uri


def _streams(main: str, sub: str) -> tuple[Stream, ...]:
    return tuple(Stream(kind, uri) for kind, uri in ((StreamKind.MAIN, main), (StreamKind.SUB, sub)) if uri)


def from_camera(camera: Camera) -> CameraRow:
    """The row of a directory record."""
    uris, again = ({stream.kind: stream.uri for stream in some} for some in (camera.streams, camera.restream))
    return CameraRow(
        number=camera.number,
        name_vi=camera.name.vi,
        name_en=camera.name.en,
        site=camera.site,
        area=camera.area_id,
        owner=camera.owner,
        lat=camera.lat,
        lon=camera.lon,
        bearing=camera.bearing_deg,
        angle=camera.angle_deg,
        range=camera.range_m,
        reach=camera.reach,
        presets=camera.preset_views,
        main_uri=uris.get(StreamKind.MAIN, ""),
        sub_uri=uris.get(StreamKind.SUB, ""),
        restream_uri=again.get(StreamKind.MAIN, ""),
        restream_sub_uri=again.get(StreamKind.SUB, ""),
        substitutes=tuple(one.removeprefix(_ID) for one in camera.substitutes),
        enabled=camera.enabled,
    )


# -- secrets, in a file of their own -----------------------------------------------------------------

_SECRETS = Heading(("number", "user", "password"), ("number", "user", "password"), confidential=True)


def read_secrets(raw: bytes, numbers: Collection[str]) -> dict[str, dict[str, str]]:
    """User and password by camera id, for the hub's vault. Raises CsvFaults, which repeat none of them.

    `numbers`: the cameras that there are.
    """
    told: dict[str, dict[str, str]] = {}
    faults: list[Fault] = []
    for line, cells in read_table(raw, _SECRETS):
        number = cells["number"].strip()
        if number not in numbers:
            faults.append(Fault(line, "there is no camera of that number"))
        elif camera_id(number) in told:
            faults.append(Fault(line, "that number stands there twice"))
        elif not cells["user"].strip() or not cells["password"]:
            faults.append(Fault(line, "user and password go together"))
        elif any(ord(char) < 32 or ord(char) == 127 for char in cells["user"] + cells["password"]):
            faults.append(Fault(line, "holds a line break or another control character"))
        else:
            told[camera_id(number)] = {"user": cells["user"].strip(), "password": cells["password"]}
    if faults:
        raise CsvFaults(faults)
    return told
