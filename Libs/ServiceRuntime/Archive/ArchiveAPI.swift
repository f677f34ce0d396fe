package import Contracts
package import GRPC
package import Observability
package import Postgres
package import Chronology

/// One kind of rows in the archive of a user.
package struct ArchivedRows: Sendable {
    /// What they are called, `expenses`.
    package let kind: String
    /// A query of a user's rows with the columns `key`, a text that is unique among them and orders them, and `data`, a
    /// `jsonb` object.
    package let query: @Sendable (UUIDv7) -> PostgresQuery

    package init(_ kind: String, _ query: @escaping @Sendable (UUIDv7) -> PostgresQuery) {
        self.kind = kind
        self.query = query
    }
}

/// `florin.archive.v1.ArchiveService` over the database of one service: all rows of the caller, page by page.
package struct ArchiveAPI: ArchiveServiceProvider {
    /// The most rows of a page.
    package static let pageRows = 500

    private let kinds: [ArchivedRows]
    private let pool: PostgresPool
    private let logger: Logger

    /// - Parameter kinds: in the order of the archive.
    package init(_ kinds: [ArchivedRows], pool: PostgresPool, logger: Logger) {
        self.kinds = kinds
        self.pool = pool
        self.logger = logger
    }

    package func readArchive(_ request: ArchiveRequest, context: ServerContext) async throws -> ArchivePage {
        try await context.answer(logger: logger) {
            let user = try Caller(context.metadata).userID
            guard let position = Position(request.cursor), position.kind < kinds.count else {
                throw ProblemDetails.badRequest("invalid_request", "The cursor is none that was given out.")
            }
            let kind = kinds[position.kind]
            let rows = try await pool.query(
                """
                SELECT key, data::text FROM (\(fragment: kind.query(user))) AS archived
                WHERE key COLLATE "C" > \(position.after) ORDER BY key COLLATE "C" LIMIT \(Self.pageRows)
                """)
            var last = position.after
            let shown = try rows.map { row in
                let (key, json) = try row.decode(String.self, String.self)
                last = key
                return ArchiveRow(kind: kind.kind, json: json)
            }
            let isLast = shown.count < Self.pageRows
            let next = Position(kind: isLast ? position.kind + 1 : position.kind, after: isLast ? "" : last)
            return ArchivePage(rows: shown, nextCursor: next.kind < kinds.count ? next.text : nil)
        }
    }

    /// How far a reader has come.
    private struct Position {
        let kind: Int
        let after: String

        init(kind: Int, after: String) {
            self.kind = kind
            self.after = after
        }

        /// The beginning where there is no cursor; nil for one that is none of ours.
        init?(_ cursor: String?) {
            guard let cursor else {
                self.init(kind: 0, after: "")
                return
            }
            let parts = cursor.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let kind = Int(parts[0]), kind >= 0 else { return nil }
            self.init(kind: kind, after: String(parts[1]))
        }

        var text: String { "\(kind) \(after)" }
    }
}
