import CloudEvents
import Testing

/// What the model accepts and refuses, attribute by attribute.
struct CloudEventTests {
    @Test(arguments: [
        ("/florin/expense", true), ("https://github.com/cloudevents", true),
        ("mailto:cncf-wg-serverless@lists.cncf.io", true), ("urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66", true),
        ("/cloudevents/spec/pull/123", true), ("1-555-123-4567", true), ("//host/path?query#fragment", true),
        ("http://[2001:db8::1]:8080/a", true), ("http://user:secret@host:80/", true), ("a%20b", true), ("?q", true),
        ("#f", true), ("./a:b", true), ("x:", true),
        ("", false), ("/with space", false), ("a%2", false), ("a%zz", false), ("1a:b", false), ("a#b#c", false),
        ("http://[::1/", false), ("http://host:8x/", false), ("/a[b]", false), ("/ünicode", false), ("<x>", false),
        ("http://a@b@c/", false), ("back\\slash", false), ("a\"b", false),
    ])
    func sourceIsAURIReference(source: String, isValid: Bool) {
        let event = try? CloudEvent(id: "1", source: source, type: "t")
        #expect((event != nil) == isValid)
    }

    @Test(arguments: [
        ("urn:florin:event:auth:user_registered:v1", true), ("https://example.org/schema.json", true),
        ("/relative", false), ("", false), ("no scheme", false),
    ])
    func schemaIsAnAbsoluteURI(schema: String, isValid: Bool) {
        let event = try? CloudEvent(id: "1", source: "/s", type: "t", dataSchema: schema)
        #expect((event != nil) == isValid)
    }

    @Test(arguments: [
        ("application/json", true), ("text/plain; charset=utf-8", true), ("application/vnd.a+xml;v=\"a \\\" b\"", true),
        ("json", false), ("application/", false), ("/json", false), ("a/b;", false), ("a/b; c", false),
        ("a/b; c=\"", false),
        ("a b/c", false), ("", false), ("a/b; ", false),
    ])
    func contentTypeIsAMediaType(contentType: String, isValid: Bool) {
        let event = try? CloudEvent(id: "1", source: "/s", type: "t", dataContentType: contentType)
        #expect((event != nil) == isValid)
    }

    @Test(arguments: [
        ("partitionkey", true), ("a1", true), ("1a", true), ("averyverylongnameofmorethantwentycharacters", true),
        ("", false), ("Upper", false), ("with_underscore", false), ("with-dash", false), ("ünicode", false),
        ("data", false), ("id", false), ("specversion", false), ("datacontenttype", false),
    ])
    func extensionNames(name: String, isValid: Bool) {
        let event = try? CloudEvent(id: "1", source: "/s", type: "t", extensions: [.init(name, .string("v"))])
        #expect((event != nil) == isValid)
    }

    @Test(arguments: [0x00, 0x09, 0x0A, 0x7F, 0x85, 0xFFFE, 0xFDD0, 0x1FFFF] as [UInt32])
    func stringsWithForbiddenCharacters(code: UInt32) throws {
        let text = "a" + String(Character(try #require(Unicode.Scalar(code))))
        #expect(throws: CloudEventError.self) { try CloudEvent(id: text, source: "/s", type: "t") }
        #expect(throws: CloudEventError.self) { try CloudEvent(id: "1", source: "/s", type: text) }
        #expect(throws: CloudEventError.self) { try CloudEvent(id: "1", source: "/s", type: "t", subject: text) }
        #expect(throws: CloudEventError.self) {
            try CloudEvent(id: "1", source: "/s", type: "t", extensions: [.init("x", .string(text))])
        }
    }

    @Test func emptyAttributesAreRefusedAndNamed() throws {
        let cases: [(String, () throws -> CloudEvent)] = [
            ("id", { try CloudEvent(id: "", source: "/s", type: "t") }),
            ("source", { try CloudEvent(id: "1", source: "", type: "t") }),
            ("type", { try CloudEvent(id: "1", source: "/s", type: "") }),
            ("subject", { try CloudEvent(id: "1", source: "/s", type: "t", subject: "") }),
        ]
        for (attribute, make) in cases {
            let error = #expect(throws: CloudEventError.self) { try make() }
            #expect(error?.attribute == attribute)
            #expect(error?.code == .invalidAttribute)
            #expect(error?.isRetriable == false)
        }
    }

    @Test func anExtensionIsThereOnce() {
        let error = #expect(throws: CloudEventError.self) {
            try CloudEvent(
                id: "1", source: "/s", type: "t", extensions: [.init("a", .integer(1)), .init("a", .integer(2))])
        }
        #expect(error?.code == .duplicateAttribute)
        #expect(error?.description == "duplicate_attribute: a: is there twice")
    }

    @Test func dataFitsItsContentType() throws {
        #expect(throws: CloudEventError.self) {
            try CloudEvent(id: "1", source: "/s", type: "t", data: .text("<a/>"))
        }
        #expect(throws: CloudEventError.self) {
            try CloudEvent(id: "1", source: "/s", type: "t", dataContentType: "application/xml", data: .json([0x31]))
        }
        let json = try CloudEvent(
            id: "1", source: "/s", type: "t", dataContentType: "application/vnd.x+json; v=1", data: .binary([0x31]))
        #expect(json.jsonData == [0x31])
        let xml = try CloudEvent(
            id: "1", source: "/s", type: "t", dataContentType: "application/xml", data: .binary([0x31]))
        #expect(xml.jsonData == nil)
    }

    @Test func typedExtensions() throws {
        let event = try florinEvent()
        #expect(event.partitionKey == "019aa1b2-0000-7000-8000-0000000000bb")
        #expect(event.sequence == 7)
        #expect(event.correlationID == "req-1")
        #expect(event.causationID == "req-1")
        #expect(event.traceparent == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        #expect(event.tracestate == nil)
        #expect(CloudEvent.sequenceText(Int64.max) == "09223372036854775807")
        #expect(CloudEvent.sequenceText(1).utf8.count == 20)
    }

    @Test(
        arguments: [
            (.string("00000000000000000042"), 42), (.integer(3), 3),
            (.string("9223372036854775807"), .max),
            (.string("9223372036854775808"), nil), (.string("-1"), nil), (.string("+1"), nil), (.string(""), nil),
            (.integer(-1), nil), (.boolean(true), nil),
        ] as [(AttributeValue, Int64?)])
    func sequences(value: AttributeValue, expected: Int64?) throws {
        let event = try CloudEvent(id: "1", source: "/s", type: "t", extensions: [.init("sequence", value)])
        #expect(event.sequence == expected)
    }
}
