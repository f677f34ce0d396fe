import GRPC
import Validation

/// `ProblemDetails` in the details of a gRPC status: a `google.rpc.Status` (code 1, message 2, details 3) with one
/// `google.protobuf.Any` (type_url 1, value 2) around a `florin.v1.Problem`.
///
/// Written by hand, because this library stands below the generated contracts; a test holds it against protoc.
enum ProblemCodec {
    static let typeURL = "type.googleapis.com/florin.v1.Problem"

    static func encode(_ problem: ProblemDetails, code: GRPCStatus.Code) -> [UInt8] {
        var message = ProtobufWriter()
        message.text(1, problem.code)
        message.number(2, UInt64(problem.status))
        message.text(3, problem.title)
        message.text(4, problem.detail)
        for error in problem.errors {
            var field = ProtobufWriter()
            field.text(1, error.field)
            field.text(2, error.code)
            field.text(3, error.message)
            message.bytes(5, field.bytes)
        }
        message.number(6, UInt64(max(0, problem.retryAfter ?? 0)))
        var any = ProtobufWriter()
        any.text(1, typeURL)
        any.bytes(2, message.bytes)
        var status = ProtobufWriter()
        status.number(1, UInt64(code.rawValue))
        status.text(2, problem.title)
        status.bytes(3, any.bytes)
        return status.bytes
    }

    /// The problem in the details; nil when there is none that can be read.
    static func decode(_ details: [UInt8]) -> ProblemDetails? {
        var status = ProtobufReader(details[...])
        while let field = status.next() {
            if field.number == 3, case .bytes(let any) = field.value, let problem = decode(any: any) { return problem }
        }
        return nil
    }

    private static func decode(any: ArraySlice<UInt8>) -> ProblemDetails? {
        var reader = ProtobufReader(any)
        var isProblem = false
        var value: ArraySlice<UInt8> = []
        while let field = reader.next() {
            switch (field.number, field.value) {
            case (1, .bytes(let text)): isProblem = Array(text) == Array(typeURL.utf8)
            case (2, .bytes(let bytes)): value = bytes
            default: break
            }
        }
        return isProblem && reader.isIntact ? decode(problem: value) : nil
    }

    private static func decode(problem: ArraySlice<UInt8>) -> ProblemDetails? {
        var reader = ProtobufReader(problem)
        var texts: [UInt64: String] = [:]
        var numbers: [UInt64: UInt64] = [:]
        var errors: [FieldError] = []
        while let field = reader.next() {
            switch field.value {
            case .bytes(let bytes) where field.number == 5:
                guard let error = decode(fieldError: bytes) else { return nil }
                errors.append(error)
            case .bytes(let bytes): texts[field.number] = String(decoding: bytes, as: UTF8.self)
            case .number(let number): numbers[field.number] = number
            }
        }
        guard reader.isIntact, let status = Int(exactly: numbers[2] ?? 0), (400...599).contains(status) else {
            return nil
        }
        let seconds = numbers[6].flatMap { Int(exactly: $0) } ?? 0
        return ProblemDetails(
            code: texts[1] ?? "", status: status, title: texts[3] ?? "", detail: texts[4] ?? "", errors: errors,
            retryAfter: seconds > 0 ? seconds : nil)
    }

    private static func decode(fieldError: ArraySlice<UInt8>) -> FieldError? {
        var reader = ProtobufReader(fieldError)
        var texts: [UInt64: String] = [:]
        while let field = reader.next() {
            if case .bytes(let bytes) = field.value { texts[field.number] = String(decoding: bytes, as: UTF8.self) }
        }
        guard reader.isIntact else { return nil }
        return FieldError(field: texts[1] ?? "", code: texts[2] ?? "", message: texts[3] ?? "")
    }
}

/// Writes fields of the Protocol Buffers wire format; default values are left out, as proto3 does.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    mutating func number(_ field: UInt64, _ value: UInt64) {
        if value == 0 { return }
        varint(field << 3)
        varint(value)
    }

    mutating func text(_ field: UInt64, _ value: String) {
        if !value.isEmpty { bytes(field, Array(value.utf8)) }
    }

    mutating func bytes(_ field: UInt64, _ value: [UInt8]) {
        varint(field << 3 | 2)
        varint(UInt64(value.count))
        bytes += value
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}

/// Reads fields of the Protocol Buffers wire format; groups are not known.
struct ProtobufReader {
    enum Value {
        case number(UInt64)
        case bytes(ArraySlice<UInt8>)
    }

    private var rest: ArraySlice<UInt8>
    /// False once something was met that is not a field.
    private(set) var isIntact = true

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    /// The next field with its number; nil at the end or at a fault.
    mutating func next() -> (number: UInt64, value: Value)? {
        guard isIntact, !rest.isEmpty else { return nil }
        if let key = varint(), key >> 3 != 0, let value = value(ofType: key & 7) { return (key >> 3, value) }
        isIntact = false
        return nil
    }

    private mutating func value(ofType type: UInt64) -> Value? {
        switch type {
        case 0: varint().map(Value.number)
        case 1: take(8).map(Value.bytes)
        case 2: varint().flatMap { Int(exactly: $0) }.flatMap { take($0) }.map(Value.bytes)
        case 5: take(4).map(Value.bytes)
        default: nil
        }
    }

    private mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count <= rest.count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    private mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst(), shift < 63 || byte <= 1 else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }
}
