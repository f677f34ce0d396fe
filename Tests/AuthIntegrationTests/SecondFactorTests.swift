import AuthTesting
import Chronology
import CloudEvents
import Contracts
import GRPC
import Postgres
import ServiceRuntime
import Testing

@Suite(.timeLimit(.minutes(5))) struct SecondFactorTests {
    private static let email = "ada@example.org"

    @Test func noTokenExistsBeforeTheCode() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register(Self.email).message
            let first = try await bench.logIn(Self.email)
            let (secret, codes, _) = try await bench.enrol(first)
            #expect(secret.utf8.count == 32 && Set(codes).count == 10)
            #expect(codes.allSatisfy { $0.utf8.count == 19 })
            let sessions = try await bench.pool.query("SELECT count(*) FROM sessions").first(as: Int.self)
            let challenge = try await bench.challenge()
            #expect(try await bench.pool.query("SELECT count(*) FROM sessions").first(as: Int.self) == sessions)
            #expect(try await bench.pool.query("SELECT count(*) FROM refresh_tokens").first(as: Int.self) == 1)
            // The challenge is no token of another kind either.
            #expect(await problem { _ = try await bench.refresh(challenge) }?.code == "invalid_refresh_token")

            bench.clock.advance(by: .seconds(30))
            let tokens = try await bench.complete(challenge, bench.code(secret))
            let me = try await bench.client.getMe(Empty(), metadata: bench.caller(tokens), timeout: patience).message
            #expect(me.mfaEnabled && me.id == user.id && me.version == 2)
            _ = try await bench.refresh(tokens.refreshToken)
            #expect(
                try await bench.names(of: user.id).dropFirst(2) == [
                    "auth.user_logged_in", "auth.mfa_changed", "auth.user_logged_in",
                ])
        }
    }

    @Test func theURISetsAnAuthenticatorUp() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register("ada+florin@example.org")
            let caller = try bench.caller(try await bench.logIn("ada+florin@example.org"))
            let proof = PasswordProof(password: AuthBench.password)
            let answer = try await bench.mfa.beginTotp(proof, metadata: caller, timeout: patience).message
            #expect(
                answer.otpauthUri
                    == "otpauth://totp/Florin:ada%2Bflorin%40example.org?secret=\(answer.secret)&issuer=Florin"
                    + "&algorithm=SHA1&digits=6&period=30")
        }
    }

    @Test func aCodeWorksOnce() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register(Self.email)
            let (secret, _, first) = try await bench.enrol(bench.logIn(Self.email))
            let used = await problem { _ = try await bench.complete(bench.challenge(), first) }
            #expect(used?.status == 401 && used?.code == "invalid_mfa_code")
            bench.clock.advance(by: .seconds(30))
            let code = try bench.code(secret)
            let challenges = try await concurrently(4) { _ in try await bench.challenge() }
            let outcomes = try await concurrently(4) { number -> String? in
                do {
                    return try await bench.complete(challenges[number], code).accessToken
                } catch let status as GRPCStatus {
                    #expect(ProblemDetails(status).code == "invalid_mfa_code")
                    return nil
                }
            }
            #expect(outcomes.compactMap(\.self).count == 1)
        }
    }

    @Test func aRecoveryCodeWorksOnceAndIsToldOf() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register(Self.email).message
            let (_, codes, _) = try await bench.enrol(bench.logIn(Self.email))
            _ = try await bench.complete(bench.challenge(), codes[3].uppercased())
            let event = try #require(try await bench.events(of: user.id).last)
            let payload = try MfaChangedV1(decoding: try #require(event.jsonData))
            #expect(payload.change == "recovery_code_used" && payload.userID == user.id)
            let again = await problem { _ = try await bench.complete(bench.challenge(), codes[3]) }
            #expect(again?.code == "invalid_mfa_code")
            _ = try await bench.complete(bench.challenge(), codes[4])
        }
    }

    @Test func guessingEnds() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register(Self.email)
            let (secret, codes, _) = try await bench.enrol(bench.logIn(Self.email))
            bench.clock.advance(by: .seconds(30))
            let right = try bench.code(secret)
            let wrong = right == "000000" ? "000001" : "000000"
            let challenge = try await bench.challenge()
            for _ in 0..<5 {
                #expect(await problem { _ = try await bench.complete(challenge, wrong) }?.code == "invalid_mfa_code")
            }
            let over = await problem { _ = try await bench.complete(challenge, right) }
            #expect(over?.status == 401 && over?.code == "invalid_mfa_challenge")
            let blocked = await problem { _ = try await bench.complete(bench.challenge(), right) }
            #expect(blocked?.status == 429 && blocked?.code == "too_many_attempts")
            #expect((1...31).contains(blocked?.retryAfter ?? 0))
            // Whoever has a recovery code is not locked out by guesses of others.
            _ = try await bench.complete(bench.challenge(), codes[0])
            // Of this moment: on a slow machine the first may be too old by now.
            _ = try await bench.complete(bench.challenge(), bench.code(secret))
        }
    }

    @Test func manyGuessesAtATimeGetNoFurther() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register(Self.email)
            _ = try await bench.enrol(bench.logIn(Self.email))
            let challenges = try await concurrently(4) { _ in try await bench.challenge() }
            let codes = try await concurrently(60) { number in
                await problem {
                    _ = try await bench.complete(challenges[number % 4], "00000\(number % 10)")
                }?.code
            }
            #expect(codes.count { $0 == "invalid_mfa_code" } <= 5)
            let failures = try await bench.pool.query("SELECT failures FROM totp_factors").first(as: Int.self)
            #expect(failures <= 5)
        }
    }

    @Test func aChallengeEnds() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register(Self.email)
            let (secret, _, _) = try await bench.enrol(bench.logIn(Self.email))
            let late = try await bench.challenge()
            bench.clock.advance(by: .seconds(300))
            for challenge in [late, late + "x", "AAAA", String(repeating: "A", count: 43)] {
                let refused = await problem { _ = try await bench.complete(challenge, bench.code(secret)) }
                #expect(refused?.status == 401 && refused?.code == "invalid_mfa_challenge")
            }
            try await bench.repository.sweep(at: bench.clock.now())
            #expect(try await bench.pool.query("SELECT count(*) FROM mfa_challenges").first(as: Int.self) == 0)
        }
    }

    @Test func aChangedPasswordEndsWhatWaits() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register(Self.email)
            let tokens = try await bench.logIn(Self.email)
            let (secret, _, _) = try await bench.enrol(tokens)
            let challenge = try await bench.challenge()
            bench.clock.advance(by: .seconds(30))
            _ = try await bench.passwords.changePassword(
                ChangePasswordRequest(currentPassword: AuthBench.password, newPassword: "a quite different one"),
                metadata: bench.caller(tokens), timeout: patience)
            let refused = await problem { _ = try await bench.complete(challenge, bench.code(secret)) }
            #expect(refused?.code == "invalid_mfa_challenge")
        }
    }

    @Test func aResetPasswordDoesNotTurnItOff() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register(Self.email).message
            _ = try await bench.enrol(bench.logIn(Self.email))
            let token = try await bench.resetToken(of: user.id, Self.email)
            _ = try await bench.passwords.resetPassword(
                ResetPasswordRequest(token: token, newPassword: "a quite different one"), timeout: patience)
            let signIn = try await bench.client.login(
                LoginRequest(email: Self.email, password: "a quite different one"), timeout: patience
            ).message
            #expect(signIn.mfaRequired == true && signIn.accessToken == nil)
        }
    }

    @Test func changesNeedThePassword() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register(Self.email).message
            let tokens = try await bench.logIn(Self.email)
            let caller = try bench.caller(tokens)
            let (right, wrong) = (PasswordProof(password: AuthBench.password), PasswordProof(password: "wrong one"))
            #expect(
                await problem { _ = try await bench.mfa.beginTotp(wrong, metadata: caller, timeout: patience) }?.code
                    == "wrong_password")
            for call: @Sendable () async throws -> Void in [
                { _ = try await bench.mfa.removeTotp(right, metadata: caller, timeout: patience) },
                { _ = try await bench.mfa.replaceRecoveryCodes(right, metadata: caller, timeout: patience) },
            ] { #expect(await problem(call)?.code == "mfa_not_enabled") }
            let (_, old, _) = try await bench.enrol(tokens)
            #expect(
                await problem { _ = try await bench.mfa.beginTotp(right, metadata: caller, timeout: patience) }?.code
                    == "mfa_enabled")
            for call: @Sendable () async throws -> Void in [
                { _ = try await bench.mfa.removeTotp(wrong, metadata: caller, timeout: patience) },
                { _ = try await bench.mfa.replaceRecoveryCodes(wrong, metadata: caller, timeout: patience) },
            ] { #expect(await problem(call)?.code == "wrong_password") }

            let new = try await bench.mfa.replaceRecoveryCodes(right, metadata: caller, timeout: patience).message.codes
            let refused = await problem { _ = try await bench.complete(bench.challenge(), old[0]) }
            #expect(refused?.code == "invalid_mfa_code")
            _ = try await bench.complete(bench.challenge(), new[0])
            _ = try await bench.mfa.removeTotp(right, metadata: caller, timeout: patience)
            _ = try await bench.logIn(Self.email)
            let changes = try await bench.events(of: user.id).filter { $0.type == MfaChangedV1.type }.map { event in
                try MfaChangedV1(decoding: event.jsonData ?? []).change
            }
            #expect(changes == ["enabled", "recovery_codes_replaced", "recovery_code_used", "disabled"])
        }
    }

    @Test func turningOnNeedsTheCodeOfTheSecretThatWaits() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register(Self.email)
            let caller = try bench.caller(try await bench.logIn(Self.email))
            func confirm(_ code: String) async -> ProblemDetails? {
                await problem {
                    _ = try await bench.mfa.confirmTotp(
                        TotpConfirmation(code: code), metadata: caller, timeout: patience)
                }
            }
            #expect(await confirm("123456")?.code == "mfa_not_begun")
            let proof = PasswordProof(password: AuthBench.password)
            let secret = try await bench.mfa.beginTotp(proof, metadata: caller, timeout: patience).message.secret
            let wrong = try bench.code(secret) == "000000" ? "000001" : "000000"
            #expect(await confirm(wrong)?.errors.map { "\($0.field) \($0.code)" } == ["code wrong_code"])
            #expect(await confirm("")?.errors.map { "\($0.field) \($0.code)" } == ["code required"])
            bench.clock.advance(by: .seconds(900))
            #expect(await confirm(try bench.code(secret))?.code == "mfa_not_begun")
        }
    }

    @Test func aRepeatedRequestGetsTheSameSecretsWhichAreKeptSealed() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register(Self.email)
            var caller = try bench.caller(try await bench.logIn(Self.email))
            let proof = PasswordProof(password: AuthBench.password)
            caller[IdempotentCalls.keyMetadata] = "k1"
            caller[IdempotentCalls.fingerprintMetadata] = "aa"
            let first = try await bench.mfa.beginTotp(proof, metadata: caller, timeout: patience)
            let again = try await bench.mfa.beginTotp(proof, metadata: caller, timeout: patience)
            #expect(first.message == again.message)
            #expect(again.trailingMetadata[IdempotentCalls.replayedMetadata] == "true")
            let kept = try await bench.pool.query("SELECT answer, fingerprint FROM idempotency_keys").first(
                as: [UInt8].self, String.self)
            #expect(kept.0.firstRange(of: Array(first.message.secret.utf8)) == nil && kept.1 != "aa")
            caller[IdempotentCalls.fingerprintMetadata] = "bb"
            let other = await problem { _ = try await bench.mfa.beginTotp(proof, metadata: caller, timeout: patience) }
            #expect(other?.code == "idempotency_key_reused")
        }
    }

    @Test func secretsAndCodesAreNotStored() async throws {
        try await AuthBench.with { bench in
            _ = try await bench.register(Self.email)
            let (secret, codes, _) = try await bench.enrol(bench.logIn(Self.email))
            let challenge = try await bench.challenge()
            let bytes = try Base32Reader.decode(secret)
            let sealed = try await bench.pool.query("SELECT sealed_secret FROM totp_factors").first(as: [UInt8].self)
            #expect(sealed.count == bytes.count + 40 && sealed.firstRange(of: bytes) == nil)
            let dump = try await bench.pool.query(
                """
                SELECT string_agg(encode(digest, 'escape'), ' ') FROM
                    (SELECT digest FROM recovery_codes UNION ALL SELECT digest FROM mfa_challenges) AS kept
                """
            ).first(as: String.self)
            #expect(codes.allSatisfy { !dump.contains($0.prefix(9)) } && !dump.contains(challenge.prefix(20)))
        }
    }

    @Test func apiTokensMayNotChangeIt() async throws {
        try await AuthBench.with { bench in
            let user = try await bench.register(Self.email).message
            let token = Caller(userID: try UUIDv7(parsing: user.id)).metadata
            let refused = await problem {
                _ = try await bench.mfa.beginTotp(
                    PasswordProof(password: AuthBench.password), metadata: token, timeout: patience)
            }
            #expect(refused?.status == 403 && refused?.code == "no_session")
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct PostgresMfaStoreTests {
    @Test(arguments: MfaStoreConformance.Check.allCases)
    func keepsWhatThePortPromises(check: MfaStoreConformance.Check) async throws {
        try await AuthBench.with { bench in
            let pool = bench.pool
            try await MfaStoreConformance(
                accounts: bench.repository, sessions: bench.repository, factors: bench.repository
            ) { user in try await AuthBench.recorded(of: user.description, in: pool) }.run(check)
        }
    }
}
