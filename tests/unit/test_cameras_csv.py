"""The camera table: there and back, every fault with its line, no formula and no secret in it."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from backends.adapters.cameras_csv import (
    COLUMNS,
    SITE_FILE,
    CameraRow,
    compare,
    from_camera,
    read,
    read_secrets,
    to_camera,
    write,
)
from backends.adapters.csv_table import CsvFaults, guarded, unguarded, write_table
from backends.city.cameras import camera, eyes
from backends.domain.camera import PresetView, Sector, StreamKind
from backends.hub.private import CAMERA, Vault
from console.cli import app

SIMPLE = CameraRow("014", "Hùng Vương – Lê Duẩn", sub_uri="rtsp://10.0.0.14/stream2")
BAD_STARTS = ("=", "+", "-", "@", "\t", "\r")


def faults(text: str | bytes, **more: object) -> list[str]:
    raw = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(CsvFaults) as found:
        read(raw, **more)  # type: ignore[arg-type]
    return [str(fault) for fault in found.value.faults]


def lines(*rows: str, head: str = "number,name_vi,sub_uri") -> str:
    return "\r\n".join([head, *rows]) + "\r\n"


def any_row(chance: random.Random, n: int) -> CameraRow:
    letters = "aăâđêôơưỷặÐ019 =+-@'\",;:()/–\t"

    def words(most: int) -> str:
        return "".join(chance.choice(letters) for _ in range(chance.randint(0, most))).strip().replace("\t", " ")

    where = chance.random() < 0.7
    return CameraRow(
        number=f"{n:03d}",
        name_vi=words(30) or "x",
        name_en=words(30),
        site=chance.choice(["", "site-014", "s1"]),
        area=chance.choice(["", "ward-3"]),
        owner=chance.choice(["city", "ward"]),
        lat=round(chance.uniform(-90, 90), 6) if where else None,
        lon=round(chance.uniform(-180, 180), 6) if where else None,
        bearing=chance.choice([None, 0.0, 359.5, 12.25]),
        angle=chance.choice([None, 60.0, 360.0]),
        range=chance.choice([None, 85.5]),
        reach=chance.choice([None, Sector(0.0, 360.0), Sector(200.0, 200.0), Sector(12.5, 90.25)]),
        presets=chance.choice(
            [(), (PresetView("Cổng chợ", 95.0), PresetView("3", 200.5)), (PresetView("=a=-b", 0.0),)]
        ),
        main_uri=chance.choice(["", "rtsp://[fd00::2]:554/a?b=1&c=2"]),
        sub_uri="rtsp://10.0.0.7/x;y,z",
        restream_uri=chance.choice(["", "rtsp://relay:8554/014"]),
        restream_sub_uri=chance.choice(["", "rtsp://relay:8554/014-small"]),
        transport=chance.choice(["tcp", "udp", "multicast"]),
        tls=chance.choice(["verify", "pin:" + "ab" * 32]),
        onvif=chance.choice(["", "http://10.0.0.7/onvif/device_service"]),
        nvr="nvr-1",
        channel=chance.choice([0, 1, 64]),
        ptz=chance.random() < 0.5,
        substitutes=("001",) if n > 1 else (),
        enabled=chance.random() < 0.5,
    )


# -- there and back ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_what_is_written_is_read_back_unchanged(delimiter: str) -> None:
    chance = random.Random(4)
    rows = [any_row(chance, n) for n in range(1, 401)]
    raw = write(rows, delimiter)
    assert read(raw) == rows
    assert raw.startswith(b"\xef\xbb\xbf")
    assert not compare(rows, read(raw))


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_no_cell_begins_like_a_formula(delimiter: str) -> None:
    chance = random.Random(5)
    rows = [any_row(chance, n) for n in range(1, 401)]
    rows.append(msgspec.structs.replace(SIMPLE, number="999", name_vi='=HYPERLINK("http://x")', name_en="'=x"))
    assert dangerous(write(rows, delimiter), delimiter) == []


def dangerous(raw: bytes, delimiter: str) -> list[str]:
    """Cells that a spreadsheet would run; plain numbers are none."""
    cells = [c for row in csv.reader(io.StringIO(raw.decode("utf-8-sig")), delimiter=delimiter) for c in row]
    return [c for c in cells if c.startswith(BAD_STARTS) and not c[1:].replace(".", "").replace(",", "").isdecimal()]


def test_the_check_for_formulas_sees_one() -> None:
    """Control: the same cells without the guard."""
    raw = "number,name_vi\r\n014,=1+1\r\n".encode("utf-8-sig")
    assert dangerous(raw, ",") == ["=1+1"]
    assert dangerous(write_table(["number", "name_vi"], [["014", "=1+1"]]), ",") == []


@pytest.mark.parametrize(
    "cell", ["=1+1", "'=1", "''+x", "-", "@SUM(A1)", "'", "'x", "don't", "", "-5", "-5,5", "+84", "\uff1d1"]
)
def test_the_guard_is_taken_off_again(cell: str) -> None:
    assert unguarded(guarded(cell)) == cell


def test_the_simulated_citys_directory_goes_through_the_table() -> None:
    rows = [from_camera(camera(eye, "2026-11-20")) for eye in eyes()]
    back = read(write(rows))
    assert len(back) == 364
    assert [to_camera(row).name for row in back] == [camera(eye, "2026-11-20").name for eye in eyes()]
    one = next(to_camera(row) for row in back if row.number == "068")
    assert (one.id, one.substitutes, one.enabled) == ("cam-068", ("cam-071",), True)
    assert one.stream(StreamKind.SUB).uri == "scene:068"


def test_the_rooms_restreamer_is_used_before_the_camera() -> None:
    row = CameraRow("014", "Tên", main_uri="rtsp://h/1", sub_uri="rtsp://h/2", restream_sub_uri="rtsp://room/014")
    camera = to_camera(row)
    assert [stream.uri for stream in camera.streams] == ["rtsp://h/1", "rtsp://h/2"]
    assert [(stream.kind, stream.uri) for stream in camera.restream] == [(StreamKind.SUB, "rtsp://room/014")]
    assert camera.stream(StreamKind.MAIN).uri == "rtsp://room/014"
    assert from_camera(camera) == row


# -- reading what people and spreadsheets write -------------------------------------------------------------------


def test_semicolons_decimal_commas_and_excels_first_line() -> None:
    text = "sep=;\r\nnumber;name_vi;lat;lon;sub_uri\r\n014;Tên, có phẩy;16,8238;107.0992;rtsp://h/1\r\n"
    (row,) = read(text.encode("utf-8-sig"))
    assert (row.name_vi, row.lat, row.lon) == ("Tên, có phẩy", 16.8238, 107.0992)


def test_names_of_other_systems_are_the_same_names() -> None:
    """A decomposed Tế equals the composed one."""
    (row,) = read(lines("014,Te\u0302\u0301,rtsp://h/1").encode())
    assert row.name_vi == "T\u1ebf"


@pytest.mark.parametrize(("word", "is_on"), [("yes", True), ("Có", True), ("1", True), ("không", False), ("NO", False)])
def test_yes_and_no_in_both_languages(word: str, is_on: bool) -> None:
    (row,) = read(lines(f"014,Tên,rtsp://h/1,{word}", head="number,name_vi,sub_uri,ptz").encode())
    assert row.ptz is is_on


def test_a_missing_column_keeps_what_is_there_and_an_empty_cell_does_not() -> None:
    known = {"014": msgspec.structs.replace(SIMPLE, lat=16.8, lon=107.1, ptz=True)}
    (row,) = read(lines("014,Mới,rtsp://h/1").encode(), known)
    assert (row.name_vi, row.lat, row.ptz) == ("Mới", 16.8, True)
    (row,) = read(lines("014,Mới,,rtsp://h/1", head="number,name_vi,ptz,sub_uri").encode(), known)
    assert not row.ptz


def test_every_fault_is_told_with_its_line() -> None:
    text = lines(
        '1a,"Hai',
        'dòng",rtsp://h/1',  # rows 2 and 3 are one cell: a line break in a name
        "015,,rtsp://h/1",
        "",
        "016,Tên,rtsp://h/1,thừa",
        "017,Tên,",
        "017,Tên,rtsp://h/1",
        "a b,Tên,rtsp://h/1",
    )
    assert faults(text) == ["line 6: has 4 cells, the heading has 3"]  # without its columns no cell is judged
    rest = faults(text.replace(",thừa", ""))
    assert rest == [
        "line 2: name_vi: holds a line break or another control character",
        "line 4: name_vi: a camera needs a name",
        "line 7: a camera needs main_uri, sub_uri, restream_uri or restream_sub_uri",
        "line 8: number 017 stands in line 7 already",
        "line 9: number: give 1 to 16 letters, digits, '.', '_' or '-', such as 014",
    ]


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("lat", "91", "lat: 91 is not within -90 to 90"),
        ("lat", "1.234,5", 'lat: "1.234,5" is no number'),
        ("lat", "nan", 'lat: "nan" is no number'),
        ("lat", "16.8", "lat and lon go together"),
        ("bearing", "-10", "bearing: -10 is not within"),
        ("angle", "0", "angle: 0 is not within 1 to 360"),
        ("range", "-5", "range: -5 is not within"),
        ("reach", "200", "reach: must be two bearings, clockwise"),
        ("reach", "10-400", "reach: 400 is not within 0 to 360"),
        ("presets", "Cổng chợ", "presets: must be names or tokens of presets with their bearings"),
        ("presets", "3=400", "presets: 400 is not within"),
        ("owner", "tinh", 'owner: "tinh" is not one of city, ward'),
        ("transport", "sctp", "transport:"),
        ("tls", "pin:12", "tls: must be verify, or pin:"),
        ("onvif", "rtsp://h/1", "onvif: must be an address that begins with http"),
        ("channel", "0", "channel: must be a whole number"),
        ("channel", "3", "channel counts at a recorder"),
        ("ptz", "maybe", 'ptz: "maybe" is neither yes nor no'),
        ("substitutes", "014", "does not stand in for itself"),
        ("substitutes", "099", "there is no camera 099"),
        ("main_uri", "10.0.0.7", "main_uri: must be an address"),
        ("main_uri", "rtsp://h:99999/1", "main_uri: names no host, or no port"),
        ("main_uri", "gopher://h/1", 'no addresses that begin with "gopher"'),
        ("name_en", "x" * 501, "name_en: is longer than 500"),
    ],
)
def test_what_is_wrong_is_said_in_words(column: str, cell: str, words: str) -> None:
    head = f"number,name_vi,sub_uri,{column}"
    quoted = f'"{cell}"' if "," in cell else cell
    (said,) = faults(lines(f"014,Tên,rtsp://h/1,{quoted}", head=head), schemes={"rtsp", "http"})
    assert said.startswith("line 2: ")
    assert words in said


@pytest.mark.parametrize(
    "uri",
    [
        "rtsp://admin:geheim@10.0.0.7/1", "http://geheim@10.0.0.7/v", "rtsp://10.0.0.7/1?user=a&password=geheim",
        "rtsp://10.0.0.7/user=admin_password=geheim_channel=1", "admin:geheim@10.0.0.7", "rtsp://a:12/geheim@h/",
        "http://h/v?Token=geheim", "rtsps://h/?pwd=geheim",
    ],
)  # fmt: skip
@pytest.mark.parametrize("column", ["main_uri", "sub_uri", "restream_uri", "restream_sub_uri"])
def test_an_address_with_a_secret_is_refused_and_not_repeated(uri: str, column: str) -> None:
    said = " ".join(faults(lines(f"014,Tên,{uri}", head=f"number,name_vi,{column}"), schemes={"rtsp"}))
    assert "user or password" in said
    assert "geheim" not in said
    assert "admin" not in said


def test_a_column_of_passwords_is_refused() -> None:
    (said,) = faults("number,name_vi,password\n014,Tên,geheim\n")
    assert said == 'line 1: column "password": users and passwords stand in a file of their own'


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "line 1: the file is empty"),
        (b"number,name_vi,sub_url\n", 'there is no column "sub_url"; did you mean "sub_uri"?'),
        (b"number,sub_uri\n", 'the column "name_vi" is missing'),
        (b"number,number,name_vi\n", 'column "number" stands there twice'),
        ("number,name_vi\n1,Tên\n".encode("utf-16"), "UTF-16"),
        ("number,name_vi\n1,x\n2,Tê".encode("cp1258", "replace") + b"\xea\xff\n", "line 3: is not UTF-8"),
        (b'number,name_vi\n014,"open\n', "is not well-formed CSV"),
        (b'number,name_vi\n014,"a"b\n', "line 2: is not well-formed CSV"),
    ],
)
def test_a_file_that_is_no_table(raw: bytes, words: str) -> None:
    assert any(words in said for said in faults(raw))


def test_zeros_that_a_spreadsheet_dropped_are_noticed() -> None:
    (said,) = faults(lines("14,Tên,rtsp://h/1"), known={"014": SIMPLE})
    assert "there is 014: has a spreadsheet dropped its zeros?" in said
    assert read(lines("14,Tên,rtsp://h/1").encode(), {"015": SIMPLE})[0].number == "14"


def test_damaged_files_end_in_words_and_nothing_else() -> None:
    """2,000 files with a few bytes changed: read, or CsvFaults, never another error."""
    chance = random.Random(6)
    raw = write([any_row(chance, n) for n in range(1, 6)])
    told: list[CsvFaults] = []
    for _ in range(2000):
        bad = bytearray(raw)
        for _ in range(chance.randint(1, 6)):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        try:
            read(bytes(bad))
        except CsvFaults as found:
            told.append(found)
    assert len(told) > 1000
    assert all(fault.line >= 1 and fault.text for found in told for fault in found.faults)


def test_a_difference_names_what_moves() -> None:
    after = [msgspec.structs.replace(SIMPLE, name_vi="Tên khác"), msgspec.structs.replace(SIMPLE, number="015")]
    gone = msgspec.structs.replace(SIMPLE, number="016")
    assert compare([SIMPLE, gone], after).lines() == [
        "+ 015 Hùng Vương – Lê Duẩn",
        "- 016 Hùng Vương – Lê Duẩn",
        "~ 014 name_vi: Hùng Vương – Lê Duẩn -> Tên khác",
    ]


# -- secrets -------------------------------------------------------------------------------------------------


def test_secrets_are_taken_as_they_stand() -> None:
    raw = b"number,user,password\r\n014,admin,'=geheim \r\n"
    assert read_secrets(raw, {"014"}) == {"cam-014": {"user": "admin", "password": "'=geheim "}}


@pytest.mark.parametrize(
    "text",
    [
        "014,admin,geheim\n", "number,user,geheim\n", "number,user,password\ngeheim,014,admin\n",
        "number,user,password\n014,,geheim\n", "number,user,password\n014,a,geheim\n014,a,geheim\n",
        'number,user,password\n014,a,"gehe\nim"\n', 'number,user,password\n014,a,"geheim"x\n',
    ],
)  # fmt: skip
def test_a_fault_among_secrets_repeats_none(text: str) -> None:
    with pytest.raises(CsvFaults) as found:
        read_secrets(text.encode(), {"014"})
    assert "gehe" not in str(found.value)
    assert "admin" not in str(found.value)


# -- the commands --------------------------------------------------------------------------------------------


def ioc(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["cameras", *(str(a) for a in arguments)])
    return result.exit_code, result.output


def test_import_tells_the_difference_and_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    hub, table = tmp_path / "hub", tmp_path / "site.csv"
    table.write_text(lines("014,Chợ,rtsp://h/1", "015,Cầu,rtsp://h/2"), encoding="utf-8")
    status, said = ioc("import", table, "--dry-run", "--data-dir", hub)
    assert (status, (hub / SITE_FILE).exists()) == (0, False)
    assert "+ 014 Chợ" in said
    assert "would be: 2 new, 0 changed, 0 removed; nothing was changed" in said
    assert ioc("import", table, "--data-dir", hub)[0] == 0
    kept = (hub / SITE_FILE).read_bytes()
    assert [row.number for row in read(kept)] == ["014", "015"]
    status, said = ioc("import", table, "--data-dir", hub)
    assert (status, "0 new, 0 changed, 0 removed" in said, (hub / SITE_FILE).read_bytes()) == (0, True, kept)


def test_one_bad_line_and_nothing_is_imported(tmp_path: Path) -> None:
    hub, table = tmp_path / "hub", tmp_path / "site.csv"
    table.write_text(lines("014,Chợ,rtsp://h/1"), encoding="utf-8")
    ioc("import", table, "--data-dir", hub)
    kept = (hub / SITE_FILE).read_bytes()
    table.write_text(lines("014,Chợ mới,rtsp://h/1", "015,,rtsp://h/2", "016,C,nfs://h/2"), encoding="utf-8")
    status, said = ioc("import", table, "--data-dir", hub)
    assert status == 1
    assert "site.csv: line 3: name_vi: a camera needs a name" in said
    assert 'site.csv: line 4: sub_uri: no addresses that begin with "nfs"' in said
    assert "nothing was changed" in said
    assert (hub / SITE_FILE).read_bytes() == kept


def test_cameras_that_are_not_named_stay_unless_told(tmp_path: Path) -> None:
    hub, table = tmp_path / "hub", tmp_path / "site.csv"
    head = "number,name_vi,sub_uri,substitutes"
    table.write_text(lines("014,Chợ,rtsp://h/1,015", "015,Cầu,rtsp://h/2,", head=head), encoding="utf-8")
    ioc("import", table, "--data-dir", hub)
    table.write_text(lines("014,Chợ,rtsp://h/1"), encoding="utf-8")
    _, said = ioc("import", table, "--data-dir", hub)
    assert "does not name stay: 1; --remove takes them away" in said
    status, said = ioc("import", table, "--remove", "--data-dir", hub)
    assert status == 1
    assert "015 would be gone, but is to stand in for 014" in said
    table.write_text(lines("014,Chợ,rtsp://h/1,", head=head), encoding="utf-8")
    assert "- 015 Cầu" in ioc("import", table, "--remove", "--data-dir", hub)[1]
    assert [row.number for row in read((hub / SITE_FILE).read_bytes())] == ["014"]


def test_secrets_go_into_the_vault_and_never_come_out(tmp_path: Path) -> None:
    hub, table, secrets = tmp_path / "hub", tmp_path / "site.csv", tmp_path / "secrets.csv"
    table.write_text(lines("014,Chợ,rtsp://h/1"), encoding="utf-8")
    secrets.write_text("number,user,password\n014,admin,geheim\n", encoding="utf-8")
    status, said = ioc("import", table, "--secrets", secrets, "--data-dir", hub)
    assert status == 0
    assert "secrets of 1" in said
    vault = Vault(hub)
    try:
        assert vault.find(CAMERA, "cam-014") == {"user": "admin", "password": "geheim"}
    finally:
        vault.close()
    out = tmp_path / "out.csv"
    assert ioc("export", out, "--data-dir", hub)[0] == 0
    for text in (said, out.read_text("utf-8"), (hub / SITE_FILE).read_text("utf-8")):
        assert "geheim" not in text
        assert "admin" not in text


def test_secrets_that_are_wrong_keep_the_table_out_too(tmp_path: Path) -> None:
    hub, table, secrets = tmp_path / "hub", tmp_path / "site.csv", tmp_path / "secrets.csv"
    table.write_text(lines("014,Chợ,rtsp://h/1"), encoding="utf-8")
    secrets.write_text("number,user,password\n099,admin,geheim\n", encoding="utf-8")
    status, said = ioc("import", table, "--secrets", secrets, "--data-dir", hub)
    assert (status, (hub / SITE_FILE).exists(), "geheim" in said) == (1, False, False)
    assert "secrets.csv: line 2: there is no camera of that number" in said


def test_export_and_import_again_is_no_difference(tmp_path: Path) -> None:
    hub, out = tmp_path / "hub", tmp_path / "out.csv"
    assert ioc("export", out, "--city", "--delimiter", ";", "--data-dir", hub)[0] == 0
    assert out.read_bytes().decode("utf-8-sig").splitlines()[0] == ";".join(COLUMNS)
    assert "364 new" in ioc("import", out, "--data-dir", hub)[1]
    assert "is there already" in ioc("export", out, "--data-dir", hub)[1]
    assert ioc("export", out, "--force", "--data-dir", hub)[0] == 0
    assert "0 new, 0 changed, 0 removed" in ioc("import", out, "--data-dir", hub)[1]


def test_an_export_of_nothing_says_the_way_on(tmp_path: Path) -> None:
    status, said = ioc("export", tmp_path / "out.csv", "--data-dir", tmp_path)
    assert status == 1
    assert "no cameras yet; --city writes the simulated city's" in said
    assert not (tmp_path / "out.csv").exists()


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    status, said = ioc("import", tmp_path / "no.csv", "--data-dir", tmp_path)
    assert status == 1
    assert "no.csv" in said
