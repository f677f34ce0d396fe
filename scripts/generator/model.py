"""The contracts as the writers need them: messages, fields, services, routes. Refuses what the output cannot express."""

import re

from google.protobuf import descriptor_pb2

from .descriptors import GeneratorError

FieldProto = descriptor_pb2.FieldDescriptorProto

SCALARS = {
    FieldProto.TYPE_STRING: "string",
    FieldProto.TYPE_BYTES: "bytes",
    FieldProto.TYPE_BOOL: "bool",
    FieldProto.TYPE_INT32: "int32",
    FieldProto.TYPE_INT64: "int64",
    FieldProto.TYPE_UINT32: "uint32",
    FieldProto.TYPE_UINT64: "uint64",
}
WRAPPERS = {
    ".google.protobuf.StringValue": "string",
    ".google.protobuf.Int64Value": "int64",
    ".google.protobuf.BoolValue": "bool",
}
SWIFT_SCALARS = {
    "string": "String", "bytes": "ArraySlice<UInt8>", "bool": "Bool", "int32": "Int32", "int64": "Int64", "uint32": "UInt32",
    "uint64": "UInt64",
}
SWIFT_DEFAULTS = {"string": '""', "bytes": "[]", "bool": "false"}
SWIFT_KEYWORDS = {
    "as", "break", "case", "catch", "class", "continue", "default", "defer", "do", "else", "enum", "extension", "false",
    "for", "func", "guard", "if", "import", "in", "init", "internal", "is", "let", "nil", "operator", "private",
    "protocol", "public", "repeat", "return", "self", "static", "struct", "subscript", "super", "switch", "throw",
    "throws", "true", "try", "var", "where", "while",
}
# Names that protobuf-c gives to something else, or changes because C++ has them.
C_NAMES = {
    "and", "asm", "auto", "base", "bool", "break", "case", "catch", "char", "class", "const", "continue", "default",
    "delete", "do", "double", "else", "enum", "explicit", "export", "extern", "false", "float", "for", "friend", "goto",
    "if", "inline", "int", "long", "mutable", "namespace", "new", "not", "operator", "or", "private", "protected",
    "public", "register", "return", "short", "signed", "sizeof", "static", "struct", "switch", "template", "this",
    "throw", "true", "try", "typedef", "typeid", "typename", "union", "unsigned", "using", "virtual", "void", "volatile",
    "while", "xor",
}
FORMATS = {"", "date", "date-time", "decimal", "uuid", "email", "currency", "uri"}


def camel(name):
    """A field's name as Swift writes it: category_id is categoryID."""
    first, *rest = name.split("_")
    special = {"id": "ID", "ids": "IDs", "url": "URL"}
    return first + "".join(special.get(part, part[:1].upper() + part[1:]) for part in rest)


def lower_first(name):
    return name[:1].lower() + name[1:]


def escaped(name):
    return f"`{name}`" if name in SWIFT_KEYWORDS else name


