internal import Contracts
internal import Foundation
internal import Testing

/// Events of producers that are one version behind or ahead, read by the present consumers' types.
///
/// What `scripts/check-events` allows between two versions has to be readable in both directions; this is the reader's half.
@Suite struct EventCompatibilityTests {
    /// An event type as a consumer sees it.
    struct Reader: Sendable, CustomTestStringConvertible {
        let type: String
        /// Reads an event, and shows all that was read.
        let read: @Sendable ([UInt8]) throws(ContractError) -> String

        var testDescription: String { type }

        init<Payload: EventPayload>(_: Payload.Type) {
            type = Payload.type
            read = { bytes throws(ContractError) in String(reflecting: try Payload(decoding: bytes)) }
        }

        func read(_ object: [String: Any]) throws -> String {
            try read([UInt8](JSONSerialization.data(withJSONObject: object)))
        }
    }

    static let all = EventTypes.all.map { Reader($0) }

    // MARK: Producers ahead

    @Test(arguments: all)
    func fieldsOfALaterVersionArePassedOver(_ event: Reader) throws {
        let contract = try EventContract(event.type)
        let asOfNow = try event.read(contract.example)
        for object in contract.objects {
            for value in ["text", 1, true, ["x": [1]], [["y": 2]], NSNull()] as [Any] {
                let later = contract.changed(at: object.path) { $0["added_later"] = value }
                #expect(try event.read(later) == asOfNow, "an unknown field in \(object.path)")
            }
        }
    }

    @Test(arguments: all)
    func valuesOfALaterVersionAreReadAsTheyAre(_ event: Reader) throws {
        let contract = try EventContract(event.type)
        for object in contract.objects {
            for (name, schema) in object.properties where schema["enum"] != nil {
                let later = contract.changed(at: object.path) { $0[name] = "added_later" }
                #expect(try event.read(later).contains(#""added_later""#), "\(name) with a new value")
            }
        }
    }

    /// Bounds are the producer's to keep and may be loosened.
    @Test(arguments: all)
    func longerTextsAndNumbersOutsideTheBoundsAreRead(_ event: Reader) throws {
        let contract = try EventContract(event.type)
        for object in contract.objects {
            for (name, schema) in object.properties {
                let value: Any? =
                    if let limit = schema["maxLength"] as? Int {
                        String(repeating: "x", count: limit + 1)
                    } else if let limit = schema["minimum"] as? Int {
                        limit - 1
                    } else {
                        nil
                    }
                guard let value else { continue }
                #expect(throws: Never.self, "\(name) beyond its bound") {
                    try event.read(contract.changed(at: object.path) { $0[name] = value })
                }
            }
        }
    }

    // MARK: Producers behind

    @Test(arguments: all)
    func optionalFieldsMayBeMissing(_ event: Reader) throws {
        let contract = try EventContract(event.type)
        for object in contract.objects {
            for name in object.optional {
                for isNull in [false, true] {
                    #expect(throws: Never.self, "\(object.path) without \(name)") {
                        try event.read(contract.changed(at: object.path) { $0[name] = isNull ? NSNull() : nil })
                    }
                }
            }
        }
        #expect(throws: Never.self) { try event.read(contract.reduced(contract.example, to: contract.schema)) }
    }

    /// The least that a producer of the shipped version sends, which may lack fields that were added since.
    @Test(arguments: all)
    func theShippedVersionIsRead(_ event: Reader) throws {
        let contract = try EventContract(event.type)
        guard let shipped = try contract.shipped() else { return }
        let asShipped = contract.reduced(contract.example, to: shipped)
        #expect(Set(asShipped.keys) == Set(shipped["required"] as? [String] ?? []))
        #expect(throws: Never.self) { try event.read(asShipped) }
    }

    // MARK: What no version sends

    @Test(arguments: all)
    func missingRequiredFieldsAreRefusedByName(_ event: Reader) throws {
        let contract = try EventContract(event.type)
        var refused = 0
        for object in contract.objects {
            for name in object.required {
                for isNull in [false, true] {
                    let broken = contract.changed(at: object.path) { $0[name] = isNull ? NSNull() : nil }
                    let error = #expect(throws: ContractError.self, "\(object.path) without \(name)") {
                        try event.read(broken)
                    }
                    #expect(error?.field == (object.path + [name]).joined(separator: "."))
                    refused += 1
                }
            }
        }
        #expect(refused > 0)
    }

    @Test(arguments: all)
    func fieldsOfAnotherTypeAreRefusedByName(_ event: Reader) throws {
        let contract = try EventContract(event.type)
        for object in contract.objects {
            for (name, schema) in object.properties where schema["type"] as? String != "object" {
                let value: Any = schema["type"] as? String == "string" ? 1 : "text"
                let error = #expect(throws: ContractError.self, "\(name) of another type") {
                    try event.read(contract.changed(at: object.path) { $0[name] = value })
                }
                #expect(error?.field == (object.path + [name]).joined(separator: "."))
            }
        }
    }
}

