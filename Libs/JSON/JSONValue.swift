/// What a JSON value is.
package enum JSONKind: Sendable {
    case object
    case array
    case string
    /// A number without fraction and exponent that fits `Int64`.
    case integer
    /// A number without fraction and exponent from 2⁶³ to 2⁶⁴ − 1.
    case unsigned
    /// A number with fraction or exponent.
    case fraction
    case bool
    case null
}

/// A value in a document: a cursor that keeps the document alive.
///
/// The typed properties are nil when the value is of another kind.
package struct JSONValue: Sendable {
    let document: JSONDocument
    let index: Int

    /// What the value is.
    package var kind: JSONKind {
        switch UInt8(truncatingIfNeeded: document.word(index) >> 56) {
        case TapeKind.startObject: .object
        case TapeKind.startArray: .array
        case TapeKind.string: .string
        case TapeKind.signed: .integer
        case TapeKind.unsigned: .unsigned
        case TapeKind.double: .fraction
        case TapeKind.true, TapeKind.false: .bool
        default: .null
        }
    }

    /// Whether the value is `null`.
    package var isNull: Bool { kind == .null }

    /// Whether the value is an array or an object.
    package var isContainer: Bool { document.isContainer(at: index) }

    /// The text of a string, unescaped.
    package var string: String? {
        kind == .string ? document.string(at: index) : nil
    }

    /// A number without fraction and exponent that fits.
    package var int64: Int64? {
        kind == .integer ? Int64(bitPattern: document.word(index + 1)) : nil
    }

    /// A number without fraction and exponent, not negative.
    package var uint64: UInt64? {
        switch kind {
        case .unsigned: document.word(index + 1)
        case .integer: UInt64(exactly: Int64(bitPattern: document.word(index + 1)))
        default: nil
        }
    }

    /// Any number, rounded to the nearest binary fraction.
    package var double: Double? {
        switch kind {
        case .fraction: Double(bitPattern: document.word(index + 1))
        case .unsigned: Double(document.word(index + 1))
        case .integer: Double(Int64(bitPattern: document.word(index + 1)))
        default: nil
        }
    }

    /// Any number as it is written in the text, such as `1.50`.
    package var numberText: String? {
        switch kind {
        case .integer, .unsigned, .fraction: String(decoding: document.sourceBytes(at: index), as: UTF8.self)
        default: nil
        }
    }

    /// `true` or `false`.
    package var bool: Bool? {
        switch UInt8(truncatingIfNeeded: document.word(index) >> 56) {
        case TapeKind.true: true
        case TapeKind.false: false
        default: nil
        }
    }

    /// The value as it is written in the text, without space around it.
    package var sourceBytes: [UInt8] { document.sourceBytes(at: index) }

    /// The members of an object in their order, duplicates included; empty for any other value.
    package var members: JSONMembers {
        JSONMembers(document: document, position: kind == .object ? index + 1 : nil)
    }

    /// The elements of an array; empty for any other value.
    package var elements: JSONElements {
        JSONElements(document: document, position: kind == .array ? index + 1 : nil)
    }

    /// The first member of an object with this key.
    package subscript(key: String) -> JSONValue? {
        for member in members where member.key == key { return member.value }
        return nil
    }
}

/// A key and its value.
package struct JSONMember: Sendable {
    /// The key, unescaped.
    package let key: String
    /// The value.
    package let value: JSONValue
}

/// The members of an object, in order.
package struct JSONMembers: Sequence, IteratorProtocol, Sendable {
    let document: JSONDocument
    var position: Int?

    package mutating func next() -> JSONMember? {
        guard let index = position, document.word(index) >> 56 != UInt64(TapeKind.endObject) else { return nil }
        position = document.index(after: index + 1)
        return JSONMember(key: document.string(at: index), value: JSONValue(document: document, index: index + 1))
    }
}

/// The elements of an array, in order.
package struct JSONElements: Sequence, IteratorProtocol, Sendable {
    let document: JSONDocument
    var position: Int?

    package mutating func next() -> JSONValue? {
        guard let index = position, document.word(index) >> 56 != UInt64(TapeKind.endArray) else { return nil }
        position = document.index(after: index)
        return JSONValue(document: document, index: index)
    }
}
