package import Chronology

/// A sign-in on one device.
package struct Session: Sendable, Hashable {
    package let id: UUIDv7
    package let userID: UUIDv7
    /// The client as it names itself (its `User-Agent`), at most 200 characters.
    package let device: String
    /// The address it came from, as the gateway saw it.
    package let address: String
    package let createdAt: Timestamp
    package let lastUsedAt: Timestamp

    package init(
        id: UUIDv7, userID: UUIDv7, device: String, address: String, createdAt: Timestamp, lastUsedAt: Timestamp
    ) {
        self.id = id
        self.userID = userID
        self.device = device
        self.address = address
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
    }

    /// A session that begins now.
    ///
    /// - Parameters:
    ///   - client: the client as it names itself; kept without control characters, at most 200 characters long.
    ///   - address: where it calls from, at most 64 characters of it.
    package init(startingFor userID: UUIDv7, client: String, address: String, at now: Timestamp) {
        let name = Self.printable(client, limit: 200)
        self.init(
            id: .make(), userID: userID, device: name.isEmpty ? "unknown" : name,
            address: Self.printable(address, limit: 64), createdAt: now, lastUsedAt: now)
    }

    private static func printable(_ text: String, limit: Int) -> String {
        var kept = String.UnicodeScalarView()
        kept.append(
            contentsOf: text.unicodeScalars.lazy.filter { $0.properties.generalCategory != .control }.prefix(limit))
        return String(kept)
    }
}

/// Why a session ended before its time.
package enum SessionEnd: String, Sendable, Hashable {
    /// Its owner signed out.
    case logout
    /// A refresh token came that had been replaced long ago.
    case reuseDetected = "reuse_detected"
    /// Its owner ended it from elsewhere, or by changing the password.
    case revoked
}

/// How long what the service gives out is good for.
package enum Lifetime {
    /// An access token; nothing but its session's end takes it back earlier.
    package static let accessToken: Duration = .seconds(15 * 60)
    /// A session, however often it is refreshed; then its owner signs in again.
    package static let session: Duration = .seconds(90 * 24 * 3600)
    /// A refresh token that is not used.
    package static let refreshToken: Duration = .seconds(7 * 24 * 3600)
    /// The one-time token in a verification mail.
    package static let emailVerification: Duration = .seconds(24 * 3600)
    /// The one-time token in a mail that lets a password be reset.
    package static let passwordReset: Duration = .seconds(3600)
    /// What a code of the second factor is sent with.
    package static let mfaChallenge: Duration = .seconds(5 * 60)
    /// For this long the token just replaced may be shown again, so that an answer lost on the way logs nobody out.
    package static let refreshGrace: Duration = .seconds(10)
}

/// How often the mail with which a password can be reset goes out to an address.
package enum PasswordResetLimit {
    /// The most mails within `interval`.
    package static let count = 5
    /// What `count` is counted over.
    package static let interval: Duration = .seconds(3600)
}

/// How often the owner of an address is told that somebody registered it again.
package enum RepeatedRegistrationLimit {
    /// One mail within it.
    package static let interval: Duration = .seconds(24 * 3600)
}

/// How many failed sign-ins to an account are told of.
package enum FailedLoginLimit {
    /// One within it: a sample.
    package static let interval: Duration = .seconds(20)
}

/// How often the verification mail goes out to an address: more would be a way to flood somebody else's mailbox.
package enum VerificationLimit {
    /// The most mails within `interval`; the one of the registration counts.
    package static let count = 5
    /// What `count` is counted over.
    package static let interval: Duration = .seconds(3600)
}

/// What an access token may be used for. The token of a session has all of them; personal API tokens name a choice.
package enum Scope: String, Sendable, CaseIterable {
    case profileRead = "profile:read"
    case profileWrite = "profile:write"
    case expensesRead = "expenses:read"
    case expensesWrite = "expenses:write"
    case portfolioRead = "portfolio:read"
    case portfolioWrite = "portfolio:write"
    case eventsRead = "events:read"
}

/// A refresh token as it is stored: never itself, only its SHA-256.
package struct StoredRefreshToken: Sendable, Hashable {
    package let sessionID: UUIDv7
    package let userID: UUIDv7
    package let expiresAt: Timestamp
    /// When its successor was given out; nil for the newest of the session.
    package let replacedAt: Timestamp?
    /// Whether its successor is still the newest of the session.
    package let isParentOfNewest: Bool
    /// Whether the session was ended.
    package let isRevoked: Bool

    package init(
        sessionID: UUIDv7, userID: UUIDv7, expiresAt: Timestamp, replacedAt: Timestamp?, isParentOfNewest: Bool,
        isRevoked: Bool
    ) {
        self.sessionID = sessionID
        self.userID = userID
        self.expiresAt = expiresAt
        self.replacedAt = replacedAt
        self.isParentOfNewest = isParentOfNewest
        self.isRevoked = isRevoked
    }

    /// What becomes of the token when it is presented (RFC 9700, section 4.14.2).
    package func presented(at now: Timestamp) -> RefreshOutcome {
        if isRevoked || now >= expiresAt { return .refuse }
        guard let replacedAt else { return .rotate }
        // Only the immediate parent has a grace: whoever shows an older one has a copy.
        if isParentOfNewest, now - replacedAt <= Lifetime.refreshGrace { return .rotate }
        return .revokeFamily
    }
}

/// What becomes of a presented refresh token.
package enum RefreshOutcome: Sendable, Hashable {
    /// A successor is given out.
    case rotate
    /// Unknown, expired or revoked: sign in again.
    case refuse
    /// A token that was replaced long ago: somebody has a copy, so the session ends for everybody.
    case revokeFamily
}
