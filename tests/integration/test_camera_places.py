"""A camera's password goes to the camera's own host and port and to nobody else, whatever address a screen names.

Hub, link, feeder, desk, broker and worker are real, and so are the sockets that ask for a password and write down what
they are told.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from typing import Self

import pytest
from helpers.bare_station import station as bare_station
from helpers.cheap_hashes import cheap_hashes, real_hashes  # noqa: F401
from helpers.hub_people import hub_here, make_accounts
from helpers.picture_rig import until
from typer.testing import CliRunner

from backends.domain.camera import Demand, PictureState
from backends.video.broker import Credentials
from backends.video.places import place_of, places_of
from console.cli import app

PASSWORD = "geheim-1-2"


class Gate:
    """Refuses everybody, by RTSP and HTTP, and remembers who showed a password. Context manager."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.place = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked: list[str] = []
        self.thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.thread.join(5)

    @property
    def told(self) -> list[str]:
        """Requests with a password."""
        return [one for one in self.asked if "authorization" in one.lower() or "geheim" in one]

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        heard = b""
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            while more := connection.recv(4096):
                heard += more
                while b"\r\n\r\n" in heard:
                    raw, _, heard = heard.partition(b"\r\n\r\n")
                    request = raw.decode("latin-1")
                    self.asked.append(request)
                    version = request.splitlines()[0].rpartition(" ")[2]
                    number = [line for line in request.splitlines() if line.lower().startswith("cseq")]
                    lines = [f"{version} 401 Unauthorized", *number, 'WWW-Authenticate: Basic realm="x"']
                    connection.sendall("\r\n".join([*lines, "Content-Length: 0", "", ""]).encode())


def test_a_screen_that_names_another_host_gets_no_password_there(tmp_path: Path) -> None:
    hub, table, secrets = tmp_path / "hub", tmp_path / "site.csv", tmp_path / "secrets.csv"
    make_accounts(hub)
    with Gate() as own, Gate() as room, Gate() as foreign:
        table.write_text(
            "number,name_vi,sub_uri,restream_sub_uri\n"
            f"014,Cổng chợ,rtsp://{own.place}/live,rtsp://{room.place}/014\n", encoding="utf-8",
        )  # fmt: skip
        secrets.write_text(f"number,user,password\n014,operator,{PASSWORD}\n", encoding="utf-8")
        told = ["cameras", "import", str(table), "--secrets", str(secrets), "--remove", "--data-dir", str(hub)]
        with hub_here(hub) as ready:
            assert CliRunner().invoke(app, told).exit_code == 0
            with bare_station(tmp_path / "station", hub, ready) as one:
                one.glass.until(lambda glass: glass.ids("cameras") == ["cam-014"], what="the table is taken up")
                one.sign_in("khach")
                right = Demand("cam-014", f"rtsp://{own.place}/live", 320, 180)
                wrong = [
                    Demand("cam-014", uri, 320, 180)
                    for uri in (
                        f"rtsp://{room.place}/014",
                        f"rtsp://{foreign.place}/live",
                        f"http://{foreign.place}/live",
                        f"rtsp://{foreign.place}/{own.place}/live",
                    )
                ]
                one.pictures.show(right)
                until(lambda: own.told, 20, lambda: f"the control: the camera itself is told, heard {own.asked}")
                one.pictures.show(right, *wrong)
                for demand in wrong:
                    one.pictures.until_state(demand, PictureState.REFUSED, 20)
                assert len(foreign.asked) >= 3
                assert room.asked
                assert foreign.told == []
                assert room.told == []

                # Negative control: the same sockets see it where the directory has their places.
                places = places_of([right.uri, *(demand.uri for demand in wrong)])
                one.pictures.broker.set_credentials({"cam-014": Credentials("operator", PASSWORD, places)})
                until(lambda: foreign.told and room.told, 20, "they can see a password")


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("rtsp://10.0.0.7/live", "rtsp://10.0.0.7"),
        ("RTSPS://Cam-1.local:322/live#sha256=ab", "rtsps://cam-1.local:322"),
        ("http://[fe80::1%25eth0]:80?x=1", "http://[fe80::1%25eth0]:80"),
        ("https://cam", "https://cam"),
        ("onvif-replay://nvr:554/1#from=2026-11-20T08:15:00Z", "onvif-replay://nvr:554/1#from=2026-11-20T08:15:00Z"),
        ("rtsp://10.0.0.7\\@10.6.6.6/live", ""),
        ("rtsp://10.0.0.7@10.6.6.6/live", ""),
        ("rtsp://10.0.0.7:554\t.6.6.6/live", ""),
        ("rt\tsp://10.0.0.7/live", ""),
        (" rtsp://10.0.0.7/live", ""),
        ("rtsp:/10.0.0.7/live", ""),
        ("rtsp:///live", ""),
        ("ring:1/2/1/rtsp://10.0.0.7/live", ""),
        ("file:rtsp://10.0.0.7/live", ""),
        ("scene:014", ""),
        ("", ""),
    ],
)
def test_a_place_is_what_every_reader_of_an_address_sees(uri: str, place: str) -> None:
    assert place_of(uri) == place
