import HTTP2
import Testing

@testable import GRPC

@Suite struct MetadataTests {
    @Test func isAnOrderedMultimap() {
        var metadata: GRPCMetadata = ["B": "1", "a": "2"]
        metadata.append("b", "3")
        metadata.append("c-bin", binary: [1])
        #expect(metadata.entries.map(\.name) == ["b", "a", "b", "c-bin"])
        #expect(metadata["b"] == "1")
        #expect(metadata.values(for: "b") == ["1", "3"])
        #expect(metadata["c-bin"] == nil)
        #expect(metadata.binary("c-bin") == [1])
        #expect(metadata.binary("b") == nil)
        metadata["b"] = "4"
        #expect(metadata.values(for: "b") == ["4"])
        metadata["b"] = nil
        #expect(metadata["b"] == nil)
        var other = GRPCMetadata()
        #expect(other.isEmpty)
        other.append(contentsOf: metadata)
        #expect(other == metadata)
    }

    @Test func goesToFieldsAndBack() throws {
        var metadata: GRPCMetadata = ["x-a": "v w", "x.b_c-1": ""]
        metadata.append("x-bin", binary: [0, 255])
        var fields: [HeaderField] = []
        try MetadataCodec.encode(metadata, into: &fields)
        #expect(fields == [HeaderField("x-a", "v w"), HeaderField("x.b_c-1", ""), HeaderField("x-bin", "AP8")])
        #expect(try MetadataCodec.decode(fields) == metadata)
    }

    @Test func leavesOutWhatBelongsToTheProtocol() throws {
        let fields = [
            HeaderField(":path", "/a/b"), HeaderField("te", "trailers"),
            HeaderField("content-type", "application/grpc"),
            HeaderField("grpc-timeout", "1S"), HeaderField("grpc-anything", "x"), HeaderField("user-agent", "me"),
        ]
        #expect(try MetadataCodec.decode(fields) == ["user-agent": "me"])
    }

    @Test func splitsJoinedBinaryValues() throws {
        let metadata = try MetadataCodec.decode([HeaderField("x-bin", "AQ, Ag==")])
        #expect(metadata.entries.map(\.value) == [.binary([1]), .binary([2])])
    }

    @Test func refusesBinaryThatIsNotBase64() {
        #expect(throws: GRPCStatus.self) { try MetadataCodec.decode([HeaderField("x-bin", "?")]) }
    }

    static let unsendable: [GRPCMetadata] = {
        var textInBinary = GRPCMetadata()
        textInBinary.append("x-bin", "text")
        var binaryInText = GRPCMetadata()
        binaryInText.append("x", binary: [1])
        return [
            textInBinary, binaryInText, ["": "v"], ["grpc-status": "0"], [":path": "/"], ["te": "x"], ["a b": "v"],
            ["é": "v"], ["x": "a\r\nb: c"], ["x": "é"], ["content-type": "x"],
        ]
    }()

    @Test(arguments: unsendable)
    func refusesToSend(_ metadata: GRPCMetadata) {
        var fields: [HeaderField] = []
        #expect(throws: GRPCStatus.self) { try MetadataCodec.encode(metadata, into: &fields) }
    }
}
