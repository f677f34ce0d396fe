/// The two messages of `grpc.health.v1` (grpc/grpc: src/proto/grpc/health/v1/health.proto), by hand.
package enum HealthMessages {
    /// `HealthCheckRequest { string service = 1; }`: the service asked for.
    package static func decodeRequest(_ message: [UInt8]) throws(GRPCStatus) -> String {
        var reader = FieldReader(message)
        var service = ""
        while let field = try reader.next() {
            if field.number == 1, case .bytes(let bytes) = field.value {
                service = String(decoding: bytes, as: UTF8.self)
            }
        }
        return service
    }

    /// The request for a service; empty for the whole server.
    package static func encodeRequest(service: String) -> [UInt8] {
        var message: [UInt8] = []
        guard !service.isEmpty else { return message }
        message.append(0x0A)
        appendVarint(UInt64(service.utf8.count), to: &message)
        message.append(contentsOf: service.utf8)
        return message
    }

    /// `HealthCheckResponse { ServingStatus status = 1; }`.
    package static func encodeResponse(_ status: HealthService.Status) -> [UInt8] { [0x08, UInt8(status.rawValue)] }

    /// The status that a `HealthCheckResponse` holds; `unknown` for one that there is not.
    package static func decodeResponse(_ message: [UInt8]) throws(GRPCStatus) -> HealthService.Status {
        var reader = FieldReader(message)
        var status = HealthService.Status.unknown
        while let field = try reader.next() {
            if field.number == 1, case .varint(let value) = field.value {
                status = HealthService.Status(rawValue: Int(clamping: value)) ?? .unknown
            }
        }
        return status
    }

    private static func appendVarint(_ value: UInt64, to message: inout [UInt8]) {
        var value = value
        while value > 0x7F {
            message.append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        message.append(UInt8(value))
    }
}

/// Reads protobuf fields one by one; unknown ones are the caller's to skip.
private struct FieldReader {
    enum Value {
        case varint(UInt64)
        case bytes(ArraySlice<UInt8>)
        case fixed
    }

    private var rest: ArraySlice<UInt8>

    init(_ message: [UInt8]) { rest = message[...] }

    mutating func next() throws(GRPCStatus) -> (number: Int, value: Value)? {
        guard !rest.isEmpty else { return nil }
        let tag = try varint()
        let number = Int(clamping: tag >> 3)
        switch tag & 7 {
        case 0: return (number, .varint(try varint()))
        case 1:
            _ = try take(8)
            return (number, .fixed)
        case 2: return (number, .bytes(try take(Int(clamping: try varint()))))
        case 5:
            _ = try take(4)
            return (number, .fixed)
        default: throw Self.malformed
        }
    }

    private mutating func varint() throws(GRPCStatus) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 64, by: 7) {
            guard let byte = rest.popFirst() else { throw Self.malformed }
            value |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte < 0x80 { return value }
        }
        throw Self.malformed
    }

    private mutating func take(_ count: Int) throws(GRPCStatus) -> ArraySlice<UInt8> {
        guard count <= rest.count else { throw Self.malformed }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    private static let malformed = GRPCStatus(.internalError, "malformed message")
}
