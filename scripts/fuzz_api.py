#!/usr/bin/python3
"""Lets schemathesis try the public API by its OpenAPI document, with all of its checks.

Needs what `.local/env` gives and the package in .venv; `make fuzz-api` starts everything, runs it and stops.
FUZZ_API_SECONDS bounds the run (600), FUZZ_API_SEED repeats one. The report stays in FUZZ_API_REPORT (.build/fuzz-api).
"""

import json
import os
import pathlib
import random
import subprocess
import sys

sys.dont_write_bytecode = True

import story  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
REPORT = pathlib.Path(os.environ.get("FUZZ_API_REPORT") or ROOT / ".build" / "fuzz-api")
# What a schema cannot say: rules between fields, categories that must exist, versions. Such a request is refused with one of
# these though it is valid by its schema.
REFUSALS = (401, 403, 404, 409, 412, 422, 429)
# Nor can it say which one-time tokens were given out; another one is refused with 400. So is a cursor that is none.
ONE_TIME_TOKENS = ("verifyEmail", "resetPassword")


def operations_with_cursor(document):
    """The names of the operations that take a cursor."""
    return [
        operation["operationId"] for path in document["paths"].values() for operation in path.values()
        if any(parameter.get("name") == "cursor" for parameter in operation.get("parameters", ()))]


def configuration(document):
    """The settings of the run: what may be answered to a request that is valid by its schema."""
    statuses = ["2xx", "3xx", *REFUSALS]
    lines = ["[checks.positive_data_acceptance]", f"expected-statuses = {json.dumps(statuses)}"]
    # A request may break its schema and name a version that is not the current one.
    lines += [
        "[checks.negative_data_rejection]",
        f"expected-statuses = {json.dumps([400, 401, 403, 404, 405, 406, 409, 412, 415, 422, 428, 429])}"]
    lines += [
        "[[operations]]", f"include-operation-id = {json.dumps([*ONE_TIME_TOKENS, *operations_with_cursor(document)])}",
        f"checks.positive_data_acceptance.expected-statuses = {json.dumps([*statuses, 400])}"]
    return "\n".join(lines) + "\n"


def command(url, seconds, seed):
    """The run over all operations."""
    return [
        str(ROOT / ".venv" / "bin" / "schemathesis"), "--config-file", str(REPORT / "schemathesis.toml"), "--no-color",
        "run", str(ROOT / "openapi.json"), "--url", url, "--checks", "all", "--max-time", str(seconds), "--seed", str(seed),
        "--request-timeout", "20", "--continue-on-failure", "--suppress-health-check", "all", "--report", "junit",
        "--report-dir", str(REPORT)]


def make_administrator():
    """Address and password of somebody whom the operator's command made an administrator."""
    run = pathlib.Path(os.environ["FLORIN_RUN_DIR"])
    program = os.readlink(f"/proc/{(run / 'auth-service.pid').read_text().strip()}/exe")
    address, password = f"admin.{random.SystemRandom().randrange(2**64):x}@example.org", "correct horse battery staple"
    subprocess.run(
        [program, "create-admin", address], input=password + "\n", text=True, check=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env={"PATH": "/usr/bin:/bin", "FLORIN_CONFIG": str(run.parent / "auth-service.conf")})
    return address, password


def main():
    missing = [name for name in ("FLORIN_URL", "FLORIN_MAIL_DIR", "FLORIN_RUN_DIR") if not os.environ.get(name)]
    if missing:
        print(f"fuzz_api: {' and '.join(missing)} must be set; source .local/env", file=sys.stderr)
        return 2
    seconds = int(os.environ.get("FUZZ_API_SECONDS", "600"))
    seed = int(os.environ.get("FUZZ_API_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)
    REPORT.mkdir(parents=True, exist_ok=True)
    (REPORT / "schemathesis.toml").write_text(configuration(json.loads((ROOT / "openapi.json").read_text())))
    tale = story.Story(os.environ["FLORIN_URL"], os.environ["FLORIN_MAIL_DIR"])
    tale.register()
    tale.verify()
    print(f"fuzz_api: {seconds} s, seed {seed}", flush=True)
    administrator = make_administrator()
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": str(ROOT / "scripts" / "fuzz_hooks.py"), "FUZZ_API_USER": f"{tale.address} {tale.password}",
        "FUZZ_API_ADMINISTRATOR": " ".join(administrator),
        "FUZZ_API_CONTRACT": str(ROOT / "openapi.json")}
    return subprocess.run(
        command(os.environ["FLORIN_URL"], seconds, seed), stdin=subprocess.DEVNULL, cwd=REPORT, env=environment,
        check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
