import Testing

@testable import Postgres

@Suite struct StatementCacheTests {
    private func key(_ sql: String) -> StatementKey { StatementKey(PostgresQuery(unescaped: sql)) }

    @Test func aStatementIsPreparedOnceThenUsed() {
        var cache = StatementCache(limit: 4)
        #expect(cache.use(key("a"), in: 1) == .prepare(name: "s1"))
        #expect(cache.use(key("a"), in: 1) == .prepared(name: "s1"))
        cache.succeeded(key("a"))
        #expect(cache.use(key("a"), in: 2) == .prepared(name: "s1"))
    }

    @Test func anotherBatchDoesNotRelyOnAPreparationOnItsWay() {
        var cache = StatementCache(limit: 4)
        _ = cache.use(key("a"), in: 1)
        #expect(cache.use(key("a"), in: 2) == .unnamed)
    }

    @Test func aFailedPreparationIsForgottenAndItsNameNotUsedAgain() {
        var cache = StatementCache(limit: 4)
        _ = cache.use(key("a"), in: 1)
        cache.failed(key("a"))
        #expect(cache.use(key("a"), in: 2) == .prepare(name: "s2"))
        #expect(cache.takeDoomed() == [])
    }

    @Test func theLeastRecentlyUsedGoes() {
        var cache = StatementCache(limit: 2)
        for name in ["a", "b"] {
            _ = cache.use(key(name), in: 1)
            cache.succeeded(key(name))
        }
        _ = cache.use(key("a"), in: 2)
        #expect(cache.use(key("c"), in: 3) == .prepare(name: "s3"))
        #expect(cache.takeDoomed() == ["s2"])
        #expect(cache.takeDoomed() == [])
        #expect(cache.use(key("a"), in: 4) == .prepared(name: "s1"))
        #expect(cache.count == 2)
    }

    @Test func withNothingToEvictTheBoundHolds() {
        var cache = StatementCache(limit: 1)
        _ = cache.use(key("a"), in: 1)
        #expect(cache.use(key("b"), in: 1) == .unnamed)
        #expect(cache.count == 1)
    }

    @Test func typesTellStatementsApart() {
        let number = StatementKey("SELECT \(1)")
        let text = StatementKey("SELECT \("1")")
        #expect(number != text)
        #expect(number == StatementKey("SELECT \(2)"))
    }

    @Test func aForgottenStatementIsDeallocatedAndPreparedAnew() {
        var cache = StatementCache(limit: 4)
        _ = cache.use(key("a"), in: 1)
        cache.forget(key("a"))
        #expect(cache.count == 1, "still on its way")
        cache.succeeded(key("a"))
        cache.forget(key("a"))
        #expect(cache.takeDoomed() == ["s1"])
        #expect(cache.use(key("a"), in: 2) == .prepare(name: "s2"))
    }
}
