"""Makes one call with stock grpcio.

usage: call.py HOST:PORT SERVICE METHOD USER_ID SECONDS < fields.json

Prints the status as its name.
"""

import json
import sys

import grpc
from contracts import Service


def main():
    address, service, method, user, seconds = sys.argv[1:]
    with grpc.insecure_channel(address) as channel:
        call = getattr(Service(channel, service, (("florin-user-id", user),)), method)
        try:
            call(json.load(sys.stdin), timeout=float(seconds))
        except grpc.RpcError as error:
            print(error.code().name)
        else:
            print("OK")


if __name__ == "__main__":
    main()
