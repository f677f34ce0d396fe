import AuthApplication
import AuthInfrastructure
import Chronology
import EventLoop
import Secrets
import Testing

@Suite struct OffloadedPasswordTests {
    private let cheap: PasswordHasher

    init() throws { cheap = PasswordHasher(parameters: try .init(memory: 64, passes: 1)) }

    private func with(
        _ hasher: PasswordHasher, queue: Int = 8, _ body: (OffloadedPasswords) async throws -> Void
    ) async throws {
        let threads = OffloadPool(name: "passwords", threads: 1, queueLimit: queue)
        defer { threads.shutdown() }
        try await body(OffloadedPasswords(hasher: hasher, threads: threads))
    }

    @Test func tellsRightFromWrong() async throws {
        try await with(cheap) { passwords in
            let hash = try await passwords.hash("pässwörd 😀")
            #expect(hash.hasPrefix("$argon2id$v=19$m=64,t=1,p=1$"))
            #expect(try await passwords.check("pässwörd 😀", against: hash) == .right(replacement: nil))
            #expect(try await passwords.check("pässwörd", against: hash) == .wrong)
            #expect(try await passwords.check("pässwörd", against: nil) == .wrong)
        }
    }

    @Test func bringsAHashOfOtherCostUpToDate() async throws {
        let dearer = PasswordHasher(parameters: try .init(memory: 128, passes: 1))
        try await with(dearer) { passwords in
            let verdict = try await passwords.check("x", against: cheap.hash("x"))
            guard case .right(let replacement?) = verdict else {
                Issue.record("no replacement")
                return
            }
            #expect(!dearer.needsRehash(replacement))
        }
    }

    @Test func refusesWhatItCannotQueue() async throws {
        try await with(PasswordHasher(), queue: 1) { passwords in
            let outcomes = try await concurrently(40) { _ in
                do {
                    return try await !passwords.hash("x").isEmpty
                } catch AuthRefusal.overloaded {
                    return false
                }
            }
            #expect(outcomes.contains(true) && outcomes.contains(false))
        }
    }

    @Test func aDamagedHashIsAFaultNotAWrongPassword() async throws {
        try await with(cheap) { passwords in
            await #expect(throws: SecretsError.self) { try await passwords.check("x", against: "$argon2id$nonsense") }
        }
    }
}

@Suite struct RandomTokenMintTests {
    private func mint(_ masterKey: [UInt8] = Array(repeating: 7, count: 32)) throws -> RandomTokenMint {
        RandomTokenMint(
            sealKey: try SealedBox.PrivateKey().publicKey, masterKey: try MasterKey(base64: Base64.encode(masterKey)))
    }

    @Test func successorsFollowFromTheKeyAlone() throws {
        let mint = try mint()
        let token = mint.refreshToken()
        let successor = try #require(mint.successor(of: token.text))
        #expect(try self.mint().successor(of: token.text) == successor)
        #expect(successor.text != token.text && mint.digest(of: successor.text) == successor.digest)
        #expect(try self.mint(Array(repeating: 8, count: 32)).successor(of: token.text) != successor)
    }

    @Test func tokensDiffer() throws {
        let mint = try mint()
        #expect(Set((0..<100).map { _ in mint.refreshToken().text }).count == 100)
    }

    @Test(arguments: ["", "a", "AAAA", String(repeating: "A", count: 44), String(repeating: "=", count: 43)])
    func whatIsNoTokenHasNoDigest(text: String) throws {
        let mint = try mint()
        #expect(mint.digest(of: text) == nil && mint.successor(of: text) == nil)
    }

    @Test func aTicketHoldsTheTokenForTheEventProcessorAlone() throws {
        let key = try SealedBox.PrivateKey()
        let mint = RandomTokenMint(
            sealKey: key.publicKey, masterKey: try MasterKey(base64: Base64.encode(randomBytes(32))))
        let ticket = try mint.verificationTicket(expiresAt: Timestamp(secondsSinceEpoch: 1))
        let token = String(
            decoding: try SealedBox.open(Base64URL.decode(ticket.sealedToken), with: key), as: UTF8.self)
        #expect(mint.digest(of: token) == ticket.digest)
    }

    @Test(arguments: ["", "AAAA", "not base64"]) func aMasterKeyHas32Bytes(text: String) {
        #expect(throws: SecretsError.self) { try MasterKey(base64: text) }
    }
}
