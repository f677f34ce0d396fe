/// The three tables of messaging in one text, for the first migration of a service that publishes and consumes.
package enum MessagingTables {
    /// `outbox`, `inbox` and `dead_letters`.
    package static let migration = [Outbox.migration, Inbox.migration, DeadLetters.migration].joined(separator: "\n")
}
