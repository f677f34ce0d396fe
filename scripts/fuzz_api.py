#!/usr/bin/python3
"""Lets schemathesis try the public API by its OpenAPI document, with all of its checks.

Needs what `.local/env` gives and the package in .venv; `make fuzz-api` starts everything, runs it and stops.
FUZZ_API_SECONDS bounds the run (600), FUZZ_API_SEED repeats one. The report stays in .build/fuzz-api.
"""

import os
import pathlib
import random
import subprocess
import sys

sys.dont_write_bytecode = True

import story  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
REPORT = ROOT / ".build" / "fuzz-api"
# These end the session or the account that the others are tried with; the stream has no end.
LEFT_OUT = (
    "logout", "revokeSession", "revokeSessions", "deleteMe", "changePassword", "resetPassword", "beginTotp", "streamEvents")
# What a schema cannot say: rules between fields, categories that must exist, versions. Such a request is refused with 412,
# 422 or 428 though it is valid by its schema.
CONFIGURATION = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", 401, 403, 404, 409, 412, 422, 428, 429]
"""


def command(url, token, seconds, seed):
    """The run over all operations but those left out."""
    result = [
        str(ROOT / ".venv" / "bin" / "schemathesis"), "--config-file", str(REPORT / "schemathesis.toml"), "--no-color",
        "run", str(ROOT / "openapi.json"), "--url", url, "--checks", "all", "--max-time", str(seconds), "--seed", str(seed),
        "--request-timeout", "20", "--continue-on-failure", "--suppress-health-check", "all", "--report", "junit",
        "--report-dir", str(REPORT), "-H", f"Authorization: Bearer {token}"]
    for operation in LEFT_OUT:
        result += ["--exclude-operation-id", operation]
    return result


def main():
    missing = [name for name in ("FLORIN_URL", "FLORIN_MAIL_DIR") if not os.environ.get(name)]
    if missing:
        print(f"fuzz_api: {' and '.join(missing)} must be set; source .local/env", file=sys.stderr)
        return 2
    seconds = int(os.environ.get("FUZZ_API_SECONDS", "600"))
    seed = int(os.environ.get("FUZZ_API_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)
    REPORT.mkdir(parents=True, exist_ok=True)
    (REPORT / "schemathesis.toml").write_text(CONFIGURATION)
    tale = story.Story(os.environ["FLORIN_URL"], os.environ["FLORIN_MAIL_DIR"])
    tale.register()
    tale.verify()
    tale.log_in()
    print(f"fuzz_api: {seconds} s, seed {seed}", flush=True)
    return subprocess.run(
        command(os.environ["FLORIN_URL"], tale.client.access_token, seconds, seed), stdin=subprocess.DEVNULL, cwd=REPORT,
        check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
