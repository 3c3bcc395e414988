"""`ioc-console conform`: the command line of the checks; what they do is in `console/conformity.py`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from backends.domain.feeds import Mode
from console.screens import UsageError


def conform(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="CTL of the backend: tcp://HOST:PORT.")] = "",
    live: Annotated[str, typer.Option("--live", metavar="ADDRESS", help="LIVE of the backend.")] = "",
    server_key: Annotated[str, typer.Option("--server-key", metavar="KEY", help="Its public key, Z85 text.")] = "",
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="A station's secret certificate (NAME.key_secret).")
    ] = None,
    mode: Annotated[Mode, typer.Option("--mode", help="Mode that the backend serves.")] = Mode.DEMO,
    only: Annotated[list[str] | None, typer.Option("--only", metavar="NAME", help="This check alone; repeat.")] = None,
    restart: Annotated[
        str, typer.Option("--restart", metavar="COMMAND", help="Shell command that restarts the backend and returns.")
    ] = "",
    person: Annotated[
        str,
        typer.Option("--person", metavar="ID", help="Sign this person in before acting: an operator or a shift lead."),
    ] = "",
    secret: Annotated[
        Path | None, typer.Option("--secret", metavar="FILE", help="File with that person's secret; else it is asked.")
    ] = None,
    other_key: Annotated[
        Path | None, typer.Option("--other-key", metavar="FILE", help="A second station's, for checks of two people.")
    ] = None,
    other_person: Annotated[
        str, typer.Option("--other-person", metavar="ID", help="Sign this person in there: not the same one.")
    ] = "",
    other_secret: Annotated[
        Path | None, typer.Option("--other-secret", metavar="FILE", help="File with that person's secret.")
    ] = None,
    admin_person: Annotated[
        str,
        typer.Option("--admin-person", metavar="ID", help="Sign this administrator in: for accounts and settings."),
    ] = "",
    admin_secret: Annotated[
        Path | None, typer.Option("--admin-secret", metavar="FILE", help="File with that person's secret.")
    ] = None,
    names: Annotated[bool, typer.Option("--list", help="Name the checks and what each proves, and leave.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a check on standard output.")] = False,
) -> None:
    """Checks any backend against docs/protocol.md, over real sockets.

    It acts: alarms, reports, hand-overs, settings, accounts. Never on a city in operation. Exit status: 0 every check
    passed of what the backend offers, 1 one failed or was skipped, 2 the command line is wrong.
    """
    from console.conformity import Asked, Seat, conform_backend, list_checks  # late: other commands start without it

    chosen = tuple(only or ())
    try:
        if names:
            sys.stdout.write(list_checks(chosen))
            return
        first, other = Seat(key, person, secret), Seat(other_key, other_person, other_secret)
        admin = Seat(key, admin_person, admin_secret) if admin_person else Seat()
        asked = Asked(address, live, server_key, first, other, admin, mode, chosen, restart, as_json)
        status = conform_backend(asked, sys.stdout.write)
    except UsageError as error:
        sys.stderr.write(f"ioc-console: {error}\n")
        status = 2
    raise typer.Exit(status)
