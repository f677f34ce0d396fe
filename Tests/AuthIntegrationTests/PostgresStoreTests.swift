import AuthTesting
import Chronology
import Postgres
import Testing

@Suite(.timeLimit(.minutes(5))) struct PostgresStoreTests {
    @Test(arguments: AuthStoreConformance.Check.allCases)
    func keepsWhatThePortsPromise(check: AuthStoreConformance.Check) async throws {
        try await AuthBench.with { bench in
            let pool = bench.pool
            let stores = AuthStoresUnderTest(accounts: bench.repository, sessions: bench.repository) { user in
                try await AuthBench.recorded(of: user.description, in: pool)
            }
            try await AuthStoreConformance(stores).run(check)
        }
    }

    @Test func forgetsWhatHasRunOut() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register("ada@example.org")
            let old = try await bench.logIn("ada@example.org")
            let now = bench.clock.now()
            bench.clock.advance(by: .seconds(8 * 86_400))
            let fresh = try await bench.logIn("ada@example.org")
            try await bench.repository.sweep(at: bench.clock.now())
            #expect(await problem { _ = try await bench.refresh(old.refreshToken) }?.code == "invalid_refresh_token")
            _ = try await bench.refresh(fresh.refreshToken)
            let counts: PostgresQuery = """
                SELECT (SELECT count(*) FROM one_time_tokens), (SELECT count(*) FROM sessions),
                    (SELECT count(*) FROM refresh_tokens)
                """
            #expect(try await bench.pool.query(counts).first(as: Int.self, Int.self, Int.self) == (0, 2, 2))
            try await bench.repository.sweep(at: now + .seconds(98 * 86_400))
            #expect(try await bench.pool.query(counts).first(as: Int.self, Int.self, Int.self) == (0, 1, 0))
        }
    }
}
