/// The parts of `postgres://user:password@host:port/database?name=value&…` (the form that libpq documents in 34.1.1.2, for
/// one host). A Unix socket's directory goes into the parameter `host`.
struct ConnectionURL {
    var host = "localhost"
    var port = 5432
    var user = ""
    var password = ""
    var database = ""
    var parameters: [(name: String, value: String)] = []

    /// The messages name the part at fault and never quote it: the password may be anywhere in a malformed text.
    init(parsing text: String) throws(PostgresError) {
        guard let scheme = ["postgres://", "postgresql://"].first(where: { text.hasPrefix($0) }) else {
            throw Self.fault("the scheme is not postgres")
        }
        var rest = text.dropFirst(scheme.count)
        if let mark = rest.firstIndex(of: "?") {
            parameters = try Self.parameters(rest[rest.index(after: mark)...])
            rest = rest[..<mark]
        }
        if let slash = rest.firstIndex(of: "/") {
            database = try Self.decoded(rest[rest.index(after: slash)...])
            rest = rest[..<slash]
        }
        if let at = rest.lastIndex(of: "@") {
            let credentials = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            user = try Self.decoded(credentials[0])
            password = try credentials.count > 1 ? Self.decoded(credentials[1]) : ""
            rest = rest[rest.index(after: at)...]
        }
        try parseAuthority(rest)
        if let index = parameters.firstIndex(where: { $0.name == "host" }) {
            host = parameters.remove(at: index).value
        }
        guard !user.isEmpty else { throw Self.fault("the user is missing") }
        if database.isEmpty { database = user }
    }

    private mutating func parseAuthority(_ text: Substring) throws(PostgresError) {
        var rest = text
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]") else { throw Self.fault("the host lacks its bracket") }
            host = String(rest[rest.index(after: rest.startIndex)..<end])
            rest = rest[rest.index(after: end)...]
        } else {
            let end = rest.firstIndex(of: ":") ?? rest.endIndex
            if end > rest.startIndex { host = try Self.decoded(rest[..<end]) }
            rest = rest[end...]
        }
        guard !rest.isEmpty else { return }
        guard rest.first == ":", let number = Int(rest.dropFirst()), 1...65_535 ~= number else {
            throw Self.fault("the port is not a number from 1 to 65535")
        }
        port = number
    }

    private static func parameters(_ text: Substring) throws(PostgresError) -> [(name: String, value: String)] {
        var parameters: [(name: String, value: String)] = []
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw fault("a parameter lacks its value") }
            parameters.append((try decoded(parts[0]), try decoded(parts[1])))
        }
        return parameters
    }

    private static func decoded(_ text: Substring) throws(PostgresError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else {
                throw fault("a percent sign is not followed by two hexadecimal digits")
            }
            bytes.append(high << 4 | low)
        }
        guard let value = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
            throw fault("a part is not text")
        }
        return value
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static func fault(_ message: String) -> PostgresError {
        PostgresError(.invalidConfiguration, "database URL: \(message)")
    }
}
