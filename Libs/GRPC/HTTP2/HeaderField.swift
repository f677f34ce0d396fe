/// One field of an HTTP/2 header block; the name in lower case, pseudo fields with their colon.
struct HeaderField: Sendable, Hashable {
    let name: String
    let value: String

    init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

extension [HeaderField] {
    /// The value of the first field of that name.
    func first(_ name: String) -> String? { first { $0.name == name }?.value }
}
