import AuthInfrastructure
import AuthTesting
import Chronology
import CloudEvents
import Contracts
import GRPC
import Observability
import Secrets
import ServiceRuntime
import Testing

@Suite(.timeLimit(.minutes(5))) struct RegistrationTests {
    @Test func tellsTwiceInOneTransaction() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("Ada@example.org").message
            #expect(user.email == "Ada@example.org" && user.displayName == "Ada" && user.baseCurrency == "EUR")
            #expect(user.locale == "en-GB" && user.timeZone == "UTC" && user.roles == ["user"] && user.version == 1)
            #expect(!user.emailVerified && !user.mfaEnabled && user.createdAt == user.updatedAt)
            #expect(
                try await AuthBench.recorded(of: user.id, in: bench.pool) == [
                    RecordedEvent("auth.user_registered", 1), RecordedEvent("auth.email_verification_requested", 2),
                ])
            let transactions = try await bench.pool.query(
                """
                SELECT count(DISTINCT xmin) FROM (SELECT xmin::text FROM outbox UNION ALL SELECT xmin::text FROM users
                    UNION ALL SELECT xmin::text FROM credentials UNION ALL SELECT xmin::text FROM one_time_tokens) AS w
                """
            ).first(as: Int.self)
            #expect(transactions == 1)
        }
    }

    @Test func eventsSayWhoWhatAndWhy() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org", metadata: ["x-request-id": "request-1"]).message
            let events = try await bench.events(of: user.id)
            for event in events {
                #expect(event.source == "/florin/auth" && event.subject == user.id && event.partitionKey == user.id)
                #expect(event.correlationID == "request-1" && event.causationID == "request-1")
            }
            let registered = try UserRegisteredV1(decoding: try #require(events[0].jsonData))
            #expect(
                registered
                    == UserRegisteredV1(
                        userID: user.id, email: "ada@example.org", displayName: "Ada", baseCurrency: "EUR",
                        locale: "en-GB", registeredAt: user.createdAt))
            let requested = try EmailVerificationRequestedV1(decoding: try #require(events[1].jsonData))
            #expect(requested.email == "ada@example.org" && requested.displayName == "Ada")
            let expiry = try #require(Timestamp(rfc3339: requested.expiresAt))
            #expect(expiry - (try #require(Timestamp(rfc3339: user.createdAt))) == .seconds(86_400))
            #expect(try await bench.verificationToken(of: user.id).utf8.count == 43)
        }
    }

    @Test func withoutARequestIDTheTraceIsTheCause() async throws {
        try await AuthBench.with { bench in
            let trace = TraceContext.root()
            let user = try await TraceContext.$current.withValue(trace) {
                try await bench.register("ada@example.org").message
            }
            let event = try #require(try await bench.events(of: user.id).first)
            #expect(event.correlationID == trace.traceID)
            #expect(event.traceparent?.contains(trace.traceID) == true)
        }
    }

    @Test func aKnownAddressLooksTheSameAndNothingHappens() async throws {
        try await AuthBench.with { bench in
            let first = try await bench.register("ada@example.org").message
            let second = try await bench.register("ADA@example.org", name: "Eve").message
            #expect(second.id != first.id && second.email == "ADA@example.org" && second.displayName == "Eve")
            #expect(second.roles == first.roles && second.version == 1 && !second.emailVerified)
            #expect(try await bench.events(of: second.id).isEmpty)
            #expect(try await bench.events(of: first.id).count == 2)
            for _ in 0..<2 { try await bench.answerRequests() }
            #expect(try await bench.names(of: first.id).suffix(1) == ["auth.registration_repeated"])
            _ = try await bench.register("ada@example.org", name: "Eve")
            try await bench.answerRequests()
            #expect(try await bench.events(of: first.id).count == 3)
            let tokens = try await bench.logIn("ada@example.org")
            let me = try await bench.client.getMe(Empty(), metadata: bench.caller(tokens), timeout: patience).message
            #expect(me == first)
        }
    }

    @Test func oneOfManyAtATimeMakesTheAccount() async throws {
        try await AuthBench.with { bench in
            let users = try await concurrently(16) { number in
                try await bench.register("ada@example.org", name: "Ada \(number)").message
            }
            #expect(try await bench.pool.query("SELECT count(*) FROM users").first(as: Int.self) == 1)
            #expect(try await bench.pool.query("SELECT count(*) FROM outbox").first(as: Int.self) == 2)
            #expect(Set(users.map(\.id)).count == 16)
        }
    }

    @Test func namesEveryBrokenRule() async throws {
        try await AuthBench.with { bench in
            let problem = await problem {
                _ = try await bench.client.register(
                    RegisterRequest(
                        email: "ada", password: "short", displayName: " ", baseCurrency: "XXXX", locale: "_"),
                    timeout: patience)
            }
            #expect(problem?.status == 422 && problem?.code == "validation_failed")
            #expect(
                problem?.errors.map { "\($0.field) \($0.code)" }.prefix(3) == [
                    "email invalid_email", "password too_short", "display_name required",
                ])
            #expect(problem?.errors.map(\.field).suffix(2) == ["base_currency", "locale"])
        }
    }

    @Test func refusesWhenTheDatabaseIsAway() async throws {
        try await AuthBench.with(url: "postgres://florin:florin@127.0.0.1:1/florin") { bench in
            let problem = await problem { _ = try await bench.register("ada@example.org") }
            #expect(problem?.status == 503 && problem?.retryAfter == 1)
            let keys = await AuthIntegrationTests.problem {
                _ = try await bench.client.getKeySet(Empty(), timeout: patience)
            }
            #expect(keys?.status == 503 && keys?.code == "keys_unavailable")
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct RegistrationIdempotencyTests {
    private func metadata(_ key: String, _ fingerprint: String = "f1") -> GRPCMetadata {
        [IdempotentCalls.keyMetadata: key, IdempotentCalls.fingerprintMetadata: fingerprint]
    }

    @Test func theSameRequestGetsTheSameAnswer() async throws {
        try await AuthBench.with { bench in
            let first = try await bench.register("ada@example.org", metadata: metadata("k"))
            let again = try await bench.register("ada@example.org", metadata: metadata("k"))
            #expect(again.message == first.message)
            #expect(first.trailingMetadata[IdempotentCalls.replayedMetadata] == nil)
            #expect(again.trailingMetadata[IdempotentCalls.replayedMetadata] == "true")
            #expect(try await bench.events(of: first.message.id).count == 2)
            // The answer for a known address is kept just the same.
            let other = try await bench.register("ada@example.org", metadata: metadata("k2"))
            #expect(try await bench.register("ada@example.org", metadata: metadata("k2")).message == other.message)
            #expect(other.message.id != first.message.id)
        }
    }

    @Test func anotherRequestCannotHaveTheKey() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register("ada@example.org", metadata: metadata("k"))
            let problem = await problem {
                _ = try await bench.register("ADA@example.org", metadata: metadata("k", "f2"))
            }
            #expect(problem?.status == 422 && problem?.code == "idempotency_key_reused")
            // Somebody else may have chosen the same key.
            _ = try await bench.register("eve@example.org", metadata: metadata("k", "f3"))
        }
    }

    @Test func manyAtATimeHaveOneEffectAndOneAnswer() async throws {
        try await AuthBench.with { bench in
            let users = try await concurrently(16) { _ in
                do {
                    return try await bench.register("ada@example.org", metadata: metadata("k")).message
                } catch let status as GRPCStatus where ProblemDetails(status).code == "idempotency_in_progress" {
                    return nil
                }
            }.compactMap(\.self)
            #expect(Set(users.map(\.id)).count == 1)
            #expect(try await bench.events(of: users[0].id).count == 2)
        }
    }

    @Test func whatIsKeptDoesNotHelpToGuessThePassword() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register("ada@example.org", metadata: metadata("k"))
            let kept = try await bench.pool.query("SELECT fingerprint, user_id::text FROM idempotency_keys")
                .first(as: String.self, String.self)
            #expect(kept.0 != "f1" && kept.0.utf8.count == 64)
            #expect(!(try await bench.events(of: kept.1).contains { $0.subject == kept.1 }))
        }
    }

    @Test func aRefusedRequestDoesNotUseUpItsKey() async throws {
        try await AuthBench.with { bench in
            let refused = await problem {
                _ = try await bench.register("ada@example.org", name: "", metadata: metadata("k", "f0"))
            }
            #expect(refused?.status == 422)
            _ = try await bench.register("ada@example.org", metadata: metadata("k"))
        }
    }
}
