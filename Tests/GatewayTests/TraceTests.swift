import Chronology
import Contracts
import GRPC
import HTTPTesting
import Testing
import Tokens

/// W3C Trace Context through the gateway: what a client sends over a socket, and what the service behind is told.
///
/// The cases are those of the standard's own test suite (w3c/trace-context, strictness 2), by the names that it gives them.
@Suite(.timeLimit(.minutes(5))) struct TraceTests {
    /// The fields of a request and what becomes of them.
    struct Case: Sendable, CustomStringConvertible {
        let name: String
        let fields: [String]
        /// Whether the trace goes on; a new one begins otherwise.
        let goesOn: Bool
        let state: String?

        init(_ name: String, _ fields: [String], goesOn: Bool, state: String? = nil) {
            self.name = name
            self.fields = fields
            self.goesOn = goesOn
            self.state = state
        }

        var description: String { "\(name) \(fields)" }
    }

    static let trace = "12345678901234567890123456789012"
    static let span = "1234567890123456"
    static let parent = "00-\(trace)-\(span)-01"

    private static func parents(_ name: String, _ values: [String], goesOn: Bool) -> [Case] {
        values.map { Case(name, ["traceparent: \($0)"], goesOn: goesOn) }
    }

    private static func states(_ name: String, _ lists: [[String]], _ state: String?) -> [Case] {
        lists.map { list in
            Case(
                name, ["traceparent: \(parent)"] + list.map { "tracestate: \($0)" }, goesOn: true, state: state)
        }
    }

    private static let named: [Case] = [
        Case("both missing", [], goesOn: false),
        Case("traceparent included", ["traceparent: \(parent)"], goesOn: true),
        Case(
            "traceparent duplicated",
            ["traceparent: 00-\(trace.dropLast())1-\(span)-01", "traceparent: \(parent)"], goesOn: false),
        Case("traceparent duplicated", ["traceparent: \(parent)", "TraceParent: \(parent)"], goesOn: false),
        Case("traceparent header name", ["trace-parent: \(parent)"], goesOn: false),
        Case("traceparent header name", ["trace.parent: \(parent)"], goesOn: false),
        Case("traceparent header name casing", ["TraceParent: \(parent)"], goesOn: true),
        Case("traceparent header name casing", ["TrAcEpArEnT: \(parent)"], goesOn: true),
        Case("traceparent header name casing", ["TRACEPARENT: \(parent)"], goesOn: true),
        Case("tracestate header name", ["traceparent: \(parent)", "trace-state: foo=1"], goesOn: true),
        Case("tracestate header name", ["traceparent: \(parent)", "trace.state: foo=1"], goesOn: true),
        Case(
            "tracestate header name casing", ["traceparent: \(parent)", "TraceState: foo=1"], goesOn: true,
            state: "foo=1"),
        Case(
            "tracestate header name casing", ["traceparent: \(parent)", "TrAcEsTaTe: foo=1"], goesOn: true,
            state: "foo=1"),
        Case(
            "tracestate header name casing", ["traceparent: \(parent)", "TRACESTATE: foo=1"], goesOn: true,
            state: "foo=1"),
        Case("tracestate without traceparent", ["tracestate: foo=1"], goesOn: false),
        Case("tracestate without traceparent", ["tracestate: foo=1,bar=2"], goesOn: false),
        Case("tracestate beside a bad traceparent", ["traceparent: x", "tracestate: foo=1"], goesOn: false),
    ]

    private static let parentCases: [Case] =
        parents("version 0x00", ["\(parent).", "\(parent)-what-the-future-will-be-like"], goesOn: false)
        + parents(
            "version 0xcc",
            [
                "cc-\(trace)-\(span)-01", "cc-\(trace)-\(span)-01-what-the-future-will-be-like",
                "01-\(trace)-\(span)-01-",
            ],
            goesOn: true)
        + parents("version 0xcc", ["cc-\(trace)-\(span)-01.what-the-future-will-be-like"], goesOn: false)
        + parents("version 0xff", ["ff-\(trace)-\(span)-01"], goesOn: false)
        + parents("version illegal characters", [".0-\(trace)-\(span)-01", "0.-\(trace)-\(span)-01"], goesOn: false)
        + parents("version too long", ["000-\(trace)-\(span)-01", "0000-\(trace)-\(span)-01"], goesOn: false)
        + parents("version too short", ["0-\(trace)-\(span)-01"], goesOn: false)
        + parents("trace id all zero", ["00-00000000000000000000000000000000-\(span)-01"], goesOn: false)
        + parents(
            "trace id illegal characters",
            [
                "00-.2345678901234567890123456789012-\(span)-01", "00-1234567890123456789012345678901.-\(span)-01",
                "00-ABCDEF78901234567890123456789012-\(span)-01",
            ], goesOn: false)
        + parents("trace id too long", ["00-\(trace)3-\(span)-01"], goesOn: false)
        + parents("trace id too short", ["00-\(trace.dropLast())-\(span)-01"], goesOn: false)
        + parents("parent id all zero", ["00-\(trace)-0000000000000000-01"], goesOn: false)
        + parents(
            "parent id illegal characters",
            ["00-\(trace)-.234567890123456-01", "00-\(trace)-123456789012345.-01", "00-\(trace)-123456789012345A-01"],
            goesOn: false)
        + parents("parent id too long", ["00-\(trace)-\(span)7-01"], goesOn: false)
        + parents("parent id too short", ["00-\(trace)-\(span.dropLast())-01"], goesOn: false)
        + parents(
            "trace flags illegal characters",
            ["00-\(trace)-\(span)-.0", "00-\(trace)-\(span)-0.", "00-\(trace)-\(span)-0A"],
            goesOn: false)
        + parents("trace flags too long", ["00-\(trace)-\(span)-001"], goesOn: false)
        + parents("trace flags too short", ["00-\(trace)-\(span)-1"], goesOn: false)
        + parents("ows", [" \(parent)", "\t\(parent)", "\(parent) ", "\(parent)\t", "\t \(parent) \t"], goesOn: true)
        + parents("two in a line", ["\(parent),\(parent)"], goesOn: false)
        + parents("empty", [""], goesOn: false)

    private static let members = (1...32).map { "bar\($0)=\($0)" }
    private static let value =
        (0x20...0x7E).map { String(UnicodeScalar($0)) }.filter { $0 != "," && $0 != "=" }.joined()
    private static let key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/"
    private static func many(_ letter: String, _ count: Int) -> String { String(repeating: letter, count: count) }

    private static let stateCases: [Case] =
        states("traceparent and tracestate included", [["foo=1,bar=2"]], "foo=1,bar=2")
        + states("empty header", [[""], [" "], [","], [" , "]], nil)
        + states("empty header beside another", [["foo=1", ""], ["", "foo=1"], [",foo=1,,"]], "foo=1")
        + states(
            "multiple headers", [["foo=1,bar=2", "rojo=1,congo=2", "baz=3"]], "foo=1,bar=2,rojo=1,congo=2,baz=3")
        + states("duplicated keys", [["foo=1,foo=1"], ["foo=1,foo=2"], ["foo=1", "foo=1"], ["foo=1", "foo=2"]], nil)
        + states("all allowed characters", [["\(key)=\(value)"]], "\(key)=\(value)")
        + states("all allowed characters", [["\(key)@a-z0-9_-*/=\(value)"]], "\(key)@a-z0-9_-*/=\(value)")
        + states(
            "ows", [["foo=1 \t , \t bar=2, \t baz=3"], ["foo=1\t \t,\t \tbar=2,\t \tbaz=3"]], "foo=1,bar=2,baz=3")
        + states("ows", [[" foo=1"], ["\tfoo=1"], ["foo=1 "], ["foo=1\t"], ["\t foo=1 \t"]], "foo=1")
        + states("key illegal characters", [["foo =1"], ["FOO=1"], ["foo.bar=1"], ["=1"], ["foo"], ["foö=1"]], nil)
        + states(
            "key illegal vendor format",
            [["foo@=1,bar=2"], ["@foo=1,bar=2"], ["foo@@bar=1,bar=2"], ["foo@bar@baz=1,bar=2"], ["foo@1bar=1,bar=2"]],
            nil)
        + states(
            "member count limit",
            [[members[..<10], members[10..<20], members[20..<30], members[30...]].map { $0.joined(separator: ",") }],
            members.joined(separator: ","))
        + states(
            "member count limit",
            [[members.joined(separator: ","), "bar33=33"], [(members + ["a=1"]).joined(separator: ",")]],
            nil)
        + states("key length limit", [["foo=1", "\(many("z", 256))=1"]], "foo=1,\(many("z", 256))=1")
        + states("key length limit", [["foo=1", "\(many("z", 257))=1"]], nil)
        + states(
            "key length limit", [["foo=1", "\(many("t", 241))@\(many("v", 14))=1"]],
            "foo=1,\(many("t", 241))@\(many("v", 14))=1")
        + states("key length limit", [["foo=1", "\(many("t", 242))@v=1"], ["foo=1", "t@\(many("v", 15))=1"]], nil)
        + states("value illegal characters", [["foo=bar=baz"], ["foo=,bar=3"], ["foo=b\u{E9}"]], nil)
        + states("value length limit", [["foo=\(many("x", 256))"]], "foo=\(many("x", 256))")
        + states("value length limit", [["foo=\(many("x", 257))"]], nil)
        // 512 bytes pass whole; of more, what is long goes first, then what stands last (section 3.3.1.5).
        + states(
            "combined length", [["a=\(many("x", 250))", "b=\(many("y", 256))"]],
            "a=\(many("x", 250)),b=\(many("y", 256))")
        + states("combined length", [["a=\(many("x", 252)),c=1,b=\(many("y", 256))"]], "a=\(many("x", 252)),c=1")

    @Test func theServiceIsToldWhatTheStandardSays() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("ListExpenses") { (_: ListExpensesRequest, _) in ExpenseList() }
            let token = try bench.tokens.make()
            let client = try SocketClient(bench.address)
            for request in Self.named + Self.parentCases + Self.stateCases {
                try await client.send(bench.request("GET", "/v1/expenses", token: token, headers: request.fields))
                #expect(try await client.answer().status == 200, "\(request)")
                try Self.check(request, bench.services.received.last)
            }
        }
    }

    /// The same fields mean the same over HTTP/2, where several are fields of their own too.
    @Test func theSameHoldsForHTTP2() async throws {
        try await GatewayBench.run { bench in
            bench.services.on("ListExpenses") { (_: ListExpensesRequest, _) in ExpenseList() }
            let token = try bench.tokens.make()
            let names = [
                "both missing", "traceparent included", "traceparent duplicated", "version 0xcc", "multiple headers",
            ]
            let cases = (Self.named + Self.parentCases + Self.stateCases).filter { names.contains($0.name) }
            #expect(Set(cases.map(\.name)).count == names.count)
            for request in cases {
                let fields = (request.fields + ["Authorization: Bearer \(token)"]).flatMap { ["--header", $0] }
                let answer = try await curl(
                    ["--http2-prior-knowledge", "--write-out", "|%{http_code} %{http_version}"] + fields
                        + ["http://\(bench.address)/v1/expenses"])
                #expect(answer.output.hasSuffix("|200 2"), "\(request)")
                try Self.check(request, bench.services.received.last)
            }
        }
    }

    /// The suite's "advanced" cases: each call that a request leads to is a span of its own in the same trace.
    @Test(arguments: [
        (["traceparent: \(parent)", "tracestate: foo=1"], true), ([], false),
        (["traceparent: 00-00000000000000000000000000000000-\(span)-01"], false),
    ])
    func severalCallsOfARequestAreSeveralSpans(_ fields: [String], _ goesOn: Bool) async throws {
        try await GatewayBench.run { bench in
            bench.services.on("ReadArchive") { (_: ArchiveRequest, _) in ArchivePage() }
            let token = try bench.tokens.make()
            let answer = try await curl(
                (fields + ["Authorization: Bearer \(token)"]).flatMap { ["--header", $0] }
                    + ["http://\(bench.address)/v1/users/me/export"])
            #expect(answer.output.hasPrefix("{"))
            let calls = bench.services.received.filter { $0.method == "ReadArchive" }
            let parents = try calls.map { try #require($0.metadata["traceparent"]).split(separator: "-") }
            #expect(parents.count == 4)
            #expect(Set(parents.map { $0[1] }).count == 1 && Set(parents.map { $0[2] }).count == 4)
            #expect(parents.allSatisfy { ($0[1] == Self.trace) == goesOn && $0[2] != Self.span })
            #expect(calls.allSatisfy { $0.metadata["tracestate"] == (goesOn ? "foo=1" : nil) })
        }
    }

    /// Whatever a request has the gateway ask, on its way or while its answer is written, belongs to it.
    @Test func allCallsOfARequestNameIt() async throws {
        try await GatewayBench.run { bench in
            let user = UUIDv7.make()
            bench.services.on("ReadArchive") { (request: ArchiveRequest, _) in
                ArchivePage(nextCursor: request.cursor == nil ? "1" : nil)
            }
            bench.services.on("ListExpenses") { (_: ListExpensesRequest, _) in ExpenseList() }
            bench.services.on("ResolveApiToken") { (_: ResolveApiTokenRequest, _) in
                ApiTokenIdentity(
                    tokenID: user.description, userID: user.description, roles: ["user"], scopes: AccessTokens.scopes)
            }
            bench.services.on("ListStreamEvents") { (query: StreamEventQuery, _) in
                StreamEventPage(
                    isKnown: true, events: [StreamEvent(id: "e-\(query.afterPosition ?? 0)", type: "t", event: "{}")],
                    position: (query.afterPosition ?? 0) + 1, hasMore: query.afterPosition == nil)
            }
            let names = ["X-Request-Id: r-7", "traceparent: \(Self.parent)"]
            let token = try bench.tokens.make(user: user)
            #expect(
                try await bench.send("GET", "/v1/expenses", token: PersonalToken.make().text, headers: names).status
                    == 200)
            let archive = try await SocketClient.exchange(
                bench.request(
                    "GET", "/v1/users/me/export", token: token, headers: names + ["Connection: close"]),
                with: bench.address)
            #expect(archive.hasSuffix("}\n\r\n0\r\n\r\n"))
            let stream = try SocketClient(bench.address)
            try await stream.send(
                bench.request(
                    "GET", "/v1/events/stream", token: token,
                    headers: names + ["Last-Event-ID: \(UUIDv7.make())"]))
            _ = try await stream.receive(until: "id: e-1\n")
            stream.leave()
            let calls = bench.services.received.filter { $0.method != "GetKeySet" }
            let counts = Dictionary(grouping: calls, by: \.method).mapValues(\.count)
            #expect(counts["ResolveApiToken"] == 1 && counts["ListExpenses"] == 1 && counts["ReadArchive"] == 8)
            #expect(counts["ListStreamEvents"] ?? 0 >= 2)
            for call in calls {
                #expect(call.metadata.values(for: "x-request-id") == ["r-7"], "\(call.method)")
                #expect(call.metadata["traceparent"]?.contains(Self.trace) == true, "\(call.method)")
            }
        }
    }

    /// The answer of the service is not looked at before: its caller knows it by then.
    private static func check(_ request: Case, _ call: ReceivedCall?) throws {
        let metadata = try #require(call?.metadata)
        #expect(metadata.values(for: "traceparent").count == 1, "\(request)")
        let text = try #require(metadata["traceparent"])
        let matched = try #require(
            text.wholeMatch(of: /00-([0-9a-f]{32})-([0-9a-f]{16})-0[0-3]/), "\(request): \(text)")
        #expect((matched.1 == trace) == request.goesOn, "\(request): \(text)")
        #expect(matched.2 != span && matched.2.contains { $0 != "0" } && matched.1.contains { $0 != "0" }, "\(request)")
        if request.goesOn { #expect(text.hasSuffix("-01"), "\(request)") }
        #expect(metadata.values(for: "tracestate").joined(separator: ",") == request.state ?? "", "\(request)")
    }
}
