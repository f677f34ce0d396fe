internal import Curl
internal import EventLoop
internal import WireCodecs

/// An answer to a request, whatever its status.
package struct HTTPReply: Sendable, Hashable {
    /// A field of the head.
    package struct Header: Sendable, Hashable {
        /// In lower case.
        package let name: String
        package let value: String
    }

    package let status: Int
    /// In the order in which they came.
    package let headers: [Header]
    package let body: [UInt8]

    /// The value of the first field of a name, given in lower case.
    package subscript(header name: String) -> String? { headers.first { $0.name == name }?.value }
}

/// Asks servers of others over HTTP, each request on a thread that may block.
///
/// Redirects are answers like others: whoever asked decides. Nothing is decompressed, no proxy of the environment is used,
/// and certificates are checked. Not for many requests: each has a connection of its own.
package final class HTTPClient: Sendable {
    /// Bounds, and whom to trust.
    package struct Configuration: Sendable {
        /// The most connections at a time.
        package var connections = 4
        /// The most requests that wait for a connection; one more is refused at once.
        package var queueLimit = 64
        /// The bound of name resolution, connection and TLS handshake.
        package var connectTimeout: Duration = .seconds(3)
        /// The bound of a request with all of that, waiting for a connection, and the last byte of the answer.
        package var timeout: Duration = .seconds(10)
        /// The most bytes of an answer's body.
        package var maximumBytes = 1 << 20
        /// A file of certificates (PEM) that are trusted instead of the system's; nil for the system's.
        package var certificateAuthority: String?
        /// What is said as `User-Agent`.
        package var userAgent = "florin"

        /// The defaults.
        package init() {}
    }

    private let configuration: Configuration
    private let pool: OffloadPool
    private let isShutDown = Interruption()

    /// Starts the threads.
    package init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        pool = OffloadPool(
            name: "http-client", threads: configuration.connections, queueLimit: configuration.queueLimit)
    }

    /// Asks for what is at a URL.
    ///
    /// - Parameters:
    ///   - url: `https`, or `http` where the host is this machine.
    ///   - headers: to send beside those that belong to the request.
    package func get(
        _ url: String, headers: [(name: String, value: String)] = []
    ) async throws(HTTPClientError) -> HTTPReply {
        try await send(url, headers, posting: nil)
    }

    /// Sends bytes to a URL.
    ///
    /// - Parameters:
    ///   - url: as in `get`.
    ///   - headers: as in `get`; without a `Content-Type` there is none.
    package func post(
        _ body: [UInt8], to url: String, headers: [(name: String, value: String)] = []
    ) async throws(HTTPClientError) -> HTTPReply {
        try await send(url, headers, posting: body)
    }

    /// Refuses what waits, ends what is on its way, and returns when the threads are gone. Blocks for about a second.
    package func shutdown() {
        isShutDown.set()
        pool.shutdown()
    }

    /// Whether a URL may be asked: nothing of ours goes over a network unprotected.
    package static func mayAsk(_ url: String) -> Bool {
        let parsed: ServerURL
        do throws(ServerURL.Fault) { parsed = try ServerURL(parsing: url) } catch { return false }
        guard parsed.user == nil, !parsed.host.isEmpty, url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return false
        }
        let isOurs = parsed.host == "localhost" || parsed.host == "::1" || parsed.host == "127.0.0.1"
        return parsed.scheme == "https" || (parsed.scheme == "http" && isOurs)
    }

    private func send(
        _ url: String, _ headers: [(name: String, value: String)], posting body: [UInt8]?
    ) async throws(HTTPClientError) -> HTTPReply {
        guard Self.mayAsk(url) else { throw HTTPClientError(.invalidRequest, "the URL is none that may be asked") }
        let lines = try Self.lines(headers, isPost: body != nil)
        let deadline = ContinuousClock.now + configuration.timeout
        let isCancelled = Interruption()
        do {
            return try await withTaskCancellationHandler {
                try await pool.run { [configuration, isShutDown] in
                    let remaining = deadline - ContinuousClock.now
                    guard remaining > .milliseconds(1) else {
                        throw HTTPClientError(.timedOut, "no connection became free in time")
                    }
                    let exchange = HTTPExchange(
                        sending: body ?? [], maximumBytes: configuration.maximumBytes,
                        interruptions: [isCancelled, isShutDown])
                    return try Self.perform(
                        exchange, url, lines, postBytes: body?.count, within: remaining, configuration)
                }
            } onCancel: {
                isCancelled.set()
            }
        } catch {
            throw Self.typed(error)
        }
    }

    private static func perform(
        _ exchange: HTTPExchange, _ url: String, _ headers: [String], postBytes: Int?, within timeout: Duration,
        _ configuration: Configuration
    ) throws(HTTPClientError) -> HTTPReply {
        do throws(CurlError) {
            let transfer = try CurlTransfer(exchange)
            try transfer.set(.url, url)
            try transfer.set(.allowedProtocols, url.hasPrefix("https:") ? "https" : "http")
            try transfer.set(.followsRedirects, 0)
            try transfer.set(.connectTimeoutMilliseconds, milliseconds(min(configuration.connectTimeout, timeout)))
            try transfer.set(.timeoutMilliseconds, milliseconds(timeout))
            try transfer.set(.maximumBytes, configuration.maximumBytes)
            try transfer.set(.forbidsReuse, 1)
            try transfer.set(.userAgent, configuration.userAgent)
            try transfer.set(.requestHeaders, headers)
            if let file = configuration.certificateAuthority { try transfer.set(.certificateAuthority, file) }
            if let postBytes {
                try transfer.set(.isPost, 1)
                try transfer.set(.postBytes, postBytes)
            }
            try transfer.perform()
            return HTTPReply(status: try transfer.responseCode(), headers: exchange.headers, body: exchange.body)
        } catch {
            throw HTTPClientError(code(error.kind, exchange), error.message)
        }
    }

    private static func code(_ kind: CurlError.Kind, _ exchange: HTTPExchange) -> HTTPClientError.Code {
        switch kind {
        case .unreachable: .unreachable
        case .timedOut: .timedOut
        case .interrupted: .cancelled
        case .tlsFailed: .tlsFailed
        case .invalidSetting: .invalidRequest
        case .noMemory: .overloaded
        case .tooLarge: .tooLarge
        case .refusedByReceiver, .weirdReply, .accessDenied, .loginDenied, .sendFailed, .connectionLost:
            exchange.isTooLarge ? .tooLarge : .connectionLost
        }
    }

    /// The lines of the head. An empty `Expect` keeps curl from waiting for leave to send a body.
    private static func lines(
        _ headers: [(name: String, value: String)], isPost: Bool
    ) throws(HTTPClientError) -> [String] {
        var lines = isPost ? ["Expect:"] : []
        for (name, value) in headers {
            let isName = !name.isEmpty && name.utf8.allSatisfy { 0x21...0x7E ~= $0 && $0 != UInt8(ascii: ":") }
            guard isName, value.utf8.allSatisfy({ 0x20...0x7E ~= $0 }) else {
                throw HTTPClientError(.invalidRequest, "a header has characters that no header can carry")
            }
            // curl takes a name with nothing behind the colon as the wish to leave the header out.
            lines.append(value.isEmpty ? "\(name);" : "\(name): \(value)")
        }
        if isPost, !headers.contains(where: { $0.name.lowercased() == "content-type" }) {
            lines.append("Content-Type:")
        }
        return lines
    }

    private static func milliseconds(_ duration: Duration) -> Int { max(1, Int(duration / .milliseconds(1))) }

    private static func typed(_ error: any Error) -> HTTPClientError {
        switch error {
        case let error as HTTPClientError: error
        case let error as EventLoopError where error.code == .overloaded:
            HTTPClientError(.overloaded, "more requests wait than there may be")
        default: HTTPClientError(.cancelled, "the request was called off")
        }
    }
}
