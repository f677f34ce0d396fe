"""Writes events in the CloudEvents Protobuf format with Google's own library.

Argument: the descriptor set that protoc made of cloudevents.proto.
Standard output: per line a name, a space, the encoded message in hexadecimal.
"""

import sys

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory


def load(path):
    pool = descriptor_pool.DescriptorPool()
    descriptors = descriptor_pb2.FileDescriptorSet()
    with open(path, "rb") as file:
        descriptors.ParseFromString(file.read())
    for file in descriptors.file:
        pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName("io.cloudevents.v1." + name))
        for name in ("CloudEvent", "CloudEventBatch")
    }


classes = load(sys.argv[1])


def event(**data):
    made = classes["CloudEvent"](id="e-1", source="/florin/test", spec_version="1.0", type="florin.test.happened.v1", **data)
    made.attributes["subject"].ce_string = "naïve 💶"
    made.attributes["time"].ce_timestamp.seconds = 1_795_253_400
    made.attributes["time"].ce_timestamp.nanos = 123_456_789
    made.attributes["dataschema"].ce_uri = "urn:florin:event:test:happened:v1"
    made.attributes["flag"].ce_boolean = True
    made.attributes["off"].ce_boolean = False
    made.attributes["count"].ce_integer = -2_147_483_648
    made.attributes["bytes"].ce_bytes = bytes([0, 1, 255])
    made.attributes["reference"].ce_uri_ref = "../relative"
    made.attributes["before"].ce_timestamp.seconds = -1
    return made


def with_type(content_type, made):
    made.attributes["datacontenttype"].ce_string = content_type
    return made


text = with_type("application/json", event(text_data='{"amount":"12.50"}'))
binary = with_type("application/octet-stream", event(binary_data=bytes([0, 255, 128])))
packed = event()
packed.proto_data.type_url = "type.googleapis.com/io.cloudevents.v1.CloudEvent"
packed.proto_data.value = text.SerializeToString()
messages = {
    "json-text": text,
    "json-bytes": with_type("application/vnd.x+json", event(binary_data=b"[1,2]")),
    "xml": with_type("application/xml", event(text_data="<a/>")),
    "binary": binary,
    "message": packed,
    "none": event(),
    "batch": classes["CloudEventBatch"](events=[text, binary]),
    "empty-batch": classes["CloudEventBatch"](),
}
for name, message in messages.items():
    print(name, message.SerializeToString().hex())
