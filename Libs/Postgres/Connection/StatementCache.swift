/// What makes a prepared statement: the same text with other parameter types is another statement.
struct StatementKey: Hashable {
    let sql: String
    let types: [UInt32]

    init(_ query: PostgresQuery) {
        sql = query.sql
        types = query.bindings.types
    }
}

/// The prepared statements of one connection, as a value: bounded, the least recently used goes first.
///
/// Names are never used twice: a statement whose fate is unknown can then never answer for another. A statement that
/// is still being prepared may only be used by the batch that prepares it, because that batch may fail before the
/// server sees the preparation, and a failure of one caller must not become one of another.
struct StatementCache {
    /// How to execute a statement.
    enum Use: Equatable {
        /// It is there under this name.
        case prepared(name: String)
        /// Prepare it under this name first.
        case prepare(name: String)
        /// Parse it for this one time.
        case unnamed
    }

    private enum State: Equatable {
        case preparing(batch: UInt64)
        case ready
    }

    private struct Entry {
        let name: String
        var state: State
        var lastUse: UInt64
    }

    private let limit: Int
    private var entries: [StatementKey: Entry] = [:]
    private var names: UInt64 = 0
    private var clock: UInt64 = 0
    private var doomed: [String] = []

    init(limit: Int) { self.limit = limit }

    var count: Int { entries.count }

    /// Decides how `batch` executes the statement.
    mutating func use(_ key: StatementKey, in batch: UInt64) -> Use {
        clock += 1
        if let entry = entries[key] {
            guard entry.state == .ready || entry.state == .preparing(batch: batch) else { return .unnamed }
            entries[key]?.lastUse = clock
            return .prepared(name: entry.name)
        }
        guard entries.count < limit || evictOldest() else { return .unnamed }
        names += 1
        let name = "s\(names)"
        entries[key] = Entry(name: name, state: .preparing(batch: batch), lastUse: clock)
        return .prepare(name: name)
    }

    /// The server has prepared it.
    mutating func succeeded(_ key: StatementKey) { entries[key]?.state = .ready }

    /// The server refused or skipped the preparation.
    mutating func failed(_ key: StatementKey) { entries[key] = nil }

    /// The statement no longer fits the schema, or is not there: prepare it anew the next time.
    mutating func forget(_ key: StatementKey) {
        guard let entry = entries[key], entry.state == .ready else { return }
        entries[key] = nil
        doomed.append(entry.name)
    }

    /// The names to deallocate on the server, given out once.
    mutating func takeDoomed() -> [String] {
        defer { doomed.removeAll() }
        return doomed
    }

    private mutating func evictOldest() -> Bool {
        let ready = entries.filter { $0.value.state == .ready }
        guard let oldest = ready.min(by: { $0.value.lastUse < $1.value.lastUse }) else { return false }
        forget(oldest.key)
        return true
    }
}
