/// Writes the head of a response.
enum ResponseEncoder {
    /// What the server decides about a response.
    struct Framing {
        enum Length {
            /// No content and no length: 204 and 304.
            case none
            case bytes(Int)
            case chunked
            /// Until the connection closes: a stream to HTTP/1.0.
            case untilClose
        }

        var length: Length
        var closes: Bool
        var version: HTTPVersion
    }

    static let continueLine = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
    static let lastChunk = Array("0\r\n\r\n".utf8)
    static let lineEnd: [UInt8] = [0x0D, 0x0A]

    private static let contentLength = Array("Content-Length: ".utf8)
    private static let chunked = Array("Transfer-Encoding: chunked\r\n".utf8)
    private static let close = Array("Connection: close\r\n".utf8)
    private static let keepAlive = Array("Connection: keep-alive\r\n".utf8)

    static func writeHead(
        status: Int, headers: HTTPHeaders, framing: Framing, date: [UInt8], to output: inout [UInt8]
    ) {
        output.append(contentsOf: statusLines[(200...599).contains(status) ? status - 200 : 300])
        output.append(contentsOf: date)
        headers.write(to: &output)
        switch framing.length {
        case .none, .untilClose: break
        case .bytes(let count):
            output.append(contentsOf: contentLength)
            output.append(contentsOf: String(count).utf8)
            output.append(contentsOf: lineEnd)
        case .chunked: output.append(contentsOf: chunked)
        }
        if framing.closes {
            output.append(contentsOf: close)
        } else if framing.version == .http10 {
            output.append(contentsOf: keepAlive)
        }
        output.append(contentsOf: lineEnd)
    }

    private static let statusLines: [[UInt8]] = (200...599).map { status in
        Array("HTTP/1.1 \(status) \(reasons[status] ?? "")\r\n".utf8)
    }

    /// The registered reason phrases (RFC 9110 section 15, RFC 6585).
    private static let reasons: [Int: String] = [
        200: "OK", 201: "Created", 202: "Accepted", 203: "Non-Authoritative Information", 204: "No Content",
        205: "Reset Content", 206: "Partial Content", 300: "Multiple Choices", 301: "Moved Permanently", 302: "Found",
        303: "See Other", 304: "Not Modified", 307: "Temporary Redirect", 308: "Permanent Redirect", 400: "Bad Request",
        401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
        406: "Not Acceptable", 408: "Request Timeout", 409: "Conflict", 410: "Gone", 411: "Length Required",
        412: "Precondition Failed", 413: "Content Too Large", 414: "URI Too Long", 415: "Unsupported Media Type",
        416: "Range Not Satisfiable", 417: "Expectation Failed", 421: "Misdirected Request",
        422: "Unprocessable Content", 426: "Upgrade Required", 428: "Precondition Required", 429: "Too Many Requests",
        431: "Request Header Fields Too Large", 499: "Client Closed Request", 500: "Internal Server Error",
        501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
        505: "HTTP Version Not Supported",
    ]
}
