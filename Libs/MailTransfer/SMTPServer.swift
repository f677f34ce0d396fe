/// Where and how a mail server is reached.
package struct SMTPServer: Sendable, Hashable, CustomStringConvertible {
    /// How the connection is protected. There is no "if the server offers it": whoever sits between could strike the offer.
    package enum Protection: Sendable, Hashable {
        /// TLS from the first byte (RFC 8314, section 3.3).
        case tls
        /// STARTTLS (RFC 3207), or no mail.
        case startTLS
        /// None, for a server on this machine or in a network of one's own.
        case none
    }

    /// A user name and a password, for SMTP AUTH (RFC 4954).
    package struct Credentials: Sendable, Hashable, CustomStringConvertible {
        let user: String
        let password: String

        package var description: String { "(set)" }
    }

    /// A name, or a numeric address without brackets.
    package let host: String
    package let port: Int
    package let protection: Protection
    package let credentials: Credentials?
    /// A file of certificates (PEM) that are trusted instead of the system's.
    package let certificateAuthority: String?
    /// What to say hello as; nil for the machine's name.
    package let helloName: String?

    /// Reads `smtp://user:password@host:port?starttls=required`, or `smtps://…` for TLS from the first byte.
    ///
    /// User and password are percent-encoded where they need it. The port is 587 for `smtp` (RFC 6409) and 465 for `smtps`
    /// (RFC 8314) when not given. Parameters:
    /// - `starttls`: `required` or `never`; not given, it is required unless the host is this machine.
    /// - `ca`: a file of certificates to trust instead of the system's.
    /// - `hello`: the name to say hello as.
    ///
    /// - Throws: `.invalidConfiguration`, whose text does not repeat the URL.
    package init(url: String) throws(SMTPError) {
        guard let schemeEnd = url.firstRange(of: "://") else { throw Self.fault("it has no scheme") }
        let isTLS: Bool
        switch url[..<schemeEnd.lowerBound] {
        case "smtp": isTLS = false
        case "smtps": isTLS = true
        default: throw Self.fault("its scheme is neither smtp nor smtps")
        }
        let rest = url[schemeEnd.upperBound...]
        let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var authority = parts[0]
        if authority.hasSuffix("/") { authority.removeLast() }
        guard !authority.contains("/") else { throw Self.fault("it has a path") }

        credentials = try Self.credentials(&authority)
        (host, port) = try Self.hostAndPort(authority, standard: isTLS ? 465 : 587)
        let parameters = try Self.parameters(parts.count == 2 ? parts[1] : "")
        certificateAuthority = parameters["ca"]
        helloName = parameters["hello"]
        protection = try isTLS ? .tls : Self.protection(parameters["starttls"], host: host)
        if isTLS, parameters["starttls"] != nil { throw Self.fault("smtps knows no STARTTLS") }
    }

    /// Host and port; never user and password.
    package var description: String { "\(urlScheme)://\(urlHost):\(port)" }

    /// The URL as curl takes it, without user and password.
    var curlURL: String { helloName.map { "\(description)/\($0)" } ?? description }

    private var urlScheme: String { protection == .tls ? "smtps" : "smtp" }
    private var urlHost: String { host.contains(":") ? "[\(host)]" : host }

    private static func credentials(_ authority: inout Substring) throws(SMTPError) -> Credentials? {
        guard let at = authority.lastIndex(of: "@") else { return nil }
        let account = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        authority = authority[authority.index(after: at)...]
        guard account.count == 2, let user = decoded(account[0]), let password = decoded(account[1]), !user.isEmpty
        else {
            throw fault("a user comes with a password, both percent-encoded")
        }
        return Credentials(user: user, password: password)
    }

    private static func hostAndPort(_ authority: Substring, standard: Int) throws(SMTPError) -> (String, Int) {
        var host = authority
        var port = standard
        let afterHost = authority.lastIndex(of: "]") ?? authority.startIndex
        if let colon = authority[afterHost...].lastIndex(of: ":") {
            guard let number = Int(authority[authority.index(after: colon)...]), 1...65_535 ~= number else {
                throw fault("its port is not a number from 1 to 65535")
            }
            port = number
            host = authority[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        let isPlain = host.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: ":"):
                true
            default: false
            }
        }
        guard !host.isEmpty, isPlain else { throw fault("its host is missing or no name") }
        return (String(host), port)
    }

    private static func parameters(_ query: Substring) throws(SMTPError) -> [String: String] {
        var result: [String: String] = [:]
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            guard ["starttls", "ca", "hello"].contains(name) else { throw fault("it has an unknown parameter") }
            guard parts.count == 2, let value = decoded(parts[1]), !value.isEmpty, result[name] == nil else {
                throw fault("the parameter \(name) has no value or several")
            }
            result[name] = value
        }
        if let name = result["hello"], !name.utf8.allSatisfy({ 0x21...0x7e ~= $0 && $0 != UInt8(ascii: "/") }) {
            throw fault("the parameter hello is no name")
        }
        return result
    }

    private static func protection(_ value: String?, host: String) throws(SMTPError) -> Protection {
        switch value {
        case "required": .startTLS
        case "never": .none
        case nil: host == "localhost" || host == "::1" || host.hasPrefix("127.") ? .none : .startTLS
        default: throw fault("the parameter starttls is neither required nor never")
        }
    }

    /// Percent-decodes; nil for a malformed escape, for NUL, for line breaks and for what is not UTF-8.
    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%") {
                let digits = rest.prefix(2)
                guard digits.count == 2, let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16) else {
                    return nil
                }
                rest = rest.dropFirst(2)
                bytes.append(value)
            } else {
                bytes.append(byte)
            }
        }
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func fault(_ reason: String) -> SMTPError {
        SMTPError(.invalidConfiguration, "the server's URL cannot be used: \(reason)")
    }
}
