/// Which version of a resource a change is meant for (`If-Match`, RFC 9110 section 13.1.1).
package enum VersionPrecondition: Sendable, Hashable {
    /// Whichever there is.
    case anyVersion
    /// One of these; of none of them when the client named only what is no version of ours.
    case oneOf(Set<Int64>)

    /// Refuses a change that is meant for another version. To be asked in the transaction that makes the change, after
    /// the row is locked.
    package func check(_ version: Int64) throws(VersionMismatch) {
        if case .oneOf(let versions) = self, !versions.contains(version) { throw VersionMismatch() }
    }
}

/// The resource is not of a version that the change was meant for.
package struct VersionMismatch: Error, Hashable, CustomStringConvertible {
    package init() {}

    /// The rule; no data.
    package var description: String { "the resource is of another version" }
}
