/// One step of a schema's history. Once applied anywhere it must never change.
package struct Migration: Sendable {
    /// Its place in the history, from 1.
    package let number: Int
    /// What it does, in a few words.
    package let name: String
    /// Any number of statements, without transaction control.
    package let sql: String

    package init(number: Int, name: String, sql: String) {
        self.number = number
        self.name = name
        self.sql = sql
    }

    /// A migration from an embedded resource. Throws `invalidConfiguration` when it is not UTF-8.
    package init(number: Int, name: String, sql: [UInt8]) throws(PostgresError) {
        guard let text = String(validating: sql, as: UTF8.self) else {
            throw PostgresError(.invalidConfiguration, "migration \(number) is not UTF-8")
        }
        self.init(number: number, name: name, sql: text)
    }
}

/// A migration that the database has, as its table `schema_migrations` tells.
struct AppliedMigration: Equatable {
    let number: Int
    let checksum: [UInt8]
}

/// Compares a program's migrations with a database's, as a value.
struct MigrationPlan {
    /// The migrations still to apply, in order.
    let pending: [Migration]

    /// `checksums` are those of `known`, in the same order. Throws when the histories cannot be reconciled.
    init(known: [Migration], checksums: [[UInt8]], applied: [AppliedMigration]) throws(PostgresError) {
        for later in applied.dropFirst(known.count) {
            throw PostgresError(
                .schemaTooNew, "the database has migration \(later.number), which this program does not know")
        }
        for (index, entry) in applied.enumerated() {
            guard entry.number == known[index].number else {
                if !known.contains(where: { $0.number == entry.number }), entry.number > known[known.count - 1].number {
                    throw PostgresError(
                        .schemaTooNew, "the database has migration \(entry.number), which this program does not know")
                }
                throw PostgresError(
                    .migrationHistoryChanged,
                    "the database has migration \(entry.number) where this program has \(known[index].number)")
            }
            guard entry.checksum == checksums[index] else {
                throw PostgresError(
                    .migrationHistoryChanged, "migration \(entry.number) was changed after it had been applied")
            }
        }
        pending = Array(known.dropFirst(applied.count))
    }

    /// Checks what a program says of itself: numbers from 1 up, each once, in order.
    static func validate(_ migrations: [Migration]) throws(PostgresError) {
        var last = 0
        for migration in migrations {
            guard migration.number > last else {
                throw PostgresError(
                    .invalidConfiguration, "migration \(migration.number) does not come after \(last)")
            }
            last = migration.number
        }
    }
}
