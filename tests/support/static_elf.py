"""The smallest static executable: needs no loader and no library, and costs nothing to run."""

import platform
import struct
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

ENDS = {
    # exit(0): `xor edi, edi; mov eax, 60; syscall`, and `mov x0, #0; mov x8, #93; svc #0`.
    "x86_64": bytes.fromhex("31ff b83c000000 0f05"),
    "aarch64": bytes.fromhex("000080d2 a80b80d2 010000d4"),
}
_MACHINES = {"x86_64": 62, "aarch64": 183}
_HEADERS_BYTES = 64 + 56
_BASE = 0x400000

IS_POSSIBLE = sys.platform == "linux" and platform.machine() in _MACHINES


def calling(numbers: Mapping[str, int], *arguments: int) -> Mapping[str, bytes]:
    """Code that makes one system call and ends with the number of its error; 0, or a descriptor's negative, without.

    At most three arguments below 2**32; the fourth is 0.
    """
    return {
        "x86_64": _x86(numbers["x86_64"], arguments) + bytes.fromhex("89c7 f7df b83c000000 0f05"),
        "aarch64": _arm(numbers["aarch64"], arguments) + bytes.fromhex("e00300cb a80b80d2 010000d4"),
    }


def printing(text: str) -> Mapping[str, bytes]:
    """Code that prints the text, which follows it, and ends with exit code 0."""
    data, calls = text.encode(), {"x86_64": partial(_x86, 1), "aarch64": partial(_arm, 64)}
    sizes = {machine: len(call((1, 0, 0)) + ENDS[machine]) for machine, call in calls.items()}
    addresses = {machine: _BASE + _HEADERS_BYTES + size for machine, size in sizes.items()}
    return {machine: call((1, addresses[machine], len(data))) + ENDS[machine] + data for machine, call in calls.items()}


def _x86(number: int, arguments: Sequence[int]) -> bytes:
    # mov edi|esi|edx, imm32; xor r10d, r10d; mov eax, imm32; syscall. Then `calling` has:
    # mov edi, eax; neg edi; mov eax, 60; syscall
    codes = b"\xbf\xbe\xba"[: len(arguments)]
    loads = b"".join(bytes([code]) + struct.pack("<I", value) for code, value in zip(codes, arguments, strict=True))
    return loads + bytes.fromhex("4531d2") + b"\xb8" + struct.pack("<I", number) + bytes.fromhex("0f05")


def _arm(number: int, arguments: Sequence[int]) -> bytes:
    # movz and movk xN, imm16; mov x3, #0; svc #0. Then `calling` has: neg x0, x0; mov x8, #93; svc #0
    values = [*enumerate(arguments), (3, 0), (8, number)]
    loads = b"".join(
        struct.pack("<II", 0xD2800000 | (value & 0xFFFF) << 5 | register, 0xF2A00000 | (value >> 16) << 5 | register)
        for register, value in values
    )
    return loads + bytes.fromhex("010000d4")


def write(program: Path, does: Mapping[str, bytes] = ENDS) -> Path:
    """Writes an ELF file (elf(5)) of one segment with that code, by machine; by default it ends with exit code 0."""
    machine, code = _MACHINES[platform.machine()], does[platform.machine()]
    size = _HEADERS_BYTES + len(code)
    ident = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, _BASE + _HEADERS_BYTES, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x10000)
    program.write_bytes(ident + header + segment + code)
    program.chmod(0o755)
    return program
