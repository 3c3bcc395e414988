"""Takes rights from a decoder worker before it opens the first stream: what a hostile stream takes over can do little.

What it needs stays: reading files (libraries, clips, certificates), sockets, and the shared memory and devices that are
there. What goes, each where the system offers it:
- limits of memory, files, size of a file, and no core dump: that would hold pictures and passwords (setrlimit(2));
- no new rights by any program (prctl(2), PR_SET_NO_NEW_PRIVS);
- no file made, changed or removed outside of shared memory and devices, and no program run (Landlock, Linux 5.13);
- no process started, no other one signalled, traced or read, no kernel interface that only attackers use (seccomp).
Call it before the process has a second thread: two of these hold for the calling thread and those that it starts. On
Windows nothing is taken away here yet: there the Job object ends a worker with its parent, no more.

Numbers are those of the kernel's headers (landlock.h, seccomp.h, filter.h, unistd.h). Must not: fail a worker that
cannot be confined; it says what holds.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import sys
from collections.abc import Callable
from typing import NamedTuple

if sys.platform != "win32":
    import resource

DATA_BYTES = 6 << 30
"""Of memory that it writes to, stacks included: 64 streams of 360p take 1 GB, sixteen of 4K 4 GB."""
ADDRESS_BYTES = 32 << 30
"""Of addresses; the C library reserves 64 MB of them for each of many threads. The drivers of graphics devices reserve
far more of them than they use, so that a worker that shall open one is not limited in this (`limit_addresses`)."""
FILES = 1024
FILE_BYTES = 64 << 20
"""Only its log grows."""

_PR_SET_NO_NEW_PRIVS, _PR_GET_NO_NEW_PRIVS, _PR_GET_SECCOMP, _PR_SET_SECCOMP = 38, 39, 21, 22
_SECCOMP_FILTER = 2

# Landlock: the same numbers on every machine that Linux runs on, but for Alpha.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH = 1
_ASK_VERSION = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_CHANGES = sum(1 << bit for bit in range(4, 13))
"""Remove and make of all kinds."""
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_WRITABLE = ("/dev",)
"""Beneath: shared memory (/dev/shm) and capture devices. Only files that are there may be written, none made."""


class Held(NamedTuple):
    """One part of the confinement."""

    name: str
    holds: bool
    why: str = ""
    """Where it does not."""


def confine(own: tuple[str, ...] = (), *, addresses: bool = True) -> tuple[Held, ...]:
    """Take the rights of this process. Never raises; what does not hold is in the answer.

    `own`: folders beneath which it may go on making and changing files (the probe's views). `addresses`: limit them at
    once; else it is `limit_addresses` that does so, once it is known whether that may be.
    """
    if sys.platform != "linux":
        return (Held("reduced rights", holds=False, why=f"not offered on {platform.system()}"),)
    parts: tuple[tuple[str, Callable[[], None]], ...] = (
        ("limits", lambda: _limit(addresses)), ("no new rights", _no_new_rights), ("Landlock", lambda: _landlock(own)),
        ("seccomp", _seccomp),
    )  # fmt: skip
    return tuple(_tried(name, take) for name, take in parts)


def limit_addresses() -> None:
    """ADDRESS_BYTES for this process, whichever thread asks; nothing where there are no such limits. Raises OSError."""
    if sys.platform == "linux":
        _set_limits(((resource.RLIMIT_AS, ADDRESS_BYTES),))


def offered() -> tuple[Held, ...]:
    """What this system would hold, without taking anything: for `doctor`."""
    if sys.platform != "linux":
        return (Held("reduced rights", holds=False, why=f"not offered on {platform.system()}"),)
    return (
        Held("limits", holds=True),
        _tried("Landlock", lambda: _check(_landlock_version() > 0, "the kernel does not offer it")),
        _tried("seccomp", _seccomp_offered),
    )


def _tried(name: str, take: Callable[[], None]) -> Held:
    try:
        take()
    except (OSError, ValueError) as error:
        return Held(name, holds=False, why=str(error))
    return Held(name, holds=True)


def _check(good: bool, why: str) -> None:  # a condition, as in assert
    if not good:
        raise ValueError(why)


if sys.platform == "linux":
    _libc = ctypes.CDLL(None, use_errno=True)
    _libc.syscall.restype = ctypes.c_long

    def _call(number: int, *values: object) -> int:
        """A system call that the C library has no function for. Raises OSError."""
        result = int(_libc.syscall(ctypes.c_long(number), *values))
        if result < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result

    def _prctl(option: int, second: object = 0, third: object = None) -> int:
        result = int(_libc.prctl(option, second, third or ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)))
        if result < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result

    def _limit(addresses: bool) -> None:
        limits = (
            (resource.RLIMIT_CORE, 0), (resource.RLIMIT_DATA, DATA_BYTES), (resource.RLIMIT_NOFILE, FILES),
            (resource.RLIMIT_FSIZE, FILE_BYTES),
        )  # fmt: skip
        _set_limits((*limits, (resource.RLIMIT_AS, ADDRESS_BYTES)) if addresses else limits)

    def _set_limits(limits: tuple[tuple[int, int], ...]) -> None:
        for which, most in limits:
            hard = resource.getrlimit(which)[1]
            new = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(which, (new, new))

    def _no_new_rights() -> None:
        _prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1))

    # -- Landlock ----------------------------------------------------------------------------------------

    def _landlock_version() -> int:
        with contextlib.suppress(OSError):
            return _call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))
        return 0

    class _Ruleset(ctypes.Structure):
        _fields_ = [("handled", ctypes.c_uint64)]

    class _Beneath(ctypes.Structure):
        _pack_ = 1
        _fields_ = [("allowed", ctypes.c_uint64), ("fd", ctypes.c_int32)]

    def _landlock(own: tuple[str, ...]) -> None:
        version = _landlock_version()
        _check(version > 0, "the kernel does not offer it")
        handled = _EXECUTE | _WRITE_FILE | _READ_FILE | _READ_DIR | _CHANGES
        handled |= (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
        ruleset = _call(
            _CREATE_RULESET, ctypes.byref(_Ruleset(handled)), ctypes.c_size_t(8), ctypes.c_uint32(0)
        )  # fmt: skip
        try:
            # A camera's file is ordered later, so what may be read cannot be narrowed down here.
            _allow(ruleset, "/", _READ_FILE | _READ_DIR)
            for path in _WRITABLE:
                _allow(ruleset, path, _READ_FILE | _READ_DIR | _WRITE_FILE)
            for path in own:
                _allow(ruleset, path, handled & ~_EXECUTE)
            _call(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
        finally:
            os.close(ruleset)

    def _allow(ruleset: int, path: str, rights: int) -> None:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            rule = _Beneath(rights, fd)
            _call(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_RULE_PATH), ctypes.byref(rule), ctypes.c_uint32(0))
        finally:
            os.close(fd)

    # -- seccomp -----------------------------------------------------------------------------------------

    class _Machine(NamedTuple):
        audit: int
        """AUDIT_ARCH of <linux/audit.h>."""
        clone: int
        clone3: int
        denied: tuple[int, ...]
        most: int
        """Numbers above belong to another way of calling (x32)."""

    _COMMON = (425, 426, 427, 434, 424)
    """io_uring_setup, _enter, _register, pidfd_open, pidfd_send_signal: alike everywhere."""
    _MACHINES = {
        # fork vfork execve kill ptrace setns unshare mount umount2 process_vm_readv process_vm_writev bpf execveat
        # userfaultfd perf_event_open keyctl add_key request_key init_module finit_module kexec_load tkill
        # rt_sigqueueinfo
        "x86_64": _Machine(
            0xC000003E, 56, 435,
            (57, 58, 59, 62, 101, 308, 272, 165, 166, 310, 311, 321, 322, 323, 298, 250, 248, 249, 175, 313, 246, 200,
             129, *_COMMON),
            0x3FFFFFFF,
        ),
        # The same without fork and vfork, which this machine does not have.
        "aarch64": _Machine(
            0xC00000B7, 220, 435,
            (221, 129, 117, 268, 97, 40, 39, 270, 271, 280, 281, 282, 241, 219, 217, 218, 105, 273, 104, 130, 138,
             *_COMMON),
            0xFFFFFFFF,
        ),
    }  # fmt: skip
    _CLONE_THREAD = 0x00010000
    _ALLOW, _DENY = 0x7FFF0000, 0x00050000
    _LOAD, _EQUAL, _GREATER, _SET, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
    """BPF: load a word, jump if equal, if greater, if a bit is set; give the answer."""
    _NUMBER, _ARCH, _FIRST = 0, 4, 16
    """Where in seccomp_data: the call's number, the machine, the low word of the first argument."""

    class _Step(ctypes.Structure):
        _fields_ = [("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("k", ctypes.c_uint32)]

    class _Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_uint16), ("steps", ctypes.POINTER(_Step))]

    def _filter(machine: _Machine) -> list[tuple[int, int, int, int]]:
        """Threads may be started, processes not: clone3 hides which in memory, so the C library is told that there is
        none and uses clone."""
        refuse, allow = (_RETURN, 0, 0, _DENY | errno.EPERM), (_RETURN, 0, 0, _ALLOW)
        steps = [
            (_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, machine.audit), refuse,
            (_LOAD, 0, 0, _NUMBER), (_GREATER, 0, 1, machine.most), refuse,
            (_EQUAL, 0, 1, machine.clone3), (_RETURN, 0, 0, _DENY | errno.ENOSYS),
        ]  # fmt: skip
        for number in machine.denied:
            steps += [(_EQUAL, 0, 1, number), refuse]
        return [
            *steps, (_EQUAL, 0, 3, machine.clone), (_LOAD, 0, 0, _FIRST), (_SET, 1, 0, _CLONE_THREAD), refuse, allow,
        ]  # fmt: skip

    def _machine() -> _Machine:
        machine = _MACHINES.get(platform.machine())
        if machine is None or sys.maxsize < 2**32:
            raise ValueError(f"its calls on {platform.machine()} are not known here")
        return machine

    def _seccomp_offered() -> None:
        _machine()
        _prctl(_PR_GET_SECCOMP)

    def _seccomp() -> None:
        steps = _filter(_machine())
        array = (_Step * len(steps))(*(_Step(*step) for step in steps))
        program = _Program(len(steps), array)
        _prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_FILTER), ctypes.byref(program))
