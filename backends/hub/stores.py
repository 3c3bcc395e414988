"""The hub's files beside the log, opened and closed together: accounts, secrets, witness, blobs.

They lie in the data folder and outlive the demo's days. Each connection belongs to one thread at a time: the
clerk's, but for `confided`, through which the loop keeps what the world confides.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from backends.hub.accounts import AccountBook
from backends.hub.blobs import BlobStore
from backends.hub.private import Vault
from backends.hub.shared import ALONE, Sharing
from backends.hub.witness import Witness


class Stores:
    """Context manager."""

    def __init__(self, folder: Path, *, sharing: Sharing = ALONE) -> None:
        """Raises LogTrouble or OSError for a file that cannot be opened; a damaged one is kept beside."""
        self._open: list[AccountBook | Vault | Witness] = []
        try:
            self.book = AccountBook(folder, mend=True, sharing=sharing)
            self._open.append(self.book)
            self.confided = Vault(folder, mend=True)
            self._open.append(self.confided)
            self.vault = Vault(folder, sharing=sharing)
            self._open.append(self.vault)
            self.witness = Witness(folder, sharing=sharing)
            self._open.append(self.witness)
            self.blobs = BlobStore(folder, sharing=sharing)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for store in self._open:
            store.close()
        self._open.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
