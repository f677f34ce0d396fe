"""The command line of `scripts/stack`."""

import argparse
import os
import signal
import sys

from . import installation, issuer, servers
from .problem import Problem


def parser():
    top = argparse.ArgumentParser(
        prog="scripts/stack", description="Runs Florin on this machine.",
        epilog="FLORIN_PORT_<NAME> sets a port, FLORIN_LOCAL_DIR another folder than .local; see README.md.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in (
            ("run", "everything, until Ctrl-C"), ("demo", "everything, plays the story, stops"),
            ("bench", "everything, measures, stops"),
            ("bench-identity", "everything, measures sign-ins and what their times tell, stops"),
            ("bench-edge", "everything, measures what services in trouble cost, stops"),
            ("slow-http", "everything, holds it up by slow clients, stops"),
            ("rate-limits", "everything, asks more than it may, stops"),
            ("contract-traffic", "everything, compares real answers with the API's document, stops"),
            ("fuzz-api", "everything, tries the API by its document, stops")):
        command = commands.add_parser(name, help=text)
        command.add_argument("--free-ports", action="store_true", help="choose free ports instead of the fixed ones")
        command.add_argument(
            "--binaries", metavar="DIR", help="take the programs from here instead of building them in release mode")
    commands.add_parser("stop", help="stops what runs")
    commands.add_parser("clean", help="stops what runs and removes its data")
    test = commands.add_parser("servers", help="PostgreSQL and RabbitMQ for one test process")
    test.add_argument("--dir", help="where their data goes; must not exist; removed at the end")
    test.add_argument("--postgres", action="store_true")
    test.add_argument("--rabbitmq", action="store_true")
    return top


def main(arguments):
    """Runs a command; returns the exit status."""
    # Children inherit blocked signals, and who starts us may have some: a thread of a test process has nearly all.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
    options = parser().parse_args(arguments)
    try:
        match options.command:
            case "run":
                return installation.run(options.free_ports, options.binaries)
            case "demo":
                return installation.demo(options.free_ports, options.binaries)
            case "bench" | "bench-identity" | "bench-edge" | "slow-http" | "fuzz-api" | "rate-limits":
                if options.command != "rate-limits":
                    # The load comes from few users and from one address.
                    for limit in ("USER", "ANONYMOUS", "SIGN_IN"):
                        os.environ.setdefault(f"FLORIN_RATE_LIMIT_{limit}", "10000000")
                script = options.command.replace("-", "_") + ".py"
                return installation.run_script(script, options.free_ports, options.binaries)
            case "contract-traffic":
                with issuer.trusted(installation.JUDGES):
                    return installation.run_script(
                        "contract_traffic.py", options.free_ports, options.binaries, interpreter=installation.JUDGES)
            case "stop":
                return installation.stop()
            case "clean":
                return installation.clean()
            case _:
                return servers.serve(options.dir, options.postgres, options.rabbitmq)
    except Problem as problem:
        print(f"stack: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
