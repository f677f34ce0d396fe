import AuthTesting
import Chronology
import CloudEvents
import Contracts
import GRPC
import Postgres
import ServiceRuntime
import Testing

@Suite(.timeLimit(.minutes(5))) struct ApiTokenTests {
    private func signedIn(_ bench: AuthBench) async throws -> (user: String, caller: GRPCMetadata) {
        let user = try await bench.register("ada@example.org").message
        return (user.id, try bench.caller(try await bench.logIn("ada@example.org")))
    }

    private func create(
        _ bench: AuthBench, _ caller: GRPCMetadata, scopes: [String] = ["expenses:write", "expenses:read"],
        expiresAt: String? = nil
    ) async throws -> Contracts.ApiToken {
        try await bench.apiTokens.createApiToken(
            CreateApiTokenRequest(name: "backup script", scopes: scopes, expiresAt: expiresAt), metadata: caller,
            timeout: patience
        ).message
    }

    private func list(_ bench: AuthBench, _ caller: GRPCMetadata) async throws -> [Contracts.ApiToken] {
        try await bench.apiTokens.listApiTokens(ListApiTokensRequest(), metadata: caller, timeout: patience).message
            .data
    }

    private func resolve(_ bench: AuthBench, _ token: Contracts.ApiToken) async throws -> ApiTokenIdentity {
        try await bench.access.resolveApiToken(
            ResolveApiTokenRequest(token: try #require(token.token)), timeout: patience
        ).message
    }

    private func isUnknown(_ bench: AuthBench, _ token: Contracts.ApiToken) async -> Bool {
        await problem { _ = try await resolve(bench, token) }?.status == 404
    }

    @Test func isShownOnceAndStandsForItsOwner() async throws {
        try await AuthBench.with { bench in
            let (user, caller) = try await signedIn(bench)
            let made = try await create(bench, caller, expiresAt: "2096-01-01T00:00:00Z")
            #expect(made.token?.hasPrefix("flp_") == true && made.scopes == ["expenses:read", "expenses:write"])
            #expect(made.expiresAt == "2096-01-01T00:00:00.000Z" && made.lastUsedAt == nil)
            let found = try await resolve(bench, made)
            #expect(found.userID == user && found.tokenID == made.id && found.roles == ["user"])
            #expect(found.scopes == made.scopes && found.expiresAt == made.expiresAt)

            let listed = try await list(bench, caller)
            #expect(listed.map(\.id) == [made.id] && listed[0].token == nil && listed[0].lastUsedAt != nil)
            let event = try #require(try await bench.events(of: user).last)
            let payload = try ApiTokenCreatedV1(decoding: try #require(event.jsonData))
            #expect(payload.tokenID == made.id && payload.scopes == made.scopes && event.sequence == 4)
        }
    }

    @Test func isStoredNowhere() async throws {
        try await AuthBench.with { bench in
            var (_, caller) = try await signedIn(bench)
            caller[IdempotentCalls.keyMetadata] = "k1"
            caller[IdempotentCalls.fingerprintMetadata] = "aa"
            let made = try await create(bench, caller)
            let again = try await create(bench, caller)
            #expect(made == again && made.token != nil)
            #expect(try await bench.pool.query("SELECT count(*) FROM api_tokens").first(as: Int.self) == 1)
            let secret = Array(try #require(made.token).utf8.dropFirst(4).prefix(40))
            let rows = try await bench.pool.query(
                "SELECT digest FROM api_tokens UNION ALL SELECT answer FROM idempotency_keys UNION ALL SELECT event FROM outbox"
            ).map { try $0.decode([UInt8].self, at: 0) }
            #expect(rows.count >= 5 && rows.allSatisfy { $0.firstRange(of: secret) == nil })
        }
    }

    @Test func aRepeatedEndIsAnsweredAgain() async throws {
        try await AuthBench.with { bench in
            let (user, caller) = try await signedIn(bench)
            let made = try await create(bench, caller)
            var metadata = caller
            metadata.append(IdempotentCalls.keyMetadata, "k")
            metadata.append(IdempotentCalls.fingerprintMetadata, "f")
            var replayed: [String?] = []
            for _ in 0..<2 {
                let answer = try await bench.apiTokens.revokeApiToken(
                    RevokeApiTokenRequest(id: made.id), metadata: metadata, timeout: patience)
                replayed.append(answer.trailingMetadata[IdempotentCalls.replayedMetadata])
            }
            #expect(replayed == [nil, "true"])
            #expect(try await bench.events(of: user).filter { $0.type == ApiTokenRevokedV1.type }.count == 1)
        }
    }

    @Test func endsAtOnceForItsOwnerAlone() async throws {
        try await AuthBench.with { bench in
            let (user, caller) = try await signedIn(bench)
            let made = try await create(bench, caller)
            _ = try await bench.register("bob@example.org")
            let bob = try bench.caller(try await bench.logIn("bob@example.org"))
            for (metadata, id) in [(bob, made.id), (caller, UUIDv7.make().description), (caller, "x")] {
                let refused = await problem {
                    _ = try await bench.apiTokens.revokeApiToken(
                        RevokeApiTokenRequest(id: id), metadata: metadata, timeout: patience)
                }
                #expect(refused?.status == 404)
            }
            _ = try await resolve(bench, made)
            _ = try await bench.apiTokens.revokeApiToken(
                RevokeApiTokenRequest(id: made.id), metadata: caller, timeout: patience)
            #expect(await isUnknown(bench, made))
            #expect(try await list(bench, caller).isEmpty)
            let event = try #require(try await bench.events(of: user).last)
            let payload = try ApiTokenRevokedV1(decoding: try #require(event.jsonData))
            #expect(payload.tokenIDs == [made.id] && payload.userID == user)
        }
    }

    @Test func expires() async throws {
        try await AuthBench.with { bench in
            let (_, caller) = try await signedIn(bench)
            let end = bench.clock.now() + .seconds(3600)
            let made = try await create(bench, caller, expiresAt: end.description)
            _ = try await resolve(bench, made)
            bench.clock.advance(by: .seconds(3601))
            #expect(await isUnknown(bench, made))
            #expect(try await list(bench, caller).isEmpty)
            try await bench.repository.sweep(at: bench.clock.now())
            #expect(try await bench.pool.query("SELECT count(*) FROM api_tokens").first(as: Int.self) == 0)
        }
    }

    @Test func useIsNotedAboutOnceAMinute() async throws {
        try await AuthBench.with { bench in
            let (_, caller) = try await signedIn(bench)
            let made = try await create(bench, caller)
            var noted: [String?] = []
            for seconds in [0, 30, 31] {
                bench.clock.advance(by: .seconds(seconds))
                _ = try await resolve(bench, made)
                noted.append(try await list(bench, caller)[0].lastUsedAt)
            }
            #expect(noted[0] != nil && noted[0] == noted[1] && noted[1] != noted[2])
        }
    }

    @Test func areBoundedAlsoManyAtATime() async throws {
        try await AuthBench.with { bench in
            let (_, caller) = try await signedIn(bench)
            let codes = try await concurrently(60) { _ -> String? in
                do {
                    _ = try await create(bench, caller)
                    return nil
                } catch let status as GRPCStatus {
                    return ProblemDetails(status).code
                }
            }
            #expect(codes.count { $0 == nil } == 50)
            #expect(Set(codes.compactMap(\.self)) == ["too_many_api_tokens"])
        }
    }

    @Test func endWithTheAccountsUse() async throws {
        try await AuthBench.with { bench in
            let admin = try await bench.administrator()
            let (user, caller) = try await signedIn(bench)
            let first = try await create(bench, caller)
            _ = try await bench.passwords.changePassword(
                ChangePasswordRequest(currentPassword: AuthBench.password, newPassword: "a quite different one"),
                metadata: caller, timeout: patience)
            #expect(await isUnknown(bench, first))
            let second = try await create(bench, caller)
            _ = try await bench.admin.updateUser(
                UpdateUserRequest(id: user, status: "locked"), metadata: admin, timeout: patience)
            #expect(await isUnknown(bench, second))
            #expect(
                try await bench.names(of: user).suffix(3) == [
                    "auth.sessions_revoked", "auth.api_token_revoked", "auth.user_updated",
                ])
            _ = try await bench.admin.updateUser(
                UpdateUserRequest(id: user, status: "active"), metadata: admin, timeout: patience)
            #expect(await isUnknown(bench, second))
        }
    }

    @Test func saysWhatIsWrong() async throws {
        try await AuthBench.with { bench in
            let (_, caller) = try await signedIn(bench)
            func errors(_ request: CreateApiTokenRequest) async -> [String]? {
                await problem {
                    _ = try await bench.apiTokens.createApiToken(request, metadata: caller, timeout: patience)
                }?.errors.map { "\($0.field) \($0.code)" }
            }
            #expect(await errors(CreateApiTokenRequest()) == ["name required", "scopes required"])
            #expect(
                await errors(
                    CreateApiTokenRequest(
                        name: "n", scopes: ["expenses:read", "all", "expenses:read"],
                        expiresAt: "2020-01-01T00:00:00Z"))
                    == ["scopes.1 unknown_value", "scopes.2 duplicate", "expires_at out_of_range"])
            #expect(
                await errors(CreateApiTokenRequest(name: "n", scopes: ["expenses:read"], expiresAt: "tomorrow"))
                    == ["expires_at invalid_instant"])
        }
    }

    @Test func makesNoOtherTokens() async throws {
        try await AuthBench.with { bench in
            let (user, _) = try await signedIn(bench)
            let token = Caller(userID: try UUIDv7(parsing: user), scopes: ["profile:write"]).metadata
            #expect(await problem { _ = try await create(bench, token) }?.code == "no_session")
            #expect(await problem { _ = try await list(bench, token) }?.code == "no_session")
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct RevocationListTests {
    private func list(_ bench: AuthBench, since: Timestamp, cursor: String? = nil) async throws -> RevocationList {
        try await bench.access.listRevocations(
            ListRevocationsRequest(since: since.description, cursor: cursor), timeout: patience
        ).message
    }

    @Test func tellWhatEndedAndChanged() async throws {
        try await AuthBench.with { bench in
            let admin = try await bench.administrator()
            let before = bench.clock.now()
            bench.clock.advance(by: .seconds(1))
            let user = try await bench.register("ada@example.org").message
            let tokens = try await bench.logIn("ada@example.org")
            let kept = try await bench.logIn("ada@example.org")
            _ = try await bench.client.logout(Empty(), metadata: bench.caller(tokens), timeout: patience)
            #expect(try await list(bench, since: before).sessionIDs == [tokens.sessionID])

            _ = try await bench.admin.updateUser(
                UpdateUserRequest(id: user.id, status: "locked", roles: ["admin"]), metadata: admin, timeout: patience)
            let found = try await list(bench, since: before)
            #expect(Set(found.sessionIDs) == [tokens.sessionID, kept.sessionID])
            let change = try #require(found.changes.first { $0.userID == user.id })
            #expect(change.status == "locked" && change.roles == ["user", "admin"])
            #expect(found.removedUserIDs.isEmpty && found.nextCursor == nil)

            try await bench.pool.query("DELETE FROM users WHERE id = \(UUIDv7(parsing: user.id))")
            #expect(try await list(bench, since: before).removedUserIDs == [user.id])
            #expect(try await list(bench, since: bench.clock.now() + .seconds(5)).removedUserIDs.isEmpty)
        }
    }

    @Test func reachBackAsFarAsAccessTokensDo() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register("ada@example.org")
            let start = bench.clock.now()
            let tokens = try await bench.logIn("ada@example.org")
            _ = try await bench.client.logout(Empty(), metadata: bench.caller(tokens), timeout: patience)
            bench.clock.advance(by: .seconds(1100))
            #expect(try await list(bench, since: start).sessionIDs == [tokens.sessionID])
            bench.clock.advance(by: .seconds(110))
            #expect(try await list(bench, since: start).sessionIDs.isEmpty)
        }
    }

    @Test func comeInPages() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register("ada@example.org")
            let start = bench.clock.now()
            for _ in 0..<5 {
                let tokens = try await bench.logIn("ada@example.org")
                _ = try await bench.client.logout(Empty(), metadata: bench.caller(tokens), timeout: patience)
            }
            // All at one instant: the identifier decides.
            try await bench.pool.query("UPDATE sessions SET ended_at = \(start)")
            let first = try await bench.repository.revocations(since: start, after: nil, limit: 3)
            let rest = try await bench.repository.revocations(since: start, after: first.next, limit: 3)
            #expect(first.sessions.count == 3 && rest.sessions.count == 2 && rest.next == nil)
            #expect(Set(first.sessions + rest.sessions).count == 5)
        }
    }

    @Test(arguments: [("x", nil), ("2026-11-20T09:30:00Z", "x")] as [(String, String?)])
    func whatIsNoQuestion(since: String, cursor: String?) async throws {
        try await AuthBench.with { bench in
            let refused = await problem {
                _ = try await bench.access.listRevocations(
                    ListRevocationsRequest(since: since, cursor: cursor), timeout: patience)
            }
            #expect(refused.map { [400, 422].contains($0.status) } == true)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct PostgresApiTokenStoreTests {
    @Test(arguments: ApiTokenStoreConformance.Check.allCases)
    func keepsWhatThePortPromises(check: ApiTokenStoreConformance.Check) async throws {
        try await AuthBench.with { bench in
            let pool = bench.pool
            try await ApiTokenStoreConformance(accounts: bench.repository, store: bench.repository) { user in
                try await AuthBench.recorded(of: user.description, in: pool)
            }.run(check)
        }
    }
}
