"""Where things are: the source tree, the folder of the local installation, its ports and its secrets."""

import base64
import fcntl
import hashlib
import json
import os
import secrets
import subprocess

from . import ports
from .problem import Problem
from .process import Account, run

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

# Every port and its default; FLORIN_PORT_<NAME> in the environment sets another.
PORTS = {
    "GATEWAY": 8080, "GATEWAY_ADMIN": 8090,
    "AUTH": 8081, "AUTH_ADMIN": 8091,
    "EXPENSE": 8082, "EXPENSE_ADMIN": 8092,
    "PORTFOLIO": 8083, "PORTFOLIO_ADMIN": 8093,
    "PROCESSOR": 8084, "PROCESSOR_ADMIN": 8094,
    "POSTGRES": 15432,
    "AMQP": 15672, "AMQP_MANAGEMENT": 15673, "AMQP_DISTRIBUTION": 15674, "EPMD": 15675,
}


def chosen_ports(environment, any_free):
    """The port for each name: from the environment, else the default, else (any_free) whatever is free."""
    spare = ports.free(len(PORTS)) if any_free else list(PORTS.values())
    result = {}
    for name, default in zip(PORTS, spare):
        text = environment.get(f"FLORIN_PORT_{name}") or str(default)
        if not text.isdigit() or not 1 <= int(text) <= 65535:
            raise Problem(f"FLORIN_PORT_{name} is not a port number: {text}")
        result[name] = int(text)
    taken = {}
    for name, port in result.items():
        if port in taken:
            raise Problem(f"FLORIN_PORT_{name} and FLORIN_PORT_{taken[port]} are both {port}")
        taken[port] = name
    return result


class Layout:
    """The folder of one local installation (`.local`, or FLORIN_LOCAL_DIR)."""

    def __init__(self, environment=os.environ):
        self.root = os.path.abspath(environment.get("FLORIN_LOCAL_DIR") or os.path.join(SOURCE, ".local"))

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def create(self):
        """Makes the folders. Others may pass through (servers run as accounts of their own) but not look around."""
        os.makedirs(self.root, exist_ok=True)
        os.chmod(self.root, 0o711)
        for name in ("log", "run", "mail"):
            os.makedirs(self.path(name), mode=0o700, exist_ok=True)
        data = self.path("data")
        if not os.path.isdir(data):
            self.make_data_folder(data)

    def make_data_folder(self, data):
        """Below .local; elsewhere when the servers' accounts cannot get there, as in a home folder of root's."""
        if all(Account(name).can_enter(self.root) for name in ("postgres", "rabbitmq")):
            os.mkdir(data, 0o711)
            return
        elsewhere = self.data_elsewhere()
        print(f"  the accounts of the servers cannot enter {self.root}: their data is in {elsewhere}", flush=True)
        os.makedirs(elsewhere, mode=0o711, exist_ok=True)
        if os.path.islink(data):
            os.unlink(data)
        os.symlink(elsewhere, data)

    def data_elsewhere(self):
        return f"/var/lib/florin-local/{hashlib.sha256(self.root.encode()).hexdigest()[:16]}"

    def data(self, name):
        """The folder of a server's data, as a path without links."""
        path = os.path.join(os.path.realpath(self.path("data")), name)
        os.makedirs(path, mode=0o700, exist_ok=True)
        return path

    def write_private(self, name, text):
        """Replaces a file that only the owner may read, in one step."""
        path = self.path(name)
        with open(os.open(path + ".new", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".new", path)

    def secrets(self):
        """Passwords and keys of this installation, made at the first start."""
        path = self.path("secrets")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                return json.load(file)
        if os.path.exists(self.path("data", "postgres", "data", "PG_VERSION")):
            raise Problem(f"{path} is missing but the database is there; `make clean-local` starts afresh")
        made = {name: secrets.token_hex(24) for name in (
            "postgres", "rabbitmq", "role_auth", "role_expense", "role_portfolio", "role_events")}
        made["master_key"] = base64.b64encode(secrets.token_bytes(32)).decode()
        made["seal_private_key"], made["seal_public_key"] = x25519_keys()
        self.write_private("secrets", json.dumps(made, indent=1))
        return made

    def lock(self):
        """Makes sure that one command at a time runs this installation; held until the process ends."""
        file = open(self.path("run", "stack.lock"), "w", encoding="utf-8")  # closed by the end of the process
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Problem(f"Florin is running from {self.root} already; `make stop` ends it") from None
        return file

    def is_locked(self):
        """Tells whether a `stack run` or `stack demo` is at work here."""
        try:
            with open(self.path("run", "stack.lock"), encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False


def x25519_keys():
    """(private, public) key for sealed boxes, in base64: the last 32 bytes of what openssl writes in DER."""
    private = subprocess.run(
        ["openssl", "genpkey", "-algorithm", "X25519", "-outform", "DER"], stdout=subprocess.PIPE, check=True).stdout
    public = subprocess.run(
        ["openssl", "pkey", "-inform", "DER", "-pubout", "-outform", "DER"], input=private, stdout=subprocess.PIPE,
        check=True).stdout
    return base64.b64encode(private[-32:]).decode(), base64.b64encode(public[-32:]).decode()


def build():
    """Builds the programs in release mode and returns the folder they are in."""
    command = ["swift", "build", "-c", "release", "--package-path", SOURCE]
    if subprocess.run(command, stdin=subprocess.DEVNULL).returncode != 0:
        raise Problem("the build failed")
    return run(command + ["--show-bin-path"], timeout=600).strip()
