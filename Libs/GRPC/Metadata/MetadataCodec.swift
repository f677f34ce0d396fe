package import HTTP2
internal import WireCodecs

/// Metadata to and from HTTP/2 header fields (grpc/grpc: doc/PROTOCOL-HTTP2.md, "Custom-Metadata").
package enum MetadataCodec {
    /// Names that HTTP/2 or gRPC itself uses, beside `:…` and `grpc-…`.
    private static let reserved: Set<String> = [
        "te", "content-type", "content-length", "connection", "keep-alive", "proxy-connection", "transfer-encoding",
        "upgrade", "host",
    ]

    /// Appends the fields of the metadata.
    ///
    /// - Throws: `internalError` for a name or value that cannot be sent: it was set by our own side.
    package static func encode(_ metadata: GRPCMetadata, into fields: inout [HeaderField]) throws(GRPCStatus) {
        for entry in metadata.entries {
            guard isNameAllowed(entry.name) else {
                throw GRPCStatus(.internalError, "metadata name not allowed")
            }
            switch entry.value {
            case .text(let text):
                guard !entry.name.hasSuffix("-bin"), text.utf8.allSatisfy({ $0 >= 0x20 && $0 <= 0x7E }) else {
                    throw GRPCStatus(.internalError, "metadata value of \(entry.name) is not printable ASCII")
                }
                fields.append(HeaderField(entry.name, text))
            case .binary(let bytes):
                guard entry.name.hasSuffix("-bin") else {
                    throw GRPCStatus(.internalError, "binary metadata \(entry.name) must end in -bin")
                }
                fields.append(HeaderField(entry.name, Base64.encode(bytes, isPadded: false)))
            }
        }
    }

    /// The metadata among header fields.
    ///
    /// - Throws: `internalError` for a `-bin` value that is not base64, as gRPC's own libraries answer it.
    package static func decode(_ fields: [HeaderField]) throws(GRPCStatus) -> GRPCMetadata {
        var metadata = GRPCMetadata()
        for field in fields where !isReserved(field.name) {
            guard field.name.hasSuffix("-bin") else {
                metadata.append(lowercased: field.name, field.value)
                continue
            }
            // Values of one name may have been joined by commas on the way (RFC 9110, section 5.3).
            for part in field.value.split(separator: ",", omittingEmptySubsequences: false) {
                guard let bytes = Base64.decode(trimmed(part), padding: .optional) else {
                    throw GRPCStatus(.internalError, "metadata \(field.name) is not base64")
                }
                metadata.append(field.name, binary: bytes)
            }
        }
        return metadata
    }

    private static func isReserved(_ name: String) -> Bool {
        name.hasPrefix(":") || name.hasPrefix("grpc-") || reserved.contains(name)
    }

    private static func isNameAllowed(_ name: String) -> Bool {
        !name.isEmpty && !isReserved(name)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                    UInt8(ascii: "_"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text
    }
}

extension GRPCMetadata {
    /// Adds a text value whose name came from the wire, where HTTP/2 has it in lower case already.
    fileprivate mutating func append(lowercased name: String, _ value: String) { append(name, value) }
}
