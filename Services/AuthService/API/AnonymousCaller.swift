/// Who calls without having signed in, as far as the request says: keys of different callers have nothing to do with each
/// other.
enum AnonymousCaller: Sendable, Hashable {
    /// Whoever asks for something to be done about this address.
    case address(String)
    /// Whoever has this token, which nobody can guess: a refresh token, a challenge, a one-time token, an ID token.
    case bearer(of: String)

    /// What tells callers from each other.
    var name: String {
        switch self {
        case .address(let address): "address \(address.lowercased())"
        case .bearer(let token): "bearer \(token)"
        }
    }
}
