import AuthTesting
import Contracts
import GRPC
import ServiceRuntime
import Testing
import Validation

@Suite(.timeLimit(.minutes(5))) struct ProfileTests {
    private func update(
        _ bench: AuthBench, _ request: UpdateMeRequest, _ metadata: GRPCMetadata, if version: String? = nil
    ) async throws -> Contracts.User {
        var metadata = metadata
        if let version { metadata[VersionPrecondition.metadataName] = version }
        return try await bench.users.updateMe(request, metadata: metadata, timeout: patience).message
    }

    /// Also where the repetition's `If-Match` is stale by the change itself, and where nothing was changed.
    @Test func aRepeatedChangeIsAnsweredAgain() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            let caller = try await bench.caller(bench.logIn("ada@example.org"))
            for key in ["changes", "does not"] {
                var metadata = caller
                metadata.append(IdempotentCalls.keyMetadata, key)
                metadata.append(IdempotentCalls.fingerprintMetadata, "f")
                if key == "changes" { metadata[VersionPrecondition.metadataName] = "\(user.version)" }
                let request = UpdateMeRequest(displayName: "Ada L.")
                let first = try await bench.users.updateMe(request, metadata: metadata, timeout: patience)
                let again = try await bench.users.updateMe(request, metadata: metadata, timeout: patience)
                #expect(again.message == first.message && again.message.version == user.version + 1)
                #expect(first.trailingMetadata[IdempotentCalls.replayedMetadata] == nil)
                #expect(again.trailingMetadata[IdempotentCalls.replayedMetadata] == "true")
            }
            #expect(try await bench.events(of: user.id).filter { $0.type == UserUpdatedV1.type }.count == 1)
        }
    }

    @Test func changesWhatIsGivenAndTellsOfIt() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            let caller = try await bench.caller(bench.logIn("ada@example.org"))
            let changed = try await update(
                bench,
                UpdateMeRequest(displayName: "Ada Lovelace", baseCurrency: "GBP", timeZone: "Europe/London"), caller,
                if: "1")
            #expect(changed.displayName == "Ada Lovelace" && changed.baseCurrency == "GBP")
            #expect(changed.timeZone == "Europe/London" && changed.locale == user.locale && changed.version == 2)
            let me = try await bench.client.getMe(Empty(), metadata: caller, timeout: patience).message
            #expect(me == changed)
            let event = try #require(try await bench.events(of: user.id).last)
            let payload = try UserUpdatedV1(decoding: try #require(event.jsonData))
            #expect(payload.displayName == "Ada Lovelace" && payload.timeZone == "Europe/London")
            #expect(payload.status == "active" && payload.roles == ["user"] && event.sequence == 4)
        }
    }

    @Test func refusesAStaleVersion() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register("ada@example.org")
            let caller = try await bench.caller(bench.logIn("ada@example.org"))
            _ = try await update(bench, UpdateMeRequest(displayName: "Eve"), caller)
            let stale = await problem {
                _ = try await update(bench, UpdateMeRequest(displayName: "Mallory"), caller, if: "1")
            }
            #expect(stale?.status == 412 && stale?.code == "precondition_failed")
        }
    }

    @Test func namesEveryFieldAtOnce() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register("ada@example.org")
            let caller = try await bench.caller(bench.logIn("ada@example.org"))
            let refusal = await problem {
                _ = try await update(
                    bench,
                    UpdateMeRequest(
                        displayName: "\u{7}", baseCurrency: "XXY", locale: "-", timeZone: "Europe/Atlantis"), caller)
            }
            #expect(refusal?.status == 422)
            #expect(
                refusal?.errors.map(\.field) == ["display_name", "base_currency", "locale", "time_zone"])
        }
    }

    @Test(arguments: ProfileStoreConformance.Check.allCases)
    func theStoreInPostgresKeepsItsPromises(check: ProfileStoreConformance.Check) async throws {
        try await AuthBench.with { bench in
            let pool = bench.pool
            try await ProfileStoreConformance(accounts: bench.repository, profiles: bench.repository) { user in
                try await AuthBench.recorded(of: user.description, in: pool)
            }.run(check)
        }
    }
}
