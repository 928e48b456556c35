import pytest

from shared.tools import registry
from tools import cli_pins

SHA256 = "ab" * 32
TOOL = f'version = "v1"\nurl = "https://a.test/k"\n[sha256]\nlinux-arm64 = "{SHA256}"\n'
COMMON = f"""
[wheel]
package = "clis"
version = "1"
platform = "linux-amd64"
sha256 = "{SHA256}"

[filters]
"""


def test_each_tool_of_the_registry_has_pins_and_nothing_else_has() -> None:
    assert sorted(cli_pins.load().tools) == sorted(registry.NAMES)


@pytest.mark.parametrize("platform", ["linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64"])
@pytest.mark.parametrize("name", cli_pins.load().fetched)
def test_every_platform_of_ours_has_a_pin(name: str, platform: str) -> None:
    pin = cli_pins.load().pin(name, platform)

    assert pin.version.startswith("v")
    assert (pin.url is None) == (platform == cli_pins.load().wheel.platform)
    if pin.url is not None:
        assert pin.version in pin.url
        assert platform.replace("-", "/") in pin.url or platform in pin.url


def test_no_two_releases_share_a_checksum() -> None:
    pins = cli_pins.load()
    tables = [*pins.tools.values(), *pins.filters.values()]
    checksums = [sha256 for table in tables for sha256 in table.get("sha256", {}).values()]

    assert len(set(checksums)) == len(checksums)


def test_platform_without_a_pin_says_what_to_do() -> None:
    with pytest.raises(cli_pins.PinError, match="no pinned helm for plan9-mips: install helm"):
        cli_pins.load().pin("helm", "plan9-mips")


def test_tool_without_a_part_in_the_wheel_is_linked_where_it_was_built() -> None:
    own = f'[wheel]\nversion = "v2"\nmember = "bin/k"\nsha256 = "{SHA256}"\n'
    pins = cli_pins.parse(COMMON, {"wheeled": TOOL + own, "other": TOOL})

    assert (pins.fetched, pins.built) == (["wheeled"], ["other"])
    assert pins.pin("wheeled", "linux-amd64").version == "v2"
    assert pins.pin("wheeled", "linux-arm64").version == "v1"


@pytest.mark.parametrize(
    ("tool", "message"),
    [
        ('version = "v1"', "not an https"),
        (TOOL.replace("https", "http"), "not an https"),
        (TOOL.replace(SHA256, "AB"), "not a SHA-256"),
    ],
    ids=["no source", "plain http", "no checksum"],
)
def test_incomplete_pin_is_refused(tool: str, message: str) -> None:
    with pytest.raises(cli_pins.PinError, match=message):
        cli_pins.parse(COMMON, {"tool": tool})


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
