"""What each child runs before it becomes a server: leaves root, and ties itself to its parent.

Run as ``python -I -S launch.py FOLDER PARENT SIGNAL PROGRAM [ARGUMENT...]`` with the standard
library alone: FOLDER is the store's own, PARENT the process that must not be outlived, SIGNAL the
number of the signal that ends PROGRAM when it is. A process of its own rather than a function
between fork and exec, where Python code may deadlock.

On Linux the kernel sends the signal. Elsewhere a small watcher looks for the parent five times a
second, so a server may live that much longer than its parent.
"""

import ctypes
import os
import pwd
import sys
import time

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


def main(folder: str, parent: int, death_signal: int, program: str, *arguments: str) -> None:
    """Becomes PROGRAM; exits with a sentence on standard error where that is not possible."""
    if os.geteuid() == 0 and not enter_user_namespace():
        become_nobody(folder)
    # After leaving root: a change of user clears the death signal.
    if sys.platform == "linux":
        if LIBC.prctl(PR_SET_PDEATHSIG, death_signal) != 0:
            sys.exit("This system refuses death signals (prctl), so the server would be left over.")
        if os.getppid() != parent:
            sys.exit("The process that started this server has ended meanwhile.")
    else:
        start_watcher(parent, death_signal)
    try:
        os.execv(program, [program, *arguments])  # noqa: S606  there is no shell to start
    except OSError as error:
        user = pwd.getpwuid(os.geteuid()).pw_name
        sys.exit(f"The user {user!r} cannot run {program}: {error.strerror}.")


def enter_user_namespace() -> bool:
    """Makes root an ordinary user in a user namespace; False where the system refuses one.

    Outside it stays the same user, so it keeps its files, even those under a home of mode 0700,
    but it holds no capability any more. Inside it is ``nobody``, since initdb asks for a user that
    has a name.
    """
    nobody = pwd.getpwnam("nobody")
    group = os.getegid()
    if not hasattr(LIBC, "unshare") or LIBC.unshare(CLONE_NEWUSER) != 0:
        return False
    for name, text in (
        ("setgroups", "deny"),  # the kernel asks for this before it lets groups be mapped
        ("uid_map", f"{nobody.pw_uid} 0 1"),
        ("gid_map", f"{nobody.pw_gid} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123  quick start
            file.write(text)
    return True


def become_nobody(folder: str) -> None:
    """Gives FOLDER to the user ``nobody`` and becomes it."""
    nobody = pwd.getpwnam("nobody")
    for path, _, files in os.walk(folder):
        for name in ("", *files):
            os.lchown(f"{path}/{name}", nobody.pw_uid, nobody.pw_gid)
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
    try:
        os.chdir(folder)
    except PermissionError:
        sys.exit(
            f"The user 'nobody' cannot reach {folder}. This system refuses user namespaces, so "
            "root's servers run as 'nobody': choose a folder (DATA_DIR) that every user can reach, "
            "or start this as an ordinary user."
        )


def start_watcher(parent: int, death_signal: int) -> None:
    """Starts a process that ends this one when PARENT has ended."""
    server = os.getpid()
    if os.fork() != 0:
        return
    while os.getppid() == server:
        try:
            os.kill(parent, 0)
        except ProcessLookupError:
            os.kill(server, death_signal)
        time.sleep(0.2)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
