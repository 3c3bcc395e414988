"""Files that people save: what is in one, what is said of it beside it, and who writes them.

They go where stills go, and every one is noted for the audit. A table is UTF-8 with a byte order mark: without it the
spreadsheet programs of Vietnamese desks read the names as another code page, and all others skip it. Numbers have a
point and times are ISO 8601 with the site's offset, so that a file says the same on every machine. Files are written by
a thread of their own; what goes in is taken in the GUI thread before. Must not: know what is saved.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from backends.domain.feeds import Mode
from backends.domain.times import NS_PER_S
from widgets import format as fmt
from widgets.i18n import tr

if TYPE_CHECKING:
    from widgets.session import Session

_log = logging.getLogger(__name__)

VERSION = 1
_MOST_SAME = 1000


@dataclass(frozen=True)
class Job:
    """One file that is to be written."""

    kind: str
    """"csv", "png" or "pdf"."""
    sensor_id: str
    """Or the id of what else it is of (`target`)."""
    stem: str
    content: bytes
    account: dict[str, object]
    what: str = "save_plot"
    """As the audit calls it."""
    feed: str = "sensors"


@dataclass(frozen=True)
class Done:
    """What has become of it."""

    job: Job
    path: Path
    sha256: str


def job_for(
    session: Session,
    kind: str,
    of: str,
    stem: str,
    content: bytes,
    account: Mapping[str, object],
    *,
    what: str = "save_plot",
    feed: str = "sensors",
) -> Job:
    """A file, and beside it when it was saved, by whom and in which mode; outside operation its name says the mode."""
    mode = session.city.link.mode
    told: dict[str, object] = {
        "version": VERSION,
        **account,
        "saved": iso(session.clock.now_ns()),
        "saved_by": session.city.grant.operator_id,
        "mode": mode.value,
    }
    return Job(kind, of, stem if mode is Mode.LIVE else f"{stem}_{mode.value}", content, told, what, feed)


def iso(t_ns: int) -> str:
    """To the second, with the site's offset."""
    return fmt.local_time(t_ns - t_ns % NS_PER_S).isoformat(timespec="seconds")


def to_table(columns: Sequence[str], rows: Iterable[Sequence[str]], safe: int = 0) -> bytes:
    """RFC 4180 after a byte order mark. What a spreadsheet would take for a formula is told to be text; not in the
    first `safe` columns, which are figures and times of ours."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows((*row[:safe], *(plain(cell) for cell in row[safe:])) for row in rows)
    return out.getvalue().encode("utf-8-sig")


def plain(cell: str) -> str:
    """Names come from outside: "=..." in a spreadsheet would be run."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t") else cell


# -- the files -------------------------------------------------------------------------------------------


def write_job(folder: Path, job: Job) -> Done:
    """Both files; no older one is ever replaced. Any thread. Raises OSError in words that name the path."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256(job.content).hexdigest()
    path = _write_new(folder, job)
    account = {**job.account, "file": path.name, "sha256": digest}
    try:
        told = path.with_name(path.name + ".json")
        told.write_text(json.dumps(account, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return Done(job, path, digest)


def _write_new(folder: Path, job: Job) -> Path:
    for n in range(1, _MOST_SAME):
        path = folder / (f"{job.stem}.{job.kind}" if n == 1 else f"{job.stem}-{n}.{job.kind}")
        try:
            with path.open("xb") as file:
                file.write(job.content)
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            continue
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return path
    raise OSError(f"{folder} is full of exports of the same moment")


class ExportDesk(QObject):
    """One a session. GUI thread only; the folder is written by another one."""

    written = Signal(object)
    """A Done: it is on the disk."""
    _failed = Signal(str, str)
    """(key of the words, why)."""

    def __init__(self, session: Session, folder: Path, note: Callable[[str, str, str], None]) -> None:
        """`note(what, target, detail)`: hears of every file, for the audit."""
        super().__init__()
        self._session, self._folder, self._note = session, folder, note
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="exports")
        session.calls.saveAsked.connect(lambda job: self._writer.submit(self._write, job))
        self.written.connect(self._on_written)
        self._failed.connect(lambda key, why: session.notices.tell_desk(tr(key, reason=why)))

    def close(self) -> None:
        """Finish what is being written."""
        self._writer.shutdown(wait=True)

    def _write(self, job: Job) -> None:
        """The writer's thread."""
        try:
            self.written.emit(write_job(self._folder, job))
        except OSError as error:
            _log.error("export of %s: %s", job.sensor_id, error)
            key = "plot_hand.save_failed" if job.what == "save_plot" else "acts.save_failed"
            self._failed.emit(key, str(error))

    def _on_written(self, done: Done) -> None:
        self._note(done.job.what, f"{done.job.feed}/{done.job.sensor_id}", f"{done.path.name} sha256={done.sha256}")
        self._session.notices.tell_desk(tr("plot_hand.saved", file=str(done.path)))
