"""A hand-over as paper: what is listed, notes, both signatures, and the hash on every page.

In the language on screen. Only what stands in the record is printed: it says the same whenever it is exported again.
Pictures of log entries are printed where they are here and may be seen; where not, it is said why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.domain.handover import Handover, HandoverState, Line, Part
from backends.domain.times import NS_PER_S
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.parts.exports import Job
from widgets.parts.handover_words import cells, heading, signed
from widgets.parts.paper import Paper, PaperPart, PaperPicture, paper_job
from widgets.parts.record_pictures import MOST
from widgets.parts.report_pictures import why_words

if TYPE_CHECKING:
    from widgets.session import Session

_WIDTHS = (1.3, 3.2, 1.8, 2.2)


def job_of(session: Session, handover: Handover) -> Job:
    """The file. GUI thread."""
    stem = f"{fmt.local_time(handover.t_opened_ns):%Y%m%d-%H%M%S}_{handover.id}"
    account = {"handover": handover.id, "state": handover.state.value, "record_sha256": handover.sha256}
    paper = paper_of(handover, _pictures(session, handover))
    return paper_job(session, paper, handover.id, stem, account, what="save_handover", feed="handovers")


def blobs_of(handover: Handover) -> tuple[str, ...]:
    """The pictures that entries of the logbook have in it, the newest first."""
    return tuple(blob for _line, blob in _named(handover))


def _named(handover: Handover) -> list[tuple[Line, str]]:
    return [(line, blob) for part in handover.parts for line in part.lines for blob in line.pictures]


def _pictures(session: Session, handover: Handover) -> tuple[PaperPart, ...]:
    """The first MOST, each with its entry's words and the beginning of its SHA-256; nobody's in a briefing."""
    named, here = _named(handover), session.record_pictures
    if not named:
        return ()
    if not session.city.shows_personal_data:
        return (PaperPart(tr("paper.handover.pictures"), empty=tr("paper.handover.hidden_pictures")),)
    printed = []
    for line, blob in named[:MOST]:
        image = here.image(blob)
        why = "" if image is not None else why_words(here.code(blob))
        told = (_moment(line.t_ns), line.who, local(line.name), f"SHA-256 {blob[:16]}…", why)
        printed.append(PaperPicture(" · ".join(filter(None, told)), image))
    if len(named) > MOST:
        printed.append(PaperPicture(tr("paper.handover.more_pictures", n=len(named) - MOST), None))
    return (PaperPart(tr("paper.handover.pictures"), pictures=printed),)


def paper_of(handover: Handover, pictures: tuple[PaperPart, ...] = ()) -> Paper:
    """All of it; `pictures`: of its log entries, before the notes."""
    id_, parts = handover.id, [_part(part, handover.t_frozen_ns) for part in handover.parts]
    if handover.state is HandoverState.LOCKED:
        footer = tr("paper.handover.footer", id=id_, sha=handover.sha256)
    else:
        footer = tr("paper.handover.footer_open", id=id_)
    return Paper(
        tr("paper.handover.title", id=id_),
        lines=[tr("paper.handover.period", since=_moment(handover.t_from_ns), at=_moment(handover.t_frozen_ns))],
        parts=(*parts, *pictures, _notes(handover), _signatures(handover)),
        footer=footer,
    )


def _part(part: Part, at_ns: int) -> PaperPart:
    told = (cells(line, part.section, at_ns) for line in part.lines)
    rows = [(one.at, one.title, one.place, one.state) for one in told]
    return PaperPart(heading(part), rows, widths=_WIDTHS)


def _notes(handover: Handover) -> PaperPart:
    name = tr("handover.heading", name=tr("handover.notes"), n=len(handover.notes))
    rows = [(fmt.event_minutes(note.t_ns, handover.t_frozen_ns), note.text, note.by) for note in handover.notes]
    return PaperPart(name, rows, widths=(1.3, 5.0, 2.2))


def _signatures(handover: Handover) -> PaperPart:
    rows = [
        (tr("handover.given_by"), signed(handover.given)),
        (tr("handover.taken_by"), signed(handover.taken)),
        ("SHA-256", handover.sha256 or "–"),
    ]
    return PaperPart(tr("handover.signatures"), rows, widths=(1.3, 7.2))


def _moment(t_ns: int) -> str:
    return f"{fmt.date_long(t_ns)} {fmt.clock_minutes(t_ns)}" if t_ns >= NS_PER_S else "–"
