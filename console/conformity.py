"""What `ioc-console conform` does: takes what was typed, runs the checks, writes the report.

Exit status: 0 every check passed of what the backend offers; 1 one failed or was skipped.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import typer
import zmq.auth

from backends.conform.registry import Check
from backends.conform.room import Desk, Restart, Room
from backends.conform.run import CHECKS, Outcome, Verdict, run
from backends.conform.wire import Place
from backends.domain.feeds import Mode
from console.screens import UsageError

RESTART_S = 120.0
_ADDRESS = re.compile(r"tcp://[^\s/:]+:\d{1,5}|tcp://\[[0-9A-Fa-f:.]+\]:\d{1,5}|ipc://\S+")


class Seat(msgspec.Struct, frozen=True):
    """A station, and who signs in there."""

    key: Path | None = None
    person: str = ""
    secret: Path | None = None


class Asked(msgspec.Struct, frozen=True):
    """The command line of `conform`."""

    address: str
    live: str
    server_key: str
    first: Seat
    other: Seat
    admin: Seat
    """At the first one's station."""
    mode: Mode
    only: tuple[str, ...]
    restart: str
    as_json: bool


def list_checks(only: tuple[str, ...]) -> str:
    """Name and promise of each. Raises UsageError."""
    return "".join(f"{check.name:20} {check.promise}\n" for check in _chosen(only))


def conform_backend(asked: Asked, write: Callable[[str], object]) -> int:
    """Run the checks and write a line each. Returns the exit status. Raises UsageError."""
    chosen = _chosen(asked.only)
    desk = _desk(asked, asked.first, "")
    other = _desk(asked, asked.other, "other-") if asked.other != Seat() else None
    admin = _desk(asked, asked.admin, "admin-") if asked.admin != Seat() else None
    outcomes = []
    with Room(
        desk.place, restart=_restart(asked.restart), person=desk.person, secret=desk.secret, other=other, admin=admin
    ) as room:
        for outcome in run(room, chosen):
            outcomes.append(outcome)
            write(msgspec.json.encode(outcome).decode() + "\n" if asked.as_json else line(outcome))
            sys.stdout.flush()
    if not asked.as_json:
        write(summary(outcomes))
    return 1 if any(outcome.verdict in (Verdict.FAIL, Verdict.SKIPPED) for outcome in outcomes) else 0


def line(outcome: Outcome) -> str:
    """One check for people: the promise when it is kept, what was seen when it is not."""
    if outcome.verdict is Verdict.PASS:
        return f"{outcome.verdict.value:11} {outcome.name:20} {outcome.promise} ({outcome.seen})\n"
    return f"{outcome.verdict.value:11} {outcome.name:20} {outcome.promise}: {outcome.seen}\n"


def summary(outcomes: list[Outcome]) -> str:
    """The last line."""
    passed, failed, skipped, absent = (sum(o.verdict is verdict for o in outcomes) for verdict in Verdict)
    more = f", {absent} not offered" if absent else ""
    end = "; not conformant until all pass" if failed + skipped else ""
    return f"{passed} passed, {failed} failed, {skipped} skipped{more}{end}\n"


def _chosen(only: tuple[str, ...]) -> list[Check]:
    known = {check.name: check for check in CHECKS}
    unknown = [name for name in only if name not in known]
    if unknown:
        raise UsageError(f"--only: there is no check {unknown[0]!r}; --list names them")
    return [check for check in CHECKS if not only or check.name in only]


def _desk(asked: Asked, seat: Seat, which: str) -> Desk:
    """What names the backend, a station and who signs in there; `which` of the options. Raises UsageError."""
    for name, value in (("ADDRESS", asked.address), ("--live", asked.live)):
        if (value or name == "ADDRESS") and not _ADDRESS.fullmatch(value):
            raise UsageError(f'{name}: "{value}" must be tcp://HOST:PORT')
    if len(asked.server_key) != 40:
        raise UsageError("--server-key: the backend's public key is a text of 40 characters (Z85)")
    if seat.key is None:
        raise UsageError(f"--{which}key: name the secret certificate of a station that the backend has authorised")
    try:
        public, own = zmq.auth.load_certificate(seat.key)
    except (OSError, ValueError) as error:
        raise UsageError(f"--{which}key: {seat.key} cannot be read: {error}") from None
    if own is None:
        raise UsageError(f"--{which}key: {seat.key} holds no secret key; it is the file that ends in .key_secret")
    place = Place(asked.address, asked.server_key, public.decode(), own.decode(), seat.key.stem, asked.live, asked.mode)
    return Desk(place, seat.person, _secret(seat, which))


def _secret(seat: Seat, which: str) -> str:
    """The person's secret: from a file or typed unseen, never from the command line. Raises UsageError."""
    if not seat.person:
        return ""
    if seat.secret is None:
        if not sys.stdin.isatty():
            option = f"--{which}person {seat.person}: give the secret by --{which}secret FILE"
            raise UsageError(f"{option}; there is no terminal to ask on")
        return str(typer.prompt(f"Secret of {seat.person}", hide_input=True, err=True))
    try:
        return seat.secret.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--{which}secret: {seat.secret} cannot be read: {error}") from None


def _restart(command: str) -> Restart | None:
    """How the backend is restarted: by a command, by the person at the terminal, or not at all."""
    if command:
        # The command is the person's own, typed here; it may be a script with arguments.
        return lambda: _run(command)
    if sys.stdin.isatty():
        return _ask
    return None


def _run(command: str) -> None:
    done = subprocess.run(command, shell=True, timeout=RESTART_S, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.stderr.write(f"ioc-console: --restart ended with status {done.returncode}\n")


def _ask() -> None:
    sys.stderr.write("Restart the backend now, with the same addresses, then press Enter: ")
    sys.stderr.flush()
    sys.stdin.readline()
