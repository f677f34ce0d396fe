import Chronology
import FaultPoints
package import Postgres
package import ProcessorApplication
package import ProcessorDomain
import Synchronization

/// Keeps a record of the mails it has handed over, so that one which comes again is not handed over again.
///
/// A mail is claimed, and the claim committed, before it is handed over, and marked as sent afterwards; both apart from the
/// transaction of the event, whose rollback takes back neither. What remains is at least once: should the process die, or
/// the connection break, after the server took the mail and before the mark is committed (`mail.after-send-before-mark`),
/// then the mail is handed over a second time when the claim has run out, byte for byte the same and with the same
/// Message-ID, by which the receiving side can tell. SMTP has no transaction with us that could close this window.
package final class RecordedMailTransport: MailTransport {
    /// The table.
    package static let migration = """
        CREATE TABLE mail_deliveries (
            event_id uuid PRIMARY KEY,
            state text NOT NULL CHECK (state IN ('sending', 'waiting', 'sent')),
            attempts integer NOT NULL DEFAULT 1,
            changed_at timestamptz NOT NULL DEFAULT now(),
            not_before timestamptz NOT NULL
        );
        CREATE INDEX mail_deliveries_sent ON mail_deliveries (changed_at) WHERE state = 'sent';
        """

    /// Bounds.
    package struct Configuration: Sendable {
        /// How long a claim holds: longer than a call of the transport inside can take, so that no two processes ever hand
        /// over the same mail side by side.
        package var lease: Duration
        /// The wait after the first failure; it doubles with each further one.
        package var firstWait: Duration = .seconds(1)
        /// The bound of the wait.
        package var longestWait: Duration = .seconds(60)

        /// Takes the lease; the waits are the defaults.
        package init(lease: Duration) { self.lease = lease }
    }

    private enum Claim {
        /// Ours to hand over, for the how-manieth time.
        case taken(attempt: Int)
        case sent
        /// Somebody may be handing it over, or its next try is not due.
        case held
    }

    private let inner: any MailTransport
    private let pool: PostgresPool
    private let configuration: Configuration
    /// Mails that were handed over and could not be marked, until they are. Each belongs to an event that is being handled.
    private let unmarked = Mutex<Set<UUIDv7>>([])

    /// - Parameters:
    ///   - inner: hands the mails over.
    ///   - pool: the database with the record.
    ///   - configuration: the bounds.
    package init(_ inner: any MailTransport, pool: PostgresPool, configuration: Configuration) {
        self.inner = inner
        self.pool = pool
        self.configuration = configuration
    }

    package func send(_ mail: Mail) async throws(MailTransportError) {
        if unmarked.withLock({ $0.contains(mail.eventID) }) { return try await mark(mail.eventID) }
        switch try await claim(mail.eventID) {
        case .sent: return
        case .held: throw MailTransportError("the next try of the mail is not due", isRetriable: true)
        case .taken(let attempt):
            do throws(MailTransportError) {
                try await inner.send(mail)
            } catch {
                try await release(mail.eventID, attempt, willRetry: error.isRetriable)
                throw error
            }
            FaultPoint.reached("mail.after-send-before-mark")
            _ = unmarked.withLock { $0.insert(mail.eventID) }
            try await mark(mail.eventID)
        }
    }

    /// The clock is that of the database, which all processes share.
    private func claim(_ event: UUIDv7) async throws(MailTransportError) -> Claim {
        let lease = milliseconds(configuration.lease)
        return try await recorded {
            let rows = try await self.pool.query(
                """
                WITH claimed AS (
                    INSERT INTO mail_deliveries AS mail (event_id, state, not_before)
                    VALUES (\(event), 'sending', now() + \(lease) * interval '1 millisecond')
                    ON CONFLICT (event_id) DO UPDATE
                        SET state = 'sending', attempts = mail.attempts + 1, changed_at = now(),
                            not_before = excluded.not_before
                        WHERE mail.state <> 'sent' AND mail.not_before <= now()
                    RETURNING attempts
                )
                SELECT (SELECT attempts FROM claimed),
                    EXISTS (SELECT FROM mail_deliveries WHERE event_id = \(event) AND state = 'sent')
                """)
            let (attempt, isSent) = try rows.first(as: Int32?.self, Bool.self)
            return attempt.map { .taken(attempt: Int($0)) } ?? (isSent ? .sent : .held)
        }
    }

    /// Marks a mail as sent, and forgets a few that were sent longer ago than the inbox remembers their events.
    private func mark(_ event: UUIDv7) async throws(MailTransportError) {
        try await recorded {
            _ = try await self.pool.batch([
                "UPDATE mail_deliveries SET state = 'sent', changed_at = now() WHERE event_id = \(event)",
                """
                DELETE FROM mail_deliveries WHERE event_id IN (
                    SELECT event_id FROM mail_deliveries
                    WHERE state = 'sent' AND changed_at < now() - interval '31 days'
                    ORDER BY changed_at LIMIT 4 FOR UPDATE SKIP LOCKED
                )
                """,
            ])
        }
        _ = unmarked.withLock { $0.remove(event) }
    }

    /// Gives a claim back after a failure: until the next try is due, or, where there is to be none, as if the mail had never
    /// been claimed, so that an operator can have its event handled anew.
    private func release(_ event: UUIDv7, _ attempt: Int, willRetry: Bool) async throws(MailTransportError) {
        let doubled = configuration.firstWait * (1 << min(attempt - 1, 20))
        let wait = milliseconds(min(doubled, configuration.longestWait))
        try await recorded {
            _ = try await self.pool.query(
                willRetry
                    ? """
                    UPDATE mail_deliveries
                    SET state = 'waiting', changed_at = now(), not_before = now() + \(wait) * interval '1 millisecond'
                    WHERE event_id = \(event) AND state = 'sending' AND attempts = \(attempt)
                    """
                    : """
                    DELETE FROM mail_deliveries
                    WHERE event_id = \(event) AND state = 'sending' AND attempts = \(attempt)
                    """)
        }
    }

    /// Reads or writes the record in a task of its own, awaited here: a cancelled caller must not leave a mail unmarked.
    private func recorded<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws(MailTransportError) -> Value {
        do {
            return try await Task { try await body() }.value
        } catch {
            throw MailTransportError("the record of mails cannot be kept: \(error)", isRetriable: true)
        }
    }

    private func milliseconds(_ duration: Duration) -> Int64 { Int64(duration / .milliseconds(1)) }
}
