"""The server side of SOCKS5 (RFC 1928) with username and password (RFC 1929), up to the start of the relay."""

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
"""The bound address in every reply. Commands do not need the real one."""


class Reply(IntEnum):
    """Reply codes of RFC 1928, section 6."""

    SUCCEEDED = 0
    GENERAL_FAILURE = 1
    NOT_ALLOWED = 2
    NETWORK_UNREACHABLE = 3
    HOST_UNREACHABLE = 4
    CONNECTION_REFUSED = 5
    TTL_EXPIRED = 6
    COMMAND_NOT_SUPPORTED = 7
    ADDRESS_TYPE_NOT_SUPPORTED = 8


class SocksError(Exception):
    """The client's message is not supported. If SOCKS5 defines a reply for it, that reply was sent."""


@dataclass(frozen=True, slots=True)
class Target:
    """The client's destination: the host in lower case without a final dot, and the port."""

    host: str
    port: int


async def read_credentials(reader: StreamReader, writer: StreamWriter) -> tuple[str, str]:
    """Reads user and password. The caller then calls `answer_credentials`. Raises SocksError."""
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
    """Accepts or rejects the credentials. After a rejection, the caller must close the connection."""
    writer.write(bytes((PASSWORD_VERSION, 0 if are_good else 1)))


async def read_target(reader: StreamReader, writer: StreamWriter) -> Target:
    """Reads the destination. The caller then calls `answer`. Raises SocksError."""
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
        answer(writer, Reply.HOST_UNREACHABLE)
        raise SocksError("no host or no port")
    return target


def answer(writer: StreamWriter, reply: Reply) -> None:
    """Sends the last reply before the relay."""
    writer.write(bytes((VERSION, reply, 0)) + NOWHERE)


async def _counted(reader: StreamReader) -> str:
    (length,) = await reader.readexactly(1)
    text = (await reader.readexactly(length)).decode("ascii", "replace")
    if not text.isprintable() or not text.isascii():
        raise SocksError("not printable ASCII")
    return text
