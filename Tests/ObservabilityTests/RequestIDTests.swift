import Observability
import Testing

struct RequestIDTests {
    @Test(arguments: ["a", "019aa1b2-0000-7000-8000-000000000001", "A.b_c:9", String(repeating: "x", count: 128)])
    func takesWhatIsWellFormed(_ text: String) { #expect(RequestID(text)?.description == text) }

    @Test(arguments: [
        "", " ", "a b", "ä", "a/b", "a\"b", "a\nb", "a\0", "ada@example.org", "{}", "e\u{301}",
        String(repeating: "x", count: 129),
    ])
    func takesNothingElse(_ text: String) { #expect(RequestID(text) == nil) }
}
