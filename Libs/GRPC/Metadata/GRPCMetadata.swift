/// What travels beside the messages: an ordered multimap of lower-case ASCII names.
///
/// A name that ends in `-bin` has bytes for its value, any other name has printable ASCII text. Names starting with
/// `grpc-` or `:` belong to the protocol and never appear here; sending one fails the call.
package struct GRPCMetadata: Sendable, Hashable {
    /// Text, or the bytes of a `-bin` name.
    package enum Content: Sendable, Hashable {
        case text(String)
        case binary([UInt8])
    }

    /// One name with one value.
    package struct Entry: Sendable, Hashable {
        /// In lower case.
        package let name: String
        /// Bytes when the name ends in `-bin`, else text.
        package let value: Content
    }

    /// The entries in their order.
    package private(set) var entries: [Entry] = []

    /// No entries.
    package init() {}

    /// True when there are no entries.
    package var isEmpty: Bool { entries.isEmpty }

    /// Adds a text value; the name is folded to lower case.
    package mutating func append(_ name: String, _ value: String) {
        entries.append(Entry(name: name.lowercased(), value: .text(value)))
    }

    /// Adds the bytes of a name that ends in `-bin`; the name is folded to lower case.
    package mutating func append(_ name: String, binary bytes: [UInt8]) {
        entries.append(Entry(name: name.lowercased(), value: .binary(bytes)))
    }

    /// Adds all entries of the other.
    package mutating func append(contentsOf other: GRPCMetadata) { entries += other.entries }

    /// Takes every entry of that name away.
    package mutating func remove(_ name: String) { entries.removeAll { $0.name == name } }

    /// The first text of that lower-case name; setting replaces all values of the name.
    package subscript(name: String) -> String? {
        get {
            for entry in entries where entry.name == name {
                if case .text(let text) = entry.value { return text }
            }
            return nil
        }
        set {
            remove(name.lowercased())
            if let newValue { append(name, newValue) }
        }
    }

    /// The first bytes of that lower-case `-bin` name.
    package func binary(_ name: String) -> [UInt8]? {
        for entry in entries where entry.name == name {
            if case .binary(let bytes) = entry.value { return bytes }
        }
        return nil
    }

    /// Every text of that lower-case name, in order.
    package func values(for name: String) -> [String] {
        entries.compactMap { entry in
            guard entry.name == name, case .text(let text) = entry.value else { return nil }
            return text
        }
    }
}

extension GRPCMetadata: ExpressibleByDictionaryLiteral {
    /// Text values, in the order written; a name may come twice.
    package init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { append(name, value) }
    }
}
