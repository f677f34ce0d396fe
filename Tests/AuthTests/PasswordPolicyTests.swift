import AuthDomain
import Testing
import Validation

@Suite struct PasswordPolicyTests {
    private func faults(_ password: String, email: String = "marguerite@example.org") -> [String] {
        var validator = Validator()
        PasswordPolicy.check("password", password, email: EmailAddress(email), &validator)
        do {
            try validator.check()
            return []
        } catch {
            return error.errors.map(\.code)
        }
    }

    /// From the head, the middle and the tail of the list by frequency, and the first and last of its order.
    @Test(arguments: [
        "password", "12345678", "trustno1", "iloveyou", "Falcon01", "MERCEDE1", "11234567", "!qaz2wsx", "zzzzzzz1",
    ])
    func whatEverybodyTriesFirstIsRefused(password: String) {
        #expect(faults(password) == ["too_common"])
    }

    @Test(arguments: ["florin12", "FLORIN!!", "2026florin", "florinflorin", "¡florin-2026!"])
    func theNameOfTheProgramIsRefused(password: String) {
        #expect(faults(password) == ["too_common"])
    }

    @Test(arguments: [
        "marguerite@example.org", "Marguerite@Example.org", "marguerite", "MARGUERITE", "marguerite1990!",
        "margueritemarguerite",
    ])
    func theOwnAddressIsRefused(password: String) {
        #expect(faults(password) == ["equals_email"])
    }

    /// Neighbours of listed ones, and such as contain them.
    @Test(arguments: [
        "password that is long", "trustno1trustno2", "zzzzzzz2", "!qaz2wsw", "zzzzzzz1\n", "\npassword", "marguerites",
        "florins!", "        ", "48261597", "пароль-иного-вида", "パスワードではない", "e\u{301}e\u{301}e\u{301}e\u{301}",
    ])
    func everythingElseIsAccepted(password: String) {
        #expect(faults(password).isEmpty)
    }

    /// In scalars as typed: nothing is composed, folded or cut.
    @Test(
        arguments: [
            (7, ["too_short"]), (8, []), (128, []), (129, ["too_long"]), (100_000, ["too_long"]),
        ] as [(Int, [String])])
    func lengthsCountScalars(count: Int, codes: [String]) {
        for scalar in ["ж", "\u{301}", "😀"] { #expect(faults(String(repeating: scalar, count: count)) == codes) }
    }

    @Test func aPresentedPasswordIsCutWhereNoneIsLonger() {
        let long = String(repeating: "ж", count: 1000)
        #expect(PasswordPolicy.bounded(long).unicodeScalars.count == 129)
        #expect(
            PasswordPolicy.bounded("e\u{301} \u{e9}").unicodeScalars.elementsEqual("e\u{301} \u{e9}".unicodeScalars))
    }
}
