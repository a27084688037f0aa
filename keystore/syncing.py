"""One sync, begun and later waited for: what may be done before it ends is done while the disk works.

POSIX asynchronous I/O calls fdatasync in a thread of the C library, which does not contend for the interpreter. Where it
is not to be had, or no thread can be made, the sync runs when it is begun and is over when it is waited for. In
either case nothing counts as durable before `finish` has returned.

The thread costs two hand-overs, which is more than the work of a caller who is alone. For him the disk is only told to
begin (sync_file_range, which promises nothing), and the sync is made when it is waited for, by the thread that waits.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from typing import Any, Protocol

_SIGEV_NONE = 1
_SYNC_FILE_RANGE_WRITE = 2


class _SignalEvent(ctypes.Structure):
    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("rest", ctypes.c_byte * 48),
    )


class _Control(ctypes.Structure):
    """The head of `struct aiocb` on 64-bit Linux; the rest is the library's own."""

    _fields_ = (
        ("descriptor", ctypes.c_int),
        ("operation", ctypes.c_int),
        ("priority", ctypes.c_int),
        ("buffer", ctypes.c_void_p),
        ("length", ctypes.c_size_t),
        ("event", _SignalEvent),
        ("rest", ctypes.c_byte * 256),
    )


class Sync(Protocol):
    def finish(self) -> None:
        """Return when the bytes are durable; raise OSError when the disk says that they are not."""


class _Over:
    """A sync that was carried out at once."""

    def finish(self) -> None:
        return


class _Later:
    """A sync that is carried out when it is waited for. What was written is already on its way by then."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        _start_writing(descriptor, 0, 0, _SYNC_FILE_RANGE_WRITE)  # a hint: what fails here, fdatasync tells

    def finish(self) -> None:
        os.fdatasync(self._descriptor)


class _Running:
    def __init__(self, library: Any, control: _Control) -> None:
        self._library = library
        self._control = control

    def finish(self) -> None:
        one = (ctypes.c_void_p * 1)(ctypes.addressof(self._control))
        here = ctypes.byref(self._control)
        while (said := self._library.aio_error(here)) == errno.EINPROGRESS:
            self._library.aio_suspend(one, 1, None)
        if self._library.aio_return(here) != 0:
            raise OSError(said, os.strerror(said))


def _at_once(descriptor: int) -> Sync:
    os.fdatasync(descriptor)
    return _Over()


def _in_background(library: Any) -> Callable[[int], Sync]:
    def begin(descriptor: int) -> Sync:
        control = _Control(descriptor=descriptor)
        control.event.notify = _SIGEV_NONE
        if library.aio_fsync(os.O_DSYNC, ctypes.byref(control)) != 0:
            return _at_once(
                descriptor
            )  # no thread was to be had, or this file cannot be synced: the call says which
        return _Running(library, control)

    return begin


def _chosen() -> Callable[[int], Sync]:
    """In the background where the library has it and reads our structure as it is meant."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if not sys.platform.startswith("linux") or ctypes.sizeof(ctypes.c_void_p) != 8:
            return _at_once
        nobody = _Control(descriptor=-1)
        if library.aio_fsync(os.O_DSYNC, ctypes.byref(nobody)) == 0 or ctypes.get_errno() != errno.EBADF:
            return _at_once
    except (OSError, AttributeError):
        return _at_once
    return _in_background(library)


def _starter() -> Callable[[int, int, int, int], object]:
    """sync_file_range of (file, from, length, what); nothing where the system has no such call."""
    try:
        found = ctypes.CDLL(None).sync_file_range
    except (OSError, AttributeError):
        return lambda *_: None
    found.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return lambda *arguments: found(*arguments)


_begin = _chosen()
_start_writing = _starter()


def begin(descriptor: int, *, alone: bool = False) -> Sync:
    """Start to make everything written to this file durable. `alone`: there is too little to do meanwhile for a thread."""
    return _Later(descriptor) if alone else _begin(descriptor)


def _after_fork() -> None:
    """The library's threads stay with the parent; a child syncs for itself."""
    global _begin
    _begin = _at_once


os.register_at_fork(after_in_child=_after_fork)
