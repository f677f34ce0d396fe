import AuthAPI
import AuthDomain
import AuthTesting
import Chronology
import CloudEvents
import Contracts
import GRPC
import Idempotency
import Postgres
import Secrets
import ServiceRuntime
import Testing

private let email = "ada@example.org"

/// What the gateway adds to a request with an `Idempotency-Key`.
private func keyed(_ key: String, _ fingerprint: String = "f", _ caller: GRPCMetadata = [:]) -> GRPCMetadata {
    var metadata = caller
    metadata[IdempotentCalls.keyMetadata] = key
    metadata[IdempotentCalls.fingerprintMetadata] = fingerprint
    return metadata
}

extension ContractReply {
    fileprivate var isReplayed: Bool { trailingMetadata[IdempotentCalls.replayedMetadata] == "true" }
}

extension AuthBench {
    fileprivate func refresh(_ token: String, _ metadata: GRPCMetadata) async throws -> ContractReply<Contracts.Tokens>
    {
        try await client.refresh(RefreshRequest(refreshToken: token), metadata: metadata, timeout: patience)
    }

    fileprivate func logIn(_ metadata: GRPCMetadata, _ password: String = password) async throws -> ContractReply<
        SignIn
    > {
        try await client.login(
            LoginRequest(email: email, password: password), metadata: metadata, timeout: patience)
    }

    fileprivate func count(_ query: PostgresQuery) async throws -> Int {
        try await pool.query(query).first(as: Int.self)
    }

    /// How often something was told of a user.
    fileprivate func count(of name: String, _ user: String) async throws -> Int {
        try await names(of: user).count { $0 == name }
    }

    fileprivate func ageReceipts(by interval: String) async throws {
        try await pool.query("UPDATE idempotency_keys SET created_at = now() - \(interval)::interval")
    }
}

