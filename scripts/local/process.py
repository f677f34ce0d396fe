"""Child processes: started under another account where needed, seen dying, ended for certain."""

import os
import pwd
import shutil
import signal
import subprocess
import time

from .problem import Problem


class Account:
    """Who a server runs as: a system user when we are root, ourselves otherwise."""

    def __init__(self, system_user):
        self.entry = None
        if os.geteuid() == 0:
            try:
                self.entry = pwd.getpwnam(system_user)
            except KeyError:
                raise Problem(f"there is no system user {system_user}; run scripts/setup first") from None

    def own(self, *paths):
        """Hands over files and directories, with everything in them."""
        if not self.entry:
            return
        for path in paths:
            os.chown(path, self.entry.pw_uid, self.entry.pw_gid)
            for folder, folders, files in os.walk(path):
                for name in folders + files:
                    os.lchown(os.path.join(folder, name), self.entry.pw_uid, self.entry.pw_gid)

    def prefix(self):
        """The arguments of setpriv(1) that change to this account."""
        if not self.entry:
            return []
        return [f"--reuid={self.entry.pw_uid}", f"--regid={self.entry.pw_gid}", "--init-groups"]

    def can_enter(self, directory):
        """Tells whether the account reaches the directory: as root's home it may be closed to it."""
        if not self.entry:
            return os.access(directory, os.X_OK)
        command = ["setpriv", *self.prefix(), "--", "/usr/bin/test", "-x", directory]
        return subprocess.run(command, cwd="/").returncode == 0


def program(name, *folders):
    """The path of a program, looked for in these folders and then in the search path."""
    path = shutil.which(name, path=os.pathsep.join([*folders, os.environ.get("PATH", "/usr/bin:/bin")]))
    if not path:
        raise Problem(f"{name} is not installed; run scripts/setup first")
    return path


# Hands over listening sockets as systemd does, sd_listen_fds(3): from descriptor 3 on, for the process of that number.
HAND_OVER = 'export LISTEN_PID=$$; exec "$@"'


def spawn(command, *, account=None, environment=None, log, death_signal="TERM", cwd="/", sockets=()):
    """Starts a process in a session of its own (Ctrl-C reaches only us: we stop servers in order).

    The kernel sends it death_signal should we die without stopping it. It is handed the listening sockets.
    """
    prefix = account.prefix() if account else []
    # In ascending order none is overwritten before it is taken.
    descriptors = sorted(listening.fileno() for listening in sockets)
    if descriptors:
        redirections = "".join(f" {3 + index}<&{number}" for index, number in enumerate(descriptors))
        command = ["/bin/bash", "-c", HAND_OVER + redirections, "bash", *command]
        environment = dict(environment or os.environ, LISTEN_FDS=str(len(descriptors)))
    with open(log, "ab") as output:
        return subprocess.Popen(
            ["setpriv", f"--pdeathsig={death_signal}", *prefix, "--", *command],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=cwd, env=environment, start_new_session=True,
            pass_fds=descriptors)


def run(command, *, account=None, environment=None, text=None, timeout=120, cwd="/"):
    """Runs a command to its end and returns what it printed; raises Problem with its error output."""
    prefix = account.prefix() if account else []
    if prefix:
        command = ["setpriv", *prefix, "--", *command]
    try:
        done = subprocess.run(
            command, input=text, text=True, stdin=None if text is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, timeout=timeout, cwd=cwd)
    except subprocess.TimeoutExpired:
        raise Problem(f"{os.path.basename(command[0])} took longer than {timeout} s") from None
    if done.returncode != 0:
        raise Problem((done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}")[-2000:])
    return done.stdout


def state(pid):
    """(state letter, parent pid) from /proc, or None when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[1])


def is_alive(pid):
    """A zombie is not alive: in a container, process 1 may reap late."""
    found = state(pid)
    return found is not None and found[0] not in "ZX"


def descendants(pid):
    """The pids of all processes under that one."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            found = state(int(name))
            if found:
                parents.setdefault(found[1], []).append(int(name))
    result, pending = [], [pid]
    while pending:
        children = parents.get(pending.pop(), [])
        result += children
        pending += children
    return result


def send(pid, number):
    """Sends a signal; a process that is gone is no error."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def kill_tree(child):
    """Kills a child with all its descendants, at once, and waits until all are gone."""
    if child is None:
        return
    pids = [] if child.poll() is not None else [child.pid, *descendants(child.pid)]
    for pid in pids:
        send(pid, signal.SIGKILL)
    child.wait()
    wait_until(lambda: not any(is_alive(pid) for pid in pids), 20, "killed processes to be gone")


def stop(child, number=signal.SIGTERM, timeout=30):
    """Asks a child to stop, and kills it with its descendants when it does not within the timeout."""
    if child is None or child.poll() is not None:
        return True
    send(child.pid, number)
    try:
        child.wait(timeout)
        return True
    except subprocess.TimeoutExpired:
        kill_tree(child)
        return False


def wait_until(condition, timeout, what, interval=0.02):
    """Waits for a condition; raises Problem when it does not become true in time."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise Problem(f"waited {timeout} s in vain for {what}")
        time.sleep(interval)


def await_server(server, name, timeout):
    """Waits until a server's check_ready() passes; raises Problem with the end of its log when it dies before."""

    def ready():
        if server.child.poll() is not None:
            raise Problem(f"{name} stopped while starting:\n{tail(server.log)}")
        try:
            server.check_ready()
        except Problem:
            return False
        return True

    wait_until(ready, timeout, f"{name} to be ready", interval=0.05)


def command_line(pid):
    """The program and arguments of a process; empty when it is gone."""
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            return file.read().replace("\0", " ")
    except OSError:
        return ""


def tail(path, lines=15):
    """The last lines of a log, for an error message."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:]).strip()
    except OSError:
        return ""
