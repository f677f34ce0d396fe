import AuthAPI
import AuthApplication
import AuthInfrastructure
import AuthTesting
import Chronology
import Contracts
import EventLoop
import Foundation
import GRPC
import HTTPClient
import Observability
import Secrets
import ServiceRuntime
import Testing
import TestKit

/// Sign-in with ID tokens, at an issuer that is made of other people's software.
@Suite(.timeLimit(.minutes(5))) struct IdentityProviderTests {
    /// The service, and an issuer that it knows as `test`.
    private struct Setting {
        let bench: AuthBench
        let issuer: PythonIssuer
        let client: IdentityProviderServiceClient

        func signIn(_ token: String, nonce: String? = nil, provider: String = "test") async throws -> SignIn {
            try await client.signInWithIdToken(
                IdTokenRequest(provider: provider, idToken: token, nonce: nonce), timeout: patience
            ).message
        }

        /// The user of a token.
        func me(_ token: String, nonce: String? = nil) async throws -> Contracts.User {
            let tokens = try await bench.tokens(of: signIn(token, nonce: nonce))
            return try await bench.client.getMe(Empty(), metadata: bench.caller(tokens), timeout: patience).message
        }

        /// Why a token is refused.
        func refusal(
            _ token: String, nonce: String? = nil, provider: String = "test",
            sourceLocation: SourceLocation = #_sourceLocation
        ) async -> String? {
            await problem(sourceLocation: sourceLocation) {
                _ = try await signIn(token, nonce: nonce, provider: provider)
            }.map { "\($0.status) \($0.code)" }
        }
    }

    private func with(
        timeout: Duration = patience, _ body: (Setting) async throws -> Void
    ) async throws {
        try await PythonIssuer.running { issuer in
            try await AuthBench.with { bench in
                var configuration = HTTPClient.Configuration()
                configuration.timeout = timeout
                let http = HTTPClient(configuration)
                let mint = RandomTokenMint(
                    sealKey: bench.sealKey.publicKey,
                    masterKey: try MasterKey(base64: Base64.encode(randomBytes(32))))
                let opening = SessionOpening(
                    sessions: bench.repository, challenges: bench.repository, mint: mint, accessTokens: bench.keys,
                    clock: bench.clock)
                let providers = OpenIDProviders(
                    try OpenIDSettings.list("test \(issuer.url) florin-test; down http://127.0.0.1:1 florin-test"),
                    client: http, loop: bench.loop, clock: bench.clock, logger: .silent)
                let api = IdentityProvidersAPI(
                    signIn: SignInWithIDToken(
                        providers: providers, store: bench.repository, opening: opening, clock: bench.clock),
                    secrets: bench.secrets, logger: .silent)
                let server = GRPCServer(
                    loop: bench.loop, configuration: .init(address: .loopback(port: 0)),
                    services: [IdentityProviderServiceHandlers(api)], logger: .silent)
                let channel = GRPCChannel(loop: bench.loop, targets: [try await server.start()])
                let result: Result<Void, any Error>
                do {
                    result = .success(
                        try await body(
                            Setting(
                                bench: bench, issuer: issuer, client: IdentityProviderServiceClient(channel: channel))))
                } catch {
                    result = .failure(error)
                }
                await channel.shutdown()
                await server.shutdown(grace: .seconds(1))
                http.shutdown()
                try result.get()
            }
        }
    }

    // MARK: Whom a token is

    @Test func somebodyNewGetsAnAccountAndFindsItAgain() async throws {
        try await with { setting in
            let me = try await setting.me(setting.issuer.token())
            #expect(me.email == "ada@example.org" && me.displayName == "Ada Lovelace" && me.locale == "en-GB")
            #expect(me.emailVerified && me.roles == ["user"])
            #expect(
                try await setting.bench.names(of: me.id)
                    == ["auth.user_registered", "auth.email_verified", "auth.user_logged_in"])
            // The subject counts from now on, whatever the address.
            let moved = try setting.issuer.token(["email": "new@example.org", "email_verified": false])
            #expect(try await setting.me(moved).id == me.id)
            #expect(
                try await setting.me(setting.issuer.token(["sub": "subject-2", "email": "b@example.org"])).id != me.id)
            // There is no password to sign in with, and none that the account could be erased by.
            #expect(
                await problem { _ = try await setting.bench.logIn("ada@example.org") }?.code == "invalid_credentials")
            let caller = try await setting.bench.caller(
                setting.bench.tokens(of: setting.signIn(setting.issuer.token())))
            let refusal = await problem {
                _ = try await setting.bench.users.deleteMe(
                    DeleteMeRequest(password: "x"), metadata: caller, timeout: patience)
            }
            #expect(refusal?.status == 403 && refusal?.code == "no_password")
        }
    }

    @Test func aConfirmedAddressLeadsToItsAccount() async throws {
        try await with { setting in
            let user = try await setting.bench.register("Ada@Example.org").message
            // Nobody has shown yet that the account is of the owner of the address.
            #expect(try await setting.refusal(setting.issuer.token()) == "409 email_unconfirmed")
            _ = try await setting.bench.client.verifyEmail(
                VerifyEmailRequest(token: try await setting.bench.verificationToken(of: user.id)), timeout: patience)
            #expect(try await setting.me(setting.issuer.token()).id == user.id)
            _ = try await setting.bench.logIn("ada@example.org")
        }
    }

    @Test func anAddressThatTheIssuerDoesNotVouchForLeadsNowhere() async throws {
        try await with { setting in
            let user = try await setting.bench.register("ada@example.org").message
            _ = try await setting.bench.client.verifyEmail(
                VerifyEmailRequest(token: try await setting.bench.verificationToken(of: user.id)), timeout: patience)
            let vague: [[String: Any]] = [
                ["email_verified": false], ["email_verified": NSNull()], ["email": NSNull()], ["email": "no address"],
            ]
            for claims in vague {
                #expect(
                    try await setting.refusal(setting.issuer.token(claims)) == "403 email_not_verified", "\(claims)")
            }
            #expect(try await setting.bench.names(of: user.id).count == 3)
        }
    }

    @Test func manyFirstSignInsAtATimeAreOneUser() async throws {
        try await with { setting in
            let token = try setting.issuer.token()
            let ids = try await concurrently(12) { _ in try await setting.me(token).id }
            #expect(Set(ids).count == 1)
        }
    }

    @Test func aLockedAccountStaysLocked() async throws {
        try await with { setting in
            let me = try await setting.me(setting.issuer.token())
            try await setting.bench.pool.query("UPDATE users SET status = 'locked' WHERE id = \(me.id)::uuid")
            #expect(try await setting.refusal(setting.issuer.token()) == "403 account_locked")
        }
    }

    @Test func aSecondFactorIsAskedForHereToo() async throws {
        try await with { setting in
            let me = try await setting.me(setting.issuer.token())
            try await setting.bench.pool.query(
                """
                INSERT INTO totp_factors (user_id, sealed_secret, created_at, confirmed_at)
                VALUES (\(me.id)::uuid, '\\x00', now(), now())
                """)
            let answer = try await setting.signIn(setting.issuer.token())
            #expect(answer.mfaRequired == true && answer.mfaChallenge != nil)
            #expect(answer.accessToken == nil && answer.refreshToken == nil && answer.sessionID == nil)
        }
    }

    // MARK: Which tokens are believed

    @Test func forgedTokensAreRefused() async throws {
        try await with { setting in
            let now = Int(Date().timeIntervalSince1970)
            let forged: [[String: Any]] = [
                ["iss": "http://127.0.0.1:1"], ["iss": NSNull()], ["aud": "other"], ["aud": NSNull()],
                ["aud": ["florin-test", "other"]], ["exp": now - 120], ["exp": NSNull()], ["iat": now + 120],
                ["nbf": now + 120], ["sub": NSNull()], ["sub": ""], ["nonce": "n"],
            ]
            for claims in forged {
                #expect(try await setting.refusal(setting.issuer.token(claims)) == "401 invalid_id_token", "\(claims)")
            }
            for signer in ["stranger", "hmac", "none"] {
                #expect(
                    try await setting.refusal(setting.issuer.token(by: signer)) == "401 invalid_id_token", "\(signer)")
            }
            let sound = try setting.issuer.token()
            for token in ["x", "a.b.c", sound + "x", String(sound.dropLast(3)), ".." + sound] {
                #expect(await setting.refusal(token) == "401 invalid_id_token")
            }
            #expect(await setting.refusal(sound, provider: "nobody") == "404 not_found")
            #expect(await setting.refusal("") == "422 validation_failed")
            #expect(try await setting.bench.pool.query("SELECT count(*) FROM users").first(as: Int.self) == 0)
            _ = try await setting.signIn(sound)
        }
    }

    @Test func theNonceMustBeTheOneThatWasSent() async throws {
        try await with { setting in
            let token = try setting.issuer.token(["nonce": "n-1"])
            #expect(await setting.refusal(token, nonce: "n-2") == "401 invalid_id_token")
            #expect(try await setting.refusal(setting.issuer.token(), nonce: "n-1") == "401 invalid_id_token")
            _ = try await setting.signIn(token, nonce: "n-1")
        }
    }

    // MARK: The issuer

    @Test func keysThatAreReplacedAreFound() async throws {
        try await with { setting in
            let old = try setting.issuer.token()
            _ = try await setting.signIn(old)
            #expect(try setting.issuer.keyRequests() == 1)
            try setting.issuer.rotate()
            _ = try await setting.signIn(setting.issuer.token())
            #expect(try setting.issuer.keyRequests() == 2)
            // The old key is published no more.
            #expect(await setting.refusal(old) == "401 invalid_id_token")
            // Made-up names do not burden the issuer.
            for number in 0..<10 {
                let made = try setting.issuer.token(kid: "made-up-\(number)")
                #expect(await setting.refusal(made) == "401 invalid_id_token")
            }
            #expect(try setting.issuer.keyRequests() == 2)
        }
    }

    @Test func anIssuerThatIsDownIsNoFaultOfTheClient() async throws {
        try await with { setting in
            let token = try setting.issuer.token()
            #expect(await setting.refusal(token, provider: "down") == "503 identity_provider_unavailable")
            try setting.issuer.set("status", 500)
            #expect(await setting.refusal(token) == "503 identity_provider_unavailable")
            try setting.issuer.set("status", 200)
            try await eventually("the issuer is asked again") {
                do {
                    _ = try await setting.signIn(token)
                    return true
                } catch let status as GRPCStatus where status.code == .unavailable {
                    return false
                }
            }
            // Its keys are known now: tokens are believed although it does not answer.
            try setting.issuer.set("status", 500)
            _ = try await setting.signIn(token)
        }
    }

    @Test func aSlowIssuerIsNotWaitedForForLong() async throws {
        try await with(timeout: .milliseconds(300)) { setting in
            try setting.issuer.set("delay", 60)
            let began = ContinuousClock.now
            let token = try setting.issuer.token()
            #expect(await setting.refusal(token) == "503 identity_provider_unavailable")
            #expect(ContinuousClock.now - began < .seconds(30))
            // Somebody signs in by password meanwhile.
            _ = try await setting.bench.register("eve@example.org")
            _ = try await setting.bench.logIn("eve@example.org")
        }
    }

    @Test func discoveryMustNameTheIssuer() async throws {
        try await with { setting in
            try setting.issuer.set("issuer", "https://evil.example")
            let token = try setting.issuer.token()
            #expect(await setting.refusal(token) == "503 identity_provider_unavailable")
        }
    }

    @Test(arguments: IdentityStoreConformance.Check.allCases)
    func theStoreInPostgresKeepsItsPromises(check: IdentityStoreConformance.Check) async throws {
        try await AuthBench.with { bench in
            let pool = bench.pool
            try await IdentityStoreConformance(accounts: bench.repository, identities: bench.repository) { user in
                try await AuthBench.recorded(of: user.description, in: pool)
            }.run(check)
        }
    }
}

@Suite struct OpenIDSettingsTests {
    @Test func readsAList() throws {
        let list = try OpenIDSettings.list(
            " google https://accounts.google.com a,b ;corp https://id.corp.example florin https://id.corp.example/keys;"
        )
        #expect(
            list == [
                try OpenIDSettings(name: "google", issuer: "https://accounts.google.com", audiences: ["a", "b"]),
                try OpenIDSettings(
                    name: "corp", issuer: "https://id.corp.example", audiences: ["florin"],
                    keysURL: "https://id.corp.example/keys"),
            ])
        let firebase = try OpenIDSettings.firebase(project: "my-project")
        #expect(firebase.issuer == "https://securetoken.google.com/my-project" && firebase.audiences == ["my-project"])
    }

    @Test(arguments: [
        "google", "google https://accounts.google.com", "Google https://accounts.google.com a",
        "google http://accounts.google.com a", "google https://accounts.google.com a,",
        "google https://accounts.google.com a http://keys.example", "a https://a.example x; a https://b.example y",
        "a https://a.example x https://a.example/k more",
    ])
    func refusesWhatCannotBeTrusted(text: String) {
        #expect(throws: OpenIDFault.self) { try OpenIDSettings.list(text) }
    }
}
