import HTTPServer
import Observability
import Testing
import Validation

@testable import GatewayAPI

/// What header fields mean to the gateway, without any socket.
@Suite struct HeaderRuleTests {
    @Test(
        arguments: [
            (nil, true), ("", true), ("*/*", true), ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/*", true), ("text/html, application/json;q=0.1", true), ("text/html", false),
            ("text/*, image/png", false), ("application/json;q=0", false), ("*/*, application/json;q=0.0", false),
            ("application/*;q=0, application/json", true), ("application/xml;q=0.9, */*;q=0.8", true), ("*", true),
            (";;,", false),
        ] as [(String?, Bool)])
    func accept(_ header: String?, _ allows: Bool) {
        #expect(MediaRange.allows(header, "application/json") == allows)
    }

    @Test(arguments: [
        ("application/json", "application/json"), ("Application/JSON ; charset=utf-8", "application/json"),
        (" text/plain", "text/plain"), ("", ""),
    ])
    func essence(_ type: String, _ essence: String) {
        #expect(MediaRange.essence(type) == essence)
    }

    @Test(arguments: [
        ("\"3\"", true), ("W/\"3\"", true), ("\"1\", \"3\"", true), ("*", true), ("\"33\"", false), ("3", false),
        ("", false), ("\"1\" , W/\"2\"", false),
    ])
    func ifNoneMatch(_ header: String, _ names: Bool) {
        #expect(EntityTag.isNamed(EntityTag.of(version: 3), in: header) == names)
    }

    @Test(
        arguments: [
            (["*"], .anyVersion), (["\"3\""], .oneOf([3])), (["\"1\", \"3\""], .oneOf([1, 3])),
            (["\"1\" ,\t\"3\"", "\"4\""], .oneOf([1, 3, 4])), (["W/\"3\""], .oneOf([])),
            (["W/\"3\", \"5\""], .oneOf([5])), ([""], .oneOf([])), (["3"], .oneOf([])), (["\"3"], .oneOf([])),
            (["\"03\""], .oneOf([])), (["\"+3\""], .oneOf([])), (["\"-3\""], .oneOf([-3])),
            (["\"abc\""], .oneOf([])), (["\"99999999999999999999\""], .oneOf([])), (["\"\""], .oneOf([])),
            (["\"1\", *"], .anyVersion),
        ] as [([String], VersionPrecondition)])
    func ifMatch(_ values: [String], _ precondition: VersionPrecondition) {
        #expect(EntityTag.precondition(values) == precondition)
    }

    @Test(arguments: [
        ("Bearer abc", Credentials.bearer("abc")), ("bearer abc.def-_~+/==", .bearer("abc.def-_~+/==")),
        ("BEARER   abc", .bearer("abc")), ("Bearer a b", .bearer("a b")), ("Bearer", .malformed),
        ("Bearer ", .malformed), ("Basic abc", .malformed), ("Bearerabc", .malformed), ("", .malformed),
        (" Bearer abc", .malformed),
    ])
    func credentials(_ header: String, _ credentials: Credentials) {
        #expect(Credentials(["Authorization": header]) == credentials)
    }

    @Test func credentialsAreOneOrNone() {
        #expect(Credentials(HTTPHeaders()) == .none)
        #expect(Credentials(["Authorization": "Bearer a", "authorization": "Bearer a"]) == .malformed)
    }

    @Test(arguments: ["a", "019aa1b2-0000-7000-8000-000000000001", "A.b_c:9", String(repeating: "x", count: 128)])
    func keepsARequestID(_ id: String) {
        #expect(RequestNames(["X-Request-Id": id]).id.description == id)
    }

    @Test(arguments: ["", " ", "a b", "ä", "a/b", "a\"b", String(repeating: "x", count: 129)])
    func replacesARequestID(_ id: String) {
        let made = RequestNames(["X-Request-Id": id]).id.description
        #expect(made != id && made.utf8.count == 36)
    }

    @Test func makesARequestIDWhereThereAreTwoOrNone() {
        let headers: [HTTPHeaders?] = [["X-Request-Id": "a", "x-request-id": "a"], HTTPHeaders(), nil]
        let ids = headers.map { RequestNames($0).id.description }
        #expect(ids.allSatisfy { $0.utf8.count == 36 } && Set(ids).count == 3)
    }

    private static let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test func goesOnWithATrace() throws {
        let headers: HTTPHeaders = ["traceparent": Self.parent, "tracestate": "a=1", "Tracestate": "b=2"]
        let trace = try #require(RequestNames(headers).trace)
        #expect(trace.traceID == "0af7651916cd43dd8448eb211c80319c")
        #expect(trace.traceparent != Self.parent && trace.isSampled)
        #expect(trace.tracestate == "a=1,b=2")
    }

    @Test(arguments: [
        HTTPHeaders(), ["traceparent": "00-x"], ["traceparent": HeaderRuleTests.parent + "-00"],
        ["traceparent": HeaderRuleTests.parent, "Traceparent": HeaderRuleTests.parent],
    ])
    func beginsATrace(_ headers: HTTPHeaders) throws {
        let trace = try #require(RequestNames(headers).trace)
        #expect(trace.traceID != "0af7651916cd43dd8448eb211c80319c" && trace.tracestate == nil)
    }
}
