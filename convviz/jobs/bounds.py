"""What a worker may not do: fill the memory or the disk, write outside its own folder, outlive the app.

A visitor's model runs in a worker. What it could do to the machine is bounded by the system itself where that can be.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import shutil
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from functools import cache

from convviz import downloads

log = logging.getLogger(__name__)

FOLDER = "CONVVIZ_FOLDER"  # the environment's name for the folder that workers may write to
PARENT = "CONVVIZ_PARENT"  # and for the process that they must not outlive
KEPT = (  # what workers see of the environment: no secrets
    *("PATH", "USERPROFILE", "LANG", "LC_ALL", "TZ", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "LD_LIBRARY_PATH"),
    *("VIRTUAL_ENV", "CUDA_VISIBLE_DEVICES", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE"),
    *("CONVVIZ_DATA", "CONVVIZ_LIMITS", "CONVVIZ_WORKER_MEMORY", "CONVVIZ_COLD"),
)
_KEPT_OF_CLUSTER = ("CONVVIZ_", "CUDA_", "DASK_", "KERAS_", "NVIDIA_", "OMP_", "PYTHON", "TF_", "XLA_")  # beginnings
DATA_OF_CORE = 40_000_000  # bytes that a core's threads map for themselves
LARGEST_FILE = 4_000_000_000  # bytes; the largest ImageNet network has 0.6 GB

_WRITES_OF_ABI = {  # Linux's landlock.h: the rights to change files that each version of it knows
    1: sum(1 << bit for bit in (1, 4, 5, 6, 7, 8, 9, 10, 11, 12)),
    2: 1 << 13,  # to move a file to another folder
    3: 1 << 14,  # to cut a file
}
_OF_FILES = (1 << 1) | (1 << 14)  # those that make sense for a file that is no folder
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # system calls, the same on all processors
_NO_NEW_PRIVILEGES = 38  # prctl.h


def bound_process(memory: int | None, *, gpu: bool) -> None:
    """Bound this process and its children: private files, no core dumps, files and memory of a size.

    ``RLIMIT_AS`` would count what TensorFlow only reserves, 2.1 GB where 0.6 GB are its own; ``RLIMIT_DATA`` counts
    what a process may write to. At twice the memory it is a net below the nanny, which ends a worker that really uses
    too much: an array that would fill the machine before the nanny looks is refused at once.

    Args:
        memory: bytes that the nanny lets the worker use, if it is known.
        gpu: whether the worker has one; its driver maps far more than it uses, so that the memory is left alone.
    """
    os.umask(0o077)
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
        if sys.platform == "linux" and memory and not gpu:
            most = 2 * memory + DATA_OF_CORE * (os.cpu_count() or 1)
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def write_only_to(folders: Iterable[str]) -> bool:
    """Let this thread, and all that it starts, change files nowhere but in these folders and in ``/dev``.

    Args:
        folders: paths; those that are not there are left out.

    Returns:
        Whether the system could be told; it can on Linux since 5.13 (Landlock).

    Source:
        https://docs.kernel.org/userspace-api/landlock.html.
    """
    if sys.platform != "linux":
        return False
    system = ctypes.CDLL(None, use_errno=True)
    version = system.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    rights = sum(bits for since, bits in _WRITES_OF_ABI.items() if version >= since)
    attributes = struct.pack("=Q", rights)
    rules = system.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    if rules < 0:
        return False
    try:
        for folder in (*folders, "/dev"):
            with contextlib.suppress(OSError):
                _allow(system, rules, folder, rights)
        if system.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or system.syscall(_RESTRICT_SELF, rules, 0):
            return False
    finally:
        os.close(rules)
    return True


def _allow(system: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        wanted = rights if os.path.isdir(path) else rights & _OF_FILES
        system.syscall(_ADD_RULE, rules, 1, struct.pack("=Qi", wanted, opened), 0)
    finally:
        os.close(opened)


@cache
def write_as_worker() -> bool:
    """Let this process and its children write to the worker's folder and where downloads are kept.

    Returns:
        Whether the system could be told.
    """
    return write_only_to([os.environ[FOLDER], *map(str, downloads.folders())])


def settle(place: str) -> None:
    """Give this process, and those it starts from now on, a temporary folder and an environment without secrets.

    For workers that the app has not started, which are begun like that.

    Args:
        place: the folder to make it in.
    """
    homes = home, _ = downloads.folders()
    for one in homes:
        with contextlib.suppress(OSError):  # where it cannot be made, nothing can be kept
            one.mkdir(parents=True, exist_ok=True)
    for name in list(os.environ):
        if name not in (*KEPT, "HOME") and not name.startswith(_KEPT_OF_CLUSTER):
            del os.environ[name]
    os.environ |= {"KERAS_HOME": str(home), "CONVVIZ_TEMP": tempfile.gettempdir()}
    tempfile.tempdir = tempfile.mkdtemp(prefix="convviz-", dir=place)
    os.environ |= dict.fromkeys(("TMPDIR", "TEMP", "TMP", FOLDER), tempfile.tempdir)


def leave_with_parent() -> None:
    """End this process, within half a second, when the process that started it or the app is gone."""
    if os.environ.get(PARENT):
        threading.Thread(target=_watch_parents, daemon=True, name="leave with parent").start()


def _watch_parents() -> None:
    import psutil

    try:
        watched = [psutil.Process(process) for process in (os.getppid(), int(os.environ[PARENT]))]
        while all(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in watched):
            time.sleep(0.5)
    except psutil.Error:
        log.debug("a parent is gone already")
    shutil.rmtree(os.environ.get(FOLDER, ""), ignore_errors=True)
    os._exit(1)