def snake(name):
    """A message's name as protobuf-c writes it in functions."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Field:
    def __init__(self, proto, rule, comment):
        self.name = proto.name
        self.number = proto.number
        self.rule = rule
        self.comment = comment
        self.repeated = proto.label == FieldProto.LABEL_REPEATED
        self.wrapper = WRAPPERS.get(proto.type_name)
        self.type_name = proto.type_name
        self.message = None
        self.scalar = SCALARS.get(proto.type)
        self.property = camel(proto.name)
        self.swift_name = escaped(self.property)

    @property
    def kind(self):
        """string, bytes, bool, int32, int64, uint32, uint64 or message; a wrapper counts as what it wraps."""
        return self.wrapper or self.scalar or "message"

    @property
    def element_type(self):
        return self.message.name if self.kind == "message" else SWIFT_SCALARS[self.kind]

    @property
    def is_optional(self):
        """Whether Swift has an optional for it."""
        if self.repeated:
            return False
        return self.wrapper is not None or (self.kind == "message" and not self.rule.required)

    @property
    def is_always_written(self):
        """Whether every answer has it."""
        return self.rule.nullable or not (self.is_optional or self.rule.omit_empty)

    @property
    def swift_type(self):
        if self.repeated:
            return f"[{self.element_type}]"
        return self.element_type + ("?" if self.is_optional else "")

    @property
    def swift_default(self):
        if self.repeated:
            return "[]"
        if self.is_optional:
            return "nil"
        if self.kind == "message":
            return f"{self.element_type}()"
        return SWIFT_DEFAULTS.get(self.kind, "0")


class Message:
    def __init__(self, name, package, comment, fields):
        self.name = name
        self.package = package
        self.comment = comment
        self.fields = fields
        self.read_from_json = False

    @property
    def full_name(self):
        return f".{self.package}.{self.name}"

    @property
    def c_type(self):
        return "__".join(part[:1].upper() + part[1:] for part in self.package.split(".")) + "__" + self.name

    @property
    def c_function_prefix(self):
        return "__".join(self.package.split(".")) + "__" + snake(self.name)

    @property
    def is_request(self):
        return self.name.endswith("Request")


class Route:
    """An rpc's HTTP side."""

    def __init__(self, method, http):
        chosen = [(verb, getattr(http, verb)) for verb in ("get", "post", "put", "patch", "delete") if getattr(http, verb)]
        if len(chosen) != 1:
            raise GeneratorError(f"{method.full_name}: florin.http needs exactly one of get, post, put, patch, delete")
        self.verb, self.path = chosen[0]
        self.status = http.status or 200
        self.auth = http.auth or "user"
        self.scope = http.scope
        self.tag = http.tag
        self.summary = http.summary
        self.max_body_mib = http.max_body_mib or 1
        self.problems = list(http.problems)
        self.body_example = http.body_example
        self.parameters = re.findall(r"\{([a-z_]+)\}", self.path)
        self._check(method, http)
        fields = method.request.fields
        self.path_fields = [self._field(method, name) for name in self.parameters]
        rest = [field for field in fields if field.name not in self.parameters]
        self.raw_body = None
        self.body_fields, self.query_fields = [], []
        if http.body not in ("", "*"):
            self.raw_body = self._field(method, http.body)
            if self.raw_body.kind != "bytes":
                raise GeneratorError(f"{method.full_name}: body field {http.body} must be of type bytes")
            self.query_fields = [field for field in rest if field is not self.raw_body]
        elif http.body == "*" or self.verb in ("post", "put", "patch"):
            self.body_fields = rest
        else:
            self.query_fields = rest
        self.has_json_body = self.raw_body is None and (http.body == "*" or self.verb in ("post", "put", "patch"))
        for field in self.path_fields + self.query_fields:
            if field.kind in ("message", "bytes") or (field.repeated and field.kind != "string"):
                raise GeneratorError(f"{method.full_name}: {field.name} cannot come from the path or the query")

    def _check(self, method, http):
        if self.auth not in ("user", "none", "admin"):
            raise GeneratorError(f"{method.full_name}: auth is user, none or admin, not {self.auth}")
        if not self.path.startswith("/"):
            raise GeneratorError(f"{method.full_name}: the path starts with a slash")
        if method.server_streaming:
            raise GeneratorError(f"{method.full_name}: a streaming rpc has no route")
        if not (self.summary and self.tag):
            raise GeneratorError(f"{method.full_name}: a route has a summary and a tag")

    @staticmethod
    def _field(method, name):
        for field in method.request.fields:
            if field.name == name:
                return field
        raise GeneratorError(f"{method.full_name}: {method.request.name} has no field {name}")


class Method:
    def __init__(self, name, service, comment, request, response, server_streaming):
        self.name = name
        self.service = service
        self.comment = comment
        self.request = request
        self.response = response
        self.server_streaming = server_streaming
        self.route = None

    @property
    def swift_name(self):
        return escaped(lower_first(self.name))

    @property
    def full_name(self):
        return f"{self.service.full_name}.{self.name}"


class Service:
    def __init__(self, name, package, comment):
        self.name = name
        self.package = package
        self.comment = comment
        self.methods = []

    @property
    def full_name(self):
        return f"{self.package}.{self.name}"

    @property
    def context(self):
        """The bounded context, which is one process: florin.expense.v1.ExpenseService is of `expense`."""
        return self.full_name.split(".")[1]

    @property
    def client_property(self):
        """The client's name in the set of clients: ExpenseService is `expense`."""
        return lower_first(self.name.removesuffix("Service"))


class Package:
    """One .proto package: a group of output files."""

    def __init__(self, name):
        self.name = name
        self.messages = []
        self.services = []

    @property
    def file_stem(self):
        parts = self.name.split(".")[1:]
        return "".join(part[:1].upper() + part[1:] for part in parts) if len(parts) > 1 else "Shared" + parts[0].upper()


