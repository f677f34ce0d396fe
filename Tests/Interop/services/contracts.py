"""The contracts as a stranger reads them: message classes and calls made at run time from the .proto files.

Needs protoc, and grpcio and protobuf from PyPI. None of Florin's own generator or generated code is used.
"""

import pathlib
import subprocess
import tempfile

import grpc
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROTO = ROOT / "Libs/Contracts/proto"
OWN = pathlib.Path(__file__).resolve().parent / "proto"
LONG = 60


def _descriptors():
    known = descriptor_pb2.FileDescriptorSet()
    for module in (descriptor_pb2, wrappers_pb2, any_pb2):
        module.DESCRIPTOR.CopyToProto(known.file.add())
    with tempfile.TemporaryDirectory() as folder:
        known_path, result_path = (pathlib.Path(folder) / name for name in ("known", "result"))
        known_path.write_bytes(known.SerializeToString())
        files = [path.relative_to(root) for root in (PROTO, OWN) for path in sorted(root.rglob("*.proto"))]
        subprocess.run(
            ["protoc", f"--descriptor_set_in={known_path}", f"-I{PROTO}", f"-I{OWN}", "--include_imports",
             f"--descriptor_set_out={result_path}", *map(str, files)], check=True)
        return descriptor_pb2.FileDescriptorSet.FromString(result_path.read_bytes())


POOL = descriptor_pool.DescriptorPool()
for _file in _descriptors().file:
    POOL.Add(_file)


def message(name):
    """The class of a message by its full name, `florin.v1.Money`."""
    return message_factory.GetMessageClass(POOL.FindMessageTypeByName(name))


Problem = message("florin.v1.Problem")
Status = message("google.rpc.Status")


class Service:
    """A service on a channel: `service.CreateExpense({...})` calls the rpc of that name.

    Requests and replies are messages; a request may be given as a dictionary of its fields.
    """

    def __init__(self, channel, name, metadata=()):
        self._channel = channel
        self._descriptor = POOL.FindServiceByName(name)
        self._metadata = tuple(metadata)

    def __getattr__(self, name):
        method = self._descriptor.methods_by_name[name]
        request_class = message_factory.GetMessageClass(method.input_type)
        reply_class = message_factory.GetMessageClass(method.output_type)
        stub = self._channel.unary_unary(
            f"/{self._descriptor.full_name}/{name}", request_serializer=request_class.SerializeToString,
            response_deserializer=reply_class.FromString)

        def call(fields=None, metadata=(), timeout=LONG, details=False, start=False):
            request = filled(request_class(), fields or {})
            options = {"metadata": self._metadata + tuple(metadata), "timeout": timeout}
            if start:
                return stub.future(request, **options)
            reply, finished = stub.with_call(request, **options)
            return (reply, dict(finished.trailing_metadata())) if details else reply

        return call


def filled(target, fields):
    """Fills a message from a dictionary; wrapped values are given bare."""
    for name, value in fields.items():
        field = getattr(target, name)
        if isinstance(value, dict):
            filled(field, value)
        elif isinstance(value, list):
            for element in value:
                if isinstance(element, dict):
                    filled(field.add(), element)
                else:
                    field.append(element)
        elif hasattr(field, "DESCRIPTOR"):
            field.value = value
        else:
            setattr(target, name, value)
    return target


def problem(error):
    """The florin.v1.Problem in the details of a refused call, checked against the status that carries it."""
    trailing = dict(error.trailing_metadata())
    status = Status.FromString(trailing["grpc-status-details-bin"])
    assert status.code == error.code().value[0], (status.code, error.code())
    assert status.message == error.details(), (status.message, error.details())
    assert len(status.details) == 1, status
    found = Problem()
    assert status.details[0].Unpack(found), status.details[0].type_url
    return found


def refused(call, code):
    """The error of a call that must be refused with this status."""
    try:
        reply = call()
    except grpc.RpcError as error:
        assert error.code() == code, (error.code(), error.details())
        return error
    raise AssertionError(f"answered {reply!r:.200}")


def refused_with_problem(call, code, wanted):
    """The problem of a call that must be refused with this status and problem code."""
    found = problem(refused(call, code))
    assert found.code == wanted, found
    return found
