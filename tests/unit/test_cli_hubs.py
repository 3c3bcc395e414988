"""Options and site settings of several hubs: the old form stays valid, secrets never stand in an address."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.cli_hubs import Several
from console.screens import UsageError
from console.settings import load_site

KEY = "k" * 40
SITE = f"""
version = 1
[hub]
live = "tcp://10.0.0.5:7401"
ctl = "tcp://10.0.0.5:7402"
public_key = "{KEY}"
[station]
id = "ban-1"
"""


def test_a_hub_by_itself_needs_nothing() -> None:
    assert Several().settings() == {}


def test_one_of_several(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.touch()
    told = Several("nats://10.0.0.11:4222, tls://[fd00::2]:4222,nats://nats-3", "A", ca=ca).settings()
    assert told["nats"] == ["nats://10.0.0.11:4222", "tls://[fd00::2]:4222", "nats://nats-3"]
    assert (told["member"], told["nats_log"], told["nats_ca"]) == ("A", "ioc", str(ca))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (Several(name="A"), "belong to --nats"),
        (Several("10.0.0.11:4222"), "must be nats://HOST:PORT"),
        (Several("nats://h:1,http://h:2"), '"http://h:2" must be'),
        (Several("nats://h", name="a b"), "--name"),
        (Several("nats://h", log="a.b"), "--nats-log"),
        (Several("nats://h", cert=Path("c")), "go together"),
        (Several("nats://h", ca=Path("/no/such/ca")), "there is no file"),
    ],
)
def test_mistakes_are_said(given: Several, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        given.settings()


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError, match="no user and password") as refused:
        Several("nats://hub:geheim@10.0.0.11:4222").settings()
    assert "geheim" not in str(refused.value)


def test_a_site_may_name_further_hubs(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text(SITE)
    assert load_site(file).hubs == ()
    file.write_text(SITE + '[[hubs]]\nlive = "tcp://10.0.0.6:7401"\nctl = "tcp://10.0.0.6:7402"\n')
    (other,) = load_site(file).hubs
    assert (other.ctl, other.public_key) == ("tcp://10.0.0.6:7402", "")
    file.write_text(SITE + '[[hubs]]\nlive = "tcp://10.0.0.6:7401"\nctl = "tcp://10.0.0.6:7402"\npublic_key = "x"\n')
    with pytest.raises(UsageError):
        load_site(file)
