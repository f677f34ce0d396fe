package import Validation

/// Strong entity tags (RFC 9110 section 8.8.3).
package enum EntityTag {
    /// The tag of a version of a resource.
    package static func of(version: Int64) -> String { "\"\(version)\"" }

    /// Whether `If-None-Match` names the tag: a list of tags, compared weakly, or `*`.
    package static func isNamed(_ tag: String, in header: String) -> Bool {
        members(of: header).contains { member in
            let name = member.hasPrefix("W/") ? member.dropFirst(2) : member
            return name == tag || name == "*"
        }
    }

    /// What the values of `If-Match` ask for, compared strongly: a weak tag matches nothing, as does a tag of others.
    package static func precondition(_ values: [String]) -> VersionPrecondition {
        let members = values.flatMap(Self.members)
        guard !members.contains("*") else { return .anyVersion }
        return .oneOf(Set(members.compactMap(version)))
    }

    private static func version(_ tag: Substring) -> Int64? {
        guard tag.count > 2, tag.hasPrefix("\""), tag.hasSuffix("\"") else { return nil }
        let digits = tag.dropFirst().dropLast()
        // One version has one tag: no sign, no leading zero.
        guard let version = Int64(digits), digits == "\(version)" else { return nil }
        return version
    }

    private static func members(of header: String) -> [Substring] {
        header.split(separator: ",").map { part in
            var member = part.drop { $0 == " " || $0 == "\t" }
            while member.last == " " || member.last == "\t" { member.removeLast() }
            return member
        }
    }
}
