import Chronology
import CloudEvents
import Testing
import TestKit

/// The JSON format against the specification's examples and against what it forbids.
struct CloudEventJSONCodecTests {
    @Test func exampleWithBinaryData() throws {
        let event = try decode(SpecificationExample.binaryData)
        #expect(event.id == "A234-1234-1234")
        #expect(event.type == "com.example.someevent")
        #expect(event.source == "/mycontext")
        #expect(event.time == Timestamp(rfc3339: "2018-04-05T17:31:00Z"))
        #expect(event[extension: "comexampleextension1"] == .string("value"))
        #expect(event[extension: "comexampleothervalue"] == .integer(5))
        #expect(event.data == .binary([1, 2, 3, 4]))
    }

    @Test func exampleWithXML() throws {
        let event = try decode(SpecificationExample.xmlData)
        #expect(event.data == .text(#"<much wow="xml"/>"#))
        #expect(event[extension: "unsetextension"] == nil)
    }

    @Test func exampleWithJSON() throws {
        let event = try decode(SpecificationExample.jsonData)
        #expect(event.subject == nil)
        let data = try #require(event.jsonData)
        #expect(
            String(decoding: data, as: UTF8.self).filter { !$0.isWhitespace }
                == #"{"appinfoA":"abc","appinfoB":123,"appinfoC":true}"#)
    }

    @Test func exampleWithoutContentType() throws {
        let event = try decode(SpecificationExample.stringData)
        #expect(event.dataContentType == nil)
        #expect(event.data == .json(Array(#""I'm just a string""#.utf8)))
    }

    @Test func exampleOfABatch() throws {
        let batch = "[\(SpecificationExample.binaryData),\(SpecificationExample.jsonData)]"
        let events = try CloudEventJSONCodec.decodeBatch(Array(batch.utf8))
        #expect(events.map(\.id) == ["A234-1234-1234", "C234-1234-1234"])
        #expect(try CloudEventJSONCodec.decodeBatch(Array("[]".utf8)).isEmpty)
        #expect(try CloudEventJSONCodec.decodeBatch(CloudEventJSONCodec.encodeBatch(events)) == events)
        #expect(throws: CloudEventError.self) { try CloudEventJSONCodec.decodeBatch(Array("{}".utf8)) }
    }

