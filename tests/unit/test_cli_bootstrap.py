"""scripts/bootstrap.sh with stand-ins for python3, dpkg and apt: what it asks for, what it says, what it skips."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("sh", "sed", "tr", "cksum", "cat", "mkdir", "grep", "dirname", "rm", "tail", "chmod", "cp")

PYTHON = """\
#!/bin/sh
echo "$*" >> "$CALLS"
case "$*" in
    "-c import sys"*) exit {suits} ;;
    "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; chmod +x "$3/bin/python" ;;
    --version) echo "Python {version}" ;;
esac
"""
DPKG = '#!/bin/sh\ncase "$*" in *python3-venv*|*ca-certificates*) echo "ii " ;; *) exit 1 ;; esac\n'
APT_CACHE = '#!/bin/sh\n[ "$2" != "libglib2.0-0" ]\n'
ID = '#!/bin/sh\necho "{uid}"\n'
APT_GET = '#!/bin/sh\necho "apt-get $*" >> "$CALLS"\n'


class Bare:
    """A tree with the real script, and a PATH that holds stand-ins only."""

    def __init__(self, folder: Path) -> None:
        self.tree, self.bin, self.calls = folder / "tree", folder / "bin", folder / "calls"
        (self.tree / "scripts").mkdir(parents=True)
        self.bin.mkdir()
        for name in ("pyproject.toml", "constraints.txt", "scripts/bootstrap.sh", "scripts/debian-packages.txt"):
            shutil.copy(ROOT / name, self.tree / name)
        for tool in TOOLS:
            where = shutil.which(tool)
            assert where is not None
            (self.bin / tool).symlink_to(where)
        self.stand_in("python3", PYTHON.format(suits=0, version="3.12.3"))

    def stand_in(self, name: str, text: str) -> None:
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def debian(self, uid: int) -> None:
        for name, text in (("dpkg-query", DPKG), ("apt-cache", APT_CACHE), ("apt-get", APT_GET)):
            self.stand_in(name, text)
        self.stand_in("id", ID.format(uid=uid))

    def run(self, level: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.tree / "scripts" / "bootstrap.sh", level],
            env={"PATH": str(self.bin), "CALLS": str(self.calls)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def called(self, what: str) -> list[str]:
        return [line for line in self.calls.read_text().splitlines() if what in line] if self.calls.exists() else []


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    return Bare(tmp_path)


def test_the_first_run_sets_up_and_the_second_does_nothing(bare: Bare) -> None:
    first = bare.run("run")
    assert first.returncode == 0, first.stderr
    assert bare.called("-m pip")[-1].endswith("-c constraints.txt -e .")
    second = bare.run("run")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert len(bare.called("-m pip")) == 1


def test_a_changed_pin_is_installed(bare: Bare) -> None:
    bare.run("run")
    with (bare.tree / "constraints.txt").open("a") as file:
        file.write("another==1.0\n")
    bare.run("run")
    assert len(bare.called("-m pip")) == 2
    assert len(bare.called("-m venv")) == 1


def test_the_set_up_for_tests_holds_that_for_running(bare: Bare) -> None:
    bare.run("dev")
    assert bare.called("-m pip")[-1].endswith("-e .[dev]")
    bare.run("run")
    assert len(bare.called("-m pip")) == 1
    bare.run("bench")
    assert len(bare.called("-m pip")) == 2


def test_another_python_is_said_with_the_way_on(bare: Bare) -> None:
    bare.stand_in("python3", PYTHON.format(suits=1, version="3.9.2"))
    done = bare.run("run")
    assert done.returncode == 3
    assert "needs Python 3.11, 3.12 or 3.13, and python3 here is: Python 3.9.2" in done.stderr
    assert "make PYTHON=" in done.stderr
    assert not bare.called("-m venv")


def test_one_that_suits_is_found_beside_it(bare: Bare) -> None:
    bare.stand_in("python3", PYTHON.format(suits=1, version="3.14.0"))
    bare.stand_in("python3.13", PYTHON.format(suits=0, version="3.13.1"))
    assert bare.run("run").returncode == 0
    assert bare.called("-m venv")


def test_without_root_the_command_is_named_and_it_goes_on(bare: Bare) -> None:
    bare.debian(uid=1000)
    done = bare.run("run")
    assert done.returncode == 0
    assert "sudo apt-get install --no-install-recommends libgl1 libegl1" in done.stderr
    assert " libglib2.0-0t64" in done.stderr  # the name that this release has
    assert "python3-venv" not in done.stderr  # is there
    assert not bare.called("apt-get")


def test_root_installs_what_the_level_needs(bare: Bare) -> None:
    bare.debian(uid=0)
    assert bare.run("run").returncode == 0
    (install,) = bare.called("apt-get install")
    assert "libxcb-cursor0" in install
    assert "gir1.2-gst-rtsp-server-1.0" not in install
    bare.run("dev")
    assert "gir1.2-gst-rtsp-server-1.0" in bare.called("apt-get install")[-1]


def test_an_unknown_level_is_a_usage_error(bare: Bare) -> None:
    assert bare.run("everything").returncode == 2
