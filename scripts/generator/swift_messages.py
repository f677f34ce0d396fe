"""Swift structs of the messages, and their way through protobuf-c."""

from . import swift_text

FORMAT_WORDS = {
    "date": "a date such as 2026-11-20", "date-time": "an instant such as 2026-11-20T09:30:00.123Z",
    "decimal": "a decimal number in plain notation", "uuid": "a UUID", "email": "an e-mail address",
    "currency": "an ISO 4217 currency code", "uri": "a URI",
}


def structs(package):
    body = "\n".join(struct(message) for message in package.messages)
    return swift_text.file([], body)


def struct(message):
    text = swift_text.doc(message.comment or default_comment(message))
    text += f"package struct {message.name}: ContractMessage {{\n"
    for field in message.fields:
        text += swift_text.doc(field_comment(field), 4)
        text += f"    package var {field.swift_name}: {field.swift_type}\n"
    text += "\n" + initializer(message)
    text += """
    package init(serialized bytes: [UInt8]) throws(ContractError) { try unsafe self.init(decodingWire: bytes) }

    package func serialized() throws(ContractError) -> [UInt8] { try unsafe encodeWire() }
}
"""
    return text


def default_comment(message):
    if message.is_request:
        return f"The request of {message.name.removesuffix('Request')}"
    return f"The message {message.package}.{message.name}"


def field_comment(field):
    text = field.rule.description or field.comment
    form = FORMAT_WORDS.get(field.rule.format)
    if text:
        return f"{swift_text.sentence(text)} {swift_text.sentence(form)}" if form else text
    return f"`{field.name}`: {form}" if form else f"`{field.name}`"


def initializer(message):
    if not message.fields:
        return "    package init() {}\n"
    parameters = ", ".join(f"{field.property}: {field.swift_type} = {field.swift_default}" for field in message.fields)
    text = f"    package init({parameters}) {{\n"
    for field in message.fields:
        text += f"        self.{field.property} = {field.swift_name}\n"
    return text + "    }\n"


def wire(package):
    body = "\n".join(conformance(message) for message in package.messages)
    return swift_text.file([("internal", "CContracts")], body)


def conformance(message):
    c = message.c_type
    prefix = message.c_function_prefix
    text = f"extension {message.name}: @unsafe WireMessage {{\n"
    text += f"    init(copying message: UnsafePointer<{c}>) throws(ContractError) {{\n"
    text += "        self.init()\n"
    for field in message.fields:
        text += copying(field)
    text += "    }\n\n"
    text += f"    func fill(_ message: UnsafeMutablePointer<{c}>, in arena: borrowing MessageArena) throws(ContractError) {{\n"
    for field in message.fields:
        text += filling(field)
    text += "    }\n\n"
    text += f"    static func initialize(_ message: UnsafeMutablePointer<{c}>) {{ unsafe {prefix}__init(message) }}\n\n"
    text += "    static func unpack(_ allocator: UnsafeMutablePointer<ProtobufCAllocator>, _ count: Int, _ bytes: UnsafePointer<UInt8>?"
    text += f") -> UnsafeMutablePointer<{c}>? {{\n        unsafe {prefix}__unpack(allocator, count, bytes)\n    }}\n}}\n"
    return text


def copying(field):
    source = f"message.pointee.{field.name}"
    count = f"message.pointee.n_{field.name}"
    name = f"self.{field.property}"
    if field.repeated:
        if field.kind == "string":
            return f"        {name} = try unsafe texts({source}, count: {count})\n"
        if field.kind == "message":
            return f"        {name} = try unsafe messages({source}, count: {count})\n"
        return f"        {name} = unsafe numbers({source}, count: {count})\n"
    if field.wrapper == "string":
        return f"        {name} = try unsafe unwrapped({source})\n"
    if field.wrapper:
        return f"        {name} = unsafe unwrapped({source})\n"
    if field.kind == "message":
        return f"        if let value = unsafe {source} {{ {name} = try unsafe {field.element_type}(copying: value) }}\n"
    if field.kind == "string":
        return f"        {name} = try unsafe text({source})\n"
    if field.kind == "bytes":
        return f"        {name} = unsafe bytes({source})\n"
    if field.kind == "bool":
        return f"        {name} = unsafe {source} != 0\n"
    return f"        {name} = unsafe {source}\n"


def filling(field):
    target = f"message.pointee.{field.name}"
    name = f"self.{field.property}"
    if field.repeated:
        helper = {"string": "cStrings", "message": "messages"}.get(field.kind, "numbers")
        return (
            f"        unsafe message.pointee.n_{field.name} = {name}.count\n"
            f"        unsafe {target} = try arena.{helper}({name})\n")
    if field.wrapper:
        return f"        unsafe {target} = try arena.wrapped({name})\n"
    if field.kind == "message":
        if field.is_optional:
            return f"        if let value = {name} {{ unsafe {target} = try value.pointer(in: arena) }}\n"
        return f"        unsafe {target} = try {name}.pointer(in: arena)\n"
    if field.kind == "string":
        return f"        unsafe {target} = try arena.cString({name})\n"
    if field.kind == "bytes":
        return f"        unsafe {target} = try arena.binary({name})\n"
    if field.kind == "bool":
        return f"        unsafe {target} = {name} ? 1 : 0\n"
    return f"        unsafe {target} = {name}\n"
