import AuthAPI
import AuthDomain
import Chronology
import CloudEvents
import Contracts
import GRPC
import Postgres
import ServiceRuntime
import Testing

@Suite(.timeLimit(.minutes(5))) struct ThrottleTests {
    private func logIn(
        _ bench: AuthBench, _ email: String, _ password: String = "wrong password", from address: String
    ) async throws {
        var metadata = GRPCMetadata()
        metadata[AuthAPI.addressMetadata] = address
        metadata[AuthAPI.deviceMetadata] = "guesser/1"
        _ = try await bench.client.login(
            LoginRequest(email: email, password: password), metadata: metadata, timeout: patience)
    }

    /// How many hashes 200 guesses may cost that take so long: one burst, and one guess after each delay.
    private static func bound(_ elapsed: Duration) -> Int {
        var (count, end) = (AttemptLimit.account.atOnce, Duration.zero)
        while true {
            end += AttemptLimit.account.delay(afterWrong: max(count, AttemptLimit.account.free))
            if end > elapsed { return count }
            count += 1
        }
    }

    @Test(arguments: ["ada@example.org", "nobody@example.org"])
    func twoHundredGuessesAtATimeCostSixteenHashes(email: String) async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register("ada@example.org")
            let (before, begin) = (bench.counted.hashes, ContinuousClock.now)
            let problems = try await concurrently(200) { number in
                await problem { try await logIn(bench, email, from: "198.51.100.\(number)") }
            }
            let hashes = bench.counted.hashes - before
            #expect(hashes <= Self.bound(ContinuousClock.now - begin) && hashes >= AttemptLimit.account.free)
            let refused = problems.filter { $0?.code == "too_many_attempts" }
            #expect(problems.count { $0?.code == "invalid_credentials" } == hashes && refused.count == 200 - hashes)
            #expect(refused.allSatisfy { $0?.status == 429 && 1...30 ~= $0?.retryAfter ?? 0 })
        }
    }

    @Test func theOwnerIsNotLockedOut() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register("ada@example.org")
            try await logIn(bench, "ada@example.org", AuthBench.password, from: "2001:db8:1:2::7")
            for _ in 0..<20 {
                _ = await problem { try await logIn(bench, "ada@example.org", from: "198.51.100.1") }
            }
            let elsewhere = await problem {
                try await logIn(bench, "ada@example.org", AuthBench.password, from: "198.51.100.9")
            }
            #expect(elsewhere?.code == "too_many_attempts")
            // The same network, another address of it.
            try await logIn(bench, "ada@example.org", AuthBench.password, from: "2001:db8:1:2::8")
            // Elsewhere the right password gets in as soon as there is a gap of half a minute.
            bench.clock.advance(by: AttemptLimit.account.longestDelay)
            try await logIn(bench, "ada@example.org", AuthBench.password, from: "198.51.100.9")
        }
    }

    @Test func failuresAreToldOfInSamples() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            for email in ["ada@example.org", "nobody@example.org", "ADA@example.org"] {
                _ = await problem { try await logIn(bench, email, from: "198.51.100.1") }
            }
            try await bench.answerRequests()
            bench.clock.advance(by: FailedLoginLimit.interval)
            _ = await problem { try await logIn(bench, "ada@example.org", from: "198.51.100.1") }
            for _ in 0..<2 { try await bench.answerRequests() }
            let events = try await bench.events(of: user.id).dropFirst(2)
            #expect(events.map(\.sequence) == [3, 4] && events.allSatisfy { $0.type == LoginFailedV1.type })
            let payload = try LoginFailedV1(decoding: try #require(events.first?.jsonData))
            #expect(payload.reason == "wrong_password" && payload.device == "guesser/1" && payload.userID == user.id)
            #expect(try await bench.pool.query("SELECT count(*) FROM address_requests").first(as: Int.self) == 0)
        }
    }
}
