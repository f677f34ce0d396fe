package import Chronology

/// An event in the CloudEvents 1.0 model (https://github.com/cloudevents/spec, v1.0.2): always valid once made.
package struct CloudEvent: Sendable, Hashable {
    /// The payload.
    package enum Data: Sendable, Hashable {
        /// A JSON value as UTF-8 text.
        case json([UInt8])
        /// Text of a content type that is not JSON, `application/xml`.
        case text(String)
        /// Bytes of any content type.
        case binary([UInt8])
    }

    /// A context attribute that the specification does not define.
    package struct Extension: Sendable, Hashable {
        /// Lower-case ASCII letters and digits.
        package let name: String
        /// The value.
        package let value: AttributeValue

        package init(_ name: String, _ value: AttributeValue) {
            self.name = name
            self.value = value
        }
    }

    /// The only version of the specification there is for us.
    package static let specVersion = "1.0"

    /// Names the event; with `source` it is unique, so a repeat is a duplicate.
    package let id: String
    /// Where it happened: a URI-reference, `/florin/expense`.
    package let source: String
    /// What happened, `florin.expense.expense_created.v1`.
    package let type: String
    /// What it happened to, within the source.
    package let subject: String?
    /// When it happened.
    package let time: Timestamp?
    /// The media type of `data`; nil means JSON.
    package let dataContentType: String?
    /// An absolute URI of the schema that `data` follows.
    package let dataSchema: String?
    /// The other attributes, in the order they came, no name twice.
    package let extensions: [Extension]
    /// The payload; nil when the event has none.
    package let data: Data?

    /// Checks every attribute against the specification.
    ///
    /// - Throws: the first attribute at fault and its rule.
    package init(
        id: String, source: String, type: String, subject: String? = nil, time: Timestamp? = nil,
        dataContentType: String? = nil, dataSchema: String? = nil, extensions: [Extension] = [], data: Data? = nil
    ) throws(CloudEventError) {
        try AttributeRules.checkText(id, of: "id")
        try AttributeRules.checkSource(source)
        try AttributeRules.checkText(type, of: "type")
        if let subject { try AttributeRules.checkText(subject, of: "subject") }
        if let dataContentType { try AttributeRules.checkContentType(dataContentType) }
        if let dataSchema { try AttributeRules.checkSchema(dataSchema) }
        try AttributeRules.checkExtensions(extensions)
        self.id = id
        self.source = source
        self.type = type
        self.subject = subject
        self.time = time
        self.dataContentType = dataContentType
        self.dataSchema = dataSchema
        self.extensions = extensions
        self.data = data
        if case .text = data, hasJSONContentType {
            throw CloudEventError(
                .invalidData, attribute: "datacontenttype", "text needs a content type that is not JSON")
        }
        if case .json = data, !hasJSONContentType {
            throw CloudEventError(.invalidData, attribute: "datacontenttype", "JSON data needs a JSON content type")
        }
    }

    /// Whether `datacontenttype` declares JSON: absent, `*/json` or `*/*+json` (JSON format, section 3.1.1).
    package var hasJSONContentType: Bool {
        guard let dataContentType else { return true }
        return MediaType(dataContentType)?.isJSON ?? false
    }

    /// The JSON payload, also where it travelled as bytes; nil when the payload is absent or of another type.
    package var jsonData: [UInt8]? {
        switch data {
        case .json(let bytes): bytes
        case .binary(let bytes) where hasJSONContentType: bytes
        default: nil
        }
    }

    /// The value of an extension attribute.
    package subscript(extension name: String) -> AttributeValue? {
        extensions.first { $0.name == name }?.value
    }
}