/// A refresh whose answer was lost, with the key it was sent with and without.
@Suite(.timeLimit(.minutes(5))) struct RepeatedRefreshTests {
    @Test func aLostAnswerIsToldAgainLongAfterwards() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register(email).message
            let first = try await bench.logIn(email)
            let answer = try await bench.refresh(first.refreshToken, keyed("k"))
            bench.clock.advance(by: .seconds(3600))
            let again = try await bench.refresh(first.refreshToken, keyed("k"))
            #expect(!answer.isReplayed && again.isReplayed)
            #expect(try again.message.serialized() == answer.message.serialized())
            #expect(try await bench.count(of: "auth.sessions_revoked", user.id) == 0)
            _ = try await bench.refresh(answer.message.refreshToken)
        }
    }

    @Test(arguments: [nil, "another"]) func withoutItsKeyTheTokenIsACopy(key: String?) async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register(email).message
            let first = try await bench.logIn(email)
            let answer = try await bench.refresh(first.refreshToken, keyed("k"))
            bench.clock.advance(by: .seconds(11))
            let refused = await problem {
                _ = try await bench.refresh(first.refreshToken, key.map { keyed($0) } ?? [:])
            }
            #expect(refused?.code == "invalid_refresh_token")
            #expect(try await bench.count(of: "auth.sessions_revoked", user.id) == 1)
            // The answer is told again, and is worth nothing.
            let again = try await bench.refresh(first.refreshToken, keyed("k"))
            #expect(again.isReplayed && again.message == answer.message)
            #expect(await problem { _ = try await bench.refresh(answer.message.refreshToken) }?.status == 401)
        }
    }

    @Test func afterADayTheKeyIsForgottenAndTheTokenACopy() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register(email).message
            let first = try await bench.logIn(email)
            _ = try await bench.refresh(first.refreshToken, keyed("k"))
            bench.clock.advance(by: .seconds(11))
            try await bench.ageReceipts(by: "23 hours 59 minutes")
            #expect(try await bench.refresh(first.refreshToken, keyed("k")).isReplayed)
            try await bench.ageReceipts(by: "24 hours 1 second")
            let refused = await problem { _ = try await bench.refresh(first.refreshToken, keyed("k")) }
            #expect(refused?.code == "invalid_refresh_token")
            #expect(try await bench.count(of: "auth.sessions_revoked", user.id) == 1)
        }
    }

    @Test func ofManyAtATimeWithOneKeyOneGetsTheSuccessor() async throws {
        try await AuthBench.with { bench in
            bench.clock.stop()
            let user = try await bench.register(email).message
            let first = try await bench.logIn(email)
            let answers = try await concurrently(64) { _ in
                do {
                    return try await bench.refresh(first.refreshToken, keyed("k"))
                } catch let status as GRPCStatus where ProblemDetails(status).code == "idempotency_in_progress" {
                    return nil
                }
            }.compactMap(\.self)
            #expect(answers.count { !$0.isReplayed } == 1)
            let last = try await bench.refresh(first.refreshToken, keyed("k"))
            #expect(try answers.allSatisfy { try $0.message.serialized() == last.message.serialized() })
            let stored = try await bench.pool.query(
                "SELECT count(*), count(replaced_at), max(generation) FROM refresh_tokens"
            ).first(as: Int.self, Int.self, Int.self)
            #expect(stored == (2, 1, 2))
            _ = try await bench.refresh(last.message.refreshToken)
            #expect(try await bench.count(of: "auth.sessions_revoked", user.id) == 0)
        }
    }

    /// The first call runs in another process, which is to be seen by its transaction alone. That is rolled back, as by a
    /// crash: the key is free.
    @Test func aCallThatRunsElsewhereIsSeen() async throws {
        try await AuthBench.with { bench in
            bench.clock.stop()
            _ = try await bench.register(email)
            let token = try await bench.logIn(email).refreshToken
            let answer = try await bench.refresh(token, keyed("k"))
            let kept = try await bench.pool.query("DELETE FROM idempotency_keys RETURNING user_id, key, fingerprint")
                .first(as: UUIDv7.self, String.self, String.self)
            let receipt = IdempotencyReceipt(
                key: IdempotencyKey(userID: kept.0, key: kept.1, fingerprint: kept.2), answer: [])
            struct Crash: Error {}
            await #expect(throws: Crash.self) {
                try await bench.pool.withTransaction { transaction in
                    try await transaction.query(IdempotencyRecords.insert(receipt))
                    let refused = await problem { _ = try await bench.refresh(token, keyed("k")) }
                    #expect(refused?.code == "idempotency_in_progress" && refused?.retryAfter == 1)
                    throw Crash()
                }
            }
            let again = try await bench.refresh(token, keyed("k"))
            #expect(!again.isReplayed && again.message.refreshToken == answer.message.refreshToken)
        }
    }
}

