"""Keeps signals among few: `kill 1` in a container must not reach the init of this machine.

Pods are processes beside all others here. Linux 6.12 and newer can scope the signals of a process, and of all that it
will ever start, to these: https://docs.kernel.org/userspace-api/landlock.html. Root and others may ask for it alike.
"""

import ctypes
import os
import sys

# <linux/landlock.h>; system calls since 2011 have the same numbers on all architectures that Envoy is built for.
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_CREATE_RULESET_VERSION = 1
_SCOPE_SIGNAL = 1 << 1
_SCOPES_SIGNALS = 6
"""The first version of Landlock that does."""

_SET_NO_NEW_PRIVS = 38
"""Of prctl: no setuid programs from now on, without which only root might confine itself."""


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


def scopes_signals() -> bool:
    """Tell whether this machine's kernel can keep signals within a mesh."""
    return sys.platform == "linux" and _version() >= _SCOPES_SIGNALS


def confine_signals() -> bool:
    """Let this thread, and all that it starts from now on, signal nobody else; return whether the kernel does so.

    Threads that are there already are not confined. Who was not confined with it may signal it as before.
    """
    if not scopes_signals():
        return False
    rules = _Ruleset(scoped=_SCOPE_SIGNAL)
    ruleset = _call(_CREATE_RULESET, ctypes.byref(rules), ctypes.sizeof(rules), 0)
    if ruleset < 0:
        return False
    try:
        ctypes.CDLL(None).prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return _call(_RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _version() -> int:
    return _call(_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION)


def _call(number: int, *arguments: object) -> int:
    """Make a system call; return -1 for one that fails, as where a container's runtime forbids it."""
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    return int(ctypes.CDLL(None).syscall(ctypes.c_long(number), *words))
