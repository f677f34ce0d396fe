/// Strong entity tags (RFC 9110 section 8.8.3).
package enum EntityTag {
    /// The tag of a version of a resource.
    package static func of(version: Int64) -> String { "\"\(version)\"" }

    /// Whether `If-None-Match` names the tag: a list of tags, compared weakly, or `*`.
    package static func isNamed(_ tag: String, in header: String) -> Bool {
        header.split(separator: ",").contains { part in
            var name = part.drop { $0 == " " || $0 == "\t" }
            while name.last == " " || name.last == "\t" { name.removeLast() }
            if name.hasPrefix("W/") { name = name.dropFirst(2) }
            return name == tag || name == "*"
        }
    }
}
