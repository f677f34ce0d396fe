internal import GRPC
internal import HTTP2

extension FuzzTarget {
    /// The readers of gRPC's own framing, headers and trailers.
    static let grpc = [
        FuzzTarget("grpc-frames") { input in
            guard let choice = input.first else { return }
            let bytes = Array(input.dropFirst())
            let whole = try FrameTrace(of: [bytes])
            let size = Int(choice) + 1
            let pieces = stride(from: 0, to: bytes.count, by: size).map {
                Array(bytes[$0..<min($0 + size, bytes.count)])
            }
            try require(FrameTrace(of: pieces) == whole, "cut into pieces of \(size) it reads differently")
            let again = whole.messages.flatMap(MessageFraming.frame)
            try require(bytes.starts(with: again), "framed again it is not what was read")
        },
        FuzzTarget("grpc-timeout", maximumBytes: 32) { input in
            guard let timeout = GRPCTimeout.parse(input.text) else { return }
            try require(timeout >= .zero, "a timeout of \(timeout)")
            let written = GRPCTimeout.format(timeout)
            try require(GRPCTimeout.parse(written) == max(timeout, .nanoseconds(1)), "written as \(written)")
        },
        FuzzTarget("grpc-fields") { input in
            let fields = input.split(separator: 0x0A).map { line in
                let (name, value) = Array(line).split(atFirst: UInt8(ascii: "="))
                return HeaderField(name.text, value.text)
            }
            try checkMetadata(fields)
            try checkStatus(fields)
        },
        FuzzTarget("grpc-health", maximumBytes: 512) { input in
            _ = accepted { () throws(GRPCStatus) in try HealthMessages.decodeResponse(input) }
            guard let service = accepted({ () throws(GRPCStatus) in try HealthMessages.decodeRequest(input) }) else {
                return
            }
            let again = try HealthMessages.decodeRequest(HealthMessages.encodeRequest(service: service))
            try require(again == service, "encoded again it is \(again)")
        },
    ]

    private static func checkMetadata(_ fields: [HeaderField]) throws {
        guard let metadata = accepted({ () throws(GRPCStatus) in try MetadataCodec.decode(fields) }) else { return }
        var written: [HeaderField] = []
        // Names and values that we would not send ourselves are refused there.
        guard accepted({ () throws(GRPCStatus) in try MetadataCodec.encode(metadata, into: &written) }) != nil else {
            return
        }
        try require(try MetadataCodec.decode(written) == metadata, "metadata written and read are others")
    }

    private static func checkStatus(_ fields: [HeaderField]) throws {
        var status = StatusCodec.decode(fields)
        status.metadata = GRPCMetadata()
        var written: [HeaderField] = []
        StatusCodec.encode(status, trailing: GRPCMetadata(), into: &written)
        let again = StatusCodec.decode(written)
        try require(again == status, "the status written and read is \(again), not \(status)")
    }
}

/// What the deframer made of some bytes, in a form that compares.
private struct FrameTrace: Equatable {
    private(set) var messages: [[UInt8]] = []
    private var partialBytes = 0
    private var failure: MessageDeframer.Failure?

    init(of pieces: [[UInt8]]) throws(BrokenProperty) {
        var deframer = MessageDeframer(maximumMessageBytes: 512)
        for piece in pieces {
            do throws(MessageDeframer.Failure) {
                try unsafe deframer.append(piece.span.bytes) { messages.append($0) }
            } catch {
                failure = error
                return
            }
        }
        partialBytes = deframer.partialBytes
        try require(partialBytes < 512 + MessageDeframer.headerBytes, "\(partialBytes) bytes of one message are kept")
    }
}
