package import Chronology
package import ExpenseDomain
import Money

/// Adds up the caller's expenses.
package struct Reports: Sendable {
    private let store: any ExpenseStore

    package init(store: any ExpenseStore) {
        self.store = store
    }

    /// - Throws: `ValidationFailure` for what breaks a rule, else the store's error.
    package func summary(
        caller: UUIDv7, from: String, to: String, groupBy: String?, currency: String?
    ) async throws -> (request: ReportRequest, report: Report) {
        let request = try ReportRequest(from: from, to: to, groupBy: groupBy, currency: currency)
        let totals = try await store.totals(of: caller, request)
        let report = try Report(
            totals.groups, overall: totals.overall, request: request,
            fallback: request.currency ?? Currency(code: "EUR"))
        return (request, report)
    }
}
