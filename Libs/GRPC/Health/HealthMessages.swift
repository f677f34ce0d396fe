internal import WireCodecs

/// The two messages of `grpc.health.v1` (grpc/grpc: src/proto/grpc/health/v1/health.proto), by hand.
package enum HealthMessages {
    /// `HealthCheckRequest { string service = 1; }`: the service asked for.
    package static func decodeRequest(_ message: [UInt8]) throws(GRPCStatus) -> String {
        var reader = ProtobufReader(message[...])
        var service = ""
        while let field = try field(&reader) {
            if field.number == 1, case .bytes(let bytes) = field.value {
                service = String(decoding: bytes, as: UTF8.self)
            }
        }
        return service
    }

    /// The request for a service; empty for the whole server.
    package static func encodeRequest(service: String) -> [UInt8] {
        var message = ProtobufWriter()
        message.text(1, service)
        return message.bytes
    }

    /// `HealthCheckResponse { ServingStatus status = 1; }`.
    package static func encodeResponse(_ status: HealthService.Status) -> [UInt8] { [0x08, UInt8(status.rawValue)] }

    /// The status that a `HealthCheckResponse` holds; `unknown` for one that there is not.
    package static func decodeResponse(_ message: [UInt8]) throws(GRPCStatus) -> HealthService.Status {
        var reader = ProtobufReader(message[...])
        var status = HealthService.Status.unknown
        while let field = try field(&reader) {
            if field.number == 1, case .varint(let value) = field.value {
                status = HealthService.Status(rawValue: Int(clamping: value)) ?? .unknown
            }
        }
        return status
    }

    private static func field(
        _ reader: inout ProtobufReader
    ) throws(GRPCStatus) -> (number: UInt64, value: ProtobufReader.Value)? {
        do throws(ProtobufReader.Fault) {
            return try reader.next()
        } catch {
            throw GRPCStatus(.internalError, "malformed message")
        }
    }
}
