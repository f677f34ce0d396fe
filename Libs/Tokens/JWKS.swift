internal import JSON
internal import Secrets

/// A set of public keys as it is published (RFC 7517), each with the name that tokens call it by.
package struct JWKS: Sendable, Equatable {
    /// A public key and its `kid`.
    package struct Key: Sendable, Equatable {
        /// `kid`: the name that tokens call the key by.
        package let id: String
        /// The key itself.
        package let publicKey: RSAPublicKey

        /// A key under a name.
        package init(id: String, publicKey: RSAPublicKey) {
            self.id = id
            self.publicKey = publicKey
        }
    }

    /// The largest text that is read, in bytes.
    package static let maximumBytes = 256 * 1024
    private static let maximumKeys = 100

    /// The keys in the order of the text.
    package let keys: [Key]

    /// A set of these keys.
    package init(_ keys: [Key]) {
        self.keys = keys
    }

    /// Reads a JWK Set. Keys that are not for RS256 signatures, and damaged ones, are passed over (RFC 7517, section
    /// 5).
    ///
    /// Throws `malformedKeySet` for what is no key set, is larger than 256 KiB, has over 100 keys or two of one `kid`.
    package init(parsing bytes: [UInt8]) throws(TokenError) {
        guard bytes.count <= Self.maximumBytes else { throw Self.malformed }
        let document: JSONDocument
        do { document = try JSONDocument(parsing: bytes, maximumDepth: 16) } catch { throw Self.malformed }
        guard let list = document.root["keys"], list.kind == .array, document.firstDuplicateKey() == nil else {
            throw Self.malformed
        }
        let keys = list.elements.prefix(Self.maximumKeys + 1).map(Self.key)
        guard keys.count <= Self.maximumKeys else { throw Self.malformed }
        self.keys = keys.compactMap(\.self)
        guard Set(self.keys.map(\.id)).count == self.keys.count else { throw Self.malformed }
    }

    /// The JSON text to publish, with public members alone.
    package func encoded() -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("keys")
        writer.beginArray()
        for key in keys {
            writer.beginObject()
            writer.key("kty")
            writer.string("RSA")
            writer.key("use")
            writer.string("sig")
            writer.key("alg")
            writer.string("RS256")
            writer.key("kid")
            writer.string(key.id)
            writer.key("n")
            writer.string(Base64URL.encode(key.publicKey.modulus))
            writer.key("e")
            writer.string(Base64URL.encode(key.publicKey.exponent))
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    /// The key of one JWK; nil where it is not one to verify RS256 signatures with.
    private static func key(_ jwk: JSONValue) -> Key? {
        guard jwk["kty"]?.string == "RSA", let id = jwk["kid"]?.string, !id.isEmpty,
            jwk["use"].map({ $0.string == "sig" }) ?? true, jwk["alg"].map({ $0.string == "RS256" }) ?? true,
            jwk["key_ops"].map({ $0.elements.contains { $0.string == "verify" } }) ?? true,
            let modulus = jwk["n"]?.string, let exponent = jwk["e"]?.string
        else { return nil }
        do {
            let publicKey = try RSAPublicKey(
                modulus: Base64URL.decode(modulus), exponent: Base64URL.decode(exponent))
            return Key(id: id, publicKey: publicKey)
        } catch {
            return nil
        }
    }

    private static var malformed: TokenError { TokenError(.malformedKeySet, "expected a JWK Set") }
}
