"""Reads the .proto files through protoc and gives their descriptors, the options of florin/options.proto included."""

import pathlib
import subprocess
import tempfile

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2

OPTIONS_FILE = "florin/options.proto"
WRAPPERS_FILE = "google/protobuf/wrappers.proto"


class GeneratorError(Exception):
    """A contract that the generator refuses, with what to do about it."""


class Descriptors:
    """The file descriptors of all contracts, in dependency order, and the two options' values."""

    def __init__(self, proto_root: pathlib.Path):
        self.files = self._compile(proto_root)
        pool = descriptor_pool.DescriptorPool()
        for file in self.files:
            pool.Add(file)
        self._http = pool.FindExtensionByName("florin.http")
        self._rule = pool.FindExtensionByName("florin.rule")
        self._method_options = self._message_class(pool, "google.protobuf.MethodOptions")
        self._field_options = self._message_class(pool, "google.protobuf.FieldOptions")

    @staticmethod
    def _message_class(pool, name):
        descriptor = pool.FindMessageTypeByName(name)
        if hasattr(message_factory, "GetMessageClass"):
            return message_factory.GetMessageClass(descriptor)
        return message_factory.MessageFactory(pool).GetPrototype(descriptor)

    @staticmethod
    def _compile(root):
        names = sorted(str(path.relative_to(root)) for path in root.rglob("*.proto"))
        with tempfile.TemporaryDirectory() as folder:
            # Debian keeps the well-known .proto texts in another package; their descriptors are in the Python runtime.
            known = descriptor_pb2.FileDescriptorSet()
            for module in (descriptor_pb2, wrappers_pb2):
                module.DESCRIPTOR.CopyToProto(known.file.add())
            known_path = pathlib.Path(folder, "known.bin")
            known_path.write_bytes(known.SerializeToString())
            output = pathlib.Path(folder, "contracts.bin")
            command = [
                "protoc", f"--descriptor_set_in={known_path}", f"-I{root}", "--include_imports", "--include_source_info",
                f"--descriptor_set_out={output}", *names,
            ]
            result = subprocess.run(command, capture_output=True, text=True)
            if result.returncode != 0:
                raise GeneratorError(f"protoc refused the contracts:\n{result.stderr}")
            return list(descriptor_pb2.FileDescriptorSet.FromString(output.read_bytes()).file)

    def http(self, method):
        """The HttpRule of a method, or None."""
        options = self._method_options.FromString(method.options.SerializeToString())
        return options.Extensions[self._http] if options.HasExtension(self._http) else None

    def rule(self, field):
        """The FieldRule of a field: the default one where there is none."""
        return self._field_options.FromString(field.options.SerializeToString()).Extensions[self._rule]

    def contract_files(self):
        """The files that describe messages and services of our own."""
        return [file for file in self.files if file.name.startswith("florin/") and file.name != OPTIONS_FILE]
