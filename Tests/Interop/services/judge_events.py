"""Reads events as they were on the wire with the PyPI packages cloudevents and jsonschema.

Standard input: one JSON object per line, {"routing_key": …, "content_type": …, "body": <text>}. Prints for each "ok TYPE"
or "FAIL TYPE: why"; exits with 1 when one failed.
"""

import json
import sys
import uuid

import jsonschema
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from contracts import ROOT


def schema_of(event_type):
    """The schema of `florin.<context>.<event>.v<major>`."""
    _, context, name, version = event_type.split(".")
    return json.loads((ROOT / f"events/{context}-events/{name}/{version}.schema.json").read_text())


def judge(message, sequences):
    assert message["content_type"].split(";")[0] == "application/cloudevents+json", message["content_type"]
    event = JSONFormat().read(CloudEvent, message["body"])
    event_type, attributes = event.get_type(), event.get_attributes()
    assert message["routing_key"] == event_type, message["routing_key"]
    assert uuid.UUID(event.get_id()).version == 7, event.get_id()
    service = event_type.split(".")[1]
    assert event.get_source() == f"/florin/{service}", event.get_source()
    assert event.get_time() is not None and event.get_datacontenttype() == "application/json"
    _, context, name, version = event_type.split(".")
    assert event.get_dataschema() == f"urn:florin:event:{context}:{name}:{version}", event.get_dataschema()
    for extension in ("partitionkey", "sequence", "correlationid", "traceparent"):
        assert attributes.get(extension), f"{extension} is missing"
    assert len(attributes["sequence"]) == 20, attributes["sequence"]
    subject = (event.get_source(), event.get_subject())
    last = sequences.get(subject, 0)
    assert int(attributes["sequence"]) == last + 1, f"sequence {attributes['sequence']} after {last}"
    sequences[subject] = last + 1
    data = event.get_data()
    schema = schema_of(event_type)
    jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER).validate(data)
    # Strict here: what a producer writes beside its schema would be a contract that nobody wrote down.
    assert set(data) <= set(schema["properties"]), set(data) - set(schema["properties"])
    assert data["user_id"] == attributes["partitionkey"]
    return event_type


def main():
    failed, sequences = 0, {}
    for line in sys.stdin:
        message = json.loads(line)
        try:
            print("ok", judge(message, sequences))
        except Exception as error:
            failed += 1
            print(f"FAIL {message['routing_key']}: {type(error).__name__} {str(error):.400}".replace("\n", " "))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
