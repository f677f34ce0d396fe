"""Takes events from a queue of RabbitMQ with pika and tells what the PyPI package cloudevents sees in them.

Arguments: the broker's URL, the queue, the number of messages, the descriptor set that protoc made of cloudevents.proto.
Standard output: a line of JSON for each message: its content type, `mode`, and the event as the package's own JSON format writes it.
The Protobuf format, which the package does not have, is read by Google's own library into the package's event.
"""

import datetime
import json
import sys

import pika
from cloudevents.core.bindings.amqp import AMQPMessage, from_amqp_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory


def protobuf_class(path):
    descriptors = descriptor_pb2.FileDescriptorSet()
    with open(path, "rb") as file:
        descriptors.ParseFromString(file.read())
    pool = descriptor_pool.DescriptorPool()
    for file in descriptors.file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("io.cloudevents.v1.CloudEvent"))


def from_protobuf(message):
    attributes = {"id": message.id, "source": message.source, "specversion": message.spec_version, "type": message.type}
    for name, value in message.attributes.items():
        kind = value.WhichOneof("attr")
        attributes[name] = getattr(value, kind)
        if kind == "ce_timestamp":
            attributes[name] = value.ce_timestamp.ToDatetime(datetime.timezone.utc)
    return CloudEvent(attributes, json.loads(message.text_data))


def read(properties, body, message_class):
    if properties.content_type == "application/cloudevents+protobuf":
        message = message_class()
        message.ParseFromString(body)
        return "protobuf", from_protobuf(message)
    structured = properties.content_type.startswith("application/cloudevents")
    message = AMQPMessage(
        properties={"content-type": properties.content_type}, application_properties=properties.headers or {},
        application_data=body)
    return "structured" if structured else "binary", from_amqp_event(message)


url, queue, count, descriptors = sys.argv[1:]
message_class = protobuf_class(descriptors)
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
for method, properties, body in channel.consume(queue, inactivity_timeout=60):
    if method is None:
        sys.exit("no message came")
    mode, event = read(properties, body, message_class)
    print(json.dumps({
        "content_type": properties.content_type, "mode": mode, "event": json.loads(JSONFormat().write(event))}), flush=True)
    channel.basic_ack(method.delivery_tag)
    if method.delivery_tag == int(count):
        break
connection.close()
