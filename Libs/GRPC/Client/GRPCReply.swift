/// The answer to a unary call that went well.
package struct GRPCReply: Sendable, Hashable {
    /// The message, serialised protobuf.
    package let message: [UInt8]
    /// What came before the message.
    package let initialMetadata: GRPCMetadata
    /// What came beside the status.
    package let trailingMetadata: GRPCMetadata
}
