"""`ioc-console accounts` and `ioc-console keys`: who may sign in at a hub, and which stations may join it.

Both work on the hub's data folder, with the hub running or not: it looks every second. A secret is asked for
on the terminal, or read as one line from standard input; it never stands in the command line, where every
process of the machine can read it.
"""

from __future__ import annotations

import contextlib
import getpass
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.options import default_data_dir

if TYPE_CHECKING:
    from backends.hub.accounts import AccountBook
    from backends.hub.shared import Sharing

accounts = typer.Typer(help="People who may sign in at a hub.", no_args_is_help=True)
keys = typer.Typer(help="Stations that may join a hub.", no_args_is_help=True)

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", metavar="DIR", help="The hub's data folder, as given to `ioc-console hub`.")
]
Person = Annotated[str, typer.Argument(metavar="PERSON", help="Id of one person: a-z, 0-9, '.', '_', '-'.")]
RoleName = Annotated[
    str, typer.Option("--role", metavar="ROLE", help="operator, shift_lead, trainer, admin or viewer.")
]
Station = Annotated[str, typer.Argument(metavar="STATION", help="The station's id, as in its site.toml.")]


def folder_of(data_dir: Path | None) -> Path:
    """Of the hub that `ioc-console hub` runs with the same option."""
    return (data_dir or default_data_dir("hub")).absolute()


@contextmanager
def _in_words() -> Iterator[None]:
    """What cannot be done ends the command with a sentence."""
    from backends.hub.ports import LogTrouble

    try:
        yield
    except (LogTrouble, OSError, ValueError, sqlite3.Error) as error:
        sys.stderr.write(f"ioc-console: {error}\n")
        raise typer.Exit(1) from None


@contextmanager
def _book(data_dir: Path | None) -> Iterator[AccountBook]:
    """The hub's accounts; where there are several hubs, a change is the site's before it is this hub's."""
    from backends.hub.accounts import AccountBook

    folder = folder_of(data_dir)
    with _sharing(folder) as sharing, contextlib.closing(AccountBook(folder, sharing=sharing)) as book:
        yield book


def _sharing(folder: Path) -> contextlib.AbstractContextManager[Sharing]:
    from backends.hub.shared import ALONE, SITE_FILE

    if not (folder / SITE_FILE).exists():
        return contextlib.nullcontext(ALONE)
    from backends.hub.jetstream_rows import rows_of_the_site

    return rows_of_the_site(folder)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


# --- accounts ------------------------------------------------------------------------------------


