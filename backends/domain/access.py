"""Who may do what: rights, and the table of roles that grants them.

The same table is asked by the console (a control that may not be used says why) and by the hub (which decides):
a right that is not in it is not given. Must not: know passwords, keys or sessions.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from backends.domain.action import REPORT_VERBS, Verb
from backends.domain.people import Role


class Right(StrEnum):
    """Something that needs a role. Every verb is a right of the same name; the others are calls."""

    ACKNOWLEDGE = "acknowledge"
    CLAIM = "claim"
    RELEASE = "release"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    RESET = "reset"
    OUT_OF_SERVICE = "out_of_service"
    """Stop watching something, without an end; and watch it again. The shift lead's: nobody is told of it meanwhile."""
    IN_SERVICE = "in_service"
    COMMENT = "comment"
    STEP = "step"
    """Say of a step of an alarm's procedure that it is done, not needed, or not done after all."""
    PUSH_LAYOUT = "push_layout"
    CONFIGURE = "configure"
    """Change the centre's own data: SLA rules, agencies, limits of sensors. Everybody may read them."""
    INTAKE = "intake"
    CATEGORISE = "categorise"
    ASSIGN = "assign"
    START = "start"
    SEND_BACK = "send_back"
    PAUSE = "pause"
    RESUME = "resume"
    REJECT = "reject"
    CLOSE = "close"
    REOPEN = "reopen"
    MERGE = "merge"
    UNMERGE = "unmerge"
    ORDER = "order"
    ORDER_STEP = "order_step"
    COVER = "cover"
    """Say who looks after which areas and sectors: oneself; the shift lead anybody."""
    LOG = "log"
    """Write into the logbook."""
    HAND_OVER = "hand_over"
    """Sign for the shift that goes."""
    TAKE_OVER = "take_over"
    """Sign for the shift that comes."""
    REVEAL_REPORTER = "reveal_reporter"
    """See who sent a citizen report. Audited at every look."""
    REVEAL_CAMERA = "reveal_camera"
    """See a camera's user name and password. Audited at every look."""
    LOOK_BACK = "look_back"
    """See what a recorder kept of a camera at a past time. Audited at every look, with the time looked at."""
    TURN_CAMERA = "turn_camera"
    """Turn a camera, go to its presets, let it patrol. One line in the audit for each time that it is taken."""
    KEEP_PRESET = "keep_preset"
    """Keep a camera's present view as a preset, or overwrite one: for all desks. Audited, each one."""
    READ_AUDIT = "read_audit"
    MANAGE_ACCOUNTS = "manage_accounts"


_REPORTS = frozenset(Right(verb.value) for verb in REPORT_VERBS)
_OPERATOR = _REPORTS | frozenset(
    {
        Right.ACKNOWLEDGE,
        Right.CLAIM,
        Right.RELEASE,
        Right.SHELVE,
        Right.UNSHELVE,
        Right.RESET,
        Right.COMMENT,
        Right.STEP,
        Right.LOG,
        Right.HAND_OVER,
        Right.TAKE_OVER,
        Right.REVEAL_REPORTER,
        Right.LOOK_BACK,
        Right.TURN_CAMERA,
        Right.COVER,
    }
)

GRANTS: Mapping[Role, frozenset[Right]] = {
    Role.OPERATOR: _OPERATOR,
    Role.SHIFT_LEAD: _OPERATOR
    | {
        Right.OUT_OF_SERVICE,
        Right.IN_SERVICE,
        Right.PUSH_LAYOUT,
        Right.REVEAL_CAMERA,
        Right.KEEP_PRESET,
        Right.READ_AUDIT,
    },
    # A trainer teaches on a replay or a private hub; on the city in operation he may only write into the log.
    Role.TRAINER: frozenset({Right.COMMENT, Right.LOG}),
    Role.ADMIN: frozenset(
        {Right.COMMENT, Right.CONFIGURE, Right.REVEAL_CAMERA, Right.READ_AUDIT, Right.MANAGE_ACCOUNTS}
    ),
    Role.VIEWER: frozenset(),
}
"""Role -> its rights (IEC 62443-4-2 CR 2.1: least privilege, deny by default)."""

SHELVE_MOST_S: Mapping[Role, float] = {Role.OPERATOR: 3600.0, Role.SHIFT_LEAD: 12 * 3600.0}
"""Longest time that a role may set an alarm aside; a longer one needs the shift lead."""


def may(role: Role, right: Right | Verb) -> bool:
    """Does this role give that right? Unknown roles and rights give nothing."""
    return right.value in {given.value for given in GRANTS.get(role, frozenset())}


