"""`ioc-console cameras`: a site's camera directory as a table, in and out; and finding cameras on the network.

Import works on `cameras.csv` in the hub's data folder, whole or not at all, and tells every difference before it
counts. Users and passwords come from a file of their own, go into the hub's vault, and never come out again.
"""

from __future__ import annotations

import contextlib
import getpass
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli_access import DataDir, folder_of
from console.cli_recorders import import_recorders

if TYPE_CHECKING:
    from backends.adapters.cameras_csv import CameraRow
    from console.find_cameras import Person

app = typer.Typer(help="The site's cameras as a table (CSV).", no_args_is_help=True)

app.command("recorders")(import_recorders)

FAULTS_SHOWN = 50


@contextmanager
def in_words(file: Path) -> Iterator[None]:
    """What cannot be done ends the command, with a sentence for each fault."""
    from backends.adapters.csv_table import CsvFaults
    from backends.domain.device import DeviceTrouble
    from backends.hub.ports import LogTrouble

    try:
        yield
    except CsvFaults as found:
        for fault in found.faults[:FAULTS_SHOWN]:
            sys.stderr.write(f"ioc-console: {file.name}: {fault}\n")
        more = len(found.faults) - FAULTS_SHOWN
        tail = f" ({more} more)" if more > 0 else ""
        sys.stderr.write(f"ioc-console: {file.name}: nothing was changed{tail}\n")
        raise typer.Exit(1) from None
    except (DeviceTrouble, LogTrouble, OSError, ValueError, sqlite3.Error) as error:
        sys.stderr.write(f"ioc-console: {error}\n")
        raise typer.Exit(1) from None


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def site_rows(folder: Path) -> list[CameraRow]:
    """What the site has; empty where nothing was imported yet. Raises CsvFaults, OSError."""
    from backends.adapters.cameras_csv import SITE_FILE, read

    try:
        return read((folder / SITE_FILE).read_bytes())
    except FileNotFoundError:
        return []


