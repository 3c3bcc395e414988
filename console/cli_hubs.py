"""Options of a hub that is one of several (`ioc-console hub --nats ...`), checked and put into the hub's settings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from console.screens import UsageError

Nats = Annotated[
    str,
    typer.Option(
        "--nats",
        metavar="URL,...",
        help="Servers of the replicated log, for several hubs: nats://10.0.0.11:4222,nats://10.0.0.12:4222,...",
    ),
]
HubName = Annotated[str, typer.Option("--name", metavar="NAME", help="With --nats: this hub's own name, A or B.")]
NatsLog = Annotated[str, typer.Option("--nats-log", metavar="NAME", help="With --nats: the log's name on them.")]
NatsCa = Annotated[Path | None, typer.Option("--nats-ca", metavar="FILE", help="With --nats: TLS, by this authority.")]
NatsCert = Annotated[
    Path | None, typer.Option("--nats-cert", metavar="FILE", help="With --nats-ca: this hub's certificate.")
]
NatsKey = Annotated[Path | None, typer.Option("--nats-key", metavar="FILE", help="With --nats-cert: its secret key.")]

NatsBlobs = Annotated[
    int,
    typer.Option("--nats-blob-mb", metavar="MB", min=1, help="With --nats: room for pictures on the servers, at most."),
]

_SERVER = re.compile(r"(nats|tls)://(\[[0-9a-fA-F:]+\]|[^\s:/@\[\]]+)(:\d{1,5})?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


@dataclass(frozen=True)
class Several:
    """What was typed."""

    nats: str = ""
    name: str = ""
    log: str = "ioc"
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    blob_mb: int = 4096

    def settings(self) -> dict[str, Any]:
        """Fields of HubSettings; none for a hub by itself. Raises UsageError."""
        if not self.nats:
            if self.name or self.ca or self.cert or self.key:
                raise UsageError("--name and --nats-* belong to --nats, which makes this hub one of several")
            return {}
        servers = [one.strip() for one in self.nats.split(",") if one.strip()]
        for server in servers:
            if "@" in server:
                # Not repeated here: it holds a password.
                raise UsageError(
                    "--nats: no user and password in an address, everybody on this machine could read them; "
                    "give --nats-ca, --nats-cert and --nats-key"
                )
            if not _SERVER.fullmatch(server):
                raise UsageError(f'--nats: "{server}" must be nats://HOST:PORT, several with commas between')
        for option, value in (("--name", self.name), ("--nats-log", self.log)):
            if not _NAME.fullmatch(value or "A"):
                raise UsageError(f'{option}: "{value}" must be letters, digits, "_" and "-", 32 at most')
        if (self.cert is not None) is not (self.key is not None) or (self.cert is not None and self.ca is None):
            raise UsageError("--nats-cert and --nats-key go together, and need --nats-ca")
        for option, file in (("--nats-ca", self.ca), ("--nats-cert", self.cert), ("--nats-key", self.key)):
            if file is not None and not file.is_file():
                raise UsageError(f"{option}: there is no file {file}")
        return {
            "nats": servers, "member": self.name, "nats_log": self.log,
            "nats_ca": _path(self.ca), "nats_cert": _path(self.cert), "nats_key": _path(self.key),
            "nats_blob_mb": self.blob_mb,
        }  # fmt: skip


def _path(file: Path | None) -> str:
    return str(file.absolute()) if file is not None else ""
