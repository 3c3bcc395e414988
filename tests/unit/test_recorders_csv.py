"""The site's table of recorders: read, written, refused in words; no secret in it, and none in a fault."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from backends.adapters.csv_table import CsvFaults
from backends.adapters.recorders_csv import (
    RECORDERS_FILE,
    RecorderRow,
    read,
    read_secrets,
    read_what_can_be,
    way_to,
    write,
)
from backends.hub.private import RECORDER, Vault
from console.cli import app

PIN = "ab" * 32
TABLE = f"""id,maker,host,port,tls,zone,ahead,first,stream
nvr-1,hikvision,10.0.0.9,,,Asia/Ho_Chi_Minh,"3,5",,
nvr-2,DAHUA,nvr.example,8554,pin:{PIN},,-90,0,sub
nvr-3,onvif,fe80::1,80,,,,,
"""


def test_it_is_read_and_written() -> None:
    rows = read(TABLE.encode())
    assert rows == [
        RecorderRow("nvr-1", "hikvision", "10.0.0.9", zone="Asia/Ho_Chi_Minh", ahead=3.5),
        RecorderRow("nvr-2", "dahua", "nvr.example", 8554, f"pin:{PIN}", ahead=-90.0, first=0, stream="sub"),
        RecorderRow("nvr-3", "onvif", "fe80::1", 80),
    ]
    assert read(write(rows)) == rows
    assert way_to(rows[0], 4) == {
        "id": "nvr-1", "maker": "hikvision", "host": "10.0.0.9", "port": "0", "tls": "", "zone": "Asia/Ho_Chi_Minh",
        "ahead": "3.5", "first": "1", "stream": "main", "channel": "4",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ("a b,onvif,h,,,,,,", "id: give an id"),
        ("a,samsung,h,,,,,,", 'maker: "samsung" is not one of hikvision, dahua, onvif'),
        ("a,onvif,,,,,,,", "host: must be a plain name"),
        ("a,onvif,geheim@h,,,,,,", "host: must be a plain name"),
        ("a,onvif,rtsp://h/x,,,,,,", "host: must be a plain name"),
        ("a,onvif,h,99999,,,,,", "port: must be a whole number, 0 to 65535"),
        ("a,onvif,h,,pin:12,,,,", "tls: must be empty, verify, or pin:"),
        ("a,onvif,h,,,Mars,,,", 'zone: there is no time zone "Mars"'),
        ("a,onvif,h,,,,nan,,", "ahead: must be seconds"),
        ("a,onvif,h,,,,99999,,", "ahead: must be seconds"),
        ("a,onvif,h,,,,,-1,", "first: must be a whole number"),
        ("a,onvif,h,,,,,,third", 'stream: "third" is not one of main, sub'),
    ],
)
def test_what_is_wrong_is_said_with_its_line(cells: str, words: str) -> None:
    with pytest.raises(CsvFaults) as said:
        read((TABLE + cells + "\n").encode())
    assert str(said.value).startswith(f"line 5: {words}")
    assert "geheim" not in str(said.value)
    rows, faults = read_what_can_be((TABLE + cells + "\n").encode())
    assert (len(rows), len(faults)) == (3, 1)


def test_twice_the_same_and_columns_of_secrets() -> None:
    with pytest.raises(CsvFaults, match="recorder nvr-1 stands there twice"):
        read((TABLE + "nvr-1,onvif,h,,,,,,\n").encode())
    with pytest.raises(CsvFaults, match="users and passwords stand in a file of their own"):
        read(b"id,maker,host,password\nnvr-1,onvif,h,geheim\n")


def test_secrets_are_of_recorders_that_there_are() -> None:
    assert read_secrets(b"id,user,password\nnvr-1,op,=ge heim\n", {"nvr-1"}) == {
        "nvr-1": {"user": "op", "password": "=ge heim"}
    }
    for raw in (b"nvr-9,op,geheim", b"nvr-1,op,", b"nvr-1,,geheim", b"nvr-1,op,geheim\nnvr-1,op,geheim"):
        with pytest.raises(CsvFaults) as said:
            read_secrets(b"id,user,password\n" + raw, {"nvr-1"})
        assert "geheim" not in str(said.value)


def test_the_command_keeps_table_and_secrets(tmp_path: Path) -> None:
    site, secrets, hub = tmp_path / "r.csv", tmp_path / "s.csv", tmp_path / "hub"
    site.write_text(TABLE, encoding="utf-8")
    secrets.write_text("id,user,password\nnvr-2,op,geheim\n", encoding="utf-8")

    def run(*more: str) -> str:
        done = CliRunner().invoke(app, ["cameras", "recorders", str(site), "--data-dir", str(hub), *more])
        assert "geheim" not in done.output
        return f"{done.exit_code} {done.output}"

    assert "0 + nvr-1" in run("--dry-run", "--secrets", str(secrets))
    assert not (hub / RECORDERS_FILE).exists()
    assert "3 new, 0 changed, 0 removed; secrets of 1" in run("--secrets", str(secrets))
    assert [row.id for row in read((hub / RECORDERS_FILE).read_bytes())] == ["nvr-1", "nvr-2", "nvr-3"]
    vault = Vault(hub)
    assert vault.find(RECORDER, "nvr-2") == {"user": "op", "password": "geheim"}
    vault.close()
    site.write_text(TABLE.replace("10.0.0.9", "10.0.0.8").replace("nvr-3", "nvr-4"), encoding="utf-8")
    assert "1 new, 1 changed, 1 removed" in run()
    site.write_text(TABLE.replace("hikvision", "x"), encoding="utf-8")
    assert run().startswith("1 ")
    assert [row.id for row in read((hub / RECORDERS_FILE).read_bytes())] == ["nvr-1", "nvr-2", "nvr-4"]
