package import GRPC
package import Validation

extension VersionPrecondition {
    /// Metadata in which the gateway passes `If-Match` on: `*`, or version numbers with commas between them.
    package static let metadataName = "florin-if-match"

    /// The precondition of a call; `anyVersion` where the client made none.
    package init(_ metadata: GRPCMetadata) {
        guard let text = metadata[Self.metadataName], text != "*" else {
            self = .anyVersion
            return
        }
        self = .oneOf(Set(text.split(separator: ",").compactMap { Int64($0) }))
    }

    /// The value of `metadataName` that says this.
    package var metadataValue: String {
        switch self {
        case .anyVersion: "*"
        case .oneOf(let versions): versions.sorted().map { String($0) }.joined(separator: ",")
        }
    }
}

extension ProblemDetails {
    /// 412: the resource has changed since the client read it.
    package static var preconditionFailed: ProblemDetails {
        ProblemDetails(
            code: "precondition_failed", status: 412, detail: "The resource is not of the version that If-Match names.")
    }
}