def ask_secret() -> str:
    """Twice on a terminal, else one line. Raises ValueError."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    secret = getpass.getpass("Secret: ")
    if getpass.getpass("Once more: ") != secret:
        raise ValueError("the two secrets differ; nothing was changed")
    return secret


@accounts.command()
def add(
    person: Person,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Full name: 'Nguyễn Thu Hà'.")],
    role: RoleName = "operator",
    short: Annotated[str, typer.Option("--short", metavar="NAME", help="What rows show: 'Thu Hà'.")] = "",
    data_dir: DataDir = None,
) -> None:
    """A new account, for one person. Its secret is asked for, or read from standard input."""
    from backends.domain.people import Role

    with _in_words(), _book(data_dir) as book:
        book.add(person, name, short or " ".join(name.split()[-2:]), Role(role), ask_secret())
    _say(f"{person} may sign in as {role}")


@accounts.command()
def passwd(person: Person, data_dir: DataDir = None) -> None:
    """Another secret; whoever is signed in as PERSON is signed out."""
    with _in_words(), _book(data_dir) as book:
        book.find(person)
        book.set_secret(person, ask_secret())
    _say(f"{person} has another secret and is signed out everywhere")


@accounts.command()
def role(person: Person, name: Annotated[str, typer.Argument(metavar="ROLE")], data_dir: DataDir = None) -> None:
    """Another role; it counts at once."""
    from backends.domain.people import Role

    with _in_words(), _book(data_dir) as book:
        book.set_role(person, Role(name))
    _say(f"{person} is {name}")


@accounts.command()
def disable(person: Person, data_dir: DataDir = None) -> None:
    """PERSON signs in no more and is signed out everywhere; what he did stays on record."""
    _set_disabled(person, data_dir, True)
    _say(f"{person} is disabled and signed out everywhere")


@accounts.command()
def enable(person: Person, data_dir: DataDir = None) -> None:
    """PERSON may sign in again."""
    _set_disabled(person, data_dir, False)
    _say(f"{person} may sign in again")


def _set_disabled(person: str, data_dir: Path | None, disabled: bool) -> None:
    with _in_words(), _book(data_dir) as book:
        book.set_disabled(person, disabled)


@accounts.command("list")
def list_accounts(data_dir: DataDir = None) -> None:
    """All accounts, with role, and where each is signed in."""
    with _in_words(), _book(data_dir) as book:
        found, sessions = book.all(), book.sessions(time.time_ns())
    for account in found:
        at = ", ".join(sorted({s.station for s in sessions if s.person == account.id}))
        state = "disabled" if account.disabled else f"at {at}" if at else "-"
        _say(f"{account.id:<24} {account.role.value:<12} {state:<20} {account.name}")
    if not found:
        _say("no accounts yet: ioc-console accounts add PERSON --name 'FULL NAME' --role shift_lead")


# --- keys ----------------------------------------------------------------------------------------


@keys.command()
def new(
    station: Station,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where the pair goes; the data folder's keys/ if left out."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """A key pair for a station. The secret file belongs on the station alone; the public one goes to the hub."""
    from backends.hub.keys import PUBLIC_SUFFIX, SECRET_SUFFIX, ensure_station_keys

    folder = out or folder_of(data_dir) / "keys"
    with _in_words():
        if (folder / f"{station}{SECRET_SUFFIX}").exists():
            raise ValueError(f"{folder} has a key pair of {station} already; --out names another folder")
        pair = ensure_station_keys(folder, station)
    _say(f"{folder / (station + SECRET_SUFFIX)}: secret, for the station alone")
    _say(f"{folder / (station + PUBLIC_SUFFIX)}: public, {pair.public.decode()}")


def _say_of_station(data_dir: Path | None, text: str) -> None:
    from backends.hub.shared import SITE_FILE

    _say(text)
    if (folder_of(data_dir) / SITE_FILE).exists():
        _say("this site has several hubs, and keys are not shared: do the same on the machine of each")


@keys.command()
def authorise(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The public key file, STATION.key.")],
    data_dir: DataDir = None,
) -> None:
    """Let a station join: its public key goes into the hub's folder of authorised stations."""
    from backends.hub import keys as store

    authorised = folder_of(data_dir) / "authorised"
    with _in_words():
        pair = store.KeyPair(file.stem, store.load_public(file), b"")
        if authorised.exists() and store.read_authorised(authorised).get(pair.public) == pair.name:
            _say(f"station {pair.name} has that key already")
            return
        if (authorised / f"{pair.name}{store.PUBLIC_SUFFIX}").exists():
            raise ValueError(f"station {pair.name} has another key: use `keys rotate`, or `keys revoke` first")
        store.authorise(authorised, pair)
    _say_of_station(data_dir, f"station {pair.name} may join")


@keys.command()
def revoke(
    station: Station,
    old: Annotated[bool, typer.Option("--old", help="Only the key that is being replaced.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Take a station's key away: its sessions end within 5 s."""
    from backends.hub.keys import revoke as take_away

    with _in_words():
        if not take_away(folder_of(data_dir) / "authorised", station, old_only=old):
            raise ValueError(f"station {station} has no {'key that is being replaced' if old else 'authorised key'}")
    what = "only the new key is accepted" if old else "no key is accepted any more"
    _say_of_station(data_dir, f"station {station}: {what}")


@keys.command()
def rotate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new public key file, STATION.key.")],
    hours: Annotated[
        float, typer.Option("--hours", min=0.0, max=24 * 90, help="How long the old key is accepted beside it.")
    ] = 24.0,
    data_dir: DataDir = None,
) -> None:
    """Replace a station's key. Both are accepted for a while, so that the station changes when it suits."""
    from backends.hub import keys as store

    with _in_words():
        pair = store.KeyPair(file.stem, store.load_public(file), b"")
        store.rotate(folder_of(data_dir) / "authorised", pair, hours * 3600)
    _say_of_station(data_dir, f"station {pair.name}: the new key is accepted; the old one for {hours:g} hours more")


@keys.command("list")
def list_keys(data_dir: DataDir = None) -> None:
    """The authorised stations with their public keys."""
    from backends.hub.keys import read_authorised_until

    with _in_words():
        authorised = folder_of(data_dir) / "authorised"
        found = read_authorised_until(authorised) if authorised.exists() else {}
    for public, (station, end_s) in sorted(found.items(), key=lambda item: item[1]):
        until = "" if end_s == float("inf") else f"  until {datetime.fromtimestamp(end_s, UTC):%Y-%m-%d %H:%M} UTC"
        _say(f"{station:<24} {public.decode()}{until}")
    if not found:
        _say("no station may join yet: ioc-console keys authorise STATION.key")
