package import EventLoop

/// A complete request as a handler gets it.
package struct HTTPRequest: Sendable {
    /// Everything before the content.
    package let head: HTTPRequestHead
    /// The content; empty when there is none.
    package let body: [UInt8]
    /// The client's address.
    package let remote: SocketAddress

    /// Makes a request; for tests of handlers too.
    package init(head: HTTPRequestHead, body: [UInt8], remote: SocketAddress) {
        self.head = head
        self.body = body
        self.remote = remote
    }

    /// The method.
    package var method: HTTPMethod { head.method }
    /// The target as it was sent.
    package var target: String { head.target }
    /// The target's path, percent-encoded as sent.
    package var path: String { head.path }
    /// The path's segments, percent-decoded; see `HTTPRequestHead.pathSegments`.
    package var pathSegments: [String] { head.pathSegments }
    /// The query's parameters, decoded; see `HTTPRequestHead.query`.
    package var query: [(name: String, value: String)] { head.query }
    /// The fields.
    package var headers: HTTPHeaders { head.headers }
}

/// What a handler answers. `Date`, `Content-Length`, `Transfer-Encoding` and `Connection` are the server's: fields of these
/// names are left out, except that `Connection: close` closes the connection after the response.
package struct HTTPResponse: Sendable {
    /// The content.
    package enum Body: Sendable {
        /// All of it. Left out for HEAD, 204 and 304.
        case bytes([UInt8])
        /// Written piece by piece, in chunks. The closure runs in the handler's task, after it, and is cancelled when the
        /// client goes away. When it throws the connection breaks off, so that the client does not take it for the whole.
        case stream(@Sendable (HTTPBodyWriter) async throws -> Void)
    }

    /// The status, 200 to 599; anything else is sent as 500.
    package var status: Int
    /// The fields.
    package var headers: HTTPHeaders
    /// The content.
    package var body: Body
    /// Called once on the loop, when the response is on its way as a whole or never will be: for records of what was served.
    package var whenDone: (@Sendable (HTTPOutcome) -> Void)?

    /// Makes a response.
    package init(status: Int = 200, headers: HTTPHeaders = HTTPHeaders(), body: Body = .bytes([])) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A plain text response.
    package static func text(_ text: String, status: Int = 200) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: ["Content-Type": "text/plain; charset=utf-8"], body: .bytes(Array(text.utf8)))
    }
}

/// What became of a response.
package struct HTTPOutcome: Sendable, Hashable {
    /// The version of the request; nil where none could be read.
    package var version: HTTPVersion?
    /// Bytes of content that came with the request.
    package var receivedBytes: Int
    /// Bytes of content that went to the system for the client.
    package var sentBytes: Int
    /// From the first byte of the request to now.
    package var duration: Duration
    /// False where the client had gone before the response, or the response broke off.
    package var isComplete: Bool
}

/// Writes the content of one streaming response.
package struct HTTPBodyWriter: Sendable {
    let sink: any HTTPBodySink
    let generation: UInt64

    /// Sends `bytes` and returns when there is room for more: a slow reader slows its producer down. One call at a time.
    /// Throws `CancellationError` when the task is cancelled, `HTTPServerError` when the client is gone, also when it
    /// takes nothing for as long as the write deadline.
    package func write(_ bytes: [UInt8]) async throws {
        try Task.checkCancellation()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                sink.write(bytes, generation: generation, continuation)
            }
        } onCancel: {
            sink.cancelWrite(generation: generation)
        }
    }

    /// Sends text as UTF-8; see `write(_:)`.
    package func write(_ text: String) async throws { try await write(Array(text.utf8)) }
}