    @Test(arguments: [
        CloudEvent.Data.json(Array(#"{"a":[1,2.50,"x\"y"],"b":null}"#.utf8)), .json(Array("null".utf8)),
        .binary([0, 255, 10]),
        .binary([]), nil,
    ])
    func roundTrip(data: CloudEvent.Data?) throws {
        let event = try florinEvent(data: data)
        let decoded = try CloudEventJSONCodec.decode(CloudEventJSONCodec.encode(event))
        #expect(decoded.data == event.data)
        #expect(decoded.time == event.time)
        #expect(decoded.extensions.map(\.name) == event.extensions.map(\.name))
        // Binary has no type of its own in JSON: it comes back as its canonical string.
        #expect(decoded[extension: "bytes"] == .string("AAH/"))
        #expect(decoded[extension: "flag"] == .boolean(true))
        #expect(decoded[extension: "unknown"] == .integer(-5))
        #expect(CloudEventJSONCodec.encode(decoded) == CloudEventJSONCodec.encode(event))
    }

    @Test func textRoundTrip() throws {
        let event = try decode(SpecificationExample.xmlData)
        #expect(try CloudEventJSONCodec.decode(CloudEventJSONCodec.encode(event)) == event)
    }

    @Test func encodingOfAFlorinEvent() throws {
        let text = String(decoding: CloudEventJSONCodec.encode(try florinEvent()), as: UTF8.self)
        #expect(
            text.hasPrefix(
                #"{"specversion":"1.0","id":"019aa1b2-0000-7000-8000-000000000001","source":"/florin/expense""#))
        #expect(text.contains(#""time":"2026-11-21T09:30:00.123Z""#))
        #expect(text.contains(#""sequence":"00000000000000000007""#))
        #expect(text.hasSuffix(#""data":{"amount":"12.50"}}"#))
    }

    @Test func microsecondsSurvive() throws {
        let event = try CloudEvent(
            id: "1", source: "/s", type: "t", time: Timestamp(microsecondsSinceEpoch: 1_000_000_000_000_001))
        #expect(try CloudEventJSONCodec.decode(CloudEventJSONCodec.encode(event)).time == event.time)
    }

    @Test(
        arguments: [
            (#"{"source":"/s","type":"t","specversion":"1.0"}"#, .missingAttribute, "id"),
            (#"{"id":"1","type":"t","specversion":"1.0"}"#, .missingAttribute, "source"),
            (#"{"id":"1","source":"/s","specversion":"1.0"}"#, .missingAttribute, "type"),
            (#"{"id":"1","source":"/s","type":"t"}"#, .missingAttribute, "specversion"),
            (#"{"id":null,"source":"/s","type":"t","specversion":"1.0"}"#, .missingAttribute, "id"),
            (#"{"id":"1","source":"/s","type":"t","specversion":"0.3"}"#, .unsupportedVersion, "specversion"),
            (#"{"id":1,"source":"/s","type":"t","specversion":"1.0"}"#, .invalidAttribute, "id"),
            (#"{"id":"1","id":"2","source":"/s","type":"t","specversion":"1.0"}"#, .duplicateAttribute, "id"),
            (#"{"id":"1","source":"/s","type":"t","specversion":"1.0","time":"yesterday"}"#, .invalidAttribute, "time"),
            (
                #"{"id":"1","source":"/s","type":"t","specversion":"1.0","time":"2026-02-30T00:00:00Z"}"#,
                .invalidAttribute, "time"
            ),
            (#"{"id":"1","source":"/s","type":"t","specversion":"1.0","Ext":"v"}"#, .invalidAttribute, "Ext"),
            (#"{"id":"1","source":"/s","type":"t","specversion":"1.0","ext":{"a":1}}"#, .invalidAttribute, "ext"),
            (#"{"id":"1","source":"/s","type":"t","specversion":"1.0","ext":[1]}"#, .invalidAttribute, "ext"),
            (#"{"id":"1","source":"/s","type":"t","specversion":"1.0","ext":1.5}"#, .invalidAttribute, "ext"),
            (#"{"id":"1","source":"/s","type":"t","specversion":"1.0","ext":2147483648}"#, .invalidAttribute, "ext"),
            (
                #"{"id":"1","source":"/s","type":"t","specversion":"1.0","data":1,"data_base64":""}"#, .invalidData,
                "data_base64"
            ),
            (
                #"{"id":"1","source":"/s","type":"t","specversion":"1.0","data_base64":"???"}"#, .invalidData,
                "data_base64"
            ),
            (
                #"{"id":"1","source":"/s","type":"t","specversion":"1.0","data_base64":"AQ"}"#, .invalidData,
                "data_base64"
            ),
            (
                #"{"id":"1","source":"/s","type":"t","specversion":"1.0","data_base64":"AR=="}"#, .invalidData,
                "data_base64"
            ),
            (#"{"id":"1","source":"/s","type":"t","specversion":"1.0","data_base64":1}"#, .invalidData, "data_base64"),
            (
                #"{"id":"1","source":"/s","type":"t","specversion":"1.0","datacontenttype":"text/plain","data":{}}"#,
                .invalidData, "data"
            ),
            (
                #"{"id":"1","source":"/s","type":"t","specversion":"1.0","datacontenttype":"nothing"}"#,
                .invalidAttribute,
                "datacontenttype"
            ),
            (#"[]"#, .malformed, nil), (#"{"id""#, .malformed, nil), ("", .malformed, nil),
            ("{\"id\":\"\u{0}\"}", .malformed, nil), (#"{"id":"\ud800"}"#, .malformed, nil),
        ] as [(String, CloudEventError.Code, String?)])
    func refusals(text: String, code: CloudEventError.Code, attribute: String?) {
        let error = #expect(throws: CloudEventError.self) { try decode(text) }
        #expect(error?.code == code)
        #expect(error?.attribute == attribute)
    }

    @Test func anyMutationOfAValidEventIsReadOrRefused() throws {
        let original = CloudEventJSONCodec.encode(try florinEvent())
        var random = SeededGenerator(seed: 20_261_120)
        var read = 0
        for _ in 0..<5_000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let position = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[position] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: position)
                default: bytes.insert(UInt8.random(in: 32...126, using: &random), at: position)
                }
            }
            guard let event = try? CloudEventJSONCodec.decode(bytes) else { continue }
            read += 1
            #expect(try CloudEventJSONCodec.decode(CloudEventJSONCodec.encode(event)) == event)
        }
        #expect(read > 0 && read < 5_000)
    }

    private func decode(_ text: String) throws -> CloudEvent { try CloudEventJSONCodec.decode(Array(text.utf8)) }
}
