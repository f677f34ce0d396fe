package import HTTPServer

extension Refusal {
    /// What the HTTP server refused before there was a request.
    package init(_ refusal: HTTPRefusal) {
        switch refusal.rule {
        case .headTimeout, .bodyTimeout: self.init(.requestTimeout)
        case .bodyTooLarge: self.init(.contentTooLarge, "The body is larger than this request may have.")
        case .requestLineTooLong: self.init(.targetTooLong)
        case .unknownExpectation: self.init(.expectationFailed)
        case .headersTooLarge, .tooManyHeaders: self.init(.headersTooLarge)
        case .unknownMethod, .unsupportedTransferEncoding: self.init(.notImplemented)
        case .handlerTimeout: self.init(.overloaded, "The request took too long.", retryAfter: 1)
        case .tooManyBodies: self.init(.overloaded, "Too much content is under way.", retryAfter: 1)
        case .tooManyConnections: self.init(.overloaded, "There are too many connections.", retryAfter: 1)
        case .unsupportedVersion: self.init(.unsupportedVersion)
        default: self.init(.malformedHTTP, "Refused by the rule \(refusal).")
        }
    }
}
