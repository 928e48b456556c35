import re

import pytest

from tools import cli_pins

SHA256 = "ab" * 32
WHEEL = f'[wheel]\npackage = "clis"\nversion = "1"\nsha256 = "{SHA256}"\n'


def pins_text(kubectl: str) -> str:
    return f"{WHEEL}[kubectl.linux-amd64]\n{kubectl}\n[helm]\n"


@pytest.mark.parametrize("platform", ["linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64"])
@pytest.mark.parametrize("name", cli_pins.CLI_NAMES)
def test_every_platform_of_ours_has_a_pin(name: str, platform: str) -> None:
    pin = cli_pins.load().pin(name, platform)

    assert re.fullmatch(r"v\d+\.\d+\.\d+", pin.version)
    if pin.url is not None:
        assert pin.version in pin.url
        assert platform.replace("-", "/") in pin.url or platform in pin.url


def test_no_two_downloads_share_a_checksum() -> None:
    checksums = [pin.sha256 for pin in cli_pins.load().by_platform.values()]

    assert len(set(checksums)) == len(checksums)


def test_platform_without_a_pin_says_what_to_do() -> None:
    with pytest.raises(cli_pins.PinError, match="no pinned helm for plan9-mips: install helm"):
        cli_pins.load().pin("helm", "plan9-mips")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (f'version = "v1"\nsha256 = "{SHA256}"', "neither a url nor a member"),
        (f'version = "v1"\nsha256 = "{SHA256}"\nurl = "http://a.test/k"', "not an https"),
        ('version = "v1"\nsha256 = "AB"\nmember = "k"', "not a SHA-256"),
    ],
    ids=["no source", "plain http", "no checksum"],
)
def test_incomplete_pin_is_refused(table: str, message: str) -> None:
    with pytest.raises(cli_pins.PinError, match=message):
        cli_pins.parse(pins_text(table))


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("Linux", "x86_64", "linux-amd64"),
        ("Linux", "aarch64", "linux-arm64"),
        ("Darwin", "arm64", "darwin-arm64"),
        ("Linux", "riscv64", "linux-riscv64"),
    ],
)
def test_platform_is_named_as_go_names_it(system: str, machine: str, name: str) -> None:
    assert cli_pins.platform_name(system, machine) == name
