"""The same loops as loop.c with clients from PyPI: `aio-pika` (several in flight) and `pika` (one after the other).

    client.py aio-pika publish|pace|consume ...
    client.py pika publish|consume ...

Arguments and answer are those of loop.c. Runs in the Python of `.venv`.
"""

import asyncio
import json
import struct
import sys
import time

STAMP = struct.Struct("q")


def stamped(size):
    return STAMP.pack(time.monotonic_ns()) + bytes(size - STAMP.size)


def age(body):
    return time.monotonic_ns() - STAMP.unpack_from(body)[0]


def report(latencies, began):
    latencies.sort()
    count = len(latencies)
    print(json.dumps({
        "count": count, "seconds": time.monotonic() - began, "processor": time.process_time(),
        "p50": latencies[count // 2] / 1e6, "p99": latencies[count - 1 - count // 100] / 1e6}))


async def connect(host, port, user, password, virtual_host):
    import aio_pika
    return await aio_pika.connect(
        host=host, port=int(port), login=user, password=password, virtualhost=virtual_host)


async def publish(server, exchange, key, count, size, limit, is_paced):
    """limit: messages in flight, or when paced messages a second."""
    import aio_pika
    connection = await connect(*server)
    channel = await connection.channel(publisher_confirms=True)
    target = await channel.get_exchange(exchange, ensure=False)
    room = asyncio.Semaphore(100_000 if is_paced else limit)
    latencies = []

    async def send():
        sent = time.monotonic_ns()
        message = aio_pika.Message(stamped(size), delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await target.publish(message, routing_key=key, mandatory=True)
        latencies.append(time.monotonic_ns() - sent)
        room.release()

    began, tasks = time.monotonic(), set()
    for number in range(count):
        if is_paced:
            await asyncio.sleep(max(0.0, began + number / limit - time.monotonic()))
        await room.acquire()
        task = asyncio.ensure_future(send())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    report(latencies, began)
    await connection.close()


async def consume(server, queue, count, prefetch):
    connection = await connect(*server)
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=prefetch)
    source = await channel.get_queue(queue, ensure=False)
    latencies, began = [], None
    async with source.iterator() as messages:
        async for message in messages:
            began = began or time.monotonic()
            latencies.append(age(message.body))
            await message.ack()
            if len(latencies) == count:
                break
    report(latencies, began)
    await connection.close()


def blocking(server):
    import pika
    host, port, user, password, virtual_host = server
    connection = pika.BlockingConnection(pika.ConnectionParameters(
        host=host, port=int(port), virtual_host=virtual_host, credentials=pika.PlainCredentials(user, password)))
    return connection, connection.channel()


def publish_blocking(server, exchange, key, count, size):
    import pika
    connection, channel = blocking(server)
    channel.confirm_delivery()
    properties = pika.BasicProperties(delivery_mode=2)
    began, latencies = time.monotonic(), []
    for _ in range(count):
        sent = time.monotonic_ns()
        channel.basic_publish(exchange, key, stamped(size), properties=properties, mandatory=True)
        latencies.append(time.monotonic_ns() - sent)
    report(latencies, began)
    connection.close()


def consume_blocking(server, queue, count, prefetch):
    connection, channel = blocking(server)
    channel.basic_qos(prefetch_count=prefetch)
    latencies, began = [], None
    for method, _, body in channel.consume(queue):
        began = began or time.monotonic()
        latencies.append(age(body))
        channel.basic_ack(method.delivery_tag)
        if len(latencies) == count:
            break
    report(latencies, began)
    connection.close()


def main(arguments):
    library, verb = arguments[:2]
    server, rest = arguments[2:7], arguments[7:]
    match library, verb:
        case "aio-pika", "publish" | "pace":
            asyncio.run(publish(server, rest[0], rest[1], *map(int, rest[2:]), is_paced=verb == "pace"))
        case "aio-pika", "consume":
            asyncio.run(consume(server, rest[0], *map(int, rest[1:])))
        case "pika", "publish":
            publish_blocking(server, rest[0], rest[1], *map(int, rest[2:4]))
        case "pika", "consume":
            consume_blocking(server, rest[0], *map(int, rest[1:]))
        case _:
            sys.exit("usage: see the head of this file")


if __name__ == "__main__":
    main(sys.argv[1:])
