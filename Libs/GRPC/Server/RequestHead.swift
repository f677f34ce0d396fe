internal import HTTP2

/// The headers of a request, checked (grpc/grpc: doc/PROTOCOL-HTTP2.md, "Requests").
struct RequestHead: Sendable {
    /// Why a request is not served.
    enum Refusal: Error {
        /// It is not gRPC: this HTTP status answers it.
        case http(Int)
        /// It is, and this status answers it.
        case status(GRPCStatus)
    }

    let path: String
    let timeout: Duration?
    let metadata: GRPCMetadata

    init(_ block: HeaderBlock) throws(Refusal) {
        if block.isOversized { throw .status(GRPCStatus(.resourceExhausted, "request metadata is too large")) }
        var path = ""
        var contentType = ""
        var timeout: Duration?
        for field in block.fields {
            switch field.name {
            case ":path": path = field.value
            case "content-type": contentType = field.value
            case ":method" where field.value != "POST": throw .http(405)
            case "grpc-timeout":
                timeout = GRPCTimeout.parse(field.value)
                if timeout == nil { throw .status(GRPCStatus(.internalError, "grpc-timeout is malformed")) }
            case "grpc-encoding" where field.value != "identity":
                throw .status(GRPCStatus(.unimplemented, "compression is not supported"))
            default: break
            }
        }
        guard ContentType.isGRPC(contentType) else { throw .http(415) }
        self.path = path
        self.timeout = timeout
        do {
            metadata = try MetadataCodec.decode(block.fields)
        } catch {
            throw .status(error)
        }
    }
}

/// The media type of gRPC.
enum ContentType {
    static let grpc = "application/grpc"

    /// `application/grpc`, alone or with a `+format` or parameters, but not another type that begins alike.
    static func isGRPC(_ value: String) -> Bool {
        guard value.hasPrefix(grpc) else { return false }
        let rest = value.dropFirst(grpc.count)
        return rest.isEmpty || rest == "+proto" || rest.hasPrefix("+proto;") || rest.hasPrefix(";")
    }
}
