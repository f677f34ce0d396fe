package import Chronology

/// A service that forgets a user.
package enum ErasureParty: String, Sendable, CaseIterable {
    case auth
    case expense
    case portfolio
    case processor
}

/// The end of an account, and what each service has said about it. It names nobody: its identifier, which cannot be
/// guessed, is the key to it.
package struct Erasure: Sendable, Hashable {
    package let id: String
    package let requestedAt: Timestamp
    /// When each service had forgotten the user; without those that have not said so yet.
    package let confirmations: [ErasureParty: Timestamp]

    package init(id: String, requestedAt: Timestamp, confirmations: [ErasureParty: Timestamp]) {
        self.id = id
        self.requestedAt = requestedAt
        self.confirmations = confirmations
    }

    /// When the last service had forgotten the user; nil while one has not.
    package var completedAt: Timestamp? {
        confirmations.count == ErasureParty.allCases.count ? confirmations.values.max() : nil
    }
}
