"""Landlock: restricts which files and ports a process and its children may use. The kernel enforces this.

The restriction of the calling thread cannot be undone, so it is applied in a child just before exec. Numbers and rights
come from `linux/landlock.h`. Rights that the running kernel's ABI does not know are left out, so an old kernel
denies less: TCP needs ABI 4, signals and abstract sockets need ABI 6. `abi` returns the version.
"""

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterable

from worker.launcher.kernel import IS_LINUX, prepared, syscall
from worker.launcher.protocol import PortRange, SandboxRules

# These numbers are the same on every architecture that has Landlock, such as x86_64 and arm64.
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
"""The rights above, and remove-dir, remove-file, make-dir, make-reg, make-sock, make-fifo and make-sym."""

BIND_TCP = 1 << 0
CONNECT_TCP = 1 << 1
SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0
SCOPE_SIGNAL = 1 << 1

# Plain integers: each operator of an IntFlag costs a microsecond, and every command runs this code.
_ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
_READ = READ_FILE | READ_DIR
_EXECUTE = _READ | EXECUTE
# Without execute: a stage that could execute the files that it wrote could bypass the allow-list.
_WRITE = ALL_FILE_RIGHTS & ~(EXECUTE | MAKE_CHAR | MAKE_BLOCK | IOCTL_DEV)


def abi() -> int:
    """Returns the version of the kernel's Landlock ABI, or 0 if Landlock is missing or switched off."""
    if not IS_LINUX:
        return 0
    try:
        return syscall(_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION)
    except OSError:
        return 0


def restrict(rules: SandboxRules) -> None:
    """Restricts the calling thread, which must have no-new-privileges set. Raises OSError if Landlock is missing."""
    enforce(prepare(rules))


def enforce(ruleset: int) -> None:
    """Restricts the calling thread to a prepared ruleset, and closes its descriptor. Raises OSError."""
    try:
        syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def prepare(rules: SandboxRules) -> int:
    """Returns the descriptor of a ruleset that is not enforced yet. Raises OSError if Landlock is missing."""
    version = abi()
    if version == 0:
        raise OSError(errno.ENOSYS, "not available in this kernel")
    ruleset = _create_ruleset(rules, version)
    try:
        _add(ruleset, rules, version)
    except BaseException:
        os.close(ruleset)
        raise
    return ruleset


def extend(ruleset: int, rules: SandboxRules) -> None:
    """Adds rules to a prepared ruleset. Raises OSError."""
    _add(ruleset, rules, abi())


def _add(ruleset: int, rules: SandboxRules, version: int) -> None:
    _allow_files(ruleset, rules, handled_rights(version))
    if version >= _NETWORK_ABI:
        _allow_ports(ruleset, BIND_TCP, rules.bind_ports)
        _allow_ports(ruleset, CONNECT_TCP, rules.connect_ports or ())
        for ports in rules.own_ranges:
            _allow_own_range(ruleset, ports)


def handled_rights(version: int) -> int:
    """Returns the file rights that this ABI can deny. ABI 2 added refer, ABI 3 truncate, ABI 5 ioctl."""
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
    """Adds a rule for each port, because Landlock has no ranges. All ephemeral ports take some 50 ms."""
    first, last = ports
    attribute = (ctypes.c_uint64 * 2)(BIND_TCP | CONNECT_TCP)
    add = prepared(_ADD_RULE, ruleset, _RULE_NET_PORT, ctypes.addressof(attribute), 0)
    for attribute[1] in range(first, last + 1):
        add()