/// The schema and the example of an event.
private struct EventContract {
    /// The event, or an object in it.
    struct Object {
        let path: [String]
        let properties: [String: [String: Any]]
        let required: [String]
        var optional: [String] { properties.keys.filter { !required.contains($0) }.sorted() }
    }

    struct Missing: Error {}

    let schema: [String: Any]
    let example: [String: Any]
    private let lock: URL

    init(_ type: String) throws {
        let parts = type.split(separator: ".").map(String.init)
        let folder = EventTests.folder.appending(path: "\(parts[1])-events/\(parts[2])")
        schema = try Self.object(at: folder.appending(path: "\(parts[3]).schema.json"))
        example = try Self.object(at: folder.appending(path: "\(parts[3]).example.json"))
        lock = EventTests.folder.appending(path: "shipped/\(parts[1...].joined(separator: ".")).json")
    }

    /// The shipped version of the schema; nil for an event that has not been shipped.
    func shipped() throws -> [String: Any]? {
        FileManager.default.fileExists(atPath: lock.path) ? try Self.object(at: lock) : nil
    }

    /// The event and the objects in it that the example has.
    var objects: [Object] { Self.objects(in: schema, example, at: []) }

    /// The example with a change in the object at a path.
    func changed(at path: [String], _ change: (inout [String: Any]) -> Void) -> [String: Any] {
        Self.changed(example, at: path[...], change)
    }

    /// Only those fields that a schema requires, in all depths.
    func reduced(_ object: [String: Any], to schema: [String: Any]) -> [String: Any] {
        let properties = schema["properties"] as? [String: [String: Any]] ?? [:]
        let required = schema["required"] as? [String] ?? []
        return object.filter { required.contains($0.key) }.reduce(into: [:]) { result, field in
            let inner = field.value as? [String: Any]
            result[field.key] = inner.map { reduced($0, to: properties[field.key] ?? [:]) } ?? field.value
        }
    }

    private static func object(at file: URL) throws -> [String: Any] {
        guard let object = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any] else {
            throw Missing()
        }
        return object
    }

    private static func objects(in schema: [String: Any], _ value: [String: Any], at path: [String]) -> [Object] {
        let properties = schema["properties"] as? [String: [String: Any]] ?? [:]
        let own = Object(path: path, properties: properties, required: schema["required"] as? [String] ?? [])
        return properties.sorted { $0.key < $1.key }.reduce(into: [own]) { result, field in
            guard let inner = value[field.key] as? [String: Any] else { return }
            result += objects(in: field.value, inner, at: path + [field.key])
        }
    }

    private static func changed(
        _ object: [String: Any], at path: ArraySlice<String>, _ change: (inout [String: Any]) -> Void
    ) -> [String: Any] {
        var object = object
        if let name = path.first {
            object[name] = (object[name] as? [String: Any]).map { changed($0, at: path.dropFirst(), change) }
        } else {
            change(&object)
        }
        return object
    }
}
