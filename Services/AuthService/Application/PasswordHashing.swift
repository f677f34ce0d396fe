/// What checking a password has found.
package enum PasswordVerdict: Sendable, Hashable {
    case wrong
    /// - Parameter replacement: a hash of today's cost to keep instead; nil where the present one has it.
    case right(replacement: String?)
}

/// Hashes passwords, with work that takes long on purpose.
///
/// - Throws: `AuthRefusal.overloaded` where too much of it waits already.
package protocol PasswordHashing: Sendable {
    /// A new encoded hash under a random salt.
    func hash(_ password: String) async throws -> String

    /// Checks a password. Without a hash the same work is done for nothing, so that nobody learns from the time of an
    /// answer which addresses have accounts.
    func check(_ password: String, against hash: String?) async throws -> PasswordVerdict
}
