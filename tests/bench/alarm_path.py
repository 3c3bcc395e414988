"""Alarm bench: from the moment the world has an alarm to its row on the screen, and to the first sample of its tone.

Everything is the real thing: hub, feeder and GUI processes, link over CURVE, both stores fsynced, the alarm list
beside sixteen live pictures, 1,000 messages a second. `rows()` takes about a minute.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for folder in (str(HERE), str(ROOT / "tests"), str(ROOT)):
    if folder not in sys.path:
        sys.path.insert(0, folder)

from helpers.fault_rig import Town  # noqa: E402
from wall_clips import make_clips  # noqa: E402

from backends.process import start_child, stop_child  # noqa: E402
from backends.video.broker import BrokerSettings, PictureBroker  # noqa: E402
from console.screens import offscreen_platform, parse_screens  # noqa: E402
from console.settings import Door, GuiSettings, to_child  # noqa: E402

WARM_S, WINDOW_S = 8.0, 42.0
RATE, ALARMS = 1000.0, 20.0
VISIBLE_MS, SOUND_MS = 250.0, 500.0
LAYOUT = """
version = 1
id = "bench"
key = "F12"
name = { vi = "Đo", en = "Bench" }
[monitors]
1 = ["main"]
[panels.main.desk]
columns = 24
rows = 24
tiles = [
  { kind = "alarms", at = [0, 0], size = [6, 24] },
  { kind = "cameras", at = [6, 0], size = [18, 24], columns = 4, rows = 4, numbers = ["000-015"] },
]
"""


def rows() -> list[dict[str, Any]]:
    """Rows of `make bench`."""
    found = measure()
    visible, heard = (sorted(found[key]) for key in ("visible", "heard"))
    p99 = [_p99(visible) * 1000, _p99(heard) * 1000]
    shape = f"{found['per_s']:.0f} msg/s, 16 pictures painted {found['pictures_per_s']:.0f} times a second"
    return [
        _row("alarms.raise_to_visible_p99_ms", p99[0], "ms", VISIBLE_MS, _of(visible) + "; " + shape, len(visible)),
        _row("alarms.raise_to_sound_p99_ms", p99[1], "ms", SOUND_MS, _of(heard) + "; null sink", len(heard)),
        {
            "name": "gui.blocks_over_250ms", "value": found["blocks"], "unit": "blocks", "bar": "0",
            "ok": found["blocks"] == 0, "note": f"longest time between two passes {found['longest_ms']:.0f} ms",
        },
    ]  # fmt: skip


def _p99(values: list[float]) -> float:
    return values[min(len(values) - 1, int(len(values) * 0.99))]


def _of(values: list[float]) -> str:
    return f"{len(values)} urgent alarms, median {values[len(values) // 2] * 1000:.0f}, worst {values[-1] * 1000:.0f}"


def _row(name: str, value: float, unit: str, bar: float, note: str, count: int) -> dict[str, Any]:
    enough = count >= WINDOW_S * ALARMS / 4 * 0.8
    note += "" if enough else "; TOO FEW"
    return {"name": name, "value": round(value, 1), "unit": unit, "bar": f"<= {bar:g}",
            "ok": enough and value <= bar, "note": note}  # fmt: skip


def measure() -> dict[str, Any]:
    """One run."""
    picture = "testcard:{n}"
    if shutil.which("ffmpeg") is not None:
        clips = make_clips(ROOT / "build" / "bench-clips", 16)
        picture = "file:" + str(clips[0]).replace("-00.mp4", "-{n:02d}.mp4")
    broker = PictureBroker(BrokerSettings())
    broker.start()
    gui = None
    try:
        with (
            tempfile.TemporaryDirectory(prefix="ioc-alarm-") as name,
            Town(Path(name), screens=0, rate=RATE, alarms=ALARMS, standing=40, picture=picture) as town,
        ):
            folder = Path(name)
            (folder / "layouts").mkdir()
            (folder / "layouts" / "bench.toml").write_text(LAYOUT, encoding="utf-8")
            screens = parse_screens("2560x1440@27:desk")
            settings = GuiSettings(
                data_dir=str(folder / "console"), mode="demo", feed=Door(town.settings.listen, town.settings.authkey),
                pictures=Door(broker.address, broker.authkey.hex()), station="desk-1", layout="bench",
                layouts_dir=str(folder / "layouts"), screens=screens,
            )  # fmt: skip
            result = folder / "result.json"
            asked = {
                "gui": to_child(settings), "platform": offscreen_platform(screens, folder), "warm_s": WARM_S,
                "window_s": WINDOW_S, "result": str(result),
            }  # fmt: skip
            gui = start_child("alarm_gui", asked, log=folder / "gui.log")
            end_s = time.monotonic() + WARM_S + WINDOW_S + 30
            while not result.exists():
                if gui.poll() is not None or time.monotonic() > end_s:
                    raise RuntimeError(f"no result from the GUI: {(folder / 'gui.log').read_text()[-2000:]}")
                time.sleep(0.1)
            found: dict[str, Any] = json.loads(result.read_text())
            stop_child(gui, 8.0)
            return found
    finally:
        if gui is not None and gui.poll() is None:
            gui.kill()
        broker.stop()


if __name__ == "__main__":
    for row in rows():
        print(json.dumps(row, ensure_ascii=False))
