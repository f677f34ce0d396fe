internal import Chronology
internal import JSON
internal import WireCodecs

/// The attributes of an event while they are collected from a JSON object or from headers.
struct AttributeFields {
    private var core: [String: String] = [:]
    private var extensions: [CloudEvent.Extension] = []
    private var dataValue: JSONValue?
    private var dataBase64: String?
    private var names: Set<String> = []

    /// Takes a member of the JSON format's object.
    mutating func add(_ member: JSONMember) throws(CloudEventError) {
        guard names.insert(member.key).inserted else {
            throw CloudEventError(.duplicateAttribute, attribute: String(member.key.prefix(40)), "is there twice")
        }
        // `null` data is a payload; a `null` attribute is an absent one (JSON format, sections 2.2 and 3.1.1).
        if member.key == "data" {
            dataValue = member.value
            return
        }
        guard !member.value.isNull else { return }
        if member.key == "data_base64" {
            guard let text = member.value.string else {
                throw CloudEventError(.invalidData, attribute: "data_base64", "must be a string")
            }
            dataBase64 = text
            return
        }
        try AttributeRules.checkName(member.key)
        try set(member.key, try Self.attributeValue(member))
    }

    /// Takes an attribute of the binary mode.
    mutating func add(name: String, value: AttributeValue) throws(CloudEventError) {
        guard names.insert(name).inserted else {
            throw CloudEventError(.duplicateAttribute, attribute: String(name.prefix(40)), "is there twice")
        }
        try AttributeRules.checkName(name)
        try set(name, value)
    }

    /// The attribute `datacontenttype`, where there is one.
    var contentType: String? { core["datacontenttype"] }

    /// The event of the JSON format.
    func event() throws(CloudEventError) -> CloudEvent {
        let contentType = core["datacontenttype"]
        return try event(contentType: contentType, data: try jsonFormatData(contentType: contentType))
    }

    /// The event with a payload that was found elsewhere.
    func event(contentType: String?, data: CloudEvent.Data?) throws(CloudEventError) -> CloudEvent {
        let version = try required("specversion")
        guard version == CloudEvent.specVersion else {
            throw CloudEventError(.unsupportedVersion, attribute: "specversion", "must be 1.0")
        }
        return try CloudEvent(
            id: try required("id"), source: try required("source"), type: try required("type"),
            subject: core["subject"],
            time: try time(), dataContentType: contentType, dataSchema: core["dataschema"], extensions: extensions,
            data: data)
    }

    private mutating func set(_ name: String, _ value: AttributeValue) throws(CloudEventError) {
        guard AttributeRules.reserved.contains(name), name != "data" else {
            extensions.append(CloudEvent.Extension(name, value))
            return
        }
        guard case .string(let text) = value else {
            throw CloudEventError(.invalidAttribute, attribute: name, "must be a string")
        }
        core[name] = text
    }

    private func required(_ name: String) throws(CloudEventError) -> String {
        guard let value = core[name] else { throw CloudEventError(.missingAttribute, attribute: name, "is required") }
        return value
    }

    private func time() throws(CloudEventError) -> Timestamp? {
        guard let text = core["time"] else { return nil }
        guard let time = Timestamp(rfc3339: text) else {
            throw CloudEventError(.invalidAttribute, attribute: "time", "must be a timestamp (RFC 3339)")
        }
        return time
    }

    private func jsonFormatData(contentType: String?) throws(CloudEventError) -> CloudEvent.Data? {
        if let dataBase64 {
            guard dataValue == nil else {
                throw CloudEventError(.invalidData, attribute: "data_base64", "excludes data")
            }
            guard let bytes = Base64.decode(dataBase64) else {
                throw CloudEventError(.invalidData, attribute: "data_base64", "must be base64 (RFC 4648)")
            }
            return .binary(bytes)
        }
        guard let dataValue else { return nil }
        if contentType.map({ MediaType($0)?.isJSON ?? false }) ?? true { return .json(dataValue.sourceBytes) }
        guard !dataValue.isNull else { return nil }
        guard let text = dataValue.string else {
            throw CloudEventError(
                .invalidData, attribute: "data", "must be a string where the content type is not JSON")
        }
        return .text(text)
    }

    private static func attributeValue(_ member: JSONMember) throws(CloudEventError) -> AttributeValue {
        if let text = member.value.string { return .string(text) }
        if let value = member.value.bool { return .boolean(value) }
        if let number = member.value.int64, let value = Int32(exactly: number) { return .integer(value) }
        throw CloudEventError(
            .invalidAttribute, attribute: member.key, "must be a string, a boolean or an integer of 32 bits")
    }
}
