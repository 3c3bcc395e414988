"""The command line: virtual monitors, the site's file, saved preferences, and sentences that help."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, get_args

import pytest

from backends.domain.picture import DEVICES
from console.lock import DataDirLock
from console.options import NeedsMachine, Options, chosen_look, platform_for
from console.screens import UsageError, VirtualScreen, offscreen_platform, parse_screens
from console.settings import (
    Door,
    GuiSettings,
    HardwareDecoding,
    Preferences,
    gui_settings,
    load_preferences,
    load_site,
    save_preferences,
    to_child,
)

SITE = """\
version = 1
[hub]
live = "tcp://10.0.0.5:7401"
ctl = "tcp://10.0.0.5:7402"
public_key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
[station]
id = "ban-1"
[screen]
lang = "en"
layout = "traffic"
[[monitors]]
name = "DP-1"
kind = "wall"
inches = 55
"""


def test_screens_stand_side_by_side() -> None:
    assert parse_screens("1920x1080@24:desk,1920x1080@55:wall,3840x2160@55:wall") == (
        VirtualScreen("screen-1", 0, 0, 1920, 1080, 24.0, "desk"),
        VirtualScreen("screen-2", 1920, 0, 1920, 1080, 55.0, "wall"),
        VirtualScreen("screen-3", 3840, 0, 3840, 2160, 55.0, "wall"),
    )


@pytest.mark.parametrize(
    ("text", "inches", "kind"),
    [("1280x720", 24.0, "desk"), ("1280x720:wall", 55.0, "wall"), ("1280x720@27.5", 27.5, "desk")],
)
def test_what_a_screen_leaves_out_is_usual(text: str, inches: float, kind: str) -> None:
    (screen,) = parse_screens(text)
    assert (screen.inches, screen.kind) == (inches, kind)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is no monitor"),
        ("1920", "write WxH"),
        ("1920x1080,", "is no monitor"),
        ("1920x1080@:wall", "is no monitor"),
        ("1920x1080:table", "must be desk or wall"),
        ("1920x100", "must be 640x360"),
        ("99999x1080", "must be 640x360"),
        ("1920x1080@2", "inches"),
        (",".join(["640x360"] * 33), "33 monitors"),
        ("１９２０x1080", "is no monitor"),
    ],
)
def test_a_wrong_screen_is_said_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence) as caught:
        parse_screens(text)
    assert str(caught.value).startswith("--screens: ")
    assert "\n" not in str(caught.value)


def test_the_platform_reads_the_screens_from_a_file(tmp_path: Path) -> None:
    platform = offscreen_platform(parse_screens("1920x1080,1280x720"), tmp_path)
    kind, _, path = platform.partition(":configfile=")
    assert kind == "offscreen"
    screens = json.loads(Path(path).read_text())["screens"]
    assert [(s["x"], s["width"], s["height"]) for s in screens] == [(0, 1920, 1080), (1920, 1280, 720)]


def test_without_a_display_the_ways_on_are_named(tmp_path: Path) -> None:
    with pytest.raises(NeedsMachine, match=r"--platform vnc.*--screenshot"):
        platform_for(Options(), tmp_path, {})
    with pytest.raises(NeedsMachine):
        platform_for(Options(platform="xcb"), tmp_path, {})


@pytest.mark.parametrize(
    ("options", "environ", "platform", "screens"),
    [
        (Options(), {"DISPLAY": ":0"}, "", 0),
        (Options(platform="xcb"), {"DISPLAY": ":0"}, "xcb", 0),
        (Options(platform="vnc"), {}, "vnc", 0),
        (Options(platform="offscreen"), {}, "offscreen", 1),
        (Options(screenshot=Path("shots")), {}, "offscreen", 1),
        (Options(screenshot=Path("shots")), {"DISPLAY": ":0"}, "", 0),
        (Options(screens="1920x1080,1920x1080"), {"DISPLAY": ":0"}, "offscreen", 2),
        (Options(), {"QT_QPA_PLATFORM": "offscreen"}, "offscreen", 1),
    ],
)
def test_the_platform_follows_from_options_and_display(
    options: Options, environ: dict[str, str], platform: str, screens: int, tmp_path: Path
) -> None:
    qpa, virtual = platform_for(options, tmp_path, environ)
    assert qpa.partition(":")[0] == platform
    assert len(virtual) == screens


def test_moments_of_screenshots() -> None:
    assert Options(screenshot=Path("d"), after="15,12,12").moments_s() == (12.0, 15.0)
    assert Options(screenshot=Path("d")).moments_s() == (10.0,)
    assert Options().moments_s() == ()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (Options(after="12"), "give --screenshot DIR with it"),
        (Options(screenshot=Path("d"), after="12;15"), "must be seconds"),
        (Options(screenshot=Path("d"), after="-1"), "moments must be"),
        (Options(lang="fr"), "must be vi or en"),
        (Options(theme="pink"), "must be dark or light"),
        (Options(speed=0), "--speed must be"),
        (Options(speed=float("nan")), "--speed must be"),
        (Options(exit_after_s=-1), "--exit-after must be"),
        (Options(screens="1920x1080", platform="xcb"), "needs --platform offscreen, not xcb"),
        (Options(scenario="@peak"), "must be NAME or NAME@MARK"),
        (Options(scenario="flood-2020@"), "must be NAME or NAME@MARK"),
    ],
)
def test_wrong_options_are_said_in_one_sentence(options: Options, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        options.check()


def test_scenario_and_mark() -> None:
    assert Options(scenario="flood-2020@peak").scenario_and_mark() == ("flood-2020", "peak")
    assert Options(scenario="calm").scenario_and_mark() == ("calm", "")


def site_file(folder: Path, text: str = SITE) -> Path:
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_sites_file(tmp_path: Path) -> None:
    site = load_site(site_file(tmp_path))
    assert site.hub.live == "tcp://10.0.0.5:7401"
    assert site.station.id == "ban-1"
    assert (site.monitors[0].kind, site.monitors[0].inches, site.monitors[0].distance_m) == ("wall", 55.0, 0.0)
    assert site.site.zone == "Asia/Ho_Chi_Minh"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("[hub]", "[hbu]", 'there is no entry "hbu"; did you mean "hub"'),
        ("layout =", "layuot =", r'there is no entry "layuot" in \[screen\]; did you mean "layout"'),
        ('kind = "wall"', 'kind = "big"', "monitors"),
        ("inches = 55", "inches = 1000", "monitors"),
        ("tcp://10.0.0.5:7401", "10.0.0.5", "hub.live"),
        ('id = "ban-1"', 'id = "../x"', "station.id"),
        ("version = 1", "version = 9", "version"),
        ("version = 1", "version =", "is not valid TOML"),
        ('public_key = "rq:', 'public_key = "', "hub.public_key"),
    ],
)
def test_a_mistake_in_the_sites_file_is_named(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence) as caught:
        load_site(site_file(tmp_path, SITE.replace(old, new)))
    assert "site.toml" in str(caught.value)


def test_a_sites_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_site(tmp_path / "none.toml")


def test_preferences_come_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "preferences.json"
    chosen = Preferences(lang="en", theme="light", layout="traffic", muted=True)
    save_preferences(path, chosen)
    assert load_preferences(path, Preferences()) == chosen
    assert [p.name for p in path.parent.iterdir()] == ["preferences.json"]


def test_a_bad_preference_costs_itself_alone(tmp_path: Path, expect_logs: Any) -> None:
    expect_logs("preference theme is not used")
    path = tmp_path / "preferences.json"
    path.write_text('{"version": 7, "lang": "en", "theme": "pink", "muted": true, "new": 1}')
    assert load_preferences(path, Preferences()) == Preferences(lang="en", theme="dark", muted=True)


@pytest.mark.parametrize("content", ["[]", "{", "\xff", "[" * 100_000])
def test_a_damaged_preferences_file_costs_the_preferences_alone(tmp_path: Path, content: str, expect_logs: Any) -> None:
    expect_logs("are not used")
    path = tmp_path / "preferences.json"
    path.write_bytes(content.encode("latin-1"))
    assert load_preferences(path, Preferences()) == Preferences()


def test_the_look_follows_command_line_then_person_then_site(tmp_path: Path) -> None:
    site = load_site(site_file(tmp_path))
    saved = tmp_path / "preferences.json"
    assert chosen_look(Options(), None, saved) == Preferences(lang="vi", theme="dark", layout="overview")
    assert chosen_look(Options(), site, saved).layout == "traffic"
    save_preferences(saved, Preferences(lang="vi", theme="light", layout="security"))
    look = chosen_look(Options(), site, saved)
    assert (look.lang, look.theme, look.layout) == ("vi", "light", "security")
    look = chosen_look(Options(lang="en", layout="F4"), site, saved)
    assert (look.lang, look.theme, look.layout) == ("en", "light", "environment")


def test_a_saved_layout_that_has_gone_is_no_reason_to_stop(tmp_path: Path) -> None:
    saved = tmp_path / "preferences.json"
    save_preferences(saved, Preferences(layout="gone"))
    assert chosen_look(Options(), None, saved).layout == "overview"


def test_an_unknown_layout_is_named_with_what_was_meant(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match='did you mean "overview"'):
        chosen_look(Options(layout="overviw"), None, tmp_path / "none")


def test_gui_settings_pass_through_the_pipe_unchanged() -> None:
    settings = GuiSettings(
        data_dir="/data",
        mode="demo",
        feed=Door("/tmp/feed.sock", "00ff"),
        pictures=Door("/tmp/pictures.sock", "ff00"),
        screens=parse_screens("1920x1080@24:desk,1920x1080@55:wall"),
        after_s=(12.0, 15.0),
    )
    assert gui_settings(json.loads(json.dumps(to_child(settings)))) == settings
    assert settings.feed.key == b"\x00\xff"


def test_one_console_a_data_folder(tmp_path: Path) -> None:
    with DataDirLock(tmp_path), pytest.raises(NeedsMachine, match="--data-dir DIR"), DataDirLock(tmp_path):
        logging.getLogger(__name__).error("two consoles hold one folder")
    with DataDirLock(tmp_path):
        assert (tmp_path / "console.lock").exists()


def test_graphics_devices_are_asked_for_by_name(tmp_path: Path) -> None:
    assert get_args(HardwareDecoding) == ("off", "auto", *DEVICES)
    file = tmp_path / "site.toml"
    file.write_text(SITE)
    assert load_site(file).video.hardware_decoding == "off"
    file.write_text(SITE + '[video]\nhardware_decoding = "cuda"\n')
    assert load_site(file).video.hardware_decoding == "cuda"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            'hardware_decoding = "cude"',
            r'\[video\] hardware_decoding = "cude" is none of off, auto, .*did you mean "cuda"\?',
        ),
        ('hardware_decoding = "qsv"', 'hardware_decoding = "qsv" is none of off, auto, cuda'),
        ("hardware_decoding = true", "hardware_decoding"),
        ('hardware_decodin = "cuda"', 'did you mean "hardware_decoding"'),
    ],
)
def test_a_device_that_is_none_is_said(tmp_path: Path, line: str, sentence: str) -> None:
    file = tmp_path / "site.toml"
    file.write_text(SITE + f"[video]\n{line}\n")
    with pytest.raises(UsageError, match=sentence) as caught:
        load_site(file)
    assert "\n" not in str(caught.value)