@app.command("import")
def import_cameras(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV in UTF-8, with ',' or ';'; see `cameras export`.")],
    secrets: Annotated[
        Path | None,
        typer.Option("--secrets", metavar="FILE", help="CSV with number,user,password; goes into the hub's vault."),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take cameras away that FILE does not name.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Cameras from a table: all of it or, where one line is wrong, nothing."""
    from backends.adapters.cameras_csv import SITE_FILE, compare, read, read_secrets, write
    from backends.video.source import specs
    from console.settings import write_whole

    folder = folder_of(data_dir)
    with in_words(folder / SITE_FILE):
        before = {row.number: row for row in site_rows(folder)}
    with in_words(file):
        rows = read(file.read_bytes(), before, frozenset(specs()))
        named = {row.number for row in rows}
        after = rows if remove else [*rows, *(row for number, row in before.items() if number not in named)]
        _no_stand_in_is_missing(after)
    told = {}
    if secrets is not None:
        with in_words(secrets):
            told = read_secrets(secrets.read_bytes(), {row.number for row in after})
    difference = compare(before.values(), after)
    for line in difference.lines():
        say(line)
    left = sum(number not in named for number in before)
    if left and not remove:
        say(f"cameras that {file.name} does not name stay: {left}; --remove takes them away")
    counts = f"{len(difference.added)} new, {len(difference.changed)} changed, {len(difference.removed)} removed"
    if told:
        counts += f"; secrets of {len(told)}"
    if dry_run:
        say(f"would be: {counts}; nothing was changed")
        return
    with in_words(file):
        folder.mkdir(parents=True, exist_ok=True)
        if told:  # first: a secret without its camera does no harm, a camera without its secret shows nothing
            _keep_secrets(folder, told)
        if difference:
            write_whole(folder / SITE_FILE, write(sorted(after, key=lambda row: row.number)))
    say(f"{folder / SITE_FILE}: {counts}")


@app.command("export")
def export_cameras(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; never overwritten without --force.")],
    delimiter: Annotated[
        str, typer.Option("--delimiter", metavar=",|;", help="';' for spreadsheets with a decimal comma.")
    ] = ",",
    city: Annotated[bool, typer.Option("--city", help="The simulated city's, as a pattern to fill in.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE.")] = False,
    data_dir: DataDir = None,
) -> None:
    """The site's cameras as a table. Users and passwords are never in it."""
    from backends.adapters.cameras_csv import SITE_FILE, write
    from console.settings import write_whole

    folder = folder_of(data_dir)
    with in_words(folder / SITE_FILE):
        if delimiter not in (",", ";"):
            raise ValueError("--delimiter must be ',' or ';'")
        rows = _city_rows() if city else site_rows(folder)
        if not rows:
            raise ValueError(f"{folder / SITE_FILE}: no cameras yet; --city writes the simulated city's as a pattern")
        if file.exists() and not force:
            raise ValueError(f"{file} is there already; --force overwrites it")
        write_whole(file.absolute(), write(rows, delimiter))
    say(f"{file}: {len(rows)} cameras, without users and passwords")


User = Annotated[
    str, typer.Option("--user", metavar="NAME", help="Who asks; the password is asked for, or one line of input.")
]
First = Annotated[str, typer.Option("--first", metavar="NUMBER", help="Number of the first; the others count on.")]
Site = Annotated[str, typer.Option("--site", metavar="SITE", help="Id of the place for the column `site`.")]
SecretsOut = Annotated[
    Path | None,
    typer.Option("--secrets", metavar="FILE", help="Write user and password there, for `cameras import --secrets`."),
]


@app.command("discover")
def discover_cameras(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Ask each one for its streams, and write this table.")
    ] = None,
    interface: Annotated[
        str, typer.Option("--interface", metavar="IP", help="Our own address on the wanted network.")
    ] = "",
    wait: Annotated[float, typer.Option("--wait", min=0.5, max=60, help="Seconds to wait for answers.")] = 3.0,
    user: User = "",
    first: First = "901",
    site: Site = "",
    secrets: SecretsOut = None,
    data_dir: DataDir = None,
) -> None:
    """ONVIF devices that answer on this network segment. Their answers prove nothing: check before you trust one."""
    from backends.onvif.discovery import discover
    from console.find_cameras import Naming, line_of, rows_of_segment

    with in_words(file or Path("discover")):
        found = discover(interface, wait)
        for heard in found:
            say(line_of(heard))
        say(f"devices: {len(found)}" if found else "no device answered; a firewall may hold back UDP port 3702")
        if file is None or not found:
            return
        person = _ask_person(user)
        rows = rows_of_segment(found, person, Naming(first, site), _complain)
        _keep_found(file, rows, person, secrets, folder_of(data_dir))


@app.command("import-nvr")
def import_nvr(
    host: Annotated[str, typer.Argument(metavar="HOST", help="Name or address, with :port where it is not the usual.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The table to write, for `cameras import`.")],
    maker: Annotated[
        str, typer.Option("--maker", metavar="KIND", help="onvif, hikvision, hikvision-old or dahua.")
    ] = "onvif",
    channels: Annotated[int, typer.Option("--channels", min=0, max=256, help="How many, where it is not asked.")] = 0,
    nvr: Annotated[str, typer.Option("--nvr", metavar="ID", help="What the site calls it; otherwise HOST.")] = "",
    user: User = "",
    first: First = "901",
    site: Site = "",
    tls: Annotated[bool, typer.Option("--tls", help="Ask it over https, its streams over rtsps.")] = False,
    pin: Annotated[str, typer.Option("--pin", metavar="SHA256", help="The one certificate that it may show.")] = "",
    secrets: SecretsOut = None,
    data_dir: DataDir = None,
) -> None:
    """Cameras behind a recorder as a table: asked by ONVIF, or by the addresses that its maker uses."""
    from backends.video.nvr.templates import Device
    from console.find_cameras import Naming, host_and_port, maker_of, rows_by_onvif, rows_by_template

    with in_words(file):
        kind, naming = maker_of(maker), Naming(first, site)
        name, port = host_and_port(host)
        called = nvr or name.replace(":", "-")
        if kind is None:
            person = _ask_person(user)
            rows = rows_by_onvif(host, pin.replace(":", "").lower(), person, naming, called, _complain, tls=tls)
        else:
            if not channels:
                raise ValueError(f"--channels: a recorder that is not asked ({maker}) does not say how many it has")
            device = Device(kind, name, port or (322 if tls else 554), tls)
            rows = rows_by_template(device, channels, naming, called)
            person = _ask_person(user if secrets else "")
            _complain("not asked: whether these addresses are there shows when they are opened")
        _keep_found(file, rows, person, secrets, folder_of(data_dir))


def _ask_person(user: str) -> Person:
    from console.find_cameras import Person

    if not user:
        return Person()
    if sys.stdin.isatty():
        return Person(user, getpass.getpass(f"Password of {user} at the device: "))
    return Person(user, sys.stdin.readline().rstrip("\r\n"))


def _keep_found(file: Path, rows: list[CameraRow], person: Person, secrets: Path | None, folder: Path) -> None:
    """Raises OSError, ValueError."""
    from backends.adapters.cameras_csv import write
    from console.find_cameras import none_is_taken, write_secrets
    from console.settings import write_whole

    if not rows:
        raise ValueError("no camera was found there: nothing was written")
    none_is_taken(rows, site_rows(folder))
    if file.exists():
        raise ValueError(f"{file} is there already: nothing was written")
    if secrets is not None:
        if not person.user:
            raise ValueError("--secrets: there is no user to write; give --user with it")
        write_secrets(secrets, rows, person)
    write_whole(file.absolute(), write(rows))
    say(f"{file}: {len(rows)} cameras; name them, then: ioc-console cameras import {file} --dry-run")


def _complain(text: str) -> None:
    sys.stderr.write(f"ioc-console: {text}\n")


def _city_rows() -> list[CameraRow]:
    from backends.adapters.cameras_csv import from_camera
    from backends.city.cameras import camera, eyes

    return [from_camera(camera(eye, date.today().isoformat())) for eye in eyes()]


def _no_stand_in_is_missing(rows: list[CameraRow]) -> None:
    """Also after a removal. Raises ValueError."""
    numbers = {row.number for row in rows}
    for row in rows:
        for number in row.substitutes:
            if number not in numbers:
                raise ValueError(f"{number} would be gone, but is to stand in for {row.number}: nothing was changed")


def _keep_secrets(folder: Path, told: dict[str, dict[str, str]]) -> None:
    from backends.hub.private import CAMERA, Vault

    with contextlib.closing(Vault(folder)) as vault:
        vault.keep((CAMERA, camera, values) for camera, values in told.items())
