import Secrets
import Testing
import Tokens

@Suite struct PersonalTokenTests {
    @Test func isReadAsItWasMade() throws {
        let made = PersonalToken.make()
        let read = try #require(PersonalToken(made.text))
        #expect(read == made && made.text.hasPrefix("flp_") && made.text.utf8.count == 51)
        #expect(made.digest.count == 32 && PersonalToken.make().digest != made.digest)
        let secret = try Base64URL.decode(String(made.text.dropFirst(4))).prefix(32)
        #expect(made.digest == sha256(Array(secret)))
    }

    @Test func everyMistypedCharacterIsNoticed() throws {
        let text = PersonalToken.make().text
        for place in text.indices {
            var mistyped = text
            mistyped.replaceSubrange(place...place, with: text[place] == "Q" ? "R" : "Q")
            #expect(PersonalToken(mistyped) == nil)
        }
    }

    @Test(arguments: [
        "", "flp_", "FLP_", "flp_" + String(repeating: "A", count: 47), String(repeating: "A", count: 51),
    ])
    func whatIsNone(text: String) {
        #expect(PersonalToken(text) == nil)
    }
}
