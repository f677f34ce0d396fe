/// What answers the calls of one method. Messages are serialised protobuf.
///
/// A handler refuses by throwing `GRPCStatus`; any other error becomes `internalError` without text, and is logged. Its
/// task is cancelled when the caller is gone or the deadline has passed; what it returns then is thrown away.
package enum GRPCHandler: Sendable {
    /// One message in, one message out.
    case unary(@Sendable ([UInt8], ServerContext) async throws -> [UInt8])
    /// One message in, any number out through the writer.
    case serverStreaming(@Sendable ([UInt8], ServerContext, GRPCResponseWriter) async throws -> Void)
}

/// A service by its full name, with a handler for each method's name.
package protocol GRPCService: Sendable {
    /// The full name, such as `florin.expense.v1.ExpenseService`.
    var name: String { get }
    /// The handlers by the bare names of their methods, such as `CreateExpense`.
    var handlers: [String: GRPCHandler] { get }
}
