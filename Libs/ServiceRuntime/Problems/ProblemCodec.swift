import GRPC
import Validation
import WireCodecs

/// `ProblemDetails` in the details of a gRPC status: a `google.rpc.Status` (code 1, message 2, details 3) with one
/// `google.protobuf.Any` (type_url 1, value 2) around a `florin.v1.Problem`.
///
/// Written by hand: `google.rpc.Status` is not among the generated contracts. A test holds it against protoc.
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
        do throws(ProtobufReader.Fault) {
            var status = ProtobufReader(details[...])
            while let (number, value) = try status.next() {
                if number == 3, case .bytes(let any) = value, let problem = try decode(any: any) { return problem }
            }
        } catch {
            // Details that are no message tell as little as none: the status itself is the answer then.
        }
        return nil
    }

    private static func decode(any: ArraySlice<UInt8>) throws(ProtobufReader.Fault) -> ProblemDetails? {
        var reader = ProtobufReader(any)
        var isProblem = false
        var content: ArraySlice<UInt8> = []
        while let (number, value) = try reader.next() {
            switch (number, value) {
            case (1, .bytes(let text)): isProblem = text.elementsEqual(typeURL.utf8)
            case (2, .bytes(let bytes)): content = bytes
            default: break
            }
        }
        return isProblem ? try decode(problem: content) : nil
    }

    private static func decode(problem: ArraySlice<UInt8>) throws(ProtobufReader.Fault) -> ProblemDetails? {
        var reader = ProtobufReader(problem)
        var texts: [UInt64: String] = [:]
        var numbers: [UInt64: UInt64] = [:]
        var errors: [FieldError] = []
        while let (number, value) = try reader.next() {
            switch value {
            case .bytes(let bytes) where number == 5: errors.append(try decode(fieldError: bytes))
            case .bytes(let bytes): texts[number] = String(decoding: bytes, as: UTF8.self)
            case .varint(let value): numbers[number] = value
            case .fixed32, .fixed64: break
            }
        }
        guard let status = Int(exactly: numbers[2] ?? 0), (400...599).contains(status) else { return nil }
        let seconds = numbers[6].flatMap { Int(exactly: $0) } ?? 0
        return ProblemDetails(
            code: texts[1] ?? "", status: status, title: texts[3] ?? "", detail: texts[4] ?? "", errors: errors,
            retryAfter: seconds > 0 ? seconds : nil)
    }

    private static func decode(fieldError: ArraySlice<UInt8>) throws(ProtobufReader.Fault) -> FieldError {
        var reader = ProtobufReader(fieldError)
        var texts: [UInt64: String] = [:]
        while let (number, value) = try reader.next() {
            if case .bytes(let bytes) = value { texts[number] = String(decoding: bytes, as: UTF8.self) }
        }
        return FieldError(field: texts[1] ?? "", code: texts[2] ?? "", message: texts[3] ?? "")
    }
}
