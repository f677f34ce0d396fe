import AuthDomain
import Chronology
import Testing
import Validation

private let now = Timestamp(secondsSinceEpoch: 1_790_000_000)

@Suite struct EmailAddressTests {
    @Test(arguments: [
        "ada@example.org", "Ada.Lovelace+florin@Example.ORG", "a@b.co", "o'hara@sub.example.org", "用户@例子.公司",
    ])
    func address(text: String) throws {
        let address = try #require(EmailAddress(text))
        #expect(address.text == text)
        #expect(address.key == text.lowercased())
    }

    @Test(arguments: [
        "", "a", "@example.org", "ada@", "ada@example", "ada@@example.org", "ada@exa mple.org", ".ada@example.org",
        "ada.@example.org", "a..da@example.org", "ada@-example.org", "ada@example-.org", "ada@.org", "ada@example..org",
        "ada@[127.0.0.1]", "\"ada\"@example.org", "ada\n@example.org", "ada@example.org\r\nBcc: eve@example.org",
        String(repeating: "a", count: 65) + "@example.org", "a@" + String(repeating: "b.", count: 126) + "org",
    ])
    func noAddress(text: String) {
        #expect(EmailAddress(text) == nil)
    }
}

@Suite struct RegistrationTests {
    private func request() -> RegistrationRequest {
        RegistrationRequest(email: "Ada@example.org", password: "correct horse", displayName: "Ada")
    }

    @Test func whatHoldsIsAUser() throws {
        let user = try request().user(at: now)
        #expect(user.email.key == "ada@example.org")
        #expect(user.baseCurrency.code == "EUR")
        #expect(user.roles == [.user])
        #expect(!user.emailVerified)
    }

    @Test(arguments: [
        ("", "required"), ("1234567", "too_short"), (String(repeating: "x", count: 129), "too_long"),
        ("ADA@example.org", "equals_email"), ("12345678", "too_common"), ("PassWord1", "too_common"),
        ("Florin2026!", "too_common"), ("!!florinflorin", "too_common"),
    ])
    func passwordThatIsRefused(password: String, code: String) {
        var request = request()
        request.password = password
        let failure = #expect(throws: ValidationFailure.self) { try request.user(at: now) }
        #expect(failure?.errors.map { "\($0.field) \($0.code)" } == ["password \(code)"])
    }

    @Test(arguments: [
        "48261597", String(repeating: "é", count: 128), "pässwörd 😀", "        ", "florin and more", "pass\u{301}word",
    ])
    func passwordThatIsKeptAsTyped(password: String) throws {
        var request = request()
        request.password = password
        _ = try request.user(at: now)
    }

    @Test func everyBrokenRuleIsTold() {
        let request = RegistrationRequest(
            email: "ada", password: "x", displayName: "", baseCurrency: "EURO", locale: "english_GB")
        let failure = #expect(throws: ValidationFailure.self) { try request.user(at: now) }
        #expect(failure?.errors.map(\.field) == ["email", "password", "display_name", "base_currency", "locale"])
    }
}

@Suite struct RefreshTests {
    private func token(
        expiresIn: Duration = .seconds(3600), replaced ago: Duration? = nil, parentOfNewest: Bool = true,
        revoked: Bool = false
    ) -> StoredRefreshToken {
        StoredRefreshToken(
            sessionID: .make(), userID: .make(), expiresAt: now + expiresIn,
            replacedAt: ago.map { now - $0 }, isParentOfNewest: parentOfNewest, isRevoked: revoked)
    }

    @Test func theNewestIsRotated() {
        #expect(token().presented(at: now) == .rotate)
    }

    @Test func theImmediateParentHasAGrace() {
        #expect(token(replaced: .seconds(10)).presented(at: now) == .rotate)
        #expect(token(replaced: .seconds(11)).presented(at: now) == .revokeFamily)
    }

    @Test func anOlderOneEndsTheSession() {
        #expect(token(replaced: .seconds(1), parentOfNewest: false).presented(at: now) == .revokeFamily)
    }

    @Test func anExpiredOrRevokedOneIsRefusedWithoutMore() {
        #expect(token(expiresIn: .zero).presented(at: now) == .refuse)
        #expect(token(replaced: .seconds(60), parentOfNewest: false, revoked: true).presented(at: now) == .refuse)
    }
}
