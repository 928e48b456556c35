import ipaddress

import pytest

from shared.network import destinations
from shared.network.endpoints import Endpoint


def test_empty_list_names_nothing() -> None:
    assert not destinations.parse(" , ")


@pytest.mark.parametrize("host", ["registry.example", "a.example.com", "b.a.example.com"])
def test_names_and_what_stands_below_a_star_are_found(host: str) -> None:
    assert destinations.parse("Registry.example., *.example.com").has_name(host)


@pytest.mark.parametrize("host", ["example.com", "notexample.com", "x.registry.example", "registry.example.evil"])
def test_other_names_are_not(host: str) -> None:
    assert not destinations.parse("registry.example,*.example.com").has_name(host)


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "2002:a01:203::1", "fd12::1"])
def test_address_is_found_in_its_network_however_it_is_written(address: str) -> None:
    assert destinations.parse("10.0.0.0/8,fd12::1").has_address(ipaddress.ip_address(address))


def test_address_outside_is_not_found() -> None:
    assert not destinations.parse("10.0.0.0/8").has_address(ipaddress.ip_address("11.0.0.1"))


@pytest.mark.parametrize("entry", ["10.0.0.1/8", "10.0.0", "0x7f.1", "http://x", "a b", "*", "*x.example", "-x", "x:1"])
def test_entry_that_is_neither_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match="entry 2"):
        destinations.parse(f"registry.example,{entry}")


def test_services_have_a_host_and_a_port() -> None:
    expected = (Endpoint("gateway", 9096), Endpoint("fd12::1", 80))
    assert destinations.parse_services("gateway:9096, [fd12::1]:80") == expected


@pytest.mark.parametrize("entry", ["gateway", "gateway:", "gateway:0", "fd12::1", "http://gateway:80", "gateway:80/x"])
def test_service_without_one_of_them_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match="entry 1"):
        destinations.parse_services(entry)
