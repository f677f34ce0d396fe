"""The issuer of ID tokens that the tests have, for runs in which somebody signs in by one."""

import contextlib
import json
import os
import subprocess

from . import layout, process
from .problem import Problem

PROGRAM = os.path.join(layout.SOURCE, "Tests", "Interop", "oidc", "issuer.py")
PROVIDER = "test"


@contextlib.contextmanager
def trusted(interpreter):
    """Runs it until the end of the block; what is started meanwhile trusts it, and FLORIN_ISSUER tells where it is.

    It needs the packages that `interpreter` has.
    """
    issuer = subprocess.Popen(
        ["setpriv", "--pdeathsig=TERM", "--", interpreter, "-B", PROGRAM, "--detached"], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, text=True)
    try:
        greeting = issuer.stdout.readline()
        if not greeting:
            raise Problem("the issuer of ID tokens does not start")
        url = json.loads(greeting)["url"]
        os.environ |= {"FLORIN_ISSUER": url, "FLORIN_OIDC_PROVIDERS": f"{PROVIDER} {url} florin-test"}
        yield
    finally:
        process.stop(issuer)
        issuer.stdout.close()
