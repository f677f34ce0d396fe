/// The constraints of CloudEvents 1.0 on attribute names and values ("Naming Conventions", "Type System").
enum AttributeRules {
    /// Names that the specification defines or reserves; no extension may have one of them.
    static let reserved: Set<String> = [
        "data", "datacontenttype", "dataschema", "id", "source", "specversion", "subject", "time", "type",
    ]

    static func checkName(_ name: String) throws(CloudEventError) {
        let allowed = name.utf8.allSatisfy { ($0 >= 0x61 && $0 <= 0x7A) || ($0 >= 0x30 && $0 <= 0x39) }
        guard allowed, !name.isEmpty else {
            throw CloudEventError(.invalidAttribute, attribute: printable(name), "a name is of a-z and 0-9")
        }
    }

    /// A required or optional attribute of type String: not empty, of allowed characters.
    static func checkText(_ value: String, of attribute: String) throws(CloudEventError) {
        guard !value.isEmpty else {
            throw CloudEventError(.invalidAttribute, attribute: attribute, "must not be empty")
        }
        try checkCharacters(value, of: attribute)
    }

    static func checkSource(_ value: String) throws(CloudEventError) {
        try checkText(value, of: "source")
        guard URIReference(value) != nil else {
            throw CloudEventError(.invalidAttribute, attribute: "source", "must be a URI-reference (RFC 3986)")
        }
    }

    static func checkSchema(_ value: String) throws(CloudEventError) {
        try checkText(value, of: "dataschema")
        guard URIReference(value)?.isAbsolute == true else {
            throw CloudEventError(.invalidAttribute, attribute: "dataschema", "must be an absolute URI (RFC 3986)")
        }
    }

    static func checkContentType(_ value: String) throws(CloudEventError) {
        guard MediaType(value) != nil else {
            throw CloudEventError(.invalidAttribute, attribute: "datacontenttype", "must be a media type (RFC 2046)")
        }
    }

    static func checkExtensions(_ extensions: [CloudEvent.Extension]) throws(CloudEventError) {
        var seen: Set<String> = []
        for attribute in extensions {
            try checkName(attribute.name)
            guard !reserved.contains(attribute.name) else {
                throw CloudEventError(.invalidAttribute, attribute: attribute.name, "is not a name for an extension")
            }
            guard seen.insert(attribute.name).inserted else {
                throw CloudEventError(.duplicateAttribute, attribute: attribute.name, "is there twice")
            }
            if case .string(let text) = attribute.value { try checkCharacters(text, of: attribute.name) }
        }
    }

    /// Refuses control characters and noncharacters; lone surrogates cannot be in a Swift string.
    private static func checkCharacters(_ value: String, of attribute: String) throws(CloudEventError) {
        if value.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return }
        for scalar in value.unicodeScalars {
            let code = scalar.value
            let isControl = code < 0x20 || (code >= 0x7F && code <= 0x9F)
            let isNoncharacter = (code >= 0xFDD0 && code <= 0xFDEF) || code & 0xFFFE == 0xFFFE
            guard !isControl, !isNoncharacter else {
                throw CloudEventError(
                    .invalidAttribute, attribute: attribute, "must not contain control characters or noncharacters")
            }
        }
    }

    /// A name from outside, made fit for an error text.
    private static func printable(_ name: String) -> String {
        String(
            String.UnicodeScalarView(name.unicodeScalars.prefix(40).map { $0.isASCII && $0.value >= 0x20 ? $0 : "?" }))
    }
}
