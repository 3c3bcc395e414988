"""What an operator may ask the hub to do, and what became of it."""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Sequence
from enum import StrEnum

import msgspec


class Verb(StrEnum):
    """Actions of this version. Each has its expiry in EXPIRY_S."""

    ACKNOWLEDGE = "acknowledge"
    CLAIM = "claim"
    """Also acknowledges."""
    RELEASE = "release"
    """Gives a claim back; a shift lead may give back another's."""
    SHELVE = "shelve"
    """`args.until_ns`: decimal text; the alarm comes back by itself then. `args.reason`: 1 to 200 characters."""
    UNSHELVE = "unshelve"
    RESET = "reset"
    """Of a latched alarm."""
    OUT_OF_SERVICE = "out_of_service"
    """`args.reason`: 1 to 200 characters."""
    IN_SERVICE = "in_service"
    COMMENT = "comment"
    """`args.text`."""
    STEP = "step"
    """Of an alarm's procedure: `args.step`, its id; `args.state`: done, not_needed (with `args.reason`, 1 to 200
    characters) or not_done. `expect_state_rev` is the step's own: 1 = nobody has touched it, else its mark's `rev`."""
    PUSH_LAYOUT = "push_layout"
    """On feed `layouts`: `args.name_vi`, `args.name_en`, `args.toml`."""
    CONFIGURE = "configure"
    """On feed `config`; target = the id of a rule or agency, `limits/SENSOR` or `kind-limits/PARAMETER/UNIT`.
    `args.valid_from` (ISO date),
    `args.reason` (1 to 200 characters), and `args.json`: the whole record as it is to be; without it, what the source
    gives again."""
    # On citizen reports; CLAIM, RELEASE and COMMENT fit them too.
    INTAKE = "intake"
    """A report that the centre writes down itself; the hub gives the number. `args.category`, `args.title`,
    `args.channel` (hotline, operator, social) and what is known of `text`, `place`, `area`, `lon`, `lat`, `camera`,
    `pictures`."""
    CATEGORISE = "categorise"
    """`args.category`."""
    ASSIGN = "assign"
    """`args.agency`: its id."""
    START = "start"
    SEND_BACK = "send_back"
    """An agency gives it back: `args.reason`."""
    PAUSE = "pause"
    """The SLA clock stands: `args.reason`."""
    RESUME = "resume"
    REJECT = "reject"
    """`args.reason`, which the citizen reads."""
    CLOSE = "close"
    """`args.result`, `args.pictures`: blob ids."""
    REOPEN = "reopen"
    """`args.reason`."""
    MERGE = "merge"
    """`args.into`: the report that carries on."""
    UNMERGE = "unmerge"
    ORDER = "order"
    """A unit is sent: `args.agency`, `args.text`."""
    ORDER_STEP = "order_step"
    """`args.order`: its number, from 0; `args.step`: received, arrived or done."""
    COVER = "cover"
    """On feed `roster`: a person looks after these areas and sectors from now on. `args.areas`, `args.sectors`: ids,
    separated by blanks; both empty = nothing. One's own; a shift lead anybody's."""
    LOG = "log"
    """An entry of the logbook, on feed `timeline`; `target` is what it is about, or empty. `args.text`, and what there
    is of `about` (the feed of the target), `t_from_ns` and `t_to_ns` (decimal text), `corrects` (id of an entry)."""
    # On the feed `handovers`, where COMMENT adds a line of notes: target "new" opens a hand-over.
    HAND_OVER = "hand_over"
    """Signed by who goes. `args.layout`: what the screens show."""
    TAKE_OVER = "take_over"
    """Signed by who comes: it is locked."""


REPORT_VERBS = frozenset(
    {
        Verb.CLAIM, Verb.RELEASE, Verb.INTAKE, Verb.CATEGORISE, Verb.ASSIGN, Verb.START, Verb.SEND_BACK, Verb.PAUSE,
        Verb.RESUME, Verb.REJECT, Verb.CLOSE, Verb.REOPEN, Verb.MERGE, Verb.UNMERGE, Verb.ORDER, Verb.ORDER_STEP,
    }
)  # fmt: skip
"""What is done to citizen reports."""

