import Testing

@testable import Secrets

@Suite("Password hashes")
struct PasswordHasherTests {
    /// Cheap, for what is not about cost.
    private static func cheap() throws -> PasswordHasher {
        PasswordHasher(parameters: try PasswordHasher.Parameters(memory: 64, passes: 1))
    }

    /// Made by the reference implementation of Argon2, through argon2-cffi.
    @Test(arguments: [
        (
            "correct horse battery staple",
            "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$gy5SuVm5Z7Vw7keB9se9p87QGcomaseB/S2U1OhTsM0"
        ),
        ("", "$argon2id$v=19$m=8,t=1,p=1$ZmVkY2JhOTg3NjU0MzIxMA$NYKrJnYawlrLawylgHvsORnyAybNXkzVjzqGGAU149w"),
        (
            "pässwörd 密码 🔑",
            "$argon2id$v=19$m=64,t=3,p=1$MDEyMzQ1Njc4OWFiY2RlZg$wvem1qQ6Y7pcp8sDBSThlM2aBPDc1spMXQfmaEhvejY"
        ),
    ])
    func verifiesHashesOfTheReferenceImplementation(_ password: String, _ encoded: String) throws {
        let hasher = PasswordHasher()
        #expect(try hasher.verify(password, against: encoded))
        #expect(try !hasher.verify(password + "x", against: encoded))
        #expect(hasher.needsRehash(encoded) == !encoded.contains("m=19456,t=2"))
    }

    @Test func hashesAndVerifiesAtTheStandardCost() throws {
        let hasher = PasswordHasher()
        let encoded = try hasher.hash("correct horse battery staple")
        #expect(encoded.hasPrefix("$argon2id$v=19$m=19456,t=2,p=1$"))
        #expect(try hasher.verify("correct horse battery staple", against: encoded))
        #expect(try !hasher.verify("Correct horse battery staple", against: encoded))
        #expect(!hasher.needsRehash(encoded))
        try hasher.simulateVerification(of: "anything")
    }

    @Test func anyTextIsAPassword() throws {
        let hasher = try Self.cheap()
        for password in [
            "", "a", "\u{0}", "a\u{0}b", "e\u{301}", String(repeating: "é", count: 128), "  spaces kept  ",
        ] {
            let encoded = try hasher.hash(password)
            #expect(try hasher.verify(password, against: encoded))
            #expect(try !hasher.verify(password + "\u{0}", against: encoded))
        }
    }

    @Test func textIsTakenAsTypedNotNormalised() throws {
        let hasher = try Self.cheap()
        // Swift's == calls these two equal; the bytes differ.
        #expect(try !hasher.verify("\u{E9}", against: hasher.hash("e\u{301}")))
    }

    @Test func everyHashHasItsOwnSalt() throws {
        let hasher = try Self.cheap()
        #expect(try hasher.hash("same") != hasher.hash("same"))
    }

    @Test func otherParametersAskForARehash() throws {
        let encoded = try Self.cheap().hash("x")
        #expect(PasswordHasher().needsRehash(encoded))
        #expect(try !Self.cheap().needsRehash(encoded))
        #expect(PasswordHasher().needsRehash("not a hash"))
    }

    @Test(arguments: [
        "", "x", "$", "$$$$$", "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg",
        "$argon2id$v=19$m=64,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$HB2ya5YF3/a9QacZs02kOh5t0cQT5MzKy7j6akkCjHo",
        "$argon2i$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$CHg65EpF2pFTSEcN/ab1w8I4bHk0A4qVcAgBeFxd90k",
        "$argon2id$v=16$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$CHg65EpF2pFTSEcN/ab1w8I4bHk0A4qVcAgBeFxd90k",
        "$argon2id$v=19$m=4294967295,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$CHg65EpF2pFTSEcN/ab1w8I4bHk0A4qVcAgBeFxd90k",
        "$argon2id$v=19$m=64,t=4294967295,p=1$MDEyMzQ1Njc4OWFiY2RlZg$CHg65EpF2pFTSEcN/ab1w8I4bHk0A4qVcAgBeFxd90k",
        "$argon2id$v=19$m=-1,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$CHg65EpF2pFTSEcN/ab1w8I4bHk0A4qVcAgBeFxd90k",
        "$argon2id$v=19$m=64,t=2,p=1$$", "$argon2id$v=19$t=2,m=64,p=1$MDEyMzQ1Njc4OWFiY2RlZg$CHg65EpF2pFTSEcN",
        "$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW",
        "$argon2id$v=19$m=64,t=2,p=1$" + String(repeating: "A", count: 200) + "$AAAA",
    ])
    func refusesWhatIsNoHashOfBoundedCost(_ encoded: String) throws {
        #expect(throws: SecretsError.self) { try PasswordHasher().verify("x", against: encoded) }
        #expect(PasswordHasher().needsRehash(encoded))
    }

    @Test func refusesAHashThatHasANUL() {
        let encoded = "$argon2id$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$CHg65EpF\u{0}"
        #expect(throws: SecretsError.self) { try PasswordHasher().verify("x", against: encoded) }
    }

    @Test func aDamagedHashVerifiesNothing() throws {
        let hasher = try Self.cheap()
        let encoded = try hasher.hash("x")
        // Valid fields, invalid base64 inside.
        #expect(try !hasher.verify("x", against: String(encoded.dropLast(3)) + "!!!"))
        #expect(try !hasher.verify("x", against: String(encoded.dropLast(4))))
    }

    @Test func parametersHaveBounds() {
        for (memory, passes) in [(7, 1), (0, 1), (-1, 1), (1_048_577, 1), (64, 0), (64, 65), (Int.max, Int.max)] {
            #expect(throws: SecretsError.self) { try PasswordHasher.Parameters(memory: memory, passes: passes) }
        }
    }
}
