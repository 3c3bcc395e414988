"""Bad input to the whole program: each says in one sentence what is wrong and where, and the rest goes on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from helpers.console_process import console

_LAYOUT = """\
version = 1
id = "own"
key = "F10"
name = { vi = "Riêng", en = "Own" }
[monitors]
1 = ["main"]
[panels.main.desk]
columns = 2
rows = 2
tiles = [
  { kind = "alarms", at = [0, 0], size = [1, 2] },
  { kind = "alamrs", at = [1, 0], size = [1, 1] },
  { kind = "camera", at = [1, 1], size = [1, 1], camera = "014" },
]
"""


def _site(folder: Path, public_key: str) -> Path:
    own = folder / "layouts"
    own.mkdir()
    (own / "own.toml").write_text(_LAYOUT, encoding="utf-8")
    (own / "broken.toml").write_text("version = 1\nid = [", encoding="utf-8")
    config = folder / "site.toml"
    config.write_text(
        "version = 1\n[hub]\n"
        f'live = "tcp://127.0.0.1:9"\nctl = "tcp://127.0.0.1:9"\npublic_key = "{public_key}"\n'
        f'[station]\nid = "ban-1"\n[screen]\nlayout = "own"\nlayouts_dir = "{own.as_posix()}"\n',
        encoding="utf-8",
    )
    return config


@pytest.mark.timeout(120)
def test_broken_layouts_unknown_tile_and_damaged_cache(tmp_path: Path) -> None:
    from backends.hub.keys import ensure_hub_keys

    config = _site(tmp_path, ensure_hub_keys(tmp_path / "hub-keys").public.decode())
    data, shots = tmp_path / "data", tmp_path / "shots"
    data.mkdir()
    damaged = b"this is no database " * 400
    (data / "ops.db").write_bytes(damaged)
    with console(
        data, "--config", str(config), "--platform", "offscreen", "--screens", "1280x720@24:desk",
        "--screenshot", str(shots), "--after", "3", command="run",
    ) as running:  # fmt: skip
        running.wait_event("first_paint", timeout_s=60)
        running.wait_event("gui_stopped", timeout_s=60)
        running.process.wait(20)
        assert running.process.returncode == 0
        assert [e["layout"] for e in running.events() if e["event"] == "layout"] == ["own"]
        assert not [e for e in running.events() if e["event"] == "error"]
    assert (shots / "screen-1-3s.png").exists()
    # The damaged file is kept, and a new one was begun.
    kept = [p for p in data.rglob("ops.db") if p.parent != data]
    assert [p.read_bytes() for p in kept] == [damaged]
    words = (data / "logs" / "gui.log").read_text(encoding="utf-8")
    assert "broken.toml" in words
    assert 'there is no tile kind "alamrs"' in words
    assert 'did you mean "alarms"' in words
    shutil.rmtree(data)


def test_a_mistake_in_the_site_file_stops_the_start_in_one_sentence(tmp_path: Path) -> None:
    config = tmp_path / "site.toml"
    config.write_text('version = 1\n[hub]\nlvie = "tcp://127.0.0.1:9"\n', encoding="utf-8")
    with console(tmp_path / "data", "--config", str(config), "--platform", "offscreen", command="run") as running:
        _out, err = running.process.communicate(timeout=30)
    assert running.process.returncode == 2
    words = err.decode()
    assert "site.toml" in words
    assert 'did you mean "live"' in words
    assert "Traceback" not in words
