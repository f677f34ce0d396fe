package import AuthApplication
package import Chronology
package import Validation
import AuthDomain
import Postgres

extension AuthRepository: RevocationStore {
    package func revocations(since: Timestamp, after: PageCursor?, limit: Int) async throws -> RevocationPage {
        var sessions: PostgresQuery = "SELECT ended_at, id FROM sessions WHERE ended_at >= \(since)"
        if let after, let instant = Int64(after.keys[0]).map(Timestamp.init(microsecondsSinceEpoch:)) {
            sessions.append(" AND (ended_at, id) > (\(instant), \(try UUIDv7(parsing: after.keys[1])))")
        }
        sessions.append(" ORDER BY ended_at, id LIMIT \(limit + 1)")
        let rows = try await pool.batch([
            sessions, "SELECT id, status, roles, access_changed_at FROM users WHERE access_changed_at >= \(since)",
            "SELECT user_id FROM removed_users WHERE removed_at >= \(since)",
        ])
        let ends = try rows[0].map { try $0.decode(Timestamp.self, UUIDv7.self) }
        let page = Page(ends, limit: limit) { PageCursor(["\($0.0.microsecondsSinceEpoch)", $0.1.description]) }
        let changes = try rows[1].map { row in
            let (id, status, roles, changed) = try row.decode(
                UUIDv7.self, String.self, [String].self, Timestamp.self)
            guard let status = AccountStatus(rawValue: status) else { throw StoredValueError(column: "users.status") }
            return RevocationPage.AccessChange(
                userID: id, status: status, roles: try Role.stored(roles), changedAt: changed)
        }
        return RevocationPage(
            sessions: page.items.map(\.1), changes: after == nil ? changes : [],
            removedUsers: after == nil ? try rows[2].map { try $0.decode(UUIDv7.self, at: 0) } : [], next: page.next)
    }
}
