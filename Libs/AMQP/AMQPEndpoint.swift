/// Where a broker is and who logs in: an `amqp://user:password@host:port/vhost` URL (RabbitMQ URI specification).
package struct AMQPEndpoint: Sendable, Hashable, CustomStringConvertible {
    package var host: String
    package var port: UInt16
    package var user: String
    package var password: String
    package var virtualHost: String

    /// Reads the URL. Absent parts get AMQP's defaults: port 5672, `guest`/`guest`, virtual host `/`.
    package init(url: String) throws(AMQPError) {
        let scheme = "amqp://"
        guard url.hasPrefix(scheme) else { throw Self.fault("the scheme must be amqp://") }
        let rest = url.dropFirst(scheme.count)
        guard !rest.contains("?"), !rest.contains("#") else { throw Self.fault("options in the URL are not supported") }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let authority = rest[..<slash]
        let path = rest[slash...].dropFirst()
        guard !path.contains("/") else { throw Self.fault("a slash in the virtual host must be written %2F") }
        virtualHost = slash == rest.endIndex || path.isEmpty ? "/" : try Self.decoded(path)

        let at = authority.lastIndex(of: "@")
        user = "guest"
        password = "guest"
        if let at {
            let parts = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            user = try Self.decoded(parts[0])
            password = parts.count == 2 ? try Self.decoded(parts[1]) : ""
        }
        (host, port) = try Self.hostAndPort(at.map { authority[authority.index(after: $0)...] } ?? authority)
    }

    private static func hostAndPort(_ text: Substring) throws(AMQPError) -> (String, UInt16) {
        var host = text
        var port: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { throw fault("the host's bracket is not closed") }
            host = text[text.index(after: text.startIndex)..<end]
            let tail = text[text.index(after: end)...]
            guard tail.isEmpty || tail.hasPrefix(":") else { throw fault("the host is malformed") }
            port = tail.isEmpty ? nil : tail.dropFirst()
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        guard !host.isEmpty else { throw fault("the host is missing") }
        guard let port else { return (String(host), 5672) }
        guard let number = UInt16(port), number > 0 else { throw fault("the port must be 1 to 65535") }
        return (String(host), number)
    }

    private static func decoded(_ text: Substring) throws(AMQPError) -> String {
        var bytes: [UInt8] = []
        var input = text.utf8.makeIterator()
        while let byte = input.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = input.next().flatMap(hexDigit), let low = input.next().flatMap(hexDigit) else {
                throw fault("a percent escape is malformed")
            }
            bytes.append(high << 4 | low)
        }
        // A NUL would end the text early inside the C library and name another virtual host or user.
        guard !bytes.contains(0), let string = String(validating: bytes, as: UTF8.self) else {
            throw fault("the URL is not UTF-8 without NUL")
        }
        return string
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        Character(UnicodeScalar(byte)).hexDigitValue.map { UInt8($0) }
    }

    private static func fault(_ text: String) -> AMQPError { AMQPError(.invalidConfiguration, "AMQP URL: \(text)") }

    /// The URL without the password.
    package var description: String { "amqp://\(user)@\(host):\(port)/\(virtualHost == "/" ? "%2F" : virtualHost)" }
}
