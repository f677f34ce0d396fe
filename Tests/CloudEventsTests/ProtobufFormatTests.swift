import Chronology
import CloudEvents
import Foundation
import JSON
import Testing
import TestKit

/// The Protobuf event format, by bytes written out here: what it means and what is refused.
struct ProtobufFormatTests {
    /// id `1`, source `/s`, type `t`.
    private static let core = field(1, "1") + field(2, "/s") + field(3, "1.0") + field(4, "t")

    private static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        [number << 3 | 2, UInt8(bytes.count)] + bytes
    }

    private static func field(_ number: UInt8, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }

    private static func attribute(_ name: String, _ value: [UInt8]) -> [UInt8] {
        field(5, field(1, name) + field(2, value))
    }

    @Test func readsTheCoreAttributes() throws {
        let event = try CloudEventProtobufCodec.decode(Self.core)
        #expect(event.id == "1" && event.source == "/s" && event.type == "t" && event.data == nil)
        #expect(event.dataContentType == nil && event.extensions.isEmpty)
    }

    @Test func theLastDataCounts() throws {
        let bytes = Self.core + Self.field(6, [1]) + Self.field(7, "{}")
        #expect(try CloudEventProtobufCodec.decode(bytes).data == .json(Array("{}".utf8)))
    }

    @Test func anEmptyPayloadIsOne() throws {
        let bytes = Self.core + Self.field(6, [UInt8]())
        #expect(try CloudEventProtobufCodec.decode(bytes).data == .binary([]))
    }

    @Test func unknownFieldsAreSkipped() throws {
        let unknown: [UInt8] = [0x48, 0x96, 0x01, 0x51, 1, 2, 3, 4, 5, 6, 7, 8, 0x5D, 1, 2, 3, 4] + Self.field(15, "x")
        #expect(try CloudEventProtobufCodec.decode(unknown + Self.core).id == "1")
    }

    @Test(
        arguments: [
            ("no end of a number", [0x0A, 0x80], CloudEventError.Code.malformed),
            ("a number of eleven bytes", [UInt8](repeating: 0xFF, count: 10) + [0x01], .malformed),
            ("a length beyond the end", [0x0A, 0x05, 0x31], .malformed),
            ("a length of 2^63", [0x0A, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01], .malformed),
            ("field number 0", [0x02, 0x00], .malformed),
            ("a group", [0x0B, 0x0C], .malformed),
            ("a fixed field cut off", [0x51, 1, 2], .malformed),
            ("an id that is a number", [0x08, 0x01], .malformed),
            ("text that is not UTF-8", [0x0A, 0x01, 0xFF], .malformed),
            ("nothing", [], .missingAttribute),
            ("an empty id", field(1, "") + field(2, "/s") + field(3, "1.0") + field(4, "t"), .missingAttribute),
            ("another version", field(1, "1") + field(2, "/s") + field(3, "0.3") + field(4, "t"), .unsupportedVersion),
            ("an attribute without a value", core + field(5, field(1, "a")), .malformed),
            ("an attribute without a kind", core + attribute("a", []), .malformed),
            ("an attribute twice", core + attribute("a", [0x08, 1]) + attribute("a", [0x08, 1]), .duplicateAttribute),
            ("a core attribute among the others", core + attribute("id", field(3, "2")), .duplicateAttribute),
            ("a bad name", core + attribute("A-b", [0x08, 1]), .invalidAttribute),
            ("a subject that is a number", core + attribute("subject", [0x10, 1]), .invalidAttribute),
            (
                "a time in the year 10000",
                core + attribute("time", field(7, [0x08, 0x80, 0xDC, 0xC7, 0xFD, 0xB0, 0x07])), .malformed
            ),
            (
                "nanoseconds below zero",
                core + attribute("time", field(7, [0x10] + [UInt8](repeating: 0xFF, count: 9) + [1])), .malformed
            ),
            (
                "text with a NUL",
                core + attribute("datacontenttype", field(3, "text/plain")) + field(7, "a\0b"), .invalidData
            ),
            ("text without a type that is no JSON", core + field(7, "plain"), .invalidData),
            (
                "bytes of a JSON type that are none",
                core + attribute("datacontenttype", field(3, "text/json")) + field(6, [0xFF]), .invalidData
            ),
        ] as [(String, [UInt8], CloudEventError.Code)])
    func refuses(what: String, bytes: [UInt8], code: CloudEventError.Code) {
        #expect(throws: CloudEventError.self, "\(what)") { try CloudEventProtobufCodec.decode(bytes) }
        do throws(CloudEventError) { _ = try CloudEventProtobufCodec.decode(bytes) } catch {
            #expect(error.code == code, "\(what)")
        }
    }

    @Test func neverReadsBeyondTheEnd() {
        let whole = Self.core + Self.attribute("a", Self.field(3, "b")) + Self.field(6, [1, 2, 3])
        for length in 0..<whole.count {
            // Shorter by a field it may be an event; whatever it is, it is an answer.
            let prefix = Array(whole.prefix(length))
            let event = Result { try CloudEventProtobufCodec.decode(prefix) }
            if length < Self.core.count { #expect(throws: CloudEventError.self) { try event.get() } }
        }
    }

    /// Damaged bytes are an event or a refusal, whatever was damaged.
    @Test func damagedBytesAreAnswered() {
        let whole =
            Self.core + Self.attribute("a", Self.field(3, "b")) + Self.attribute("time", Self.field(7, [0x08, 0x01]))
            + Self.field(8, Self.field(1, "u") + Self.field(2, [1, 2])) + Self.field(7, "{}")
        var state: UInt64 = 42
        func random(below bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        var refused = 0
        for _ in 0..<20_000 {
            var bytes = whole
            for _ in 0...random(below: 4) { bytes[random(below: bytes.count)] = UInt8(random(below: 256)) }
            if random(below: 4) == 0 { bytes.removeLast(random(below: bytes.count)) }
            do throws(CloudEventError) {
                let event = try CloudEventProtobufCodec.decode(bytes)
                #expect(!event.id.isEmpty && !event.type.isEmpty)
            } catch {
                refused += 1
                #expect(!error.rule.isEmpty)
            }
        }
        #expect(refused > 1_000 && refused < 20_000)
    }

    @Test func isKnownByItsMediaType() throws {
        let batch = Self.field(1, Self.core) + Self.field(1, Self.core)
        #expect(try read("application/cloudevents+protobuf", Self.core).count == 1)
        #expect(try read("Application/CloudEvents+Protobuf; x=y", Self.core).count == 1)
        #expect(try read("application/cloudevents-batch+protobuf", batch).count == 2)
        #expect(try read("application/cloudevents-batch+protobuf", []).isEmpty)
        #expect(throws: CloudEventError.self) { try read("application/cloudevents+avro", Self.core) }
    }

    @Test func whatIsWrittenIsReadAsTheSame() throws {
        let events = [
            try florinEvent(), try florinEvent(data: nil), try florinEvent(data: .json(Array("null".utf8))),
            try CloudEvent(
                id: "ü", source: "../x", type: "t", dataContentType: "text/plain",
                extensions: [.init("empty", .string(""))],
                data: .text("naïve \u{1F4B6}")),
            try CloudEvent(
                id: "1", source: "/s", type: "t", time: Timestamp(microsecondsSinceEpoch: -1),
                dataContentType: "image/png",
                extensions: [
                    .init("zero", .integer(0)), .init("least", .integer(.min)), .init("off", .boolean(false)),
                    .init("none", .binary([])),
                ], data: .binary([0, 255])),
            try CloudEvent(
                id: "1", source: "/s", type: "t", time: Timestamp(secondsSinceEpoch: 0), data: .json([0x31])),
            try CloudEvent(
                id: "1", source: "/s", type: "t", time: Timestamp(rfc3339: "0000-12-31T23:59:59Z"), data: .binary([])),
        ]
        for event in events {
            #expect(try read(CloudEventProtobufCodec.contentType, CloudEventProtobufCodec.encode(event)) == [event])
        }
    }

    private func read(_ contentType: String, _ body: [UInt8]) throws -> [CloudEvent] {
        try CloudEventMessage.decode(contentType: contentType, headers: [], body: body)
    }
}

/// What Google's library for Python writes is read here.
@Suite(.timeLimit(.minutes(5)))
struct ProtobufInteropTests {
    @Test func readsWhatPythonWrites() async throws {
        let messages = try await ProtobufInterop.messages()
        #expect(messages.count == 8)
        let text = try CloudEventProtobufCodec.decode(try #require(messages["json-text"]))
        #expect(text.id == "e-1" && text.source == "/florin/test" && text.subject == "naïve 💶")
        #expect(text.time == Timestamp(microsecondsSinceEpoch: 1_795_253_400_123_456))
        #expect(text.dataSchema == "urn:florin:event:test:happened:v1")
        #expect(text[extension: "flag"] == .boolean(true) && text[extension: "off"] == .boolean(false))
        #expect(text[extension: "count"] == .integer(.min) && text[extension: "bytes"] == .binary([0, 1, 255]))
        #expect(text[extension: "reference"] == .string("../relative"))
        #expect(text[extension: "before"] == .string("1969-12-31T23:59:59.000Z"))
        let payloads: [(String, CloudEvent.Data?, String?)] = [
            ("json-text", .json(Array(#"{"amount":"12.50"}"#.utf8)), "application/json"),
            ("json-bytes", .json(Array("[1,2]".utf8)), "application/vnd.x+json"),
            ("xml", .text("<a/>"), "application/xml"),
            ("binary", .binary([0, 255, 128]), "application/octet-stream"),
            ("message", .binary(try #require(messages["json-text"])), "application/protobuf"), ("none", nil, nil),
        ]
        for (name, data, contentType) in payloads {
            let event = try CloudEventProtobufCodec.decode(try #require(messages[name]))
            #expect(event.data == data && event.dataContentType == contentType, "\(name)")
            #expect(event.extensions.count == 6, "\(name)")
        }
        let batch = try CloudEventProtobufCodec.decodeBatch(try #require(messages["batch"]))
        #expect(batch.map(\.dataContentType) == ["application/json", "application/octet-stream"])
        #expect(try CloudEventProtobufCodec.decodeBatch(try #require(messages["empty-batch"])).isEmpty)
    }
}

/// Messages that Python encodes by the descriptors that protoc makes.
enum ProtobufInterop {
    static func messages() async throws -> [String: [UInt8]] {
        let descriptors = FileManager.default.temporaryDirectory.appending(path: "cloudevents-\(UUID()).binpb")
        defer { try? FileManager.default.removeItem(at: descriptors) }
        let compiled = try await runProgram(
            "/usr/bin/protoc",
            [
                "--proto_path", Python.root.appending(path: "Tests/Interop/cloudevents").path, "--include_imports",
                "--descriptor_set_out", descriptors.path, "cloudevents.proto",
            ])
        try #require(compiled.status == 0, "\(compiled.output)")
        let lines = try await PythonJudge.lines("write_protobuf.py", [], arguments: [descriptors.path])
        return Dictionary(
            uniqueKeysWithValues: lines.map { line in
                let parts = line.split(separator: " ", omittingEmptySubsequences: false)
                return (String(parts[0]), bytes(ofHexadecimal: parts[1]))
            })
    }

    private static func bytes(ofHexadecimal text: Substring) -> [UInt8] {
        let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
