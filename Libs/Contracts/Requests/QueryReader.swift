/// Reads the query parameters of a request and collects every fault by the parameter's name.
struct QueryReader {
    private let parameters: [(name: String, value: String)]
    private var known: Set<String> = []
    private var errors = RequestFieldErrors()

    init(_ parameters: [(name: String, value: String)]) {
        self.parameters = parameters
    }

    /// A text; nil when it is absent.
    mutating func string(_ name: String, limit: Int = 0, format: TextFormat? = nil) -> String? {
        guard let text = single(name) else { return nil }
        check(text, of: name, limit: limit, format: format)
        return text
    }

    /// A text that has to be there.
    mutating func requiredString(_ name: String, limit: Int = 0, format: TextFormat? = nil) -> String {
        if let text = string(name, limit: limit, format: format) { return text }
        errors.addInvalid(name, "required", "is required")
        return ""
    }

    /// A whole number; nil when it is absent.
    mutating func integer<Number: FixedWidthInteger>(_ name: String) -> Number? {
        guard let text = single(name) else { return nil }
        if let number = Number(text) { return number }
        errors.addMalformed(name, "wrong_type", "must be a whole number")
        return nil
    }

    /// A whole number that has to be there.
    mutating func requiredInteger<Number: FixedWidthInteger>(_ name: String) -> Number {
        if !has(name) { errors.addInvalid(name, "required", "is required") }
        return integer(name) ?? 0
    }

    /// `true` or `false`; nil when it is absent.
    mutating func bool(_ name: String) -> Bool? {
        switch single(name) {
        case nil: return nil
        case "true": return true
        case "false": return false
        default:
            errors.addMalformed(name, "wrong_type", "must be true or false")
            return nil
        }
    }

    /// Every value of a parameter that may be repeated.
    mutating func strings(_ name: String, limit: Int = 0) -> [String] {
        known.insert(name)
        let values = parameters.filter { $0.name == name }.map(\.value)
        if limit > 0 && values.count > limit {
            errors.addInvalid(name, "too_long", "is there more than \(limit) times")
        }
        for value in values { check(value, of: name, limit: 0, format: nil) }
        return values
    }

    /// Throws what is wrong, parameters that nothing asked for included.
    mutating func finish() throws(RequestFieldErrors) {
        for parameter in parameters where !known.contains(parameter.name) {
            let name = RequestReader.shortened(parameter.name)
            errors.addMalformed(name, "unknown_field", "is not a parameter of this request")
        }
        guard errors.isEmpty else { throw errors }
    }

    private func has(_ name: String) -> Bool { parameters.contains { $0.name == name } }

    private mutating func single(_ name: String) -> String? {
        known.insert(name)
        var found: String?
        for parameter in parameters where parameter.name == name {
            if found != nil {
                errors.addMalformed(name, "duplicate_key", "is there more than once")
                break
            }
            found = parameter.value
        }
        return found
    }

    private mutating func check(_ text: String, of name: String, limit: Int, format: TextFormat?) {
        if text.utf8.contains(0) {
            errors.addMalformed(name, "malformed", "contains NUL")
        } else if RequestReader.isLonger(text, than: limit) {
            errors.addMalformed(name, "too_long", "has more than \(limit) characters")
        } else if let format, !format.matches(text) {
            errors.addMalformed(name, "malformed", format.explanation)
        }
    }
}
