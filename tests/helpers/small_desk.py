"""What people do at the small backend: each verb, kept or broken as `small_backend` says."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from helpers.small_reports import SmallReports, Unfit

from backends.domain import alarm as moves
from backends.domain import handover as sheets
from backends.domain.access import SHELVE_MOST_S, may
from backends.domain.action import REPORT_VERBS, Action, Verb
from backends.domain.alarm import Alarm, AlarmState, TransitionRefused
from backends.domain.handover import Handover, HandoverState
from backends.domain.incident import LayoutRecord, TimelineEvent
from backends.domain.people import Operator, Role
from backends.domain.place import Area, SlaRule
from backends.domain.procedure import procedure_of, put_mark
from backends.domain.settings import SETTING, Amendment, Setting
from backends.domain.step_mark import StepState
from backends.domain.text import LocalText
from backends.protocol.codec import decode_body
from backends.protocol.messages import Ack

if TYPE_CHECKING:
    from helpers.small_backend import SmallBackend

HOUR_NS = 3600 * 10**9
_EVENTS = {
    Verb.ACKNOWLEDGE: "acknowledged", Verb.CLAIM: "claimed", Verb.RELEASE: "released", Verb.SHELVE: "shelved",
    Verb.UNSHELVE: "unshelved", Verb.RESET: "reset", Verb.OUT_OF_SERVICE: "out_of_service",
    Verb.IN_SERVICE: "in_service",
}  # fmt: skip


class SmallDesk:
    """In the backend's thread."""

    def __init__(self, backend: SmallBackend) -> None:
        self._backend = backend
        self.broken = backend.broken
        self._reports = SmallReports(self)
        self._back_ns: dict[str, int] = {}
        """Alarm -> until when it is set aside."""

    # --- what it stands on -----------------------------------------------------------------------

    def records(self, feed: str) -> dict[str, Any]:
        return {id_: decode_body(feed, one.body) for id_, one in self._backend.items[feed].items()}

    def put(self, feed: str, record: Any, cause: str = "") -> None:
        self._backend.append(feed, record.id, record, cause)

    def note(self, action: Action, what: str, target: str, person: Operator, text: str = "", **more: Any) -> None:
        id_ = f"{action.aid}/{what}" if what != "log_entry" else action.aid
        actor = self._backend.people.forged or person.id
        event = TimelineEvent(id_, self.now_ns(), what, target, actor, LocalText(text), **more)
        self._backend.append("timeline", event.id, event, action.aid)

    def now_ns(self) -> int:
        return self._backend.now_ns()

    def look(self) -> None:
        """What ends by itself."""
        for id_, until_ns in list(self._back_ns.items()):
            alarm: Alarm = self.records("alarms")[id_]
            if alarm.state is not AlarmState.SHELVED:
                del self._back_ns[id_]
            elif self.now_ns() > until_ns and not self.broken("shelve-over"):
                self.put("alarms", moves.unshelve(alarm))
                event = TimelineEvent(f"{id_}/{until_ns}", self.now_ns(), "alarm_unshelved", id_)
                self._backend.append("timeline", event.id, event)

    # --- verbs -----------------------------------------------------------------------------------

    def decide(self, person: Operator, action: Action) -> Ack:
        """The final ACK; what is applied is written."""
        aid = action.aid
        if not may(person.role, action.verb) and not (self.broken("grants") and action.verb is Verb.CONFIGURE):
            return Ack(aid, "refused", code="not_allowed", text=person.role.value)
        if action.expires_at_ns and self.now_ns() > action.expires_at_ns and not self.broken("expired"):
            return Ack(aid, "expired", code="expired")
        try:
            return self._applied(person, action)
        except Unfit as unfit:
            return Ack(aid, "refused", code=str(unfit))
        except TransitionRefused as refused:
            return Ack(aid, "conflict", code=refused.code, text=refused.holder)

    def _applied(self, person: Operator, action: Action) -> Ack:
        verb, feed = action.verb, action.feed
        if feed == "handovers":
            return self._handover(person, action)
        if verb is Verb.COMMENT:
            return self._comment(person, action)
        if feed == "reports" and verb in REPORT_VERBS:
            return self._reports.decide(person, action)
        homes: dict[tuple[Verb, str], Callable[[Operator, Action], Ack]] = {
            (Verb.LOG, "timeline"): self._log,
            (Verb.COVER, "roster"): self._cover,
            (Verb.PUSH_LAYOUT, "layouts"): self._layout,
            (Verb.CONFIGURE, "config"): self._configure,
            (Verb.STEP, "alarms"): self._step,
        }
        if (home := homes.get((verb, feed))) is not None:
            return home(person, action)
        if feed != "alarms" or verb not in _EVENTS:
            raise Unfit("unsupported")
        return self._alarm(person, action)

    def _comment(self, person: Operator, action: Action) -> Ack:
        text = action.args.get("text", "").strip()
        if not text or (len(text) > 2000 and not self.broken("refusals")):
            raise Unfit("bad_text")
        self.note(action, "comment", action.target, person, text)
        return Ack(action.aid, "applied")

    # --- alarms ----------------------------------------------------------------------------------

    def _alarm(self, person: Operator, action: Action) -> Ack:
        verb, args = action.verb, action.args
        reason = args.get("reason", "").strip()
        if verb in (Verb.SHELVE, Verb.OUT_OF_SERVICE) and not 0 < len(reason) <= 200:
            careless = self.broken("shelve" if verb is Verb.SHELVE else "out-of-service")
            if not (careless and reason):
                raise Unfit("bad_reason")
        if verb is Verb.SHELVE:
            self._fit_until(person, args.get("until_ns", ""))
        alarm: Alarm | None = self.records("alarms").get(action.target)
        if alarm is None:
            raise TransitionRefused("gone")
        moved = self._moved(alarm, verb, person, args)
        if action.expect_state_rev not in (0, alarm.state_rev) and not self.broken("old-revision"):
            raise TransitionRefused("changed")
        if moved.state is AlarmState.NORMAL:
            self._backend.remove("alarms", alarm.id, moved.rev, action.aid)
        else:
            self.put("alarms", moved, action.aid)
        if moved.state is AlarmState.SHELVED:
            self._back_ns[alarm.id] = moved.shelved_until_ns
        self.note(action, f"alarm_{_EVENTS[verb]}", alarm.id, person)
        return Ack(action.aid, "applied", moved.rev)

    def _fit_until(self, person: Operator, until: str) -> None:
        if not (until.isascii() and until.isdigit() and len(until) < 20) or int(until) <= self.now_ns():
            raise Unfit("bad_until")
        if int(until) - self.now_ns() > SHELVE_MOST_S.get(person.role, 0.0) * 10**9:
            raise Unfit("too_long")

    def _moved(self, alarm: Alarm, verb: Verb, person: Operator, args: dict[str, str]) -> Alarm:
        now_ns, by = self.now_ns(), person.short
        match verb:
            case Verb.ACKNOWLEDGE:
                if self.broken("acknowledge") and alarm.acked_by:
                    return msgspec.structs.replace(alarm, rev=alarm.rev + 1)
                return moves.acknowledge(alarm, by, now_ns)
            case Verb.CLAIM:
                if self.broken("claim"):
                    alarm = msgspec.structs.replace(alarm, holder="", holder_id="")
                return moves.claim(alarm, by, person.id, now_ns)
            case Verb.RELEASE:
                anybody = person.role is Role.SHIFT_LEAD or self.broken("release-held")
                free = moves.release(alarm, person.id, anybody=anybody)
                return msgspec.structs.replace(free, holder=alarm.holder) if self.broken("release") else free
            case Verb.SHELVE:
                return moves.shelve(alarm, by, args["reason"], int(args["until_ns"]))
            case Verb.UNSHELVE:
                return moves.unshelve(alarm)
            case Verb.RESET:
                if self.broken("reset") and alarm.state is not AlarmState.LATCHED:
                    return msgspec.structs.replace(alarm, rev=alarm.rev + 1)
                return moves.reset(alarm)
            case Verb.OUT_OF_SERVICE:
                return moves.take_out_of_service(alarm, by, args["reason"], now_ns)
        return moves.put_in_service(alarm)

    def _step(self, person: Operator, action: Action) -> Ack:
        alarm: Alarm | None = self.records("alarms").get(action.target)
        if alarm is None:
            raise TransitionRefused("gone")
        state, step = action.args.get("state", ""), action.args.get("step", "")
        reason, seen = action.args.get("reason", "").strip(), action.expect_state_rev
        if state not in {*StepState}:
            raise Unfit("bad_state")
        if len(reason) > 200 or (state == StepState.NOT_NEEDED and not reason):
            raise Unfit("bad_reason")
        procedure = procedure_of(self.records("config"), alarm.procedure_id)
        known = [one.id for one in procedure.for_alarm(alarm)] if procedure is not None else []
        if step not in known and not self.broken("step-refused"):
            raise TransitionRefused("no_such_step")
        if self.broken("step-compared") and seen and any(mark.rev > seen for mark in alarm.steps):
            raise TransitionRefused("changed")
        try:
            moved = put_mark(alarm, step, StepState(state), seen, person.short, person.id, self.now_ns(), reason)
        except TransitionRefused as refused:
            if not (self.broken("step-undo") and refused.code == "already_not_done"):
                raise
            moved = msgspec.structs.replace(alarm, rev=alarm.rev + 1)
        if self.broken("step"):
            moved = msgspec.structs.replace(moved, state_rev=alarm.state_rev + 1)
        self.put("alarms", moved, action.aid)
        self.note(action, f"step_{state}", alarm.id, person)
        return Ack(action.aid, "applied", moved.rev)

    # --- logbook and hand-over -------------------------------------------------------------------

    def _log(self, person: Operator, action: Action) -> Ack:
        args, target = action.args, action.target
        text, about, corrects = args.get("text", "").strip(), args.get("about", ""), args.get("corrects", "")
        if not 0 < len(text) <= 2000:
            raise Unfit("bad_text")
        if corrects:
            old = self._backend.entry(corrects)
            if old is None:
                raise Unfit("bad_corrects")
            about, target = old.about, old.target
            if self.broken("log-corrected"):
                self._backend.rewrite(corrects, msgspec.structs.replace(old, text=LocalText(text)))
        elif bool(about) is not bool(target) or about not in ("", "cameras", "alarms", "sensors", "reports"):
            raise Unfit("bad_about")
        begun, ended = args.get("t_from_ns", "0"), args.get("t_to_ns", "0")
        if not (begun.isdigit() and ended.isdigit() and max(len(begun), len(ended)) < 20 and int(begun) <= int(ended)):
            if not self.broken("log-refused"):
                raise Unfit("bad_span")
            begun = ended = "0"
        pictures = tuple(args.get("pictures", "").split())
        if len(pictures) > 2 or any(len(one) != 64 for one in pictures):
            raise Unfit("bad_pictures")
        span = {} if self.broken("log") else {"t_from_ns": int(begun), "t_to_ns": int(ended)}
        pictures = () if self.broken("blob-named") else pictures
        self.note(action, "log_entry", target, person, text, about=about, corrects=corrects, pictures=pictures, **span)
        return Ack(action.aid, "applied")

    def _handover(self, person: Operator, action: Action) -> Ack:
        if action.verb not in (Verb.COMMENT, Verb.HAND_OVER, Verb.TAKE_OVER):
            raise Unfit("unsupported")
        records: dict[str, Handover] = self.records("handovers")
        new = action.target == "new" and action.verb is not Verb.TAKE_OVER
        if new and (under_way := sheets.unlocked(records.values())) is not None:
            raise TransitionRefused("already_open", under_way.id)
        number = f"GC-{len(records) + 1:04}"
        standing = sheets.open_new(number, person, 1, self.now_ns()) if new else records.get(action.target)
        if standing is None:
            raise TransitionRefused("gone")
        moved = self._signed(person, action, standing)
        seen = action.expect_state_rev
        signs = action.verb is not Verb.COMMENT or standing.given is not None
        if not new and (seen or signs) and seen != standing.state_rev and not self.broken("handover-seen"):
            raise TransitionRefused("changed")
        self.put("handovers", moved, action.aid)
        what = {Verb.COMMENT: "comment", Verb.HAND_OVER: "handover_given"}.get(action.verb, "handover_taken")
        self.note(action, what, moved.id, person)
        return Ack(action.aid, "applied", moved.rev, text=moved.id)

    def _signed(self, person: Operator, action: Action, standing: Handover) -> Handover:
        text, layout = action.args.get("text", "").strip(), action.args.get("layout", "")
        if action.verb is Verb.COMMENT:
            if not 0 < len(text) <= sheets.NOTE_LIMIT:
                raise Unfit("bad_text")
            return sheets.note(standing, person, text, self.now_ns())
        if action.verb is Verb.HAND_OVER:
            if len(layout) > 80 and not self.broken("handover"):
                raise Unfit("bad_text")
            return sheets.give(standing, person, (), self.now_ns())
        if self.broken("handover-two") and standing.state is HandoverState.GIVEN and standing.given is not None:
            other = msgspec.structs.replace(standing.given, operator_id="")
            return sheets.take(msgspec.structs.replace(standing, given=other), person, self.now_ns())
        return sheets.take(standing, person, self.now_ns())

    # --- the room --------------------------------------------------------------------------------

    def _cover(self, person: Operator, action: Action) -> Ack:
        if action.target != person.id and (person.role is not Role.SHIFT_LEAD or self.broken("cover-others")):
            raise Unfit("not_allowed")
        known: Operator | None = self.records("roster").get(action.target)
        if known is None:
            raise TransitionRefused("gone")
        areas, sectors = (tuple(action.args.get(key, "").split()) for key in ("areas", "sectors"))
        places = {id_ for id_, one in self.records("config").items() if isinstance(one, Area)}
        if not places >= set(areas) and not self.broken("cover"):
            raise Unfit("bad_area")
        if any(len(sector) > 40 for sector in sectors):
            raise Unfit("bad_sector")
        if action.expect_state_rev not in (0, known.rev):
            raise TransitionRefused("changed")
        if (areas, sectors) == (known.areas, known.sectors):
            raise TransitionRefused("unchanged")
        moved = msgspec.structs.replace(known, areas=areas, sectors=sectors, rev=known.rev + 1)
        self.put("roster", moved, action.aid)
        self.note(action, "cover_changed", moved.id, person)
        return Ack(action.aid, "applied", moved.rev)

    def _layout(self, person: Operator, action: Action) -> Ack:
        name, toml = action.args.get("name_vi", "").strip(), action.args.get("toml", "")
        if not action.target.replace("-", "").isalnum() or not action.target.islower():
            raise Unfit("unsupported")
        if not 0 < len(name) <= 80:
            raise Unfit("bad_text")
        try:
            fits = bool(tomllib.loads(toml)) and len(toml) <= 64 << 10
        except tomllib.TOMLDecodeError:
            fits = self.broken("layout")
        if not fits:
            raise Unfit("bad_layout")
        old: LayoutRecord | None = self.records("layouts").get(action.target)
        rev = old.rev if old is not None else 0
        if action.expect_state_rev not in (0, rev):
            raise TransitionRefused("changed")
        record = LayoutRecord(action.target, LocalText(name, action.args.get("name_en", "")), toml, rev + 1)
        self.put("layouts", record, action.aid)
        self.note(action, "layout_pushed", record.id, person)
        return Ack(action.aid, "applied", record.rev)

    def _configure(self, person: Operator, action: Action) -> Ack:
        config, args = self.records("config"), action.args
        setting = config.get(SETTING + action.target) or Setting(
            SETTING + action.target, action.target, given=config.get(action.target), rev=0
        )
        if action.expect_state_rev != setting.rev:
            raise TransitionRefused("changed")
        if not args.get("reason"):
            raise Unfit("bad_reason")
        try:
            day = datetime.date.fromisoformat(args.get("valid_from", ""))
        except ValueError:
            raise Unfit("bad_day") from None
        if day.year < 2021:
            raise Unfit("day_over")
        if setting.given is None:
            raise Unfit("nothing_given")
        rule = msgspec.json.decode(args["json"], type=SlaRule) if "json" in args else setting.given
        if rule.hours <= 0:
            raise Unfit("bad_hours")
        made = Amendment(self.now_ns(), person.id, person.short, args["reason"], str(day), rule)
        setting = msgspec.structs.replace(setting, amendments=(*setting.amendments, made), rev=setting.rev + 1)
        self.put("config", setting, action.aid)
        if not self.broken("configure"):
            self.put("config", rule, action.aid)
        self.note(action, "setting_changed", action.target, person)
        return Ack(action.aid, "applied", setting.rev)
