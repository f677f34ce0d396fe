import AuthApplication
import AuthTesting
import Chronology
import CloudEvents
import Contracts
import GRPC
import Postgres
import Secrets
import ServiceRuntime
import Testing

private let newPassword = "a quite different sentence"

@Suite(.timeLimit(.minutes(5))) struct PasswordTests {
    private func change(_ bench: AuthBench, _ tokens: Contracts.Tokens, current: String = AuthBench.password)
        async throws
    {
        _ = try await bench.passwords.changePassword(
            ChangePasswordRequest(currentPassword: current, newPassword: newPassword),
            metadata: bench.caller(tokens), timeout: patience)
    }

    private func reset(_ bench: AuthBench, _ token: String, to password: String = newPassword) async throws {
        _ = try await bench.passwords.resetPassword(
            ResetPasswordRequest(token: token, newPassword: password), timeout: patience)
    }

    @Test func aChangeKeepsTheSessionThatDidIt() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            let mine = try await bench.logIn("ada@example.org")
            let others = [try await bench.logIn("ada@example.org"), try await bench.logIn("ada@example.org")]
            try await change(bench, mine)
            for other in others {
                #expect(await problem { _ = try await bench.refresh(other.refreshToken) }?.status == 401)
            }
            _ = try await bench.refresh(mine.refreshToken)
            let events = try await bench.events(of: user.id).suffix(2)
            let revoked = try SessionsRevokedV1(decoding: try #require(events.first?.jsonData))
            #expect(Set(revoked.sessionIDs) == Set(others.map(\.sessionID)) && revoked.reason == "revoked")
            let changed = try PasswordChangedV1(decoding: try #require(events.last?.jsonData))
            #expect(changed.method == "change" && changed.userID == user.id)
            #expect(events.map(\.sequence) == [6, 7])
            #expect(await problem { _ = try await bench.logIn("ada@example.org") }?.code == "invalid_credentials")
            _ = try await bench.logIn("ada@example.org", newPassword)
        }
    }

    @Test func aWrongCurrentPasswordChangesNothing() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            let tokens = try await bench.logIn("ada@example.org")
            let refused = await problem { try await change(bench, tokens, current: "wrong password") }
            #expect(refused?.status == 403 && refused?.code == "wrong_password")
            #expect(try await bench.names(of: user.id).count == 3)
            _ = try await bench.logIn("ada@example.org")
        }
    }

    @Test func ofChangesAtATimeOneSucceeds() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            let tokens = try await bench.logIn("ada@example.org")
            let outcomes = try await concurrently(4) { number in
                do {
                    _ = try await bench.passwords.changePassword(
                        ChangePasswordRequest(
                            currentPassword: AuthBench.password, newPassword: "\(newPassword) \(number)"),
                        metadata: bench.caller(tokens), timeout: patience)
                    return true
                } catch let status as GRPCStatus where status.code == .permissionDenied {
                    return false
                }
            }
            #expect(outcomes.count(where: \.self) == 1)
            #expect(try await bench.names(of: user.id).filter { $0 == "auth.password_changed" }.count == 1)
        }
    }

    @Test func theTokenOfTheMailResetsOnce() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            let tokens = try await bench.logIn("ada@example.org")
            let token = try await bench.resetToken(of: user.id, "ADA@example.org")
            let second = try await bench.resetToken(of: user.id, "ada@example.org")
            let weak = await problem { try await reset(bench, token, to: "short") }
            #expect(weak?.errors.map { "\($0.field) \($0.code)" } == ["new_password too_short"])
            try await reset(bench, token)
            // The other mail is of no use any more either.
            for used in [token, second] {
                let again = await problem { try await reset(bench, used) }
                #expect(again?.status == 400 && again?.code == "invalid_token")
            }
            #expect(await problem { _ = try await bench.refresh(tokens.refreshToken) }?.status == 401)
            let changed = try #require(try await bench.events(of: user.id).last)
            #expect(try PasswordChangedV1(decoding: try #require(changed.jsonData)).method == "reset")
            _ = try await bench.logIn("ada@example.org", newPassword)
        }
    }

    @Test func ofResetsAtATimeOneSucceeds() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            let token = try await bench.resetToken(of: user.id, "ada@example.org")
            let outcomes = try await concurrently(8) { number in
                do {
                    try await reset(bench, token, to: "\(newPassword) \(number)")
                    return true
                } catch let status as GRPCStatus where status.code == .invalidArgument {
                    return false
                }
            }
            #expect(outcomes.count(where: \.self) == 1)
            #expect(try await bench.names(of: user.id).filter { $0 == "auth.password_changed" }.count == 1)
        }
    }

    /// A sign-in that was on its way when the password changed does not outlive the change.
    @Test func anOldPasswordOpensNoSessionAfterTheChange() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register("ada@example.org")
            let tokens = try await bench.logIn("ada@example.org")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        do {
                            _ = try await bench.logIn("ada@example.org", device: "d\(number)")
                        } catch let status as GRPCStatus where status.code == .unauthenticated {}
                    }
                }
                group.addTask { try await change(bench, tokens) }
                try await group.waitForAll()
            }
            let left = try await bench.client.listSessions(
                ListSessionsRequest(), metadata: bench.caller(tokens), timeout: patience
            ).message
            #expect(left.data.map(\.id) == [tokens.sessionID])
        }
    }

    @Test func aHashOfAnotherCostIsReplacedAtTheNextSignIn() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            let old = try PasswordHasher(parameters: .init(memory: 128, passes: 2)).hash(AuthBench.password)
            try await bench.pool.query("UPDATE credentials SET password_hash = \(old)")
            let stored: PostgresQuery = "SELECT password_hash FROM credentials"
            #expect(await problem { _ = try await bench.logIn("ada@example.org", "wrong password") }?.status == 401)
            #expect(try await bench.pool.query(stored).first(as: String.self) == old)
            _ = try await bench.logIn("ada@example.org")
            let new = try await bench.pool.query(stored).first(as: String.self)
            #expect(new.hasPrefix("$argon2id$v=19$m=64,t=1,p=1$"))
            _ = try await bench.logIn("ada@example.org")
            #expect(try await bench.pool.query(stored).first(as: String.self) == new)
            #expect(try await !bench.names(of: user.id).contains("auth.password_changed"))
        }
    }

    @Test func aCommonPasswordIsRefusedWhereverOneIsChosen() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("marguerite@example.org").message
            let tokens = try await bench.logIn("marguerite@example.org")
            let token = try await bench.resetToken(of: user.id, "marguerite@example.org")
            for (password, code) in [("Trustno1", "too_common"), ("Marguerite7", "equals_email")] {
                let refusals = [
                    await problem {
                        _ = try await bench.client.register(
                            RegisterRequest(
                                email: "marguerite@example.org", password: password, displayName: "Ada"),
                            timeout: patience)
                    },
                    await problem {
                        _ = try await bench.passwords.changePassword(
                            ChangePasswordRequest(currentPassword: AuthBench.password, newPassword: password),
                            metadata: bench.caller(tokens), timeout: patience)
                    },
                    await problem { try await reset(bench, token, to: password) },
                ]
                #expect(refusals.map { $0?.status } == [422, 422, 422])
                #expect(refusals.allSatisfy { $0?.errors.map(\.code) == [code] })
            }
        }
    }

    @Test func requestsKeepTheirCauseAndAreForgotten() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            for email in ["ada@example.org", "nobody@example.org"] {
                _ = try await bench.passwords.forgotPassword(
                    ForgotPasswordRequest(email: email), metadata: ["x-request-id": "request-7"], timeout: patience)
            }
            let count: PostgresQuery = "SELECT count(*) FROM address_requests"
            #expect(try await bench.pool.query(count).first(as: Int.self) == 2)
            try await bench.answerRequests()
            #expect(try await bench.pool.query(count).first(as: Int.self) == 0)
            let event = try #require(try await bench.events(of: user.id).last)
            #expect(event.type == PasswordResetRequestedV1.type && event.correlationID == "request-7")
            // Too old to be answered, but not to be swept away.
            _ = try await bench.passwords.forgotPassword(
                ForgotPasswordRequest(email: "ada@example.org"), timeout: patience)
            bench.clock.advance(by: .seconds(3601))
            try await bench.answerRequests()
            #expect(try await bench.events(of: user.id).count == 3)
            try await bench.repository.sweep(at: bench.clock.now())
            #expect(try await bench.pool.query(count).first(as: Int.self) == 0)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct RevocationTests {
    @Test func oneSessionEndsByItsIdentifier() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            _ = try await bench.register("eve@example.org")
            let (mine, other) = (try await bench.logIn("ada@example.org"), try await bench.logIn("ada@example.org"))
            let eve = try await bench.logIn("eve@example.org")
            for (caller, id) in [(eve, mine.sessionID), (mine, eve.sessionID), (mine, "x")] {
                let refused = await problem {
                    _ = try await bench.sessions.revokeSession(
                        RevokeSessionRequest(id: id), metadata: bench.caller(caller), timeout: patience)
                }
                #expect(refused?.status == 404 && refused?.code == "not_found")
            }
            _ = try await bench.sessions.revokeSession(
                RevokeSessionRequest(id: other.sessionID), metadata: bench.caller(mine), timeout: patience)
            #expect(await problem { _ = try await bench.refresh(other.refreshToken) }?.status == 401)
            _ = try await bench.refresh(mine.refreshToken)
            let event = try #require(try await bench.events(of: user.id).last)
            let payload = try SessionsRevokedV1(decoding: try #require(event.jsonData))
            #expect(payload.sessionIDs == [other.sessionID] && payload.reason == "revoked")
        }
    }

    @Test func allSessionsEndWithTheOneThatAsks() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register("ada@example.org").message
            let tokens = [try await bench.logIn("ada@example.org"), try await bench.logIn("ada@example.org")]
            for _ in 0..<2 {
                _ = try await bench.sessions.revokeSessions(
                    Empty(), metadata: bench.caller(tokens[0]), timeout: patience)
            }
            for token in tokens {
                #expect(await problem { _ = try await bench.refresh(token.refreshToken) }?.status == 401)
            }
            #expect(try await bench.names(of: user.id).filter { $0 == "auth.sessions_revoked" }.count == 1)
        }
    }

    @Test func bothNeedACaller() async throws {
        try await AuthBench.with { bench in
            for call: @Sendable () async throws -> Void in [
                { _ = try await bench.sessions.revokeSessions(Empty(), timeout: patience) },
                { _ = try await bench.sessions.revokeSession(RevokeSessionRequest(id: "x"), timeout: patience) },
                { _ = try await bench.passwords.changePassword(ChangePasswordRequest(), timeout: patience) },
            ] { #expect(await problem(call)?.code == "unauthenticated") }
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct PostgresPasswordStoreTests {
    @Test(arguments: PasswordStoreConformance.Check.allCases)
    func keepsWhatThePortsPromise(check: PasswordStoreConformance.Check) async throws {
        try await AuthBench.with { bench in
            let pool = bench.pool
            try await PasswordStoreConformance(bench.repository) { user in
                try await AuthBench.recorded(of: user.description, in: pool)
            }.run(check)
        }
    }
}
