"""Which events are alarms: shipped rules, the site's, what is wrong with them by line, and hours of the day."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ExpectLogs

from backends.domain.alarm import Priority
from backends.domain.camera import Camera
from backends.domain.device import EventKind
from backends.domain.text import LocalText
from backends.hub.event_rules import RULES_FILE, Hours, Rules, SiteRules, read, shipped

GATE = Camera("cam-014", "014", LocalText("Cổng"), (), area_id="phuong-1")
BRIDGE = Camera("cam-120", "120", LocalText("Cầu"), (), area_id="phuong-2")
NIGHT_NS = 1_795_800_000_000_000_000  # 2026-11-28 00:20 in the site's zone


def priority(rules: Rules, camera: Camera = GATE, kind: EventKind = EventKind.INTRUSION, topic: str = "") -> object:
    return rules.of(camera, kind, topic).priority


def test_shipped_rules_say_something_about_every_kind() -> None:
    rules = shipped()
    for kind in EventKind:
        verdict = rules.of(GATE, kind, "")
        assert (verdict.priority is None) is (kind in (EventKind.MOTION, EventKind.OTHER))
        assert verdict.dead_s > 0
    assert priority(rules) is Priority.HIGH
    assert (rules.lost_after_s, rules.lost_priority) == (180.0, Priority.MEDIUM)
    assert rules.watches(GATE)


def test_a_later_rule_changes_what_it_names_and_nothing_else() -> None:
    rules, faults = read(
        """
[watch]
lost_after_s = 60
[[rule]]
kinds = ["intrusion", "motion"]
areas = ["phuong-1"]
cameras = ["118-119"]
priority = "urgent"
hours = ["18:00-06:00", "12:00-13:00"]
[[rule]]
cameras = ["120"]
watch = false
[[rule]]
kinds = ["other"]
topic = "Visitor"
priority = "low"
name = { vi = "Có khách", en = "Visitor" }
""".encode(),
        shipped(),
    )
    assert faults == []
    verdict = rules.of(GATE, EventKind.INTRUSION, "")
    assert (verdict.priority, verdict.dead_s, verdict.off_delay_s) == (Priority.URGENT, 30.0, 10.0)
    assert verdict.counts_at(23 * 60)
    assert verdict.counts_at(0)
    assert verdict.counts_at(12 * 60 + 30)
    assert not verdict.counts_at(6 * 60)
    assert priority(rules, GATE, EventKind.MOTION) is Priority.URGENT
    assert priority(rules, BRIDGE) is Priority.HIGH
    assert priority(rules, Camera("cam-119", "119", LocalText("x"), ()), EventKind.MOTION) is Priority.URGENT
    assert priority(rules, Camera("cam-0118", "0118", LocalText("x"), ()), EventKind.MOTION) is None
    assert not rules.watches(BRIDGE)
    assert priority(rules, GATE, EventKind.OTHER, "RuleEngine/MyRule/Visitor") is Priority.LOW
    assert rules.of(GATE, EventKind.OTHER, "RuleEngine/MyRule/Visitor").name == LocalText("Có khách", "Visitor")
    assert priority(rules, GATE, EventKind.OTHER, "RuleEngine/MyRule/Face") is None
    assert (rules.lost_after_s, rules.lost_priority) == (60.0, Priority.MEDIUM)
    assert rules.minute(NIGHT_NS) == 20


@pytest.mark.parametrize(
    ("block", "line", "words"),
    [
        ('kinds = ["motoin"]', 4, 'kinds: "motoin" is not one of motion'),
        ('kinds = "motion"', 4, "kinds: must be a list of texts"),
        ('priority = "P1"', 4, 'priority: "P1" is not one of urgent'),
        ("priority = 1", 4, "priority: must be text in quotes"),
        ("dead_s = -1", 4, "dead_s: must be 0 to 86400 seconds"),
        ("dead_s = nan", 4, "dead_s: must be 0 to 86400 seconds"),
        ('priority = "low"\nhours = ["6-18"]', 5, 'hours: "6-18" is no part of a day'),
        ('hours = ["06:00-06:00"]', 4, "is no part of a day"),
        ('hours = ["06:00-24:30"]', 4, "is no part of a day"),
        ('priorty = "low"', 4, 'there is no "priorty" here; known are'),
        ('cameras = ["025-020"]', 4, '"025-020" is no range'),
        ("cameras = []", 4, "cameras: is empty"),
        ('topic = "Face"', 4, 'topic goes with kinds = ["other"]'),
        ('watch = "no"', 4, "watch: must be true or false"),
        ('name = { en = "x" }', 4, "name: must be"),
        ("dead_s = = 5", 4, "Invalid value"),
        ('priority = "low"\nhours = ["18:00', 5, "this rule is left out"),
    ],
)
def test_a_bad_rule_is_named_by_line_and_the_others_count(block: str, line: int, words: str) -> None:
    text = f'# ours\n\n[[rule]]\n{block}\n\n[[rule]]\nkinds = ["motion"]\npriority = "low"\n'
    rules, (fault,) = read(text.encode(), shipped())
    assert fault.line == line
    assert words in str(fault)
    assert str(fault).endswith("this rule is left out")
    assert priority(rules) is Priority.HIGH
    assert priority(rules, GATE, EventKind.MOTION) is Priority.LOW


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (b'[watch]\nzone = "Asia/Saigoon"\n', 2, "is no time zone"),
        (b'[watch]\nzone = "../../etc/passwd"\n', 2, "is no time zone"),
        (b"[rule]\nwatch = false\n", 1, "with two brackets"),
        (b"[[watch]]\nlost_after_s = 1\n", 1, "with one bracket"),
        (b"[rules]\nx = 1\n", 1, 'there is no "rules"'),
        (b'priority = "low"\n', 1, "known are [watch] and [[rule]]"),
        (b"# fine\n\xff\n", 2, "is not UTF-8"),
    ],
)
def test_other_slips_are_named_too(text: bytes, line: int, words: str) -> None:
    rules, (fault,) = read(text, shipped())
    assert fault.line == line
    assert words in str(fault)
    assert rules == shipped()


def test_hours_may_pass_midnight() -> None:
    assert [Hours(1080, 360).hold(minute) for minute in (1079, 1080, 0, 359, 360)] == [False, True, True, True, False]


def test_the_sites_file_is_looked_at_again_and_its_end_leaves_the_shipped_ones(
    tmp_path: Path, expect_logs: ExpectLogs
) -> None:  # fmt: skip
    expect_logs("events.toml")
    rules = SiteRules(tmp_path)
    assert rules.rules == shipped()
    assert not rules.look()
    file = tmp_path / RULES_FILE
    file.write_text('[[rule]]\nkinds = ["intrusion"]\npriority = "low"\n', encoding="utf-8")
    assert rules.look()
    assert priority(rules.rules) is Priority.LOW
    assert not rules.look()
    file.write_bytes(b"\xef\xbb\xbf" + b'[[rule]]\r\npriority = "grave"\r\n')
    assert rules.look()
    assert rules.rules == shipped()
    file.unlink()
    file.mkdir()
    assert not rules.look()
    file.rmdir()
    assert not rules.look()
