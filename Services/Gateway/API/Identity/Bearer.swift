package import Chronology
package import Tokens

/// Who makes a request, and by what.
package struct Bearer: Sendable, Hashable {
    /// What the request shows.
    package enum Kind: Sendable, Hashable {
        /// An access token of a session, made at this time.
        case session(issuedAt: Timestamp)
        /// A personal API token; its identifier stands in the identity in the place of a session's.
        case apiToken
    }

    package let identity: Identity
    package let kind: Kind

    package init(identity: Identity, kind: Kind) {
        self.identity = identity
        self.kind = kind
    }

    /// Whether somebody signed in for it.
    package var hasSession: Bool { if case .session = kind { true } else { false } }
}
