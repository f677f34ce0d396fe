import AuthAPI
import AuthApplication
import AuthInfrastructure
import Chronology
import Contracts
import GRPC
import OneTimeCodes
import Postgres
import Secrets
import ServiceRuntime
import Testing

extension AuthBench {
    var mfa: MfaServiceClient { MfaServiceClient(channel: channel) }

    static func secondFactors(
        _ repository: AuthRepository, _ checks: ThrottledPasswords, _ opening: SessionOpening,
        _ mint: any TokenMint, _ masterKey: MasterKey, _ clock: any WallClock, _ secrets: SecretAnswers
    ) throws -> any GRPCService {
        MfaServiceHandlers(
            MfaAPI(
                useCases: MfaAPI.UseCases(
                    factors: repository, oneTimePasswords: try SealedOneTimePasswords(masterKey: masterKey),
                    confirmPassword: ConfirmPassword(store: repository, passwords: checks), opening: opening,
                    mint: mint, clock: clock), secrets: secrets, logger: .silent))
    }

    /// The code that an authenticator with this secret shows now.
    func code(_ secret: String) throws -> String {
        try OneTimeCode.make(
            secret: Base32Reader.decode(secret), step: OneTimeCode.step(atSecond: clock.now().secondsSinceEpoch))
    }

    /// Turns the second factor of whoever signed in on.
    func enrol(_ tokens: Contracts.Tokens) async throws -> (secret: String, codes: [String], used: String) {
        let caller = try caller(tokens)
        let secret = try await mfa.beginTotp(
            PasswordProof(password: Self.password), metadata: caller, timeout: patience
        ).message.secret
        let used = try code(secret)
        let codes = try await mfa.confirmTotp(
            TotpConfirmation(code: used), metadata: caller, timeout: patience
        ).message.codes
        return (secret, codes, used)
    }

    /// The challenge that the right password gets.
    func challenge(_ email: String = "ada@example.org") async throws -> String {
        let signIn = try await client.login(
            LoginRequest(email: email, password: Self.password), timeout: patience
        ).message
        #expect(signIn.mfaRequired == true && signIn.methods == ["totp", "recovery_code"])
        #expect(signIn.accessToken == nil && signIn.refreshToken == nil && signIn.sessionID == nil)
        return try #require(signIn.mfaChallenge)
    }

    func complete(_ challenge: String, _ code: String) async throws -> Contracts.Tokens {
        try tokens(
            of: try await mfa.completeLogin(
                MfaLoginRequest(mfaChallenge: challenge, code: code), timeout: patience
            ).message)
    }
}

/// What authenticators do with a secret.
enum Base32Reader {
    static func decode(_ text: String) throws -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        var bytes: [UInt8] = []
        var (buffer, bits) = (0, 0)
        for character in text {
            buffer = (buffer << 5 | (try #require(alphabet.firstIndex(of: character)))) & 0xFFFF
            bits += 5
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: buffer >> bits))
            }
        }
        return bytes
    }
}
