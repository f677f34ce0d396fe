package import HTTP2
internal import WireCodecs

/// A status to and from the trailers that end a call.
package enum StatusCodec {
    /// Appends `grpc-status`, `grpc-message`, `grpc-status-details-bin` and the status's metadata.
    ///
    /// Metadata that cannot be sent turns the status into `internalError`: the call must end in any case.
    package static func encode(_ status: GRPCStatus, trailing: GRPCMetadata, into fields: inout [HeaderField]) {
        let count = fields.count
        do {
            appendStatus(status, into: &fields)
            try MetadataCodec.encode(trailing, into: &fields)
            try MetadataCodec.encode(status.metadata, into: &fields)
        } catch {
            fields.removeSubrange(count...)
            appendStatus(error, into: &fields)
        }
    }

    private static func appendStatus(_ status: GRPCStatus, into fields: inout [HeaderField]) {
        fields.append(HeaderField("grpc-status", String(status.code.rawValue)))
        if !status.message.isEmpty {
            fields.append(HeaderField("grpc-message", encoded(status.message)))
        }
        if !status.details.isEmpty {
            fields.append(HeaderField("grpc-status-details-bin", Base64.encode(status.details, isPadded: false)))
        }
    }

    /// A `grpc-message`: UTF-8 with `%XX` for everything but printable ASCII, and for `%` itself (grpc/grpc:
    /// doc/PROTOCOL-HTTP2.md, "Responses").
    private static func encoded(_ message: String) -> String {
        PercentEncoding.encode(message) { 0x20...0x7E ~= $0 }
    }

    /// The status that trailers state, with their metadata; a missing or strange `grpc-status` is `unknown`.
    package static func decode(_ fields: [HeaderField]) -> GRPCStatus {
        let code = fields.first("grpc-status").flatMap(Int.init).flatMap(GRPCStatus.Code.init) ?? .unknown
        var status = GRPCStatus(code, fields.first("grpc-message").map { PercentEncoding.decodeLeniently($0) } ?? "")
        if let text = fields.first("grpc-status-details-bin") {
            guard let details = Base64.decode(text, padding: .optional) else {
                return GRPCStatus(.internalError, "grpc-status-details-bin is not base64")
            }
            status.details = details
        }
        do {
            status.metadata = try MetadataCodec.decode(fields)
        } catch {
            return error
        }
        return status
    }
}
