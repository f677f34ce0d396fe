package import GRPC

/// An answer with the metadata that came with it.
package struct ContractReply<Message: Sendable>: Sendable {
    /// The answer.
    package let message: Message
    /// What the server sent before the answer.
    package let initialMetadata: GRPCMetadata
    /// What the server sent after the answer.
    package let trailingMetadata: GRPCMetadata
}

/// A message of the contracts: encoded by Protocol Buffers between the processes.
package protocol ContractMessage: Sendable, Equatable {
    /// The message as Protocol Buffers encode it. Throws for a text that contains NUL.
    func serialized() throws(ContractError) -> [UInt8]

    /// The same in pieces, so that what is large need not be copied: one piece, unless a message knows better.
    func serializedPieces() throws(ContractError) -> [[UInt8]]

    /// Reads an encoded message.
    init(serialized bytes: [UInt8]) throws(ContractError)

    /// The same, where what is large may stay in the memory that it came in.
    static func read(_ bytes: [UInt8]) throws(ContractError) -> Self
}

extension ContractMessage {
    package func serializedPieces() throws(ContractError) -> [[UInt8]] { [try serialized()] }
    package static func read(_ bytes: [UInt8]) throws(ContractError) -> Self { try Self(serialized: bytes) }
}

/// A handler for a method with one request and one answer.
func unaryHandler<Request: ContractMessage, Response: ContractMessage>(
    _ body: @escaping @Sendable (Request, ServerContext) async throws -> Response
) -> GRPCHandler {
    .unary { bytes, context in
        try await body(decodeRequest(bytes), context).serialized()
    }
}

/// A request as a handler wants it; INVALID_ARGUMENT when it cannot be read.
func decodeRequest<Request: ContractMessage>(_ bytes: [UInt8]) throws(GRPCStatus) -> Request {
    do throws(ContractError) {
        return try Request.read(bytes)
    } catch {
        throw GRPCStatus(.invalidArgument, error.description)
    }
}

extension GRPCChannel {
    /// Calls a method with one request and one answer.
    func call<Request: ContractMessage, Response: ContractMessage>(
        _ method: GRPCMethod, _ request: Request, metadata: GRPCMetadata, timeout: Duration
    ) async throws(GRPCStatus) -> ContractReply<Response> {
        let reply = try await unary(method, pieces: encodeRequest(request), metadata: metadata, timeout: timeout)
        return ContractReply(
            message: try decodeResponse(reply.message), initialMetadata: reply.initialMetadata,
            trailingMetadata: reply.trailingMetadata)
    }
}

/// A request as the wire wants it.
func encodeRequest(_ request: some ContractMessage) throws(GRPCStatus) -> [[UInt8]] {
    do throws(ContractError) {
        return try request.serializedPieces()
    } catch {
        throw GRPCStatus(.invalidArgument, error.description)
    }
}

/// An answer; INTERNAL when it cannot be read.
func decodeResponse<Response: ContractMessage>(_ bytes: [UInt8]) throws(GRPCStatus) -> Response {
    do throws(ContractError) {
        return try Response(serialized: bytes)
    } catch {
        throw GRPCStatus(.internalError, "the answer cannot be read: \(error.description)")
    }
}
