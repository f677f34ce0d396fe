internal import JSON

/// The `data` of an event, as its schema describes it.
package protocol EventPayload: Sendable, Equatable {
    /// The CloudEvents type, which is the routing key too.
    static var type: String { get }
    /// The CloudEvents `dataschema`.
    static var dataSchema: String { get }

    /// The JSON; throws where a rule of the schema is broken.
    func encoded() throws(ContractError) -> [UInt8]

    /// Reads the JSON: what is required has to be there with the right type; what is unknown is passed over.
    init(decoding bytes: [UInt8]) throws(ContractError)
}

/// A part of an event that is an object; generated code conforms.
protocol EventObject {
    init(reading object: EventReader) throws(ContractError)
    func write(into writer: inout JSONWriter)
    func validate(at path: String) throws(ContractError)
}

extension EventObject {
    func validatedJSON() throws(ContractError) -> [UInt8] {
        try validate(at: "")
        var writer = JSONWriter()
        write(into: &writer)
        return writer.bytes
    }

    init(decodingJSON bytes: [UInt8]) throws(ContractError) {
        let document: JSONDocument
        do throws(JSONError) {
            document = try JSONDocument(parsing: bytes)
        } catch {
            throw ContractError(.malformedEvent, message: error.description)
        }
        try self.init(reading: EventReader(document.root, at: ""))
    }
}
