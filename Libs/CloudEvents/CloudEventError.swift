/// Why bytes or values are not a CloudEvent; names the attribute and the rule, never the value.
package struct CloudEventError: Error, Hashable, CustomStringConvertible {
    /// The kind of fault; the raw value is stable and fits a dead letter's reason or a problem's `code`.
    package enum Code: String, Sendable {
        /// A required attribute is absent.
        case missingAttribute = "missing_attribute"
        /// An attribute has a value, type or name that the specification does not allow.
        case invalidAttribute = "invalid_attribute"
        /// An attribute is there twice.
        case duplicateAttribute = "duplicate_attribute"
        /// `specversion` is not `1.0`.
        case unsupportedVersion = "unsupported_version"
        /// The payload does not fit its declared content type or encoding.
        case invalidData = "invalid_data"
        /// The bytes are not the format that the content type promises.
        case malformed = "malformed"
        /// The message carries no CloudEvent, or one in a format that is not understood here.
        case unsupportedFormat = "unsupported_format"
    }

    /// The kind of fault.
    package let code: Code
    /// The attribute at fault, where there is one.
    package let attribute: String?
    /// The rule that was broken, as a phrase.
    package let rule: String

    package init(_ code: Code, attribute: String? = nil, _ rule: String) {
        self.code = code
        self.attribute = attribute
        self.rule = rule
    }

    /// Always false: the same bytes stay wrong.
    package var isRetriable: Bool { false }

    package var description: String {
        attribute.map { "\(code.rawValue): \($0): \(rule)" } ?? "\(code.rawValue): \(rule)"
    }
}
