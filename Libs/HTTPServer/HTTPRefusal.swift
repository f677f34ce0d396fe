/// Why a request is refused before any handler sees it, and the status that says so. The connection closes after it.
package struct HTTPRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// The rule that was broken.
    package enum Rule: String, Sendable, CaseIterable {
        /// Not `method SP target SP version`.
        case malformedRequestLine
        /// A line that ends with LF alone.
        case bareLineFeed
        /// A byte that may not stand where it does, CR within a line among them.
        case forbiddenByte
        /// A method that is a token but not one we know.
        case unknownMethod
        /// A major version other than 1.
        case unsupportedVersion
        /// A target of no known form, or with characters or percent-encoding against RFC 3986.
        case malformedTarget
        /// The request line is over its limit.
        case requestLineTooLong
        /// The header section is over its limit in bytes.
        case headersTooLarge
        /// Too many fields.
        case tooManyHeaders
        /// A field line without a name, without a colon, or with a space before the colon.
        case malformedField
        /// A field continued on the next line (obs-fold, RFC 9112 section 5.2).
        case foldedField
        /// No Host field in HTTP/1.1.
        case missingHost
        /// More than one Host field.
        case duplicateHost
        /// A Host that is not one, or that differs from the authority of an absolute target.
        case invalidHost
        /// More than one Content-Length, equal ones too.
        case duplicateContentLength
        /// A Content-Length that is not a plain number.
        case invalidContentLength
        /// Content-Length together with Transfer-Encoding, or Transfer-Encoding in HTTP/1.0.
        case ambiguousFraming
        /// A Transfer-Encoding list that is malformed or does not end with one `chunked`.
        case invalidTransferEncoding
        /// A transfer coding other than chunked.
        case unsupportedTransferEncoding
        /// A chunk size that is not a hexadecimal number, or a chunk without its end.
        case malformedChunk
        /// More bytes of framing than the content can justify.
        case excessiveFraming
        /// The content is over its limit.
        case bodyTooLarge
        /// An expectation other than 100-continue.
        case unknownExpectation
        /// The head did not arrive in time.
        case headTimeout
        /// The content did not arrive in time.
        case bodyTimeout
        /// The handler did not answer in time.
        case handlerTimeout
        /// The server has all the connections it will take.
        case tooManyConnections
        /// The server holds all the content that it will hold at a time.
        case tooManyBodies
    }

    /// The rule that was broken.
    package let rule: Rule

    /// A refusal by a rule.
    package init(_ rule: Rule) { self.rule = rule }

    /// The status to answer with.
    package var status: Int {
        switch rule {
        case .headTimeout, .bodyTimeout: 408
        case .bodyTooLarge: 413
        case .requestLineTooLong: 414
        case .unknownExpectation: 417
        case .headersTooLarge, .tooManyHeaders: 431
        case .unknownMethod, .unsupportedTransferEncoding: 501
        case .handlerTimeout, .tooManyBodies, .tooManyConnections: 503
        case .unsupportedVersion: 505
        default: 400
        }
    }

    /// The rule's name; nothing of the request.
    package var description: String { rule.rawValue }
}
