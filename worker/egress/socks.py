"""SOCKS5 (RFC 1928) with username and password (RFC 1929), the server's side: what is said before the relay."""

import ipaddress
import struct
from asyncio import StreamReader, StreamWriter
from dataclasses import dataclass
from enum import IntEnum

VERSION = 5
PASSWORD_VERSION = 1
PASSWORD_METHOD = 2
NO_METHOD = 0xFF
CONNECT = 1
IPV4, NAME, IPV6 = 1, 3, 4
NOWHERE = struct.pack("!B4sH", IPV4, b"\0" * 4, 0)
"""The bound address of every reply: which one it is concerns no command."""


class Reply(IntEnum):
    """Section 6 of RFC 1928."""

    SUCCEEDED = 0
    GENERAL_FAILURE = 1
    NOT_ALLOWED = 2
    HOST_UNREACHABLE = 4
    CONNECTION_REFUSED = 5
    COMMAND_NOT_SUPPORTED = 7
    ADDRESS_TYPE_NOT_SUPPORTED = 8


class SocksError(Exception):
    """The client says something that is not served; it has been answered where there is an answer."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the client wants to go: the host in lower case, without a dot at its end."""

    host: str
    port: int


async def read_credentials(reader: StreamReader, writer: StreamWriter) -> tuple[str, str]:
    """User and password, which are to be answered with `answer_credentials`. `SocksError`."""
    version, count = await reader.readexactly(2)
    if version != VERSION:
        raise SocksError("not SOCKS5")
    if PASSWORD_METHOD not in await reader.readexactly(count):
        writer.write(bytes((VERSION, NO_METHOD)))
        raise SocksError("no credentials")
    writer.write(bytes((VERSION, PASSWORD_METHOD)))
    if await reader.readexactly(1) != bytes((PASSWORD_VERSION,)):
        raise SocksError("not RFC 1929")
    return await _counted(reader), await _counted(reader)


def answer_credentials(writer: StreamWriter, *, are_good: bool) -> None:
    """Good or bad; after bad ones the connection has to be closed."""
    writer.write(bytes((PASSWORD_VERSION, 0 if are_good else 1)))


async def read_target(reader: StreamReader, writer: StreamWriter) -> Target:
    """Where to connect to; the request is to be answered with `answer`. `SocksError`."""
    version, command, _, kind = await reader.readexactly(4)
    if version != VERSION:
        raise SocksError("not SOCKS5")
    if command != CONNECT:
        answer(writer, Reply.COMMAND_NOT_SUPPORTED)
        raise SocksError("not CONNECT")
    if kind == IPV4:
        host = str(ipaddress.IPv4Address(await reader.readexactly(4)))
    elif kind == IPV6:
        host = str(ipaddress.IPv6Address(await reader.readexactly(16)))
    elif kind == NAME:
        host = await _counted(reader)
    else:
        answer(writer, Reply.ADDRESS_TYPE_NOT_SUPPORTED)
        raise SocksError("unknown kind of address")
    (port,) = struct.unpack("!H", await reader.readexactly(2))
    target = Target(host.lower().rstrip("."), port)
    if not (target.host and target.port):
        answer(writer, Reply.GENERAL_FAILURE)
        raise SocksError("no host or no port")
    return target


def answer(writer: StreamWriter, reply: Reply) -> None:
    """The end of what is said before the relay."""
    writer.write(bytes((VERSION, reply, 0)) + NOWHERE)


async def _counted(reader: StreamReader) -> str:
    (length,) = await reader.readexactly(1)
    text = (await reader.readexactly(length)).decode("ascii", "replace")
    if not text.isprintable() or not text.isascii():
        raise SocksError("no printable ASCII")
    return text
