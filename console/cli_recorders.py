"""`ioc-console cameras recorders`: the site's recorders as a table, which keeps what cameras showed.

The file becomes `recorders.csv` in the hub's data folder, whole or not at all. Users and passwords come from a file of
their own, go into the hub's vault, and never come out again.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli_access import DataDir, folder_of

if TYPE_CHECKING:
    from backends.adapters.recorders_csv import RecorderRow


def import_recorders(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV with id,maker,host and more: all recorders of the site.")
    ],
    secrets: Annotated[
        Path | None,
        typer.Option("--secrets", metavar="FILE", help="CSV with id,user,password; goes into the hub's vault."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Recorders from a table, in the place of those before: all of it or, where one line is wrong, nothing."""
    from backends.adapters.recorders_csv import RECORDERS_FILE, read, read_secrets, write
    from backends.hub.private import RECORDER, Vault
    from console.cli_cameras import in_words, say
    from console.settings import write_whole

    folder = folder_of(data_dir)
    with in_words(folder / RECORDERS_FILE):
        before = _rows(folder / RECORDERS_FILE)
    with in_words(file):
        rows = {row.id: row for row in read(file.read_bytes())}
    told = {}
    if secrets is not None:
        with in_words(secrets):
            told = read_secrets(secrets.read_bytes(), rows)
    new, gone = rows.keys() - before.keys(), before.keys() - rows.keys()
    changed = [one for one in rows.keys() & before.keys() if rows[one] != before[one]]
    for sign, ids in (("+", new), ("-", gone), ("~", changed)):
        for one in sorted(ids):
            say(f"{sign} {one}")
    counts = f"{len(new)} new, {len(changed)} changed, {len(gone)} removed"
    if told:
        counts += f"; secrets of {len(told)}"
    if dry_run:
        say(f"would be: {counts}; nothing was changed")
        return
    with in_words(file):
        folder.mkdir(parents=True, exist_ok=True)
        if told:
            with contextlib.closing(Vault(folder)) as vault:
                vault.keep((RECORDER, one, values) for one, values in told.items())
        if rows != before:
            write_whole(folder / RECORDERS_FILE, write(rows.values()))
    say(f"{folder / RECORDERS_FILE}: {counts}")


def _rows(path: Path) -> dict[str, RecorderRow]:
    """Raises CsvFaults, OSError."""
    from backends.adapters.recorders_csv import read

    try:
        return {row.id: row for row in read(path.read_bytes())}
    except FileNotFoundError:
        return {}
