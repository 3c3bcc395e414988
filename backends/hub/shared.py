"""What the hubs of one site know together beside the log: rows of their small files, and blobs.

Each hub's files are its own copy. Where there are several hubs a row counts when the site has it: it is shared
first and written then, and what other hubs have shared is taken in. One hub alone shares nothing, and its files
are the truth. Of two rows with one key the higher revision counts, so rows may come twice and in any order.
Must not: know JetStream, or what a row says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

SITE_FILE = "site-rows.json"
"""In the data folder of one of several hubs: where the site's rows are. The command line reads it."""


class Row(msgspec.Struct, frozen=True, array_like=True):
    """One row of a small file, as all hubs know it."""

    kind: str
    """One of: account, session, entry (accounts.db); look, anchor (witness.db); secret (private.db); blob."""
    key: str
    """Within its kind."""
    rev: int
    """Of two rows with one key the higher one counts; of equal ones that which the site has."""
    told: bytes
    """JSON of what the row says."""
    until: int = 0
    """Wall time in ns after which the site may forget it; 0 = never."""


class Sharing(Protocol):
    """Where rows become the site's. `share` and `share_blob` may wait for seconds: never called by the hub's loop."""

    def share(self, rows: Sequence[Row]) -> None:
        """Every hub of the site will have these. Raises LogTrouble: then the caller must not keep them either."""
        ...

    def share_blob(self, blob: str, media: str, path: Path) -> None:
        """The same for the content of a file, by its SHA-256. Raises LogTrouble."""
        ...

    def blob_is_here(self, blob: str, media: str) -> None:
        """This hub has it in its place: the site gets it as soon as it can. Never waits; also the hub's loop calls it.

        What the site has not by the end of this process it gets after the next start.
        """
        ...


class _Alone:
    """One hub, whose files are all there is."""

    def share(self, rows: Sequence[Row]) -> None:
        """There is nobody to share with."""

    def share_blob(self, blob: str, media: str, path: Path) -> None:
        """There is nobody to share with."""

    def blob_is_here(self, blob: str, media: str) -> None:
        """There is nobody to share with."""


ALONE: Sharing = _Alone()


class Shelf(Protocol):
    """A small file that takes part. Its methods are called by one thread, with a connection of its own."""

    def take(self, rows: Iterable[Row]) -> None:
        """Rows that the site has, in one transaction. Raises sqlite3.Error: nothing was taken."""
        ...

    def rows(self) -> Iterable[Row]:
        """All that is here and may be shared."""
        ...
