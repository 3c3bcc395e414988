"""`ioc-console crashes` lists the crash reports of this machine, `crashes show N` prints one whole.

`restart` asks a running console to start again what it has given up. Loaded with every command, so what
takes time to load is loaded where it is used.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.options import default_data_dir

if TYPE_CHECKING:
    from console.crash import Report

app = typer.Typer(
    help="Crash reports of this machine, the newest first; `show N` prints one.",
    invoke_without_command=True,
    add_completion=False,
)

COMMANDS_WITH_DATA = ("demo", "site", "hub")
"""The folders of `demo`, `run` and `hub` where no --data-dir is given."""

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", help="The data folder; without it those of demo, run and hub."),
]


def data_dirs(data_dir: Path | None) -> list[Path]:
    """Where to look: what was given, or the folders that are used when nothing is given."""
    if data_dir is not None:
        return [data_dir]
    return [default_data_dir(command) for command in COMMANDS_WITH_DATA]


def reports_of(data_dir: Path | None) -> list[tuple[Path, Report]]:
    """The newest first, over all folders. Files that are no reports are left out."""
    from console.crash import FOLDER, read_report, report_files

    paths = [path for folder in data_dirs(data_dir) for path in report_files(folder / FOLDER)]
    found = [(path, report) for path in paths if (report := read_report(path)) is not None]
    return sorted(found, key=lambda each: each[1].t_ns, reverse=True)


def line_of(report: Report) -> str:
    """One report in one line, local time."""
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(report.t_ns / 1e9))
    error = f" · {report.error.splitlines()[-1]}" if report.error else ""
    return f"{when}  {report.child}: {report.how} after {report.uptime_s:.0f} s{error}"


@app.callback()
def crashes(context: typer.Context, data_dir: DataDir = None) -> None:
    """Crash reports of this machine, the newest first; `show N` prints one."""
    context.obj = data_dir
    if context.invoked_subcommand is not None:
        return
    found = reports_of(data_dir)
    for number, (_, report) in enumerate(found, 1):
        sys.stdout.write(f"{number:3}  {line_of(report)}\n")
    if not found:
        sys.stdout.write("No crash reports.\n")


@app.command()
def show(
    context: typer.Context,
    number: Annotated[int, typer.Argument(min=1, metavar="N", help="Its number in the list; 1 is the newest.")] = 1,
    data_dir: DataDir = None,
) -> None:
    """Prints a report whole: it holds no password and no key, so it may be sent on."""
    import msgspec

    found = reports_of(data_dir or context.obj)
    if number > len(found):
        sys.stderr.write(f"ioc-console: there are {len(found)} crash reports, none has the number {number}\n")
        raise typer.Exit(2)
    path, report = found[number - 1]
    plain = msgspec.to_builtins(report)
    texts = {name: plain.pop(name, "") for name in ("error", "stacks")}
    log, events = plain.pop("log", ()), plain.pop("events", ())
    out = [str(path), line_of(report), ""]
    out += [f"{name}: {value}" for name, value in plain.items() if name != "versions"]
    out += [f"{name}: {value}" for name, value in report.versions.items()]
    out += [part for name, text in texts.items() if text for part in ("", f"--- {name}", text)]
    out += ["", "--- last lines of its log", *log, "", "--- last events"]
    out += [msgspec.json.encode(event).decode() for event in events]
    sys.stdout.write("\n".join(out) + "\n")


def restart(
    name: Annotated[str, typer.Argument(help="The part (hub, feeder); without it all that were given up.")] = "",
    data_dir: DataDir = None,
) -> None:
    """Asks a running console to start again the parts that it has given up."""
    from console.status import ask_restart

    folders = [folder for folder in data_dirs(data_dir) if (folder / "console.lock").exists()]
    if not folders:
        sys.stderr.write("ioc-console: no console has been started here; give its folder with --data-dir DIR\n")
        raise typer.Exit(2)
    for folder in folders:
        ask_restart(folder, [name] if name else [])
    sys.stdout.write("Asked. What comes of it stands on the screen and in `ioc-console doctor`.\n")