/// Sign-ins and what else is asked for without an access token.
@Suite(.timeLimit(.minutes(5))) struct RepeatedSignInTests {
    @Test func aRepeatedSignInIsOneSession() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register(email).message
            let first = try await bench.logIn(keyed("k"))
            let again = try await bench.logIn(keyed("k"))
            #expect(!first.isReplayed && again.isReplayed && again.message == first.message)
            #expect(try await bench.count("SELECT count(*) FROM sessions") == 1)
            #expect(try await bench.count(of: "auth.user_logged_in", user.id) == 1)
            let other = await problem { _ = try await bench.logIn(keyed("k", "f2")) }
            #expect(other?.status == 422 && other?.code == "idempotency_key_reused")

            // The answer outlives the session, whose tokens are refused.
            let tokens = try bench.tokens(of: first.message)
            _ = try await bench.client.logout(Empty(), metadata: bench.caller(tokens), timeout: patience)
            #expect(try await bench.logIn(keyed("k")).message == first.message)
            #expect(await problem { _ = try await bench.refresh(tokens.refreshToken) }?.status == 401)
        }
    }

    /// Who does not know the password learns nothing of the keys of who does, and every guess counts.
    @Test func aKeyIsNoWayToGuess() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register(email)
            let first = try await bench.logIn(keyed("k"))
            bench.clock.stop()
            let elsewhere: GRPCMetadata = [AuthAPI.addressMetadata: "198.51.100.9"]
            let hashes = bench.counted.hashes
            for fingerprint in ["f", "f2"] {
                let refused = await problem {
                    _ = try await bench.logIn(keyed("k", fingerprint, elsewhere), "wrong password")
                }
                #expect(refused?.code == "invalid_credentials")
            }
            #expect(bench.counted.hashes == hashes + 2)
            for _ in 2..<AttemptLimit.account.free {
                _ = await problem { _ = try await bench.logIn(keyed("k", "f", elsewhere), "wrong password") }
            }
            // Not even the request that had succeeded is told from a guess then.
            for password in ["wrong password", AuthBench.password] {
                let refused = await problem { _ = try await bench.logIn(keyed("k", "f", elsewhere), password) }
                #expect(refused?.code == "too_many_attempts")
            }
            bench.clock.advance(by: .seconds(60))
            #expect(try await bench.logIn(keyed("k", "f", elsewhere)).message == first.message)
        }
    }

    @Test func theSecondFactorIsAskedForAndPassedOnce() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register(email).message
            let codes = try await bench.enrol(bench.logIn(email)).codes
            let asked = try await bench.logIn(keyed("k"))
            let again = try await bench.logIn(keyed("k"))
            #expect(again.isReplayed && again.message == asked.message && asked.message.mfaRequired == true)
            let challenge = try #require(asked.message.mfaChallenge)
            let pass = { (code: String, fingerprint: String) in
                try await bench.mfa.completeLogin(
                    MfaLoginRequest(mfaChallenge: challenge, code: code), metadata: keyed("k", fingerprint),
                    timeout: patience)
            }
            let logins = try await bench.count(of: "auth.user_logged_in", user.id)
            #expect(await problem { _ = try await pass("AAAAA-AAAAA", "f0") }?.status == 401)
            let passed = try await pass(codes[0], "f")
            let repeated = try await pass(codes[0], "f")
            #expect(!passed.isReplayed && repeated.isReplayed && repeated.message == passed.message)
            #expect(try await bench.count(of: "auth.user_logged_in", user.id) == logins + 1)

            // Whoever has the challenge and the key may not try codes out until the answer is told.
            bench.clock.stop()
            for number in 0..<AttemptLimit.account.free {
                #expect(await problem { _ = try await pass("x", "f\(number)x") }?.code == "idempotency_key_reused")
            }
            for fingerprint in ["fx", "f"] {
                #expect(await problem { _ = try await pass("x", fingerprint) }?.code == "too_many_attempts")
            }
            bench.clock.advance(by: .seconds(60))
            #expect(try await pass(codes[0], "f").message == passed.message)
        }
    }

    @Test(arguments: [email, "nobody@example.org"]) func oneRequestOfAnAddressWaits(address: String) async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register(email)
            for _ in 0..<3 {
                _ = try await bench.client.resendVerification(
                    ResendVerificationRequest(email: address), metadata: keyed("a"), timeout: patience)
                _ = try await bench.passwords.forgotPassword(
                    ForgotPasswordRequest(email: address), metadata: keyed("b"), timeout: patience)
            }
            #expect(try await bench.count("SELECT count(*) FROM address_requests") == 2)
            let other = await problem {
                _ = try await bench.passwords.forgotPassword(
                    ForgotPasswordRequest(email: address), metadata: keyed("b", "f2"), timeout: patience)
            }
            #expect(other?.code == "idempotency_key_reused")
        }
    }

    @Test func aOneTimeTokenIsUsedOnceAndAnsweredAgain() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register(email).message
            let verify = VerifyEmailRequest(token: try await bench.verificationToken(of: user.id))
            let verified = try await (0..<2).asyncMap { _ in
                try await bench.client.verifyEmail(verify, metadata: keyed("k"), timeout: patience).isReplayed
            }
            #expect(verified == [false, true])
            #expect(try await bench.count(of: "auth.email_verified", user.id) == 1)
            let token = try await bench.resetToken(of: user.id, email)
            let reset = ResetPasswordRequest(token: token, newPassword: "another long passphrase")
            let wasReset = try await (0..<2).asyncMap { _ in
                try await bench.passwords.resetPassword(reset, metadata: keyed("k"), timeout: patience).isReplayed
            }
            #expect(wasReset == [false, true])
            #expect(try await bench.count(of: "auth.password_changed", user.id) == 1)
            // Without the key both tokens are used up.
            #expect(await problem { _ = try await bench.client.verifyEmail(verify, timeout: patience) }?.status == 400)
            #expect(
                await problem { _ = try await bench.passwords.resetPassword(reset, timeout: patience) }?.status == 400)
        }
    }
}

