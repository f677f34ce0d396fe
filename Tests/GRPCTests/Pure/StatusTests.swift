import HTTP2
import Testing

@testable import GRPC

@Suite struct StatusTests {
    @Test func goesToTrailersAndBack() {
        let status = GRPCStatus(.notFound, "no é%", details: [1, 2, 255], metadata: ["x-why": "because"])
        var fields: [HeaderField] = []
        StatusCodec.encode(status, trailing: ["x-more": "1"], into: &fields)
        #expect(
            fields == [
                HeaderField("grpc-status", "5"), HeaderField("grpc-message", "no %C3%A9%25"),
                HeaderField("grpc-status-details-bin", "AQL/"), HeaderField("x-more", "1"),
                HeaderField("x-why", "because"),
            ])
        var expected = status
        expected.metadata = ["x-more": "1", "x-why": "because"]
        #expect(StatusCodec.decode(fields) == expected)
    }

    @Test func aGoodEndIsShort() {
        var fields: [HeaderField] = []
        StatusCodec.encode(GRPCStatus(.ok), trailing: GRPCMetadata(), into: &fields)
        #expect(fields == [HeaderField("grpc-status", "0")])
    }

    @Test func metadataThatCannotBeSentMakesItInternal() {
        var fields = [HeaderField(":status", "200")]
        StatusCodec.encode(GRPCStatus(.ok), trailing: ["x-good": "1", "te": "x"], into: &fields)
        #expect(fields.count == 3)
        #expect(fields.first("grpc-status") == "13")
        #expect(fields.first("x-good") == nil)
    }

    @Test(arguments: [
        ([], GRPCStatus.Code.unknown), ([HeaderField("grpc-status", "17")], .unknown),
        ([HeaderField("grpc-status", "-1")], .unknown), ([HeaderField("grpc-status", "five")], .unknown),
        ([HeaderField("grpc-status", "16")], .unauthenticated),
        ([HeaderField("grpc-status", "0"), HeaderField("grpc-status-details-bin", "?")], .internalError),
        ([HeaderField("grpc-status", "0"), HeaderField("x-bin", "?")], .internalError),
    ])
    func readsStrangeTrailers(_ fields: [HeaderField], _ code: GRPCStatus.Code) {
        #expect(StatusCodec.decode(fields).code == code)
    }

    @Test func descriptionKeepsTheMessageBack() {
        let status = GRPCStatus(.invalidArgument, "jo@example.org is taken")
        #expect(String(describing: status) == "gRPC status INVALID_ARGUMENT")
        #expect(String(reflecting: status).contains("jo@example.org"))
    }

    @Test func codesHaveTheirNumbersAndNames() {
        #expect(GRPCStatus.Code.allCases.map(\.rawValue) == Array(0...16))
        #expect(GRPCStatus.Code.allCases.map(\.description).allSatisfy { $0 == $0.uppercased() })
        #expect(Set(GRPCStatus.Code.allCases.map(\.description)).count == 17)
        #expect(GRPCStatus.Code.allCases.filter { GRPCStatus($0).isRetriable } == [.unavailable])
    }

    @Test(arguments: [
        (400, GRPCStatus.Code.internalError), (401, .unauthenticated), (403, .permissionDenied), (404, .unimplemented),
        (429, .unavailable), (502, .unavailable), (503, .unavailable), (504, .unavailable), (500, .unknown),
        (302, .unknown),
    ])
    func httpStatuses(_ httpStatus: Int, _ code: GRPCStatus.Code) {
        #expect(StatusMapping.code(httpStatus: httpStatus) == code)
    }

    @Test(
        arguments: [
            (0, GRPCStatus.Code.internalError), (1, .internalError), (7, .unavailable), (8, .cancelled),
            (11, .resourceExhausted), (12, .permissionDenied), (99, .internalError),
        ] as [(UInt32, GRPCStatus.Code)])
    func resets(_ error: UInt32, _ code: GRPCStatus.Code) {
        #expect(StatusMapping.code(reset: HTTP2ErrorCode(rawValue: error)) == code)
    }
}
