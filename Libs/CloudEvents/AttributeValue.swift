/// The value of a context attribute, in the types of CloudEvents 1.0 ("Type System").
///
/// URI, URI-reference and Timestamp travel as strings in every binding used here, so they are strings.
package enum AttributeValue: Sendable, Hashable {
    /// A string, or the canonical text of a URI, URI-reference or Timestamp.
    case string(String)
    /// A whole number from −2³¹ to 2³¹−1.
    case integer(Int32)
    /// A truth value.
    case boolean(Bool)
    /// A byte sequence.
    case binary([UInt8])
}
