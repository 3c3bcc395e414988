"""A site's recorders as a table for people and spreadsheets (CSV), and as the hub's own `recorders.csv`.

The column `nvr` of `cameras.csv` names one of them by its `id`, `channel` the camera's place there. Pure; whole or
nothing, every fault with its line (`csv_table`). Must not: hold a user or password in any column, or ask a recorder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from backends.adapters.csv_table import CsvFaults, Fault, Heading, LeftOut, one_of, plain, read_table, write_table

RECORDERS_FILE = "recorders.csv"
"""In the hub's data folder, beside the table of cameras."""
WAYS = ("hikvision", "dahua", "onvif")
"""How a recorder is asked for a past time: by its maker's addresses, or by ONVIF Profile G."""
MOST_AHEAD_S = 86_400.0

_KEY = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
_HOST = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z.:-]{0,251}[0-9A-Za-z])?")
_SECRET_COLUMNS = frozenset({"user", "username", "password", "passwd", "pwd", "secret", "token"})


class RecorderRow(msgspec.Struct, frozen=True):
    """One line. Field names are the columns."""

    id: str
    """What `nvr` says in the table of cameras."""
    maker: str
    """One of WAYS."""
    host: str
    """Name or address, nothing else."""
    port: int = 0
    """0 = the usual one: 554 of RTSP, 322 of RTSP over TLS, 80 and 443 of ONVIF."""
    tls: str = ""
    """Empty: not encrypted. `verify`, or `pin:` and the SHA-256 of its certificate in hexadecimal."""
    zone: str = "UTC"
    """IANA name of the zone in which the recorder reads times (its maker's addresses have none)."""
    ahead: float = 0.0
    """By how many seconds its clock is ahead; by ONVIF it is measured."""
    first: int = 1
    """What it calls its first channel."""
    stream: str = "main"
    """Which stream it keeps: `main` or `sub`."""


COLUMNS: tuple[str, ...] = RecorderRow.__struct_fields__
_NEEDED = ("id", "maker", "host")
_HEADING = Heading(COLUMNS, _NEEDED, _SECRET_COLUMNS)


def read(raw: bytes) -> list[RecorderRow]:
    """The rows of a file, in its order. Raises CsvFaults with everything that is wrong."""
    rows, faults = _rows(read_table(raw, _HEADING))
    if faults:
        raise CsvFaults(faults)
    return rows


def read_what_can_be(raw: bytes) -> tuple[list[RecorderRow], list[Fault]]:
    """For a running hub: the rows that are right, and what is wrong with the others. Raises CsvFaults for a file that
    is no such table."""
    left_out: LeftOut = []
    rows, faults = _rows(read_table(raw, _HEADING, left_out))
    return rows, sorted([*faults, *(fault for fault, _ in left_out)], key=lambda fault: fault.line)


def _rows(lines: Iterable[tuple[int, dict[str, str]]]) -> tuple[list[RecorderRow], list[Fault]]:
    rows: dict[str, RecorderRow] = {}
    faults: list[Fault] = []
    for line, cells in lines:
        values: dict[str, Any] = {}
        before = len(faults)
        for column, cell in cells.items():
            try:
                text = plain(cell).strip()
                if text or column in _NEEDED:
                    values[column] = _CELLS[column](text)
            except ValueError as error:
                faults.append(Fault(line, f"{column}: {error}"))
        if len(faults) > before:
            continue
        row = RecorderRow(**values)
        if row.id in rows:
            faults.append(Fault(line, f"recorder {row.id} stands there twice"))
        else:
            rows[row.id] = row
    return list(rows.values()), faults


def write(rows: Iterable[RecorderRow]) -> bytes:
    """A file that `read` gives back unchanged."""
    return write_table(COLUMNS, ([_cell(getattr(row, column)) for column in COLUMNS] for row in rows), ",")


def _cell(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def way_to(row: RecorderRow, channel: int) -> dict[str, str]:
    """How a past time of this channel is played, for the station: no secret in it."""
    return {column: _cell(getattr(row, column)) for column in COLUMNS} | {"channel": str(channel)}


# -- cells -------------------------------------------------------------------------------------------


def _key(cell: str) -> str:
    if not _KEY.fullmatch(cell):
        raise ValueError("give an id of letters, digits, '.', '_' and '-', such as nvr-1")
    return cell


def _host(cell: str) -> str:
    """Never repeats the cell: it may hold what it must not."""
    if not _HOST.fullmatch(cell):
        raise ValueError("must be a plain name or IP address, nothing else")
    return cell


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(cell: str) -> int:
        if not re.fullmatch(r"[0-9]{1,6}", cell) or not low <= int(cell) <= high:
            raise ValueError(f"must be a whole number, {low} to {high}")
        return int(cell)

    return parse


def _tls(cell: str) -> str:
    word = cell.lower().replace(" ", "")
    if word in ("no", "verify"):
        return "" if word == "no" else word
    pin = word.removeprefix("pin:").replace(":", "")
    if not word.startswith("pin:") or not re.fullmatch(r"[0-9a-f]{64}", pin):
        raise ValueError("must be empty, verify, or pin: and the 64 hexadecimal digits of a certificate's SHA-256")
    return f"pin:{pin}"


def _zone(cell: str) -> str:
    try:
        ZoneInfo(cell)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        raise ValueError(f'there is no time zone "{cell[:40]}"; give one such as Asia/Ho_Chi_Minh') from None
    return cell


def _ahead(cell: str) -> float:
    seconds = cell.replace(",", ".")
    if not re.fullmatch(r"[+-]?[0-9]{1,6}(?:\.[0-9]{0,3})?", seconds) or abs(float(seconds)) > MOST_AHEAD_S:
        raise ValueError("must be seconds, such as 3.5 or -90, a day at most")
    return float(seconds)


_CELLS: dict[str, Callable[[str], Any]] = {
    "id": _key,
    "maker": one_of(*WAYS),
    "host": _host,
    "port": _whole(0, 65_535),
    "tls": _tls,
    "zone": _zone,
    "ahead": _ahead,
    "first": _whole(0, 1024),
    "stream": one_of("main", "sub"),
}


# -- secrets, in a file of their own -----------------------------------------------------------------

_SECRETS = Heading(("id", "user", "password"), ("id", "user", "password"), confidential=True)


def read_secrets(raw: bytes, recorders: Collection[str]) -> dict[str, dict[str, str]]:
    """User and password by recorder, for the hub's vault. Raises CsvFaults, which repeat none of them.

    `recorders`: those that there are.
    """
    told: dict[str, dict[str, str]] = {}
    faults: list[Fault] = []
    for line, cells in read_table(raw, _SECRETS):
        one = cells["id"].strip()
        if one not in recorders:
            faults.append(Fault(line, "there is no recorder of that id"))
        elif one in told:
            faults.append(Fault(line, "that id stands there twice"))
        elif not cells["user"].strip() or not cells["password"]:
            faults.append(Fault(line, "user and password go together"))
        elif any(ord(char) < 32 or ord(char) == 127 for char in cells["user"] + cells["password"]):
            faults.append(Fault(line, "holds a line break or another control character"))
        else:
            told[one] = {"user": cells["user"].strip(), "password": cells["password"]}
    if faults:
        raise CsvFaults(faults)
    return told
