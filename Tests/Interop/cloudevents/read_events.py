"""Reads events with the PyPI package cloudevents and tells what it saw.

Standard input: one JSON object per line, either
  {"mode": "structured", "body": <text>} or
  {"mode": "binary", "content_type": <text>, "headers": {<name>: <value>}, "body": <text>}.
Standard output: per line, the event as the package's own JSON format writes it.
"""

import json
import sys

from cloudevents.core.bindings.amqp import AMQPMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent


def read(line):
    message = json.loads(line)
    if message["mode"] == "structured":
        return JSONFormat().read(CloudEvent, message["body"])
    return from_binary(
        AMQPMessage(
            properties={"content-type": message["content_type"]},
            application_properties=message["headers"],
            application_data=message["body"].encode("utf-8"),
        ),
        JSONFormat(),
        CloudEvent,
    )


for line in sys.stdin:
    sys.stdout.write(JSONFormat().write(read(line)).decode("utf-8") + "\n")
