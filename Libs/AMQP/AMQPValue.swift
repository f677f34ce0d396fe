/// A field value of AMQP 0-9-1 with RabbitMQ's type tags.
package indirect enum AMQPValue: Sendable, Hashable {
    case bool(Bool)
    /// Any integer of the wire; values above `Int64.max` are clamped to it.
    case int(Int64)
    case double(Double)
    case string(String)
    case bytes([UInt8])
    /// Seconds since 1970-01-01T00:00:00Z.
    case timestamp(UInt64)
    case array([AMQPValue])
    case table(AMQPTable)
    case null

    /// The text, when this is a string.
    package var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// The number, when this is an integer.
    package var int: Int64? {
        if case .int(let number) = self { number } else { nil }
    }
}

/// A field table: names with values, in the order of the wire.
package struct AMQPTable: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    /// One field.
    package struct Entry: Sendable, Hashable {
        /// At most 255 bytes of UTF-8.
        package var name: String
        package var value: AMQPValue

        package init(name: String, value: AMQPValue) {
            self.name = name
            self.value = value
        }
    }

    package var entries: [Entry]

    package init(_ entries: [Entry] = []) { self.entries = entries }

    package init(dictionaryLiteral elements: (String, AMQPValue)...) {
        entries = elements.map { Entry(name: $0.0, value: $0.1) }
    }

    /// Whether there is no field.
    package var isEmpty: Bool { entries.isEmpty }

    /// The first value of that name; assigning replaces it or adds a field at the end, `nil` removes it.
    package subscript(name: String) -> AMQPValue? {
        get { entries.first { $0.name == name }?.value }
        set {
            let index = entries.firstIndex { $0.name == name }
            switch (index, newValue) {
            case (let index?, let value?): entries[index].value = value
            case (let index?, nil): entries.remove(at: index)
            case (nil, let value?): entries.append(Entry(name: name, value: value))
            case (nil, nil): break
            }
        }
    }
}