EXPIRY_S: dict[Verb, float | None] = {
    Verb.ACKNOWLEDGE: 15 * 60.0,
    Verb.CLAIM: 15 * 60.0,
    Verb.RELEASE: 15 * 60.0,
    Verb.SHELVE: 5 * 60.0,
    Verb.UNSHELVE: 15 * 60.0,
    Verb.RESET: 15 * 60.0,
    Verb.OUT_OF_SERVICE: 5 * 60.0,
    Verb.IN_SERVICE: 15 * 60.0,
    Verb.COMMENT: None,
    # It says what was done, and that stays so; what others have said of the step meanwhile makes it a conflict.
    Verb.STEP: None,
    Verb.PUSH_LAYOUT: 5 * 60.0,
    Verb.CONFIGURE: 5 * 60.0,
    Verb.INTAKE: None,
    Verb.CATEGORISE: 3600.0,
    Verb.ASSIGN: 3600.0,
    Verb.START: 3600.0,
    Verb.SEND_BACK: 3600.0,
    Verb.PAUSE: 3600.0,
    Verb.RESUME: 3600.0,
    Verb.REJECT: 3600.0,
    Verb.CLOSE: 3600.0,
    Verb.REOPEN: 3600.0,
    Verb.MERGE: 3600.0,
    Verb.UNMERGE: 3600.0,
    Verb.ORDER: 5 * 60.0,
    Verb.ORDER_STEP: None,
    Verb.COVER: 5 * 60.0,
    Verb.LOG: None,
    Verb.HAND_OVER: 5 * 60.0,
    Verb.TAKE_OVER: 5 * 60.0,
}
"""How long a click means what it meant (design, section 4); None = for ever."""


class Stage(StrEnum):
    """How far an action has come."""

    QUEUED = "queued"
    """Stored here, not sent: no link."""
    SENT = "sent"
    """Sent, the hub has not answered."""
    STORED = "stored"
    """The hub has it on disk."""
    APPLIED = "applied"
    """Final: it took effect, once."""
    DUPLICATE = "duplicate"
    """Final: the hub had it already; same effect as APPLIED."""
    CONFLICT = "conflict"
    """Final: somebody was first, or the thing has changed since the click."""
    REFUSED = "refused"
    """Final: not allowed, or it does not fit."""
    EXPIRED = "expired"
    """Final: too old; the operator must confirm again."""

    @property
    def final(self) -> bool:
        return self not in (Stage.QUEUED, Stage.SENT, Stage.STORED)


class Action(msgspec.Struct, frozen=True, omit_defaults=True):
    """One click. `aid` is made once, at the click, and is deduped by the hub for 30 days."""

    aid: str
    verb: Verb
    feed: str
    target: str
    expect_state_rev: int
    """The target's state_rev that the operator saw; 0 = do not compare."""
    made_at_ns: int
    expires_at_ns: int = 0
    """0 = never."""
    args: dict[str, str] = {}
    cseq: int = 0
    """Counts this station's actions, so that the hub sees a missing one."""


PICTURES = "pictures"
"""The argument that names pictures: SHA-256 of each, separated by blanks."""


def pictures_of(action: Action) -> tuple[str, ...]:
    """SHA-256 of the pictures that it names."""
    return tuple(action.args.get(PICTURES, "").split())


def with_pictures(args: dict[str, str], pictures: Sequence[bytes]) -> dict[str, str]:
    """`args` that name these pictures, by the bytes of their files."""
    names = " ".join(hashlib.sha256(picture).hexdigest() for picture in pictures)
    return {**args, PICTURES: names} if names else args


class ActionStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """An action and its stage, as the GUI shows it."""

    action: Action
    stage: Stage
    code: str = ""
    """Stable reason of a conflict or refusal: "already_claimed", ..."""
    text: str = ""
    """Who holds it, or what else a person should know."""
    t_stage_ns: int = 0
    person: str = ""
    """Operator id of who clicked, as this station knows it. The hub goes by its own sessions."""


def new_aid() -> str:
    """A UUIDv7 (RFC 9562): sorts by time of the click."""
    ms = time.time_ns() // 1_000_000
    value = (ms & ((1 << 48) - 1)) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return str(uuid.UUID(int=value))
