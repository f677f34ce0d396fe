import HTTP2
import Testing

@testable import GRPC

@Suite struct HeadTests {
    @Test func readsARequest() throws {
        let fields = RawClient.headers([("grpc-timeout", "3S"), ("x-a", "1"), ("x-b-bin", "AQ")])
        let head = try RequestHead(HeaderBlock(fields: fields))
        #expect(head.path == "/florin.test.v1.Echo/Say")
        #expect(head.timeout == .seconds(3))
        #expect(head.metadata.entries.map(\.name) == ["x-a", "x-b-bin"])
    }

    @Test func refusesOversizedBlocks() {
        let block = HeaderBlock(fields: RawClient.headers(), isOversized: true)
        #expect(throws: RequestHead.Refusal.self) { try RequestHead(block) }
        let response = ResponseHead(HeaderBlock(fields: [], isOversized: true), isFirst: true)
        #expect(response == .end(GRPCStatus(.resourceExhausted, "response metadata is too large")))
    }

    @Test(arguments: [
        ("application/grpc", true), ("application/grpc+proto", true), ("application/grpc;charset=utf-8", true),
        ("application/grpc+proto;v=1", true), ("application/grpc-web", false), ("application/grpc+json", false),
        ("application/json", false), ("", false), ("APPLICATION/GRPC", false),
    ])
    func contentTypes(_ value: String, _ isGRPC: Bool) { #expect(ContentType.isGRPC(value) == isGRPC) }

    struct Response: Sendable {
        var fields: [(String, String)]
        var isFirst = true
        var isEnd = true
        var code: GRPCStatus.Code?
    }

    static let grpc = [(":status", "200"), ("content-type", "application/grpc")]

    @Test(arguments: [
        Response(fields: grpc, isEnd: false, code: nil),
        Response(fields: grpc + [("grpc-status", "5")], code: .notFound),
        Response(fields: grpc, code: .unknown),
        Response(fields: [("grpc-status", "0")], isFirst: false, code: .ok),
        Response(fields: [("x", "y")], isFirst: false, code: .unknown),
        Response(fields: [(":status", "503")], isEnd: false, code: .unavailable),
        Response(fields: [(":status", "503"), ("grpc-status", "7")], code: .permissionDenied),
        Response(fields: [(":status", "200"), ("content-type", "text/html")], isEnd: false, code: .unknown),
        Response(fields: grpc + [("grpc-encoding", "gzip")], isEnd: false, code: .internalError),
        Response(fields: grpc + [("grpc-encoding", "identity")], isEnd: false, code: nil),
        Response(fields: grpc + [("x-bin", "?")], isEnd: false, code: .internalError),
        Response(fields: [], isEnd: false, code: .unknown),
    ])
    func readsAResponse(_ response: Response) {
        let fields = response.fields.map { HeaderField($0.0, $0.1) }
        let head = ResponseHead(
            HeaderBlock(fields: fields, isEndOfStream: response.isEnd), isFirst: response.isFirst)
        switch head {
        case .initial: #expect(response.code == nil)
        case .end(let status): #expect(status.code == response.code)
        }
    }
}