/// What the signed-in ask for.
@Suite(.timeLimit(.minutes(5))) struct RepeatedChangeTests {
    @Test func aPasswordIsChangedOnce() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register(email).message
            let caller = try await bench.caller(bench.logIn(email))
            let change = ChangePasswordRequest(
                currentPassword: AuthBench.password, newPassword: "another long passphrase")
            let hashes = bench.counted.hashes
            var replayed: [Bool] = []
            for _ in 0..<3 {
                replayed.append(
                    try await bench.passwords.changePassword(
                        change, metadata: keyed("k", "f", caller), timeout: patience
                    ).isReplayed)
            }
            #expect(replayed == [false, true, true] && bench.counted.hashes == hashes + 2)
            #expect(try await bench.count(of: "auth.password_changed", user.id) == 1)
            #expect(
                await problem {
                    _ = try await bench.passwords.changePassword(
                        change, metadata: caller, timeout: patience)
                }?.code == "wrong_password")
        }
    }

    @Test func sessionsEndOnce() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register(email).message
            let other = try await bench.logIn(email)
            let caller = try await bench.caller(bench.logIn(email))
            var replayed: [Bool] = []
            for _ in 0..<2 {
                replayed.append(
                    try await bench.sessions.revokeSession(
                        RevokeSessionRequest(id: other.sessionID), metadata: keyed("one", "f", caller),
                        timeout: patience
                    ).isReplayed)
            }
            for _ in 0..<2 {
                replayed.append(
                    try await bench.sessions.revokeSessions(
                        Empty(), metadata: keyed("all", "f", caller), timeout: patience
                    ).isReplayed)
            }
            #expect(replayed == [false, true, false, true])
            #expect(try await bench.count(of: "auth.sessions_revoked", user.id) == 2)
            let reused = await problem {
                _ = try await bench.client.logout(Empty(), metadata: keyed("all", "f2", caller), timeout: patience)
            }
            #expect(reused?.code == "idempotency_key_reused")
        }
    }

    @Test func anAccountIsChangedOnce() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register(email).message
            let root = try await bench.administrator()
            let lock = UpdateUserRequest(id: user.id, status: "locked")
            let locked = try await bench.admin.updateUser(lock, metadata: keyed("k", "f", root), timeout: patience)
            _ = try await bench.admin.updateUser(
                UpdateUserRequest(id: user.id, status: "active"), metadata: root, timeout: patience)
            let again = try await bench.admin.updateUser(lock, metadata: keyed("k", "f", root), timeout: patience)
            #expect(again.isReplayed && again.message == locked.message && locked.message.status == "locked")
            let now = try await bench.admin.getUser(GetUserRequest(id: user.id), metadata: root, timeout: patience)
            #expect(now.message.status == "active")
            // Whoever has taken their own role away hears of it too.
            var ended = keyed("k", "f", root)
            ended[Caller.endedMetadata] = "true"
            #expect(try await bench.admin.updateUser(lock, metadata: ended, timeout: patience).isReplayed)
        }
    }

    /// A stolen access token and a guessed key do not help to find the password out.
    @Test func requestsThatHoldAPasswordAreComparedSeldom() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register(email)
            let caller = try await bench.caller(bench.logIn(email))
            let begin = { (fingerprint: String?) in
                try await bench.mfa.beginTotp(
                    PasswordProof(password: AuthBench.password),
                    metadata: fingerprint.map { keyed("k", $0, caller) } ?? caller, timeout: patience)
            }
            let secret = try await begin("f").message
            bench.clock.stop()
            for number in 0..<AttemptLimit.account.free {
                #expect(await problem { _ = try await begin("f\(number)") }?.code == "idempotency_key_reused")
            }
            // They counted as wrong passwords: the right one has to wait too.
            for fingerprint in ["f", "f9", nil] {
                #expect(await problem { _ = try await begin(fingerprint) }?.code == "too_many_attempts")
            }
            bench.clock.advance(by: .seconds(60))
            #expect(try await begin("f").message == secret)
        }
    }

    @Test func theSecondFactorIsRemovedOnce() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register(email).message
            let tokens = try await bench.logIn(email)
            _ = try await bench.enrol(tokens)
            let caller = try bench.caller(tokens)
            let remove = {
                try await bench.mfa.removeTotp(
                    PasswordProof(password: AuthBench.password), metadata: keyed("k", "f", caller), timeout: patience
                ).isReplayed
            }
            #expect(try await remove() == false)
            #expect(try await remove() == true)
            #expect(try await bench.count(of: "auth.mfa_changed", user.id) == 2)
        }
    }

    /// What ended the caller's access can be told again, by the access token of before; nothing can be done by it.
    @Test func theEndOfAccessIsToldAgain() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register(email).message
            let tokens = try await bench.logIn(email)
            let caller = try bench.caller(tokens)
            var ended = caller
            ended[Caller.endedMetadata] = "true"
            let logout = { (metadata: GRPCMetadata) in
                try await bench.client.logout(Empty(), metadata: metadata, timeout: patience).isReplayed
            }
            #expect(await problem { _ = try await logout(ended) }?.status == 401)
            #expect(await problem { _ = try await logout(keyed("k", "f", ended)) }?.status == 401)
            #expect(try await bench.count(of: "auth.sessions_revoked", user.id) == 0)
            #expect(try await logout(keyed("k", "f", caller)) == false)
            #expect(try await logout(keyed("k", "f", ended)) == true)
            #expect(await problem { _ = try await logout(keyed("k", "f2", ended)) }?.status == 422)
            let profile = keyed("p", "f", caller)
            let update = { (metadata: GRPCMetadata) in
                try await bench.users.updateMe(
                    UpdateMeRequest(displayName: "Eve"), metadata: metadata, timeout: patience)
            }
            _ = try await update(profile)
            var late = profile
            late[Caller.endedMetadata] = "true"
            #expect(await problem { _ = try await update(late) }?.status == 401)
        }
    }

    /// Neither the table nor the table with the service's key tells what was answered, or to what.
    @Test func whatIsKeptTellsNothing() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register(email, metadata: keyed("client-key-1")).message
            let signIn = try await bench.logIn(keyed("client-key-2")).message
            let first = try bench.tokens(of: signIn)
            let tokens = try await bench.refresh(first.refreshToken, keyed("client-key-3")).message
            _ = try await bench.passwords.forgotPassword(
                ForgotPasswordRequest(email: email), metadata: keyed("client-key-4"), timeout: patience)
            let rows = try await bench.pool.query("SELECT key, fingerprint, answer FROM idempotency_keys").map {
                try $0.decode(String.self, String.self, [UInt8].self)
            }
            #expect(rows.count == 4 && rows.allSatisfy { $0.0.utf8.count == 64 && $0.1.utf8.count == 64 })
            let secrets = [
                user.id, email, tokens.sessionID, String(tokens.refreshToken.prefix(30)),
                String(tokens.accessToken.prefix(30)),
            ].map { Array($0.utf8) }
            #expect(rows.allSatisfy { row in secrets.allSatisfy { row.2.firstRange(of: $0) == nil } })
            // An answer is bound to its key and request: moved to another, nobody can open it.
            try await bench.pool.query(
                """
                UPDATE idempotency_keys SET answer = (SELECT answer FROM idempotency_keys WHERE user_id = \(
                    try UUIDv7(parsing: user.id)))
                """)
            #expect(
                await problem { _ = try await bench.refresh(first.refreshToken, keyed("client-key-3")) }?.status == 500)
            #expect(try await bench.logIn(keyed("client-key-2")).message == signIn)
        }
    }
}

extension Range<Int> {
    /// One after the other.
    fileprivate func asyncMap<T>(_ body: (Int) async throws -> T) async throws -> [T] {
        var values: [T] = []
        for number in self { values.append(try await body(number)) }
        return values
    }
}
