/// The hold that one transaction or session has on a connection, as a value.
struct Lease {
    /// Tells this hold from every other, also on the same connection.
    struct ID: Hashable, Sendable {
        let connection: Int
        let serial: UInt64
    }

    /// What the lease is for.
    enum Purpose {
        case session
        case transaction(Transaction)
    }

    /// Where a transaction is in its life.
    enum Transaction: Equatable {
        /// BEGIN has not been sent; it goes with the first statement.
        case notBegun(begin: String)
        case open
        /// A statement failed: the server refuses everything but ROLLBACK.
        case failed
        /// COMMIT is on its way.
        case committing
        case ended
    }

    let id: ID
    private(set) var purpose: Purpose

    init(id: ID, purpose: Purpose) {
        self.id = id
        self.purpose = purpose
    }

    /// Whether the server is, or may be, inside an explicit transaction.
    var isInTransaction: Bool {
        switch purpose {
        case .session: true
        case .transaction(.notBegun): false
        case .transaction: true
        }
    }

    var isTransaction: Bool {
        if case .transaction = purpose { true } else { false }
    }

    /// Whether ROLLBACK has to be sent when the lease ends.
    var needsRollback: Bool {
        switch purpose {
        case .transaction(.open), .transaction(.failed), .transaction(.committing): true
        default: false
        }
    }

    /// Why nothing more can be sent, if so.
    var refusal: PostgresError? {
        switch purpose {
        case .transaction(.failed):
            PostgresError(.transactionAborted, "an earlier statement of the transaction failed")
        case .transaction(.committing), .transaction(.ended): PostgresError(.leaseEnded, "the transaction is over")
        default: nil
        }
    }

    /// Whether a COMMIT has anything to commit.
    var hasBegun: Bool {
        if case .transaction(.notBegun) = purpose { false } else { true }
    }

    /// The BEGIN to send before the next statement, given out once.
    mutating func takeBegin() -> PostgresQuery? {
        guard case .transaction(.notBegun(let begin)) = purpose else { return nil }
        purpose = .transaction(.open)
        return PostgresQuery(unescaped: begin)
    }

    mutating func failed() {
        guard case .transaction(let state) = purpose, state != .ended else { return }
        purpose = .transaction(.failed)
    }

    mutating func commitWasSent() {
        if case .transaction = purpose { purpose = .transaction(.committing) }
    }

    mutating func committed() {
        if case .transaction = purpose { purpose = .transaction(.ended) }
    }
}
