"""What `ioc-console conform` does: takes what was typed, runs the checks, writes the report.

Exit status: 0 every check passed; 1 one failed or was skipped.
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
from backends.conform.room import Restart, Room
from backends.conform.run import CHECKS, Outcome, Verdict, run
from backends.conform.wire import Place
from backends.domain.feeds import Mode
from console.screens import UsageError

RESTART_S = 120.0
_ADDRESS = re.compile(r"tcp://[^\s/:]+:\d{1,5}|tcp://\[[0-9A-Fa-f:.]+\]:\d{1,5}|ipc://\S+")


class Asked(msgspec.Struct, frozen=True):
    """The command line of `conform`."""

    address: str
    live: str
    server_key: str
    key: Path | None
    mode: Mode
    only: tuple[str, ...]
    restart: str
    person: str
    secret: Path | None
    as_json: bool


def list_checks(only: tuple[str, ...]) -> str:
    """Name and promise of each. Raises UsageError."""
    return "".join(f"{check.name:20} {check.promise}\n" for check in _chosen(only))


def conform_backend(asked: Asked, write: Callable[[str], object]) -> int:
    """Run the checks and write a line each. Returns the exit status. Raises UsageError."""
    chosen = _chosen(asked.only)
    place = _place(asked.address, asked.live, asked.server_key, asked.key, asked.mode)
    word = _secret(asked.person, asked.secret)
    outcomes = []
    with Room(place, restart=_restart(asked.restart), person=asked.person, secret=word) as room:
        for outcome in run(room, chosen):
            outcomes.append(outcome)
            write(msgspec.json.encode(outcome).decode() + "\n" if asked.as_json else line(outcome))
            sys.stdout.flush()
    if not asked.as_json:
        write(summary(outcomes))
    return 0 if all(outcome.verdict is Verdict.PASS for outcome in outcomes) else 1


def line(outcome: Outcome) -> str:
    """One check for people: the promise when it is kept, what was seen when it is not."""
    if outcome.verdict is Verdict.PASS:
        return f"pass     {outcome.name:20} {outcome.promise} ({outcome.seen})\n"
    return f"{outcome.verdict.value:8} {outcome.name:20} {outcome.promise}: {outcome.seen}\n"


def summary(outcomes: list[Outcome]) -> str:
    """The last line."""
    passed, failed, skipped = (sum(o.verdict is verdict for o in outcomes) for verdict in Verdict)
    end = "" if failed + skipped == 0 else "; not conformant until all pass"
    return f"{passed} passed, {failed} failed, {skipped} skipped{end}\n"


def _chosen(only: tuple[str, ...]) -> list[Check]:
    known = {check.name: check for check in CHECKS}
    unknown = [name for name in only if name not in known]
    if unknown:
        raise UsageError(f"--only: there is no check {unknown[0]!r}; --list names them")
    return [check for check in CHECKS if not only or check.name in only]


def _place(address: str, live: str, server_key: str, key: Path | None, mode: Mode) -> Place:
    """Everything that names the backend and the station. Raises UsageError."""
    for name, value in (("ADDRESS", address), ("--live", live)):
        if (value or name == "ADDRESS") and not _ADDRESS.fullmatch(value):
            raise UsageError(f'{name}: "{value}" must be tcp://HOST:PORT')
    if len(server_key) != 40:
        raise UsageError("--server-key: the backend's public key is a text of 40 characters (Z85)")
    if key is None:
        raise UsageError("--key: name the secret certificate of a station that the backend has authorised")
    try:
        public, own = zmq.auth.load_certificate(key)
    except (OSError, ValueError) as error:
        raise UsageError(f"--key: {key} cannot be read: {error}") from None
    if own is None:
        raise UsageError(f"--key: {key} holds no secret key; it is the file that ends in .key_secret")
    return Place(address, server_key, public.decode(), own.decode(), key.stem, live, mode)


def _secret(person: str, file: Path | None) -> str:
    """The person's secret: from a file or typed unseen, never from the command line. Raises UsageError."""
    if not person:
        return ""
    if file is None:
        if not sys.stdin.isatty():
            raise UsageError(f"--person {person}: give the secret by --secret FILE; there is no terminal to ask on")
        return str(typer.prompt(f"Secret of {person}", hide_input=True, err=True))
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--secret: {file} cannot be read: {error}") from None


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
