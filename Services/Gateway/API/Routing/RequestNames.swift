internal import Chronology
package import HTTPServer
package import Observability

/// What a request is called: its id and its place in a trace.
package enum RequestNames {
    private static let longestID = 128

    /// The id that the client gave when it is well-formed (1 to 128 letters, digits, `.`, `_`, `-`, `:`), else a new one.
    package static func id(_ headers: HTTPHeaders) -> String {
        let given = headers.values("X-Request-Id")
        if given.count == 1, isWellFormed(given[0]) { return given[0] }
        return UUIDv7.make().description
    }

    /// The span of the gateway in the client's trace, or in a new one.
    package static func trace(_ headers: HTTPHeaders) -> TraceContext {
        let parents = headers.values("traceparent")
        guard parents.count == 1 else { return .root() }
        let states = headers.values("tracestate")
        let received = TraceContext(
            traceparent: parents[0], tracestate: states.isEmpty ? nil : states.joined(separator: ","))
        return received?.child() ?? .root()
    }

    private static func isWellFormed(_ id: String) -> Bool {
        (1...longestID).contains(id.utf8.count)
            && id.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: ":"): true
                default: false
                }
            }
    }
}
