"""Landlock: what a process and all that it starts may touch, enforced by the kernel.

Restricts the calling thread for good, so it runs in a child, just before exec. Numbers and rights are those
of `linux/landlock.h`. What the running kernel's ABI does not know is left out, so on an old kernel less is
denied (TCP before ABI 4, signals and abstract sockets before ABI 6): `abi` tells.
"""

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterable

from worker.launcher.kernel import IS_LINUX, prepared, syscall
from worker.launcher.protocol import PortRange, SandboxRules

# The same numbers on every architecture that has Landlock (x86_64 and arm64 among them).
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH, _RULE_NET_PORT = 1, 2
_NETWORK_ABI, _SCOPE_ABI = 4, 6


EXECUTE = 1 << 0
WRITE_FILE = 1 << 1
READ_FILE = 1 << 2
READ_DIR = 1 << 3
MAKE_CHAR = 1 << 6
MAKE_BLOCK = 1 << 11
REFER = 1 << 13
TRUNCATE = 1 << 14
IOCTL_DEV = 1 << 15
ALL_FILE_RIGHTS = (1 << 16) - 1
"""Those above and remove-dir, remove-file, make-dir, -reg, -sock, -fifo, -sym."""

BIND_TCP = 1 << 0
CONNECT_TCP = 1 << 1
SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0
SCOPE_SIGNAL = 1 << 1

# Plain integers: an IntFlag costs a microsecond for each operator, on the path of every command.
_ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
_READ = READ_FILE | READ_DIR
_EXECUTE = _READ | EXECUTE
# A stage that could execute what it wrote would not need the allow-list.
_WRITE = ALL_FILE_RIGHTS & ~(EXECUTE | MAKE_CHAR | MAKE_BLOCK | IOCTL_DEV)


def abi() -> int:
    """The kernel's Landlock ABI; 0 where there is none or it is switched off."""
    if not IS_LINUX:
        return 0
    try:
        return syscall(_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION)
    except OSError:
        return 0


def restrict(rules: SandboxRules) -> None:
    """Restricts the calling thread; needs no-new-privileges. Raises OSError where there is no Landlock."""
    ruleset = prepare(rules)
    try:
        syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def prepare(rules: SandboxRules) -> int:
    """The descriptor of a ruleset that restricts nobody yet. Raises OSError where there is no Landlock."""
    version = abi()
    if version == 0:
        raise OSError(errno.ENOSYS, "not available in this kernel")
    ruleset = _create_ruleset(rules, version)
    try:
        _allow_files(ruleset, rules, handled_rights(version))
        if version >= _NETWORK_ABI:
            _allow_ports(ruleset, BIND_TCP, rules.bind_ports)
            _allow_ports(ruleset, CONNECT_TCP, rules.connect_ports or ())
            for ports in rules.own_ranges:
                _allow_own_range(ruleset, ports)
    except BaseException:
        os.close(ruleset)
        raise
    return ruleset


def handled_rights(version: int) -> int:
    """The file rights that this ABI can deny: refer came with 2, truncate with 3, ioctl with 5."""
    rights = ALL_FILE_RIGHTS
    for right, since in ((REFER, 2), (TRUNCATE, 3), (IOCTL_DEV, 5)):
        if version < since:
            rights &= ~right
    return rights


def _create_ruleset(rules: SandboxRules, version: int) -> int:
    network = BIND_TCP
    if rules.connect_ports is not None:
        network |= CONNECT_TCP
    attributes = struct.pack("Q", handled_rights(version))
    if version >= _NETWORK_ABI:
        attributes += struct.pack("Q", network)
    if version >= _SCOPE_ABI:
        attributes += struct.pack("Q", SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL)
    return syscall(_CREATE_RULESET, attributes, len(attributes), 0)


def _allow_files(ruleset: int, rules: SandboxRules, handled: int) -> None:
    for paths, rights in ((rules.execute, _EXECUTE), (rules.read, _READ), (rules.write, _WRITE)):
        for path in paths:
            _allow_path(ruleset, path, rights & handled)


def _allow_path(ruleset: int, path: str, rights: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        if not stat.S_ISDIR(os.fstat(parent).st_mode):
            rights &= _ON_FILES
        syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, struct.pack("=Qi", rights, parent), 0)
    finally:
        os.close(parent)


def _allow_ports(ruleset: int, right: int, ports: Iterable[int]) -> None:
    for port in ports:
        syscall(_ADD_RULE, ruleset, _RULE_NET_PORT, struct.pack("QQ", right, port), 0)


def _allow_own_range(ruleset: int, ports: PortRange) -> None:
    """A rule for each port, for there are none for ranges: some 50 ms for all that the kernel chooses from."""
    first, last = ports
    attribute = (ctypes.c_uint64 * 2)(BIND_TCP | CONNECT_TCP)
    add = prepared(_ADD_RULE, ruleset, _RULE_NET_PORT, ctypes.addressof(attribute), 0)
    for attribute[1] in range(first, last + 1):
        add()
