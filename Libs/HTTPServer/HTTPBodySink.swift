/// Where the content of a streaming response goes: a connection of HTTP/1.1, or a stream of HTTP/2. From any thread.
protocol HTTPBodySink: AnyObject, Sendable {
    /// Sends a piece of the response that `generation` names; the continuation resumes when there is room again.
    func write(_ bytes: [UInt8], generation: UInt64, _ continuation: CheckedContinuation<Void, any Error>)
    /// Ends a wait for room, because the producer was cancelled.
    func cancelWrite(generation: UInt64)
}
