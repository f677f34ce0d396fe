internal import HTTP2

/// What a header block of a response says (grpc/grpc: doc/PROTOCOL-HTTP2.md, "Responses").
enum ResponseHead: Hashable {
    /// Messages follow.
    case initial(GRPCMetadata)
    /// The call is over; `ok` has the trailing metadata.
    case end(GRPCStatus)

    /// - Parameter isFirst: true until one block was read.
    init(_ block: HeaderBlock, isFirst: Bool) {
        if block.isOversized {
            self = .end(GRPCStatus(.resourceExhausted, "response metadata is too large"))
        } else if block.isEndOfStream, block.fields.first("grpc-status") != nil {
            self = .end(StatusCodec.decode(block.fields))
        } else if isFirst, let failure = Self.failure(of: block.fields) {
            self = .end(failure)
        } else if block.isEndOfStream {
            self = .end(GRPCStatus(.unknown, "the response has no status"))
        } else {
            do {
                self = .initial(try MetadataCodec.decode(block.fields))
            } catch {
                self = .end(error)
            }
        }
    }

    private static func failure(of fields: [HeaderField]) -> GRPCStatus? {
        let httpStatus = fields.first(":status").flatMap(Int.init) ?? 0
        guard httpStatus == 200 else {
            return GRPCStatus(StatusMapping.code(httpStatus: httpStatus), "HTTP status \(httpStatus)")
        }
        guard ContentType.isGRPC(fields.first("content-type") ?? "") else {
            return GRPCStatus(.unknown, "the response is not gRPC")
        }
        guard fields.first("grpc-encoding") ?? "identity" == "identity" else {
            return GRPCStatus(.internalError, "the response is compressed, which was not offered")
        }
        return nil
    }
}