class Grant(msgspec.Struct, frozen=True):
    """Who is signed in at a station, as everything that draws or decides needs it."""

    operator_id: str
    name: str
    role: Role
    t_expires_ns: int = 0
    """End of the session in the hub's time; 0 = none (a seat of the demo)."""
    offline: bool = False
    """Signed in against what this station kept, without the hub."""
    locked: bool = False
    """Actions and personal data are hidden; alarms and sound never are."""
    sign_in: bool = False
    """People of this station sign in themselves; False: the hub seats them, or nobody knows yet."""
    rights: tuple[str, ...] | None = None
    """What the hub grants this person; None: it has not said, so the role's table counts."""

    def may(self, right: Right | Verb) -> bool:
        """As `may`, and nothing while locked. What the hub does not grant is not given, whatever the table says."""
        if self.locked or not self.operator_id:
            return False
        return may(self.role, right) if self.rights is None else right.value in self.rights

    def refusal(self, right: Right | Verb) -> str:
        """Why not: "nobody_signed_in", "locked" or "not_allowed"; empty = allowed."""
        if self.may(right):
            return ""
        if not self.operator_id:
            return "nobody_signed_in"
        return "locked" if self.locked else "not_allowed"

    @property
    def sees_personal_data(self) -> bool:
        """What citizens wrote in their own words may be read on the screen."""
        return not self.locked and bool(self.operator_id)


NOBODY = Grant("", "", Role.VIEWER)
"""Nobody is signed in: sees, does nothing."""


class AccessAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a call of AccessDesk (sign in, sign out), for whoever asked."""

    request: int
    code: str = ""
    """Empty = done. Of the hub: "refused", "wait" (`retry_s`), "disabled", "not_here". Of this station: "no_answer",
    "no_feeder", "no_offline" (nothing kept here for that person), "expired_here", "foreign" (another station's
    profile, or a changed one), "clock_back"."""
    retry_s: float = 0.0
    text: str = ""
    """"own_secret": signed in by a secret that somebody gave; one's own must be set."""


class AccountSeen(msgspec.Struct, frozen=True, omit_defaults=True):
    """An account as an administrator sees it. Times are of the hub's wall clock."""

    id: str
    name: str
    role: str
    rev: int = 1
    """Moves with every change."""
    disabled: bool = False
    stations: tuple[str, ...] = ()
    """Where that person is signed in now."""
    t_signed_in_ns: int = 0
    """Last sign-in; 0 = none."""
    wait_s: float = 0.0
    """So long that person waits after wrong secrets, at the station where it is longest."""
    t_temp_ns: int = 0
    """Until when its secret is good, which somebody else gave; 0: it is the person's own."""


class AccountWish(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is asked of AccessDesk.accounts. Never stored and never logged: it may hold a secret."""

    act: str = "list"
    """"list", "add" (`person`, `name`, `role`), "role" (`role`), "disable", "enable", "unlock", "secret" (one is
    given), "own" (`secret` in the place of `old`, of whoever sits here)."""
    person: str = ""
    rev: int = 0
    """Of the account, as it was seen."""
    name: str = ""
    role: str = ""
    secret: str = ""
    old: str = ""

    def __repr__(self) -> str:
        return f"AccountWish({self.act!r}, {self.person!r}, ...)"


class AccountsTold(msgspec.Struct, frozen=True, omit_defaults=True):
    """Answer of AccessDesk.accounts. Never stored and never logged."""

    request: int
    wish: AccountWish
    """What was asked, without secrets."""
    code: str = ""
    """Empty = done. Else as ACCOUNTED's, or "locked", "offline", "no_answer", "no_feeder"."""
    text: str = ""
    accounts: tuple[AccountSeen, ...] = ()
    """All that this person may see, as they are now; empty where it was refused."""
    secret: str = ""
    """The secret that was given, to be told to that person."""
    t_until_ns: int = 0
    """Until when that is good."""

    def __repr__(self) -> str:
        return f"AccountsTold({self.request}, code={self.code!r}, ...)"


class Revealed(msgspec.Struct, frozen=True):
    """Answer of AccessDesk.reveal. Never stored and never logged: what it holds is shown for a minute."""

    request: int
    what: str
    target: str
    code: str = ""
    """Empty = here it is. Else as REVEALED's, or "locked", "not_allowed", "offline", "no_answer", "no_feeder"."""
    values: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Revealed({self.request}, code={self.code!r}, ...)"
