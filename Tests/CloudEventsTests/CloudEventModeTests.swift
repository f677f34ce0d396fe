import CloudEvents
import Testing

/// The binary mode, and telling the modes apart.
struct CloudEventModeTests {
    private func headers(_ message: CloudEventBinaryMode.Message) -> [(name: String, value: AttributeValue)] {
        message.headers.map { (name: $0.name, value: $0.value) }
    }

    @Test(arguments: CloudEventBinaryMode.Prefix.allCases)
    func binaryRoundTrip(prefix: CloudEventBinaryMode.Prefix) throws {
        let event = try florinEvent()
        let message = CloudEventBinaryMode.encode(event, prefix: prefix)
        #expect(message.contentType == "application/json")
        #expect(message.headers.allSatisfy { $0.name.hasPrefix(prefix.rawValue) })
        #expect(message.headers.first { $0.name == prefix.rawValue + "bytes" }?.value == .binary([0, 1, 255]))
        let decoded = try CloudEventMessage.decode(
            contentType: message.contentType, headers: headers(message), body: message.body)
        #expect(decoded == [event])
    }

    @Test func jsonFormatToBinaryMode() throws {
        let event = try CloudEventJSONCodec.decode(Array(SpecificationExample.stringData.utf8))
        let message = CloudEventBinaryMode.encode(event)
        #expect(message.contentType == "application/json")
        #expect(String(decoding: message.body, as: UTF8.self) == #""I'm just a string""#)
    }

    @Test func bytesOfAnotherContentType() throws {
        let decoded = try CloudEventMessage.decode(contentType: "image/png", headers: minimalHeaders(), body: [1, 2])
        #expect(decoded.first?.data == .binary([1, 2]))
        #expect(decoded.first?.dataContentType == "image/png")
    }

    @Test func anEmptyBodyIsNoData() throws {
        let decoded = try CloudEventMessage.decode(contentType: "", headers: minimalHeaders(), body: [])
        #expect(decoded.first?.data == nil)
        #expect(decoded.first?.dataContentType == nil)
    }

    @Test func otherHeadersAreNotAttributes() throws {
        let decoded = try CloudEventMessage.decode(
            contentType: "", headers: minimalHeaders() + [(name: "x-delivery-count", value: .integer(1))], body: [])
        #expect(decoded.first?.extensions.isEmpty == true)
    }

    @Test(arguments: [
        ("cloudEvents:datacontenttype", CloudEventError.Code.invalidAttribute), ("cloudEvents:data", .invalidAttribute),
        ("cloudEvents:Name", .invalidAttribute), ("cloudEvents:id", .duplicateAttribute),
    ])
    func badHeaders(name: String, code: CloudEventError.Code) {
        let error = #expect(throws: CloudEventError.self) {
            try CloudEventMessage.decode(
                contentType: "", headers: minimalHeaders() + [(name: name, value: .string("x"))], body: [])
        }
        #expect(error?.code == code)
    }

    @Test func bodyThatIsNotTheJSONItClaimsToBe() {
        let error = #expect(throws: CloudEventError.self) {
            try CloudEventMessage.decode(contentType: "application/json", headers: minimalHeaders(), body: [0x7B])
        }
        #expect(error?.code == .invalidData)
    }

    @Test func structuredAndBatched() throws {
        let event = try CloudEventJSONCodec.decode(CloudEventJSONCodec.encode(try florinEvent()))
        for contentType in [
            CloudEventJSONCodec.contentType, "Application/CloudEvents+JSON", "application/cloudevents+json",
        ] {
            let events = try CloudEventMessage.decode(
                contentType: contentType, headers: [], body: CloudEventJSONCodec.encode(event))
            #expect(events == [event])
        }
        let batch = try CloudEventMessage.decode(
            contentType: CloudEventJSONCodec.batchContentType, headers: [],
            body: CloudEventJSONCodec.encodeBatch([event, event]))
        #expect(batch == [event, event])
    }

    @Test(arguments: ["application/cloudevents+avro", "application/cloudevents", "application/json", "", "%%"])
    func messagesThatAreNotUnderstood(contentType: String) {
        let error = #expect(throws: CloudEventError.self) {
            try CloudEventMessage.decode(contentType: contentType, headers: [], body: [0x7B, 0x7D])
        }
        #expect(error?.code == .unsupportedFormat)
    }

    private func minimalHeaders() -> [(name: String, value: AttributeValue)] {
        [
            (name: "cloudEvents:specversion", value: .string("1.0")), (name: "cloudEvents:id", value: .string("1")),
            (name: "cloudEvents:source", value: .string("/s")), (name: "cloudEvents:type", value: .string("t")),
        ]
    }
}
