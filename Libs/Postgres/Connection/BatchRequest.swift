internal import Synchronization

/// The identity of one call, and whether its task was cancelled. Cancellation may come before the call reaches the loop,
/// so the mark stays.
final class CallToken: Sendable {
    private let mark = Atomic<Bool>(false)

    func cancel() { mark.store(true, ordering: .releasing) }

    var isCancelled: Bool { mark.load(ordering: .acquiring) }
}

/// What to send as one batch, and who waits for its outcome.
struct BatchRequest: Sendable {
    /// What the batch does to the transaction it belongs to.
    enum Role: Sendable {
        /// An implicit transaction of its own, or statements within an explicit one.
        case statements
        /// Ends the explicit transaction, after the statements, with COMMIT.
        case commit
        /// Many statements in one text, by the simple protocol.
        case script
        /// The pool's own, for this very connection: never sent again over another one.
        case housekeeping
    }

    typealias Outcome = Result<[PostgresRows], PostgresError>

    let token: CallToken
    let queries: [PostgresQuery]
    let role: Role
    /// On the loop's clock.
    let deadline: Duration
    /// Nil where nobody waits.
    let continuation: CheckedContinuation<Outcome, Never>?
    /// Whether the batch was sent again after an interruption that was not its fault.
    var isRepeated = false

    func complete(_ outcome: Outcome) { continuation?.resume(returning: outcome) }

    /// Why not to send it at all: a bound that has passed, or a query that libpq would refuse or misunderstand.
    func fault(now: Duration) -> PostgresError? {
        if deadline <= now { return PostgresError(.timedOut, "the bound had passed before anything was sent") }
        for query in queries {
            if query.sql.utf8.contains(0) { return PostgresError(.invalidQuery, "the text contains NUL") }
            if query.bindings.count > 65_535 { return PostgresError(.invalidQuery, "more than 65,535 parameters") }
        }
        return nil
    }
}
