import Testing

@testable import Observability

/// Cases of the W3C trace-context test suite, as far as they concern parsing.
struct TraceContextTests {
    private static let parent = "00-12345678901234567890123456789012-1234567890123456-01"

    @Test func formatsWhatItParsed() throws {
        let context = try #require(TraceContext(traceparent: Self.parent, tracestate: "a=1 ,\t b@c=x y"))
        #expect(context.traceparent == Self.parent)
        #expect(context.traceID == "12345678901234567890123456789012")
        #expect(context.tracestate == "a=1,b@c=x y")
        #expect(context.isSampled)
    }

    @Test func childKeepsTheTraceAndChangesTheSpan() throws {
        let context = try #require(TraceContext(traceparent: Self.parent, tracestate: "a=1"))
        let child = context.child()
        #expect(child.traceID == context.traceID)
        #expect(child.spanID != context.spanID)
        #expect(child.tracestate == "a=1")
        #expect(TraceContext(traceparent: child.traceparent, tracestate: child.tracestate) == child)
    }

    @Test func rootsAreValidAndDiffer() {
        let root = TraceContext.root()
        #expect(TraceContext(traceparent: root.traceparent) == root)
        #expect(root.traceID != TraceContext.root().traceID)
        #expect(root.flags == 3)
    }

    @Test(arguments: [
        "", "00", " \(parent)", "\(parent) ", "\(parent)-", "\(parent)-what", "\(parent)\n",
        "ff-12345678901234567890123456789012-1234567890123456-01",
        "0.-12345678901234567890123456789012-1234567890123456-01",
        "00-00000000000000000000000000000000-1234567890123456-01",
        "00-12345678901234567890123456789012-0000000000000000-01",
        "00-1234567890123456789012345678901A-1234567890123456-01",
        "00-1234567890123456789012345678901.-1234567890123456-01",
        "00-12345678901234567890123456789012-123456789012345X-01",
        "00-12345678901234567890123456789012-1234567890123456-0X",
        "00-12345678901234567890123456789012-1234567890123456-1",
        "00-1234567890123456789012345678901-1234567890123456-01",
        "00_12345678901234567890123456789012_1234567890123456_01",
        "cc-12345678901234567890123456789012-1234567890123456-01.what",
        "00-é2345678901234567890123456789012-1234567890123456-01",
    ])
    func refusesMalformedParents(_ text: String) {
        #expect(TraceContext(traceparent: text) == nil)
    }

    @Test(arguments: [
        ("cc-12345678901234567890123456789012-1234567890123456-01", "-01"),
        ("cc-12345678901234567890123456789012-1234567890123456-01-what-ever", "-01"),
        ("00-12345678901234567890123456789012-1234567890123456-ff", "-03"),
        ("00-12345678901234567890123456789012-1234567890123456-04", "-00"),
    ])
    func passesOnOnlyWhatItKnows(_ text: String, _ ending: String) throws {
        let context = try #require(TraceContext(traceparent: text))
        #expect(context.traceparent.hasPrefix("00-"))
        #expect(context.traceparent.hasSuffix(ending))
    }

    @Test(arguments: [
        ("foo=1", "foo=1"), ("foo=1,bar=2", "foo=1,bar=2"), ("foo=1 \t , \t bar=2, \t baz=3", "foo=1,bar=2,baz=3"),
        ("foo=1,", "foo=1"), (",,foo=1", "foo=1"), ("foo= 1", "foo= 1"), ("a-_*/b@c=1", "a-_*/b@c=1"), ("0a=1", "0a=1"),
        ("\(String(repeating: "z", count: 256))=1", "\(String(repeating: "z", count: 256))=1"),
        (
            "\(String(repeating: "t", count: 241))@\(String(repeating: "v", count: 14))=1",
            "\(String(repeating: "t", count: 241))@\(String(repeating: "v", count: 14))=1"
        ),
    ])
    func acceptsStates(_ header: String, _ expected: String) {
        #expect(TraceState.validated(header) == expected)
    }

    @Test(arguments: [
        "", " ", ",", "foo", "=1", "foo=", "foo =1", "FOO=1", "foo.bar=1", "foo@=1,bar=2", "@foo=1", "foo@@bar=1",
        "foo@bar@baz=1", "foo=1=2", "foo=1\u{7F}", "foo=bar\u{0}", "foo=é", "foo=1,foo=2", "foo=1,b\tar=2",
        "\(String(repeating: "z", count: 257))=1", "\(String(repeating: "t", count: 242))@v=1",
        "t@\(String(repeating: "v", count: 15))=1", "a=\(String(repeating: "x", count: 257))",
        (0..<33).map { "k\($0)=1" }.joined(separator: ","),
    ])
    func refusesStates(_ header: String) {
        #expect(TraceState.validated(header) == nil)
        #expect(TraceContext(traceparent: Self.parent, tracestate: header)?.tracestate == nil)
    }

    @Test func cutsLongStates() throws {
        let long = "long=\(String(repeating: "x", count: 200))"
        let short = (0..<31).map { "member\($0)=\(String(repeating: "v", count: 10))" }
        let state = try #require(TraceState.validated(([long] + short).joined(separator: ",")))
        #expect(state.utf8.count <= TraceState.maximumBytes)
        #expect(state.hasPrefix("member0="))
        #expect(!state.contains("long"))
        #expect(!state.contains("member30"))
    }

    @Test func travelsWithTheTask() async throws {
        let context = TraceContext.root()
        #expect(TraceContext.current == nil)
        await TraceContext.$current.withValue(context) {
            await Task { #expect(TraceContext.current == context) }.value
        }
    }
}
