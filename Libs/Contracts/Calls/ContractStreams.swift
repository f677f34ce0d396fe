package import GRPC

/// Sends the answers of a streaming method.
package struct ContractResponseWriter<Message: ContractMessage>: Sendable {
    let writer: GRPCResponseWriter

    /// Sends one answer; waits while the receiver is behind.
    package func write(_ message: Message) async throws {
        try await writer.write(message.serialized())
    }
}

/// The answers of a streaming method, in order; bounded by the flow control of the connection.
package struct ContractResponseStream<Message: ContractMessage>: AsyncSequence, Sendable {
    let messages: GRPCMessageStream

    package typealias Element = Message
    package typealias Failure = GRPCStatus

    package func makeAsyncIterator() -> Iterator { Iterator(base: messages.makeAsyncIterator()) }

    /// Reads one answer after the other.
    package struct Iterator: AsyncIteratorProtocol {
        var base: GRPCMessageStream.AsyncIterator

        package mutating func next() async throws(GRPCStatus) -> Message? {
            guard let bytes = try await base.next() else { return nil }
            return try decodeResponse(bytes)
        }

        package mutating func next(isolation actor: isolated (any Actor)?) async throws(GRPCStatus) -> Message? {
            guard let bytes = try await base.next(isolation: actor) else { return nil }
            return try decodeResponse(bytes)
        }
    }
}

/// A handler for a method with one request and many answers.
func streamingHandler<Request: ContractMessage, Response: ContractMessage>(
    _ body: @escaping @Sendable (Request, ServerContext, ContractResponseWriter<Response>) async throws -> Void
) -> GRPCHandler {
    .serverStreaming { bytes, context, writer in
        try await body(decodeRequest(bytes), context, ContractResponseWriter(writer: writer))
    }
}

extension GRPCChannel {
    /// Calls a method with one request and many answers; without a timeout for as long as both sides want.
    func stream<Request: ContractMessage, Response: ContractMessage>(
        _ method: GRPCMethod, _ request: Request, metadata: GRPCMetadata, timeout: Duration?
    ) throws(GRPCStatus) -> ContractResponseStream<Response> {
        ContractResponseStream(
            messages: serverStreaming(
                method, Array(try encodeRequest(request).joined()), metadata: metadata, timeout: timeout))
    }
}
