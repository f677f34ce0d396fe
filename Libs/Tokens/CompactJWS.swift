internal import JSON
internal import Secrets

/// The parts of a signed token (RFC 7515, section 7.1) after every check that needs no key.
struct CompactJWS {
    /// The `kid` of the header.
    let keyID: String
    /// The bytes that are signed: both encoded parts and the point between them.
    let signingInput: [UInt8]
    let signature: [UInt8]
    /// The payload as it was sent, not yet to be believed.
    private let payload: ArraySlice<UInt8>

    /// What a token's header may be.
    struct Rules {
        /// The longest token that is looked at, in bytes.
        let maximumBytes: Int
        /// Whether `typ`, nil where there is none, is that of a token for this purpose.
        let isType: (String?) -> Bool
        /// Names that must not be there.
        let forbidden: Set<String>

        /// Tokens of ours: headers that bring a key, point to one, or change what is signed are none of them.
        static func own(type: String) -> Rules {
            Rules(
                maximumBytes: 8 * 1024, isType: { $0 == type },
                forbidden: changing.union(["x5t", "x5t#S256", "cty"]))
        }

        /// Tokens of others: they may say more of the key that is looked up by its name alone.
        static func foreign(maximumBytes: Int, isType: @escaping (String?) -> Bool) -> Rules {
            Rules(maximumBytes: maximumBytes, isType: isType, forbidden: changing)
        }

        private static let changing: Set<String> = ["crit", "jku", "jwk", "x5u", "x5c", "b64", "zip", "enc"]
    }

    private static let depth = 8

    /// Takes a token apart; its header must say RS256, a type and a key.
    init(parsing token: String, _ rules: Rules) throws(TokenError) {
        guard token.utf8.count <= rules.maximumBytes else {
            throw TokenError(.tooLarge, "expected at most \(rules.maximumBytes) bytes")
        }
        let bytes = Array(token.utf8)
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }) else { throw Self.malformed }
        keyID = try Self.keyID(ofHeader: Self.object(parts[0]), rules)
        signature = try Self.decode(parts[2])
        payload = parts[1]
        signingInput = Array(bytes[..<parts[1].endIndex])
    }

    /// The claims; for after the signature was verified.
    func claims() throws(TokenError) -> JSONValue {
        try Self.object(payload)
    }

    private static func keyID(ofHeader header: JSONValue, _ rules: Rules) throws(TokenError) -> String {
        for member in header.members where rules.forbidden.contains(member.key) {
            throw TokenError(.forbiddenHeader, "a header that names keys or extensions is not accepted")
        }
        guard header["alg"]?.string == "RS256" else { throw TokenError(.unsupportedAlgorithm, "expected RS256") }
        let type = header["typ"]
        guard rules.isType(type?.string), type == nil || type?.string != nil else {
            throw TokenError(.unsupportedType, "expected another type")
        }
        guard let keyID = header["kid"]?.string, !keyID.isEmpty else {
            throw TokenError(.unknownKey, "the header names no key")
        }
        return keyID
    }

    /// A part that must hold one JSON object without a member twice.
    private static func object(_ part: ArraySlice<UInt8>) throws(TokenError) -> JSONValue {
        let document: JSONDocument
        do {
            document = try JSONDocument(parsing: Base64URL.decode(ascii: Array(part)), maximumDepth: depth)
        } catch {
            throw malformed
        }
        guard document.root.kind == .object, document.firstDuplicateKey() == nil else { throw malformed }
        return document.root
    }

    private static func decode(_ part: ArraySlice<UInt8>) throws(TokenError) -> [UInt8] {
        do { return try Base64URL.decode(ascii: Array(part)) } catch { throw malformed }
    }

    private static var malformed: TokenError {
        TokenError(.malformed, "expected three parts of base64url with JSON objects in the first two")
    }
}
