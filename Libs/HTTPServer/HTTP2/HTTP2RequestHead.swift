internal import HTTP2

/// Makes a head out of the fields of HTTP/2, by the rules that hold for HTTP/1.1 (RFC 9113 section 8.3.1).
///
/// That pseudo fields are complete, that names are in lower case and that no field speaks of the connection has been
/// checked by the session.
enum HTTP2RequestHead {
    /// The head, or why there is none.
    static func read(
        _ block: HeaderBlock, limits: HTTPLimits
    ) -> Result<HTTPRequestHead, HTTPRefusal> {
        do throws(HTTPRefusal) {
            return .success(try make(block, limits))
        } catch {
            return .failure(error)
        }
    }

    private static func make(_ block: HeaderBlock, _ limits: HTTPLimits) throws(HTTPRefusal) -> HTTPRequestHead {
        let path = block.fields.first(":path") ?? ""
        let name = block.fields.first(":method") ?? ""
        // What the line would be in HTTP/1.1: both spaces and the version.
        guard name.utf8.count + path.utf8.count + 10 <= limits.requestLine, !block.isOversized || !path.isEmpty else {
            throw HTTPRefusal(.requestLineTooLong)
        }
        guard !block.isOversized else { throw HTTPRefusal(.headersTooLarge) }
        guard let method = HTTPMethod(rawValue: name) else { throw HTTPRefusal(.unknownMethod) }
        guard path.utf8.first == UInt8(ascii: "/") || path == "*",
            let target = RequestTarget(path.utf8.span, method: method)
        else { throw HTTPRefusal(.malformedTarget) }
        let headers = try headers(of: block.fields, limits)
        let (length, expectsContinue) = try content(of: headers)
        let framing: HTTPRequestHead.Framing =
            block.isEndOfStream ? .none : length.map { $0 > 0 ? .length($0) : .none } ?? .chunked
        return HTTPRequestHead(
            method: method, target: target.text, path: target.path, rawQuery: target.query, version: .http2,
            headers: headers, framing: framing, keepsAlive: true,
            expectsContinue: expectsContinue && framing != .none)
    }

    /// The fields, with the authority as `Host`, which is how handlers know it.
    private static func headers(of fields: [HeaderField], _ limits: HTTPLimits) throws(HTTPRefusal) -> HTTPHeaders {
        var headers = HTTPHeaders()
        var bytes = 0
        let hosts = fields.filter { $0.name == "host" }.map(\.value)
        let authority = fields.first(":authority")
        guard hosts.count <= 1 else { throw HTTPRefusal(.duplicateHost) }
        guard let host = authority ?? hosts.first else { throw HTTPRefusal(.missingHost) }
        guard Authority.isValid(host.utf8.span), hosts.allSatisfy({ $0.lowercased() == host.lowercased() }) else {
            throw HTTPRefusal(.invalidHost)
        }
        if hosts.isEmpty { headers.append("host", host) }
        for field in fields where !field.name.hasPrefix(":") {
            bytes += field.name.utf8.count + field.value.utf8.count + 4
            guard bytes <= limits.headers else { throw HTTPRefusal(.headersTooLarge) }
            guard headers.count < limits.headerCount else { throw HTTPRefusal(.tooManyHeaders) }
            guard !field.name.isEmpty, field.name.utf8.allSatisfy(ByteRules.isToken) else {
                throw HTTPRefusal(.malformedField)
            }
            guard field.value.utf8.allSatisfy(ByteRules.isFieldValue) else { throw HTTPRefusal(.forbiddenByte) }
            headers.append(field.name, field.value)
        }
        return headers
    }

    private static func content(
        of headers: HTTPHeaders
    ) throws(HTTPRefusal) -> (length: Int?, expectsContinue: Bool) {
        let expectations = headers.values("expect")
        guard expectations.allSatisfy({ $0.lowercased() == "100-continue" }) else {
            throw HTTPRefusal(.unknownExpectation)
        }
        guard let text = headers["content-length"] else { return (nil, !expectations.isEmpty) }
        guard (1...18).contains(text.utf8.count), text.utf8.allSatisfy(ByteRules.isDigit), let length = Int(text) else {
            throw HTTPRefusal(.invalidContentLength)
        }
        return (length, !expectations.isEmpty)
    }
}
