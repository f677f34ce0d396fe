internal import CSodium
internal import Glibc

/// Argon2id (RFC 9106) with its parameters in the encoded hash: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`.
///
/// A call computes for 10 to 30 ms at the standard cost and holds the memory of its parameters meanwhile: it belongs in
/// an offload pool of bounded width. Passwords are taken as the UTF-8 that was typed, without normalisation.
package struct PasswordHasher: Sendable {
    /// The cost of a hash; the parallelism is 1, the only one that libsodium offers.
    package struct Parameters: Sendable, Hashable {
        /// In KiB.
        package let memory: Int
        /// Passes over the memory.
        package let passes: Int

        /// Throws `malformedHash` outside 8 KiB to 1 GiB of memory and 1 to 64 passes, where a hash would be no bar or
        /// no end.
        package init(memory: Int, passes: Int) throws(SecretsError) {
            guard 8...1_048_576 ~= memory, 1...64 ~= passes else { throw PasswordHasher.malformed }
            self.init(uncheckedMemory: memory, passes: passes)
        }

        private init(uncheckedMemory: Int, passes: Int) {
            memory = uncheckedMemory
            self.passes = passes
        }

        /// The cost that OWASP's password storage cheat sheet names first for Argon2id: 19 MiB, 2 passes.
        package static let standard = Parameters(uncheckedMemory: 19 * 1024, passes: 2)
    }

    /// The cost of new hashes.
    package let parameters: Parameters

    /// A hasher for new hashes of the given cost.
    package init(parameters: Parameters = .standard) {
        self.parameters = parameters
    }

    /// A new encoded hash under a random salt, at most 127 characters of ASCII.
    ///
    /// Throws `outOfMemory`.
    package func hash(_ password: String) throws(SecretsError) -> String {
        Sodium.start()
        var encoded = [CChar](repeating: 0, count: Int(crypto_pwhash_argon2id_STRBYTES))
        let status = unsafe password.withCString { characters in
            unsafe crypto_pwhash_argon2id_str(
                &encoded, characters, UInt64(password.utf8.count), UInt64(parameters.passes), parameters.memory * 1024)
        }
        // Fails for a lack of memory alone: the parameters were checked.
        guard status == 0 else { throw Self.outOfMemory }
        return String(decoding: encoded.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Whether the password made the encoded hash, whatever the parameters in it are.
    ///
    /// Throws `malformedHash` for what is no hash of bounded cost, `outOfMemory`.
    package func verify(_ password: String, against encoded: String) throws(SecretsError) -> Bool {
        guard Self.parameters(of: encoded) != nil else { throw Self.malformed }
        Sodium.start()
        let (status, reason) = unsafe encoded.withCString { encoded in
            unsafe password.withCString { characters in
                errno = 0
                let status = unsafe crypto_pwhash_argon2id_str_verify(
                    encoded, characters, UInt64(password.utf8.count))
                return (status, errno)
            }
        }
        if status == 0 { return true }
        guard reason != ENOMEM else { throw Self.outOfMemory }
        return false
    }

    /// Spends what `verify` spends, so that an unknown account answers no sooner than a known one.
    ///
    /// Throws `outOfMemory`.
    package func simulateVerification(of password: String) throws(SecretsError) {
        _ = try hash(password)
    }

    /// Whether the hash was made with other parameters than this hasher's, or is none.
    package func needsRehash(_ encoded: String) -> Bool {
        Self.parameters(of: encoded) != parameters
    }

    /// The cost that an encoded hash names; nil where it is malformed or out of bounds.
    static func parameters(of encoded: String) -> Parameters? {
        guard encoded.utf8.count < Int(crypto_pwhash_argon2id_STRBYTES) else { return nil }
        let fields = encoded.split(separator: "$", omittingEmptySubsequences: false)
        guard fields.count == 6, fields[0].isEmpty, fields[1] == "argon2id", fields[2] == "v=19", !fields[4].isEmpty,
            !fields[5].isEmpty, encoded.utf8.allSatisfy({ 0x21...0x7E ~= $0 })
        else { return nil }
        let costs = fields[3].split(separator: ",", omittingEmptySubsequences: false)
        guard costs.count == 3, costs[0].hasPrefix("m="), costs[1].hasPrefix("t="), costs[2] == "p=1",
            let memory = Int(costs[0].dropFirst(2)), let passes = Int(costs[1].dropFirst(2))
        else { return nil }
        do { return try Parameters(memory: memory, passes: passes) } catch { return nil }
    }

    private static var malformed: SecretsError {
        SecretsError(.malformedHash, "expected an encoded Argon2id hash of bounded cost")
    }

    private static var outOfMemory: SecretsError {
        SecretsError(.outOfMemory, "the memory for a password hash is not available")
    }
}
