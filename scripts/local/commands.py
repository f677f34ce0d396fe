"""The command line of `scripts/stack`."""

import argparse
import sys

from . import servers
from .problem import Problem


def parser():
    top = argparse.ArgumentParser(prog="scripts/stack", description="Runs Florin on this machine.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    test = commands.add_parser("servers", help="PostgreSQL and RabbitMQ for one test process")
    test.add_argument("--dir", help="where their data goes; must not exist; removed at the end")
    test.add_argument("--postgres", action="store_true")
    test.add_argument("--rabbitmq", action="store_true")
    return top


def main(arguments):
    """Runs a command; returns the exit status."""
    options = parser().parse_args(arguments)
    try:
        return servers.serve(options.dir, options.postgres, options.rabbitmq)
    except Problem as problem:
        print(f"stack: {problem}", file=sys.stderr)
        return 1
