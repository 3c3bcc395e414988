"""`ioc-console audit`: verify the chain, show it, export it. Reads only; may run beside the console.

Exit status: 0 the chain is whole; 1 it is not, or cannot be read; 2 the command line is wrong.
"""

from __future__ import annotations

import csv
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, TextIO

import typer

from backends.domain.times import NS_PER_S
from backends.store.audit import Row
from backends.store.schema import OPS_FILE
from backends.store.trail import ANCHORS_FILE, AUDIT_FOLDER, read_anchors
from backends.store.verify import Anchor, Report, read_rows, verify_file
from console.options import Options, default_data_dir
from console.screens import UsageError

app = typer.Typer(help="The audit: who did what, as a chain that shows every change.", no_args_is_help=True)

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", metavar="DIR", help="Data folder of the console; the site's by default.")
]
Config = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="The site's settings, for its hub.")]


@app.command()
def verify(
    data_dir: DataDir = None,
    config: Config = None,
    anchors: Annotated[
        str,
        typer.Option(
            "--anchors",
            metavar="FILE|hub",
            help="Ends of the chain noted elsewhere: they show what was cut off or written anew.",
        ),
    ] = "",
) -> None:
    """Looks for every edit, deletion, swap, insertion and truncation, and names the row."""
    options = Options(config=config, data_dir=data_dir)
    raise typer.Exit(_said(lambda: run_verify(options, anchors, sys.stdout)))


@app.command()
def show(
    data_dir: DataDir = None,
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, help="The newest N rows.")] = 50,
) -> None:
    """The newest rows, one a line."""

    def run() -> int:
        newest = list(read_rows(_folder(data_dir)))[-last:]
        for row in newest:
            fields = (row.person or "-", row.station or "-", row.what, row.target, row.result, row.detail)
            sys.stdout.write(f"{row.n:>7}  {_when(row.t_ns)}  {'  '.join(_printable(field) for field in fields)}\n")
        return 0

    raise typer.Exit(_said(run))


@app.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV file to write; must not exist.")],
    data_dir: DataDir = None,
) -> None:
    """All rows as CSV (UTF-8), safe to open in a spreadsheet."""

    def run() -> int:
        folder = _folder(data_dir)
        with file.open("x", encoding="utf-8-sig", newline="") as out:
            n = write_csv(read_rows(folder), out)
        sys.stdout.write(f"{n} rows are in {file}\n")
        return 0

    raise typer.Exit(_said(run))


def run_verify(options: Options, anchors: str, out: TextIO) -> int:
    """Writes the findings. Raises UsageError, OSError or sqlite3.Error."""
    from console.audit_anchors import anchors_of_file, anchors_of_hub, hub_of

    folder = _folder(options.data_dir)
    known = [Anchor(*line) for line in read_anchors(folder / AUDIT_FOLDER)]
    sources = [f"{len(known)} of this machine"] if known else []
    if anchors:
        more = anchors_of_hub(hub_of(options, folder)) if anchors == "hub" else anchors_of_file(Path(anchors))
        sources.append(f"{len(more)} of {'the hub' if anchors == 'hub' else anchors}")
        known += more
    report = verify_file(folder, known)
    for finding in report.findings:
        out.write(f"{_printable(finding.text)}\n")
    out.write(f"{_summary(report)}; anchors: {', '.join(sources) or 'none'}\n")
    if not anchors:
        out.write(f"(Whoever can change the store can change {ANCHORS_FILE} too: --anchors hub asks the hub.)\n")
    return 1 if report.findings else 0


def _summary(report: Report) -> str:
    span = f"{report.rows} rows, {report.first} to {report.last}" if report.rows else "no rows"
    return f"{span}: {f'{len(report.findings)} findings' if report.findings else 'the chain is whole'}"


def write_csv(rows: Iterator[Row], out: TextIO) -> int:
    """Returns the number of rows. A cell that a spreadsheet would take for a formula gets an apostrophe in front."""
    writer = csv.writer(out)
    writer.writerow(
        [
            "n",
            "time (UTC)",
            "t_ns",
            "station",
            "person",
            "what",
            "target",
            "result",
            "aid",
            "detail",
            "prev_hash",
            "hash",
        ]
    )
    n = 0
    for row in rows:
        texts = (row.station, row.person, row.what, row.target, row.result, row.aid, row.detail)
        hashes = (row.prev_hash.hex(), row.hash.hex())
        writer.writerow([row.n, _when(row.t_ns), row.t_ns, *map(formula_safe, texts), *hashes])
        n += 1
    return n


def formula_safe(text: str) -> str:
    """OWASP's rule against CSV injection."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else text


def _when(t_ns: int) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(t_ns // NS_PER_S))
    except (ValueError, OverflowError, OSError):
        return str(t_ns)


def _printable(text: str) -> str:
    """Text of others must not steer a terminal."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _folder(data_dir: Path | None) -> Path:
    folder = data_dir or default_data_dir("site")
    if not (folder / OPS_FILE).exists():
        raise UsageError(f"there is no store in {folder}; --data-dir says where the console keeps its data")
    return folder


def _said(run: Callable[[], int]) -> int:
    try:
        return run()
    except UsageError as error:
        sys.stderr.write(f"ioc-console: {error}\n")
        return 2
    except (OSError, sqlite3.Error) as error:
        sys.stderr.write(f"ioc-console: {error}\n")
        return 1
