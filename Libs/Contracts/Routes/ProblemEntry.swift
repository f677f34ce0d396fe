/// A kind of refusal in the table of `problems.json`: what every occurrence of its code has in common.
package struct ProblemEntry: Sendable, Hashable {
    /// Stable name; the last part of the problem's `type`.
    package let code: String
    /// The HTTP status.
    package let status: Int
    /// The refusal in a few words.
    package let title: String
    /// What happened and why, in sentences; names of fields stand between backquotes.
    package let text: String
    /// What to do, likewise.
    package let remedy: String
    /// A problem as a client reads it, JSON in lines.
    package let example: String

    private static let byCode = Dictionary(uniqueKeysWithValues: all.map { ($0.code, $0) })

    /// The entry of a code; nil for one that the table does not have.
    package static func of(_ code: String) -> ProblemEntry? { byCode[code] }
}
