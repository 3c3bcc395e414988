"""`ioc-console cameras`: a site's camera directory as a table, in and out.

Works on `cameras.csv` in the hub's data folder, whole or not at all, and tells every difference before it counts.
Users and passwords come from a file of their own, go into the hub's vault, and never come out again.
"""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli_access import DataDir, folder_of

if TYPE_CHECKING:
    from backends.adapters.cameras_csv import CameraRow

app = typer.Typer(help="The site's cameras as a table (CSV).", no_args_is_help=True)

FAULTS_SHOWN = 50


@contextmanager
def _in_words(file: Path) -> Iterator[None]:
    """What cannot be done ends the command, with a sentence for each fault."""
    from backends.adapters.csv_table import CsvFaults
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
    except (LogTrouble, OSError, ValueError, sqlite3.Error) as error:
        sys.stderr.write(f"ioc-console: {error}\n")
        raise typer.Exit(1) from None


def _say(text: str) -> None:
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
    with _in_words(folder / SITE_FILE):
        before = {row.number: row for row in site_rows(folder)}
    with _in_words(file):
        rows = read(file.read_bytes(), before, frozenset(specs()))
        named = {row.number for row in rows}
        after = rows if remove else [*rows, *(row for number, row in before.items() if number not in named)]
        _no_stand_in_is_missing(after)
    told = {}
    if secrets is not None:
        with _in_words(secrets):
            told = read_secrets(secrets.read_bytes(), {row.number for row in after})
    difference = compare(before.values(), after)
    for line in difference.lines():
        _say(line)
    left = sum(number not in named for number in before)
    if left and not remove:
        _say(f"cameras that {file.name} does not name stay: {left}; --remove takes them away")
    counts = f"{len(difference.added)} new, {len(difference.changed)} changed, {len(difference.removed)} removed"
    if told:
        counts += f"; secrets of {len(told)}"
    if dry_run:
        _say(f"would be: {counts}; nothing was changed")
        return
    with _in_words(file):
        folder.mkdir(parents=True, exist_ok=True)
        if told:  # first: a secret without its camera does no harm, a camera without its secret shows nothing
            _keep_secrets(folder, told)
        if difference:
            write_whole(folder / SITE_FILE, write(sorted(after, key=lambda row: row.number)))
    _say(f"{folder / SITE_FILE}: {counts}")


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
    with _in_words(folder / SITE_FILE):
        if delimiter not in (",", ";"):
            raise ValueError("--delimiter must be ',' or ';'")
        rows = _city_rows() if city else site_rows(folder)
        if not rows:
            raise ValueError(f"{folder / SITE_FILE}: no cameras yet; --city writes the simulated city's as a pattern")
        if file.exists() and not force:
            raise ValueError(f"{file} is there already; --force overwrites it")
        write_whole(file.absolute(), write(rows, delimiter))
    _say(f"{file}: {len(rows)} cameras, without users and passwords")


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
