package import Chronology

/// A key that signs access tokens, without the key.
package struct SigningKeyTimes: Sendable, Hashable {
    package let id: String
    package let createdAt: Timestamp
    /// When it takes over; until then it is published only, so that it is known wherever its tokens will come.
    package let signsFrom: Timestamp

    package init(id: String, createdAt: Timestamp, signsFrom: Timestamp) {
        self.id = id
        self.createdAt = createdAt
        self.signsFrom = signsFrom
    }
}

/// Which key signs, which are published, and when another one is to be made.
///
/// Each instance decides by its own clock from the same rows; clocks may differ by as much as verifiers tolerate.
package struct SigningKeyPlan: Sendable, Hashable {
    /// How far clocks may differ.
    package static let leeway: Duration = .seconds(60)

    /// By the time from which each signs, the last first.
    private let keys: [SigningKeyTimes]

    package init(_ keys: [SigningKeyTimes]) {
        self.keys = keys.sorted { ($0.signsFrom, $0.id) > ($1.signsFrom, $1.id) }
    }

    /// The key that signs now: the last whose time has come, else the first of all; nil where there is none.
    package func signing(at now: Timestamp) -> String? { (keys.first { $0.signsFrom <= now } ?? keys.last)?.id }

    /// Those to be published: the one that signs first, then those that will, then those whose tokens may still be shown.
    package func published(at now: Timestamp) -> [String] {
        let signing = signing(at: now)
        let others = keys.map(\.id).filter { $0 != signing && !isOver($0, at: now) }
        return (signing.map { [$0] } ?? []) + others
    }

    /// Those whose last token has expired everywhere.
    package func over(at now: Timestamp) -> [String] { keys.map(\.id).filter { isOver($0, at: now) } }

    /// Whether a key was made that does not sign yet.
    package func isRotating(at now: Timestamp) -> Bool { keys.contains { $0.signsFrom > now } }

    /// Whether the newest key is so old that another one is to take its place.
    package func isRotationDue(every interval: Duration, at now: Timestamp) -> Bool {
        guard let newest = keys.map(\.createdAt).max() else { return false }
        return now - newest >= interval
    }

    private func isOver(_ id: String, at now: Timestamp) -> Bool {
        guard let place = keys.firstIndex(where: { $0.id == id }), place > 0 else { return false }
        return now - keys[place - 1].signsFrom > Lifetime.accessToken + Self.leeway
    }
}
