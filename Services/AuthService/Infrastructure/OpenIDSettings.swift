import HTTPClient

/// An issuer of ID tokens that is trusted (OpenID Connect Core 1.0).
package struct OpenIDSettings: Sendable, Hashable {
    /// What clients call it.
    package let name: String
    /// Its own name for itself: `iss` of its tokens, where discovery begins.
    package let issuer: String
    /// What we are called there.
    package let audiences: Set<String>
    /// Where its keys are; nil where discovery tells.
    package let keysURL: String?

    /// - Throws: what is wrong, without the values.
    package init(name: String, issuer: String, audiences: Set<String>, keysURL: String? = nil) throws(OpenIDFault) {
        let isName =
            1...50 ~= name.utf8.count
            && name.utf8.allSatisfy { byte in
                UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
                    || byte == UInt8(ascii: "-")
            }
        guard isName else { throw OpenIDFault("a name has small letters, digits and hyphens") }
        guard HTTPClient.mayAsk(issuer), keysURL.map(HTTPClient.mayAsk) ?? true else {
            throw OpenIDFault("the URLs of \(name) must be https")
        }
        guard !audiences.isEmpty, !audiences.contains("") else { throw OpenIDFault("\(name) has no audience") }
        self.name = name
        self.issuer = issuer
        self.audiences = audiences
        self.keysURL = keysURL
    }

    /// Firebase Authentication of a project, which is an issuer like others but for its discovery.
    package static func firebase(project: String) throws(OpenIDFault) -> OpenIDSettings {
        try OpenIDSettings(
            name: "firebase", issuer: "https://securetoken.google.com/\(project)", audiences: [project],
            keysURL: "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com")
    }

    /// Reads `name issuer audience[,audience…] [keys URL]; …`.
    package static func list(_ text: String) throws(OpenIDFault) -> [OpenIDSettings] {
        var list: [OpenIDSettings] = []
        for entry in text.split(separator: ";") {
            let words = entry.split(separator: " ").map(String.init)
            if words.isEmpty { continue }
            guard 3...4 ~= words.count else { throw OpenIDFault("an entry is: name issuer audience,audience keys-URL") }
            let audiences = words[2].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            let settings = try OpenIDSettings(
                name: words[0], issuer: words[1], audiences: Set(audiences), keysURL: words.count == 4 ? words[3] : nil)
            guard !list.contains(where: { $0.name == settings.name }) else {
                throw OpenIDFault("\(settings.name) is named twice")
            }
            list.append(settings)
        }
        return list
    }
}

/// Why an issuer cannot be trusted as it was configured.
package struct OpenIDFault: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
