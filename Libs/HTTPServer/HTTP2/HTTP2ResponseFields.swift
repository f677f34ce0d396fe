internal import HTTP2

/// Writes the head of a response as fields of HTTP/2 (RFC 9113 section 8.3.2).
enum HTTP2ResponseFields {
    /// Fields that speak of a connection of HTTP/1.1 (RFC 9113 section 8.2.2), and those that the server sets itself.
    private static let left: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "date", "content-length",
    ]

    /// The fields, in the order of the response; `length` is nil where it is not known or there is no content.
    static func make(status: Int, headers: HTTPHeaders, length: Int?, date: String) -> [HeaderField] {
        let status = (200...599).contains(status) ? status : 500
        var fields = [HeaderField(":status", String(status)), HeaderField("date", date)]
        for (name, value) in headers.all {
            let name = name.lowercased()
            if !left.contains(name) { fields.append(HeaderField(name, trimmed(value))) }
        }
        if let length { fields.append(HeaderField("content-length", String(length))) }
        return fields
    }

    /// Without white space at both ends, which HTTP/1.1 allows and HTTP/2 does not (RFC 9113 section 8.2.1).
    private static func trimmed(_ value: String) -> String {
        func isSpace(_ byte: UInt8?) -> Bool { byte == 0x20 || byte == 0x09 }
        guard isSpace(value.utf8.first) || isSpace(value.utf8.last) else { return value }
        var bytes = Array(value.utf8)[...]
        while isSpace(bytes.first) { bytes.removeFirst() }
        while isSpace(bytes.last) { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}
