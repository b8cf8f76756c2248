"""Becomes the database server: gives up root, ties its life to its parent's, then turns into the program named.

Run as a script (``python -I -S embedded_child.py PARENT UID GID FOLDER PROGRAM ARGUMENT…``) and never imported by the
house: doing this in a fresh interpreter is safe however many threads the parent has.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Never returns; exits with 3 when the parent (0: none to follow) is already gone."""
    parent, uid, gid = (int(text) for text in arguments[:3])
    folder, command = arguments[3], arguments[4:]
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" and parent else None
    if os.geteuid() == 0 and uid != 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    os.umask(0o077)
    os.chdir(folder)
    if libc is not None:
        # After the change of user, which clears it. The kernel then sends SIGQUIT ("immediate") when the parent dies.
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT, 0, 0, 0) != 0:
            sys.exit(f"prctl failed: {os.strerror(ctypes.get_errno())}")
        if os.getppid() != parent:  # it died before the line above
            sys.exit(3)
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
