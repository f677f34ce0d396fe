internal import WireCodecs

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
    package init(url text: String) throws(SMTPError) {
        let url: ServerURL
        do throws(ServerURL.Fault) {
            url = try ServerURL(parsing: text)
        } catch {
            throw Self.fault(error.reason)
        }
        guard ["smtp", "smtps"].contains(url.scheme) else { throw Self.fault("its scheme is neither smtp nor smtps") }
        guard (url.path ?? "").isEmpty else { throw Self.fault("it has a path") }
        guard Self.isHost(url.host) else { throw Self.fault("its host is missing or no name") }
        let isTLS = url.scheme == "smtps"
        let parameters = try Self.checked(url.parameters)
        if isTLS, parameters["starttls"] != nil { throw Self.fault("smtps knows no STARTTLS") }
        host = url.host
        port = url.port.map(Int.init) ?? (isTLS ? 465 : 587)
        credentials = try Self.credentials(url)
        certificateAuthority = parameters["ca"]
        helloName = parameters["hello"]
        protection = try isTLS ? .tls : Self.protection(parameters["starttls"], host: url.host)
    }

    /// Host and port; never user and password.
    package var description: String { "\(urlScheme)://\(urlHost):\(port)" }

    /// The URL as curl takes it, without user and password.
    var curlURL: String { helloName.map { "\(description)/\($0)" } ?? description }

    private var urlScheme: String { protection == .tls ? "smtps" : "smtp" }
    private var urlHost: String { host.contains(":") ? "[\(host)]" : host }

    private static func credentials(_ url: ServerURL) throws(SMTPError) -> Credentials? {
        guard let user = url.user else { return nil }
        guard let password = url.password, !user.isEmpty, isOneLine(user), isOneLine(password) else {
            throw fault("a user comes with a password, both percent-encoded")
        }
        return Credentials(user: user, password: password)
    }

    private static func isHost(_ host: String) -> Bool {
        !host.isEmpty
            && host.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
                    UInt8(ascii: ":"):
                    true
                default: false
                }
            }
    }

    private static func checked(_ parameters: [(name: String, value: String)]) throws(SMTPError) -> [String: String] {
        var result: [String: String] = [:]
        for (name, value) in parameters {
            guard ["starttls", "ca", "hello"].contains(name) else { throw fault("it has an unknown parameter") }
            guard !value.isEmpty, isOneLine(value), result[name] == nil else {
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

    /// Whether a text can stand in a line of the protocol.
    private static func isOneLine(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f } }

    private static func fault(_ reason: String) -> SMTPError {
        SMTPError(.invalidConfiguration, "the server's URL cannot be used: \(reason)")
    }
}
