"""The command line. Parses, calls one function, turns its errors into a sentence and an exit status.

Exit status: 0 done; 1 something failed; 2 the command line or a settings file is wrong; 3 something of the
machine is missing (a display, a library, a free data folder), said with the way on.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from console import cli_crashes
from console.cli_access import accounts, keys
from console.cli_audit import app as audit_app
from console.cli_cameras import app as cameras_app
from console.cli_conform import conform
from console.cli_hubs import HubName, Nats, NatsBlobs, NatsCa, NatsCert, NatsKey, NatsLog, Several
from console.options import NeedsMachine, Options, default_data_dir
from console.screens import UsageError
from console.warm import warm_gui

app = typer.Typer(
    name="ioc-console",
    help="Operator console of a city's Intelligent Operations Centre.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(audit_app, name="audit")
app.add_typer(accounts, name="accounts")
app.add_typer(keys, name="keys")
app.add_typer(cameras_app, name="cameras")
app.command()(conform)

Config = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="The site's settings (TOML).")]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", metavar="DIR", help="Where data is kept; one console a folder.")
]
Lang = Annotated[str, typer.Option("--lang", metavar="vi|en", help="Language of the screen.")]
Theme = Annotated[str, typer.Option("--theme", metavar="dark|light", help="Colours of the screen.")]
LayoutName = Annotated[str, typer.Option("--layout", metavar="NAME", help="Id, name or function key of a layout.")]
Platform = Annotated[
    str, typer.Option("--platform", metavar="NAME", help="Qt platform: offscreen, xcb, wayland, vnc, windows.")
]
Screens = Annotated[
    str,
    typer.Option(
        "--screens",
        metavar="WxH[@INCHES][:desk|wall],...",
        help="Virtual monitors on the offscreen platform, from left to right.",
    ),
]
Scenario = Annotated[
    str,
    typer.Option("--scenario", metavar="NAME[@MARK]", help="What happens in the city; flood-2020@peak starts there."),
]
Speed = Annotated[float, typer.Option("--speed", metavar="X", help="How fast the city's clock runs.")]
Screenshot = Annotated[
    Path | None, typer.Option("--screenshot", metavar="DIR", help="Write a PNG per window and moment, then leave.")
]
After = Annotated[
    str, typer.Option("--after", metavar="SECONDS,...", help="Moments of the screenshots after the first paint.")
]
ExitAfter = Annotated[float, typer.Option("--exit-after", metavar="SECONDS", help="Leave after so many seconds.")]
Seat = Annotated[
    str, typer.Option("--seat", metavar="ID", help="Whose seat of the room this is: ban-1, ban-2, quan-tri.")
]
JsonLog = Annotated[Path | None, typer.Option("--json-log", metavar="FILE", help="Append one JSON line an event.")]


@app.command()
def demo(
    config: Config = None,
    data_dir: DataDir = None,
    lang: Lang = "",
    theme: Theme = "",
    layout: LayoutName = "",
    platform: Platform = "",
    screens: Screens = "",
    scenario: Scenario = "",
    speed: Speed = 1.0,
    screenshot: Screenshot = None,
    after: After = "",
    exit_after: ExitAfter = 0.0,
    json_log: JsonLog = None,
    seat: Seat = "",
) -> None:
    """The simulated city of Đông Hà on every monitor, with its own hub; needs no network."""
    warm = warm_gui(data_dir or default_data_dir("demo"))
    from console.demo import run_demo

    _finish(
        lambda options: run_demo(options, warm),
        Options(
            config, data_dir, lang, theme, layout, platform, screens, scenario, speed, screenshot, after, exit_after,
            json_log, seat,
        ),
    )  # fmt: skip


@app.command()
def run(
    config: Config = None,
    data_dir: DataDir = None,
    lang: Lang = "",
    theme: Theme = "",
    layout: LayoutName = "",
    platform: Platform = "",
    screens: Screens = "",
    screenshot: Screenshot = None,
    after: After = "",
    exit_after: ExitAfter = 0.0,
    json_log: JsonLog = None,
) -> None:
    """The console of a site: joins the hub that --config names."""
    warm = warm_gui(data_dir or default_data_dir("site"))
    from console.demo import run_site

    _finish(
        lambda options: run_site(options, warm),
        Options(
            config, data_dir, lang, theme, layout, platform, screens, "", 1.0, screenshot, after, exit_after, json_log
        ),
    )


@app.command()
def hub(
    data_dir: DataDir = None,
    bind: Annotated[str, typer.Option("--bind", metavar="ADDRESS", help="Address of this machine to listen on.")] = (
        "127.0.0.1"
    ),
    live_port: Annotated[int, typer.Option("--live-port", min=1, max=65535, help="Port of LIVE.")] = 7401,
    ctl_port: Annotated[int, typer.Option("--ctl-port", min=1, max=65535, help="Port of CTL.")] = 7402,
    scenario: Scenario = "",
    speed: Speed = 1.0,
    json_log: JsonLog = None,
    nats: Nats = "",
    name: HubName = "",
    nats_log: NatsLog = "ioc",
    nats_ca: NatsCa = None,
    nats_cert: NatsCert = None,
    nats_key: NatsKey = None,
    nats_blob_mb: NatsBlobs = 4096,
) -> None:
    """The backend alone, with the simulated city, for consoles on other machines; with --nats one of several."""
    from console.demo import run_hub

    options = Options(data_dir=data_dir, scenario=scenario, speed=speed, json_log=json_log)
    several = Several(nats, name, nats_log, nats_ca, nats_cert, nats_key, nats_blob_mb)
    _finish(lambda given: run_hub(given, bind, live_port, ctl_port, several), options)


@app.command()
def doctor(
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Looks at this machine and says what is missing, with the command that mends it."""
    from console.doctor import run_doctor

    _finish(lambda given: run_doctor(given, sys.stdout.write), Options(config=config, data_dir=data_dir))


app.add_typer(cli_crashes.app, name="crashes")
app.command()(cli_crashes.restart)


def _finish(do: Callable[[Options], int], options: Options) -> None:
    try:
        status = do(options)
    except UsageError as error:
        _say(error)
        status = 2
    except NeedsMachine as error:
        _say(error)
        status = 3
    except OSError as error:  # a full disk, a folder without rights: the world's fault, said in words
        _say(error)
        status = 1
    raise typer.Exit(status)


def _say(error: Exception) -> None:
    sys.stderr.write(f"ioc-console: {error}\n")


def main() -> None:
    """Entry point of `ioc-console`."""
    for stream in (sys.stdout, sys.stderr):  # Vietnamese must not fail on a system without a UTF-8 locale
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    faulthandler.enable()  # systemd's watchdog ends us with SIGABRT: the stacks of all threads go to the journal
    logging.basicConfig(level=os.environ.get("IOC_LOG", "WARNING"), format="%(name)s: %(message)s")
    app()


if __name__ == "__main__":
    main()