class Model:
    def __init__(self, descriptors):
        self._descriptors = descriptors
        self.packages = {}
        self._messages = {}
        for file in descriptors.contract_files():
            self._add_messages(file)
        self._resolve()
        self._refuse_recursion()
        for file in descriptors.contract_files():
            self._add_services(file)
        self._refuse_clashes()
        self._mark_json_readers()

    @property
    def messages(self):
        return [message for package in self.packages.values() for message in package.messages]

    @property
    def services(self):
        return [service for package in self.packages.values() for service in package.services]

    @property
    def routed_methods(self):
        return [method for service in self.services for method in service.methods if method.route]

    def message(self, full_name):
        return self._messages[full_name]

    def _package(self, name):
        return self.packages.setdefault(name, Package(name))

    def _add_messages(self, file):
        if file.syntax != "proto3":
            raise GeneratorError(f"{file.name}: proto3 only")
        if file.enum_type:
            raise GeneratorError(f"{file.name}: enumerations are plain strings in these contracts")
        comments = comments_of(file)
        for index, proto in enumerate(file.message_type):
            where = f"{file.package}.{proto.name}"
            if proto.nested_type or proto.enum_type or proto.oneof_decl:
                raise GeneratorError(f"{where}: no nested types, maps, oneof or optional; write a message or a wrapper")
            fields = []
            for position, field in enumerate(proto.field):
                fields.append(self._field(where, field, comments.get((4, index, 2, position), "")))
            if len(fields) > 64:
                raise GeneratorError(f"{where}: more than 64 fields")
            message = Message(proto.name, file.package, comments.get((4, index), ""), fields)
            self._package(file.package).messages.append(message)
            self._messages[message.full_name] = message

    def _field(self, where, proto, comment):
        rule = self._descriptors.rule(proto)
        field = Field(proto, rule, comment)
        if field.kind == "message" and proto.type != FieldProto.TYPE_MESSAGE:
            raise GeneratorError(f"{where}.{proto.name}: this type is not used in these contracts")
        if field.repeated and (field.wrapper or field.kind in ("bytes", "bool")):
            raise GeneratorError(f"{where}.{proto.name}: a list of this type is not supported")
        if proto.name in C_NAMES:
            raise GeneratorError(f"{where}.{proto.name}: the name is taken in C; choose another")
        if rule.format not in FORMATS:
            raise GeneratorError(f"{where}.{proto.name}: unknown format {rule.format}")
        if rule.required and field.wrapper:
            raise GeneratorError(f"{where}.{proto.name}: a required field needs no wrapper")
        return field

    def _resolve(self):
        for message in self.messages:
            for field in message.fields:
                if field.kind != "message":
                    continue
                if field.type_name not in self._messages:
                    raise GeneratorError(f"{message.name}.{field.name}: unknown message {field.type_name}")
                field.message = self._messages[field.type_name]

    def _refuse_recursion(self):
        def walk(message, trail):
            if message in trail:
                raise GeneratorError(f"{message.name}: recursive messages are refused (no depth limit in protobuf-c)")
            for field in message.fields:
                if field.message:
                    walk(field.message, trail + [message])

        for message in self.messages:
            walk(message, [])

    def _add_services(self, file):
        comments = comments_of(file)
        for index, proto in enumerate(file.service):
            service = Service(proto.name, file.package, comments.get((6, index), ""))
            for position, rpc in enumerate(proto.method):
                if rpc.client_streaming:
                    raise GeneratorError(f"{service.full_name}.{rpc.name}: client streaming is not supported")
                method = Method(
                    rpc.name, service, comments.get((6, index, 2, position), ""), self._messages[rpc.input_type],
                    self._messages[rpc.output_type], rpc.server_streaming)
                http = self._descriptors.http(rpc)
                method.route = Route(method, http) if http else None
                service.methods.append(method)
            self._package(file.package).services.append(service)

    def _refuse_clashes(self):
        seen = {}
        for item in self.messages + self.services:
            if item.name in seen:
                raise GeneratorError(f"{item.name} is in {seen[item.name]} and in {item.package}: names are unique")
            seen[item.name] = item.package
        routes = set()
        for method in self.routed_methods:
            key = (method.route.verb, re.sub(r"\{\w+\}", "{}", method.route.path))
            if key in routes:
                raise GeneratorError(f"{method.full_name}: the route {key[0]} {method.route.path} exists already")
            routes.add(key)

    def _mark_json_readers(self):
        def mark(message):
            message.read_from_json = True
            for field in message.fields:
                if field.message:
                    mark(field.message)

        for method in self.routed_methods:
            if method.route.has_json_body:
                mark(method.request)


def comments_of(file):
    """The leading comment of each declaration of a file, by its path in the descriptor."""
    found = {}
    for location in file.source_code_info.location:
        text = (location.leading_comments or location.trailing_comments).strip()
        if text:
            found[tuple(location.path)] = " ".join(line.strip() for line in text.splitlines())
    return found
