/// Reads the field `Forwarded` (RFC 7239 section 4).
enum ForwardedField {
    /// What each element tells as `for`, in their order, all fields taken together; empty for an element without it. Nothing
    /// at all where the field is not well-formed: nobody can tell then which part is whose.
    static func clients(_ values: [String]) -> [Substring] {
        var clients: [Substring] = []
        for value in values {
            var reader = Reader(rest: value[...])
            guard let found = reader.elements() else { return [] }
            clients += found
        }
        return clients
    }

    private struct Reader {
        var rest: Substring

        /// `[ element ] *( OWS "," OWS [ element ] )`; empty elements are none (RFC 9110 section 5.6.1.2).
        mutating func elements() -> [Substring]? {
            var clients: [Substring] = []
            while true {
                skipSpace()
                if !rest.isEmpty, rest.first != "," {
                    guard let client = element() else { return nil }
                    clients.append(client)
                    skipSpace()
                }
                if rest.isEmpty { return clients }
                guard take(",") else { return nil }
            }
        }

        /// `[ pair ] *( ";" [ pair ] )`, with each name at most once.
        private mutating func element() -> Substring? {
            var pairs: [String: Substring] = [:]
            repeat {
                // Not in the grammar, and yet seen around semicolons.
                skipSpace()
                if rest.isEmpty || rest.first == ";" || rest.first == "," { continue }
                let name = token().lowercased()
                guard !name.isEmpty, take("="), let value = take("\"") ? quoted() : token() else { return nil }
                guard !value.isEmpty, pairs.updateValue(value, forKey: name) == nil else { return nil }
                skipSpace()
            } while take(";")
            return pairs["for", default: ""]
        }

        private mutating func token() -> Substring {
            let end = rest.firstIndex { !$0.isTokenCharacter } ?? rest.endIndex
            defer { rest = rest[end...] }
            return rest[..<end]
        }

        /// The text up to the closing quote, without the backslashes.
        private mutating func quoted() -> Substring? {
            var text = ""
            while let character = rest.popFirst() {
                switch character {
                case "\"": return text[...]
                case "\\":
                    guard let escaped = rest.popFirst() else { return nil }
                    text.append(escaped)
                default: text.append(character)
                }
            }
            return nil
        }

        private mutating func skipSpace() { rest = rest.drop { $0 == " " || $0 == "\t" } }

        private mutating func take(_ character: Character) -> Bool {
            guard rest.first == character else { return false }
            rest.removeFirst()
            return true
        }
    }
}

extension Character {
    /// Whether it may stand in a token (RFC 9110 section 5.6.2).
    fileprivate var isTokenCharacter: Bool {
        guard let byte = asciiValue else { return false }
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): return true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): return true
        default: return "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
