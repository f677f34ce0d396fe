import AuthDomain
import AuthTesting
import Chronology
import Testing

@Suite struct ExternalIdentityTests {
    private let now = Timestamp(secondsSinceEpoch: 1_790_000_000)

    private func user(
        _ email: String?, verified: Bool = true, name: String? = "Ada", locale: String? = "en-GB"
    ) -> User? {
        ExternalIdentity(
            issuer: "https://id.example", subject: "s", email: email, isEmailVerified: verified, name: name,
            locale: locale
        ).user(at: now)
    }

    @Test func becomesAUserWithAVerifiedAddress() throws {
        let user = try #require(self.user("Ada@example.org"))
        #expect(user.email.text == "Ada@example.org" && user.emailVerified && user.displayName == "Ada")
        #expect(user.locale == "en-GB" && user.baseCurrency.code == "EUR" && user.roles == [.user])
        #expect(user.version == 1 && user.createdAt == now)
    }

    @Test(arguments: [("ada@example.org", false), (nil, true), ("ada", true), ("ada@example.org\n", true)])
    func isNobodyWithoutOne(email: String?, verified: Bool) {
        #expect(user(email, verified: verified) == nil)
    }

    @Test(
        arguments: [
            (nil, "ada"), ("", "ada"), (" \t", "ada"), ("\u{7}", "ada"), ("A\r\nB", "AB"), ("Ada", "Ada"),
            (String(repeating: "x", count: 101), String(repeating: "x", count: 100)),
        ] as [(String?, String)])
    func takesWhatIsWithinTheRulesOfTheName(name: String?, expected: String) {
        #expect(user("ada@example.org", name: name)?.displayName == expected)
    }

    @Test(arguments: [(nil, "en"), ("en_US", "en-US"), ("de", "de"), ("?", "en"), ("", "en")] as [(String?, String)])
    func takesWhatIsALanguage(locale: String?, expected: String) {
        #expect(user("ada@example.org", locale: locale)?.locale == expected)
    }

    @Test(arguments: IdentityStoreConformance.Check.allCases)
    func theStoreInMemoryKeepsItsPromises(check: IdentityStoreConformance.Check) async throws {
        let store = InMemoryAuthStore()
        try await IdentityStoreConformance(accounts: store, identities: store) { store.events(of: $0) }.run(check)
    }
}
