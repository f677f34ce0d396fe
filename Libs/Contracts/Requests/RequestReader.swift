internal import JSON

/// A message that can be read from the JSON of a request; generated code conforms.
protocol RequestMessage {
    /// Reads the object at `path`; what is wrong goes to the reader, and what is left is not used then.
    init(reading value: JSONValue, at path: String, with reader: inout RequestReader)
}

extension RequestMessage {
    /// Reads a request body. An empty body counts as an empty object where `mayBeEmpty` allows it.
    init(requestBody: [UInt8], mayBeEmpty: Bool) throws(RequestFieldErrors) {
        var reader = RequestReader()
        let document: JSONDocument
        do throws(JSONError) {
            document = try JSONDocument(parsing: requestBody.isEmpty && mayBeEmpty ? Array("{}".utf8) : requestBody)
        } catch {
            reader.errors.addMalformed("", "invalid_json", RequestReader.explanation(of: error))
            throw reader.errors
        }
        let message = Self(reading: document.root, at: "", with: &reader)
        guard reader.errors.isEmpty else { throw reader.errors }
        self = message
    }
}

/// Reads the fields of a request and collects every fault by its path.
struct RequestReader {
    var errors = RequestFieldErrors()

    /// The members of an object; nil, with the fault noted, for anything else.
    mutating func members(of value: JSONValue, at path: String) -> JSONMembers? {
        guard value.kind == .object else {
            errors.addMalformed(path, "wrong_type", "must be an object")
            return nil
        }
        return value.members
    }

    /// Notes that the object has a field; false when the value is null or the field came before.
    mutating func accept(_ member: JSONMember, _ bit: UInt64, in seen: inout UInt64, at path: String) -> Bool {
        guard seen & bit == 0 else {
            errors.addMalformed(Self.join(path, member.key), "duplicate_key", "is there more than once")
            return false
        }
        seen |= bit
        return !member.value.isNull
    }

    /// Notes a field that the message does not have.
    mutating func unknown(_ member: JSONMember, at path: String) {
        errors.addMalformed(
            Self.join(path, Self.shortened(member.key)), "unknown_field", "is not a field of this request")
    }

    /// Notes a required field that is missing.
    mutating func missing(_ field: String, at path: String) {
        errors.addInvalid(Self.join(path, field), "required", "is required")
    }

    /// A text of at most `limit` characters; 0 is no limit.
    mutating func string(_ member: JSONMember, at path: String, limit: Int = 0) -> String? {
        string(member.value, at: path, member.key, limit: limit)
    }

    /// A whole number.
    mutating func int64(_ member: JSONMember, at path: String) -> Int64? {
        guard let number = Self.wholeNumber(member.value) else {
            errors.addMalformed(Self.join(path, member.key), "wrong_type", "must be a whole number")
            return nil
        }
        return number
    }

    /// The whole number that a value is: JSON Schema's `integer`, which takes `80.0` too. With a fraction or an exponent only up to
    /// 2^53, as far as every reader of JSON reads the same number (RFC 7493 section 2.2).
    private static func wholeNumber(_ value: JSONValue) -> Int64? {
        if let number = value.int64 { return number }
        guard value.kind == .fraction, let number = value.double, number.magnitude <= 0x1p53 else { return nil }
        return Int64(exactly: number)
    }

    /// A whole number in the range of a narrower type.
    mutating func integer<Number: FixedWidthInteger>(_ member: JSONMember, at path: String) -> Number? {
        guard let number = Self.wholeNumber(member.value).flatMap(Number.init(exactly:)) else {
            errors.addMalformed(Self.join(path, member.key), "wrong_type", "must be a whole number in range")
            return nil
        }
        return number
    }

    /// `true` or `false`.
    mutating func bool(_ member: JSONMember, at path: String) -> Bool? {
        guard let flag = member.value.bool else {
            errors.addMalformed(Self.join(path, member.key), "wrong_type", "must be true or false")
            return nil
        }
        return flag
    }

    /// An object.
    mutating func message<Message: RequestMessage>(_ member: JSONMember, at path: String) -> Message {
        Message(reading: member.value, at: Self.join(path, member.key), with: &self)
    }

    /// A list of texts, of at most `limit` elements; 0 is no limit.
    mutating func strings(_ member: JSONMember, at path: String, limit: Int = 0) -> [String] {
        elements(of: member, at: path, limit: limit) { reader, element, inner, position in
            reader.string(element, at: inner, "\(position)", limit: 0)
        }
    }

    /// A list of whole numbers.
    mutating func integers<Number: FixedWidthInteger>(
        _ member: JSONMember, at path: String, limit: Int = 0
    ) -> [Number] {
        elements(of: member, at: path, limit: limit) { reader, element, inner, position in
            let number = Self.wholeNumber(element).flatMap(Number.init(exactly:))
            if number == nil {
                reader.errors.addMalformed("\(inner).\(position)", "wrong_type", "must be a whole number")
            }
            return number
        }
    }

    /// A list of objects.
    mutating func messages<Message: RequestMessage>(
        _ member: JSONMember, at path: String, limit: Int = 0
    ) -> [Message] {
        elements(of: member, at: path, limit: limit) { reader, element, inner, position in
            Message(reading: element, at: "\(inner).\(position)", with: &reader)
        }
    }

    /// What a client may know about a text that is not JSON.
    static func explanation(of error: JSONError) -> String {
        switch error.code {
        case .empty: "the body is empty"
        case .tooDeep: "arrays and objects nest deeper than 64"
        case .invalidUTF8: "the body is not UTF-8"
        case .nul: "a string contains NUL"
        case .loneSurrogate: "a string contains half of a surrogate pair"
        case .number: "a number is malformed or out of range"
        case .syntax, .tooLarge, .outOfMemory: "the body is not JSON"
        }
    }

    /// A path and what follows it.
    static func join(_ path: String, _ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    /// A name from outside, short enough to be repeated in an answer.
    static func shortened(_ name: String) -> String { String(name.prefix(100)) }

    private mutating func string(_ value: JSONValue, at path: String, _ name: String, limit: Int) -> String? {
        guard let text = value.string else {
            errors.addMalformed(Self.join(path, name), "wrong_type", "must be a string")
            return nil
        }
        if Self.isLonger(text, than: limit) {
            errors.addInvalid(Self.join(path, name), "too_long", "has more than \(limit) characters")
        }
        return text
    }

    static func isLonger(_ text: String, than limit: Int) -> Bool {
        limit > 0 && text.utf8.count > limit && text.unicodeScalars.count > limit
    }

    private mutating func elements<Element>(
        of member: JSONMember, at path: String, limit: Int,
        _ read: (inout RequestReader, JSONValue, String, Int) -> Element?
    ) -> [Element] {
        let inner = Self.join(path, member.key)
        guard member.value.kind == .array else {
            errors.addMalformed(inner, "wrong_type", "must be an array")
            return []
        }
        var result: [Element] = []
        for (position, element) in member.value.elements.enumerated() {
            guard limit == 0 || position < limit else {
                errors.addInvalid(inner, "too_long", "has more than \(limit) elements")
                break
            }
            if let value = read(&self, element, inner, position) { result.append(value) }
        }
        return result
    }
}
