/// One field of an HTTP/2 header block; the name in lower case, pseudo fields with their colon.
package struct HeaderField: Sendable, Hashable {
    /// The name in lower case.
    package let name: String
    /// The value as it was sent.
    package let value: String

    /// A field of that name, which must be in lower case.
    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

extension [HeaderField] {
    /// The value of the first field of that name.
    package func first(_ name: String) -> String? { first { $0.name == name }?.value }
}
