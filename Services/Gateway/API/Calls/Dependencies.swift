internal import Contracts
internal import GRPC
internal import Observability
internal import Resilience

/// The services behind the gateway, each with its own bounds.
struct Dependencies: Sendable {
    private let all: [String: Dependency]

    /// - Parameter names: the services' short names.
    init(_ names: Set<String>, configuration: Dependency.Configuration, clock: ResilienceClock, metrics: Metrics) {
        all = Dictionary(
            uniqueKeysWithValues: names.map { name in
                (name, Dependency(name, configuration: configuration, clock: clock, metrics: metrics))
            })
    }

    /// The service of that name, which is one of those that there are.
    subscript(name: String) -> Dependency {
        guard let dependency = all[name] else { preconditionFailure("a route of an unknown service") }
        return dependency
    }
}

extension CallFailure {
    /// What the error of a route says of its service.
    init(of error: any Error) {
        switch error {
        case let status as GRPCStatus: self.init(status)
        // The request was refused before it was sent, or the client left: nothing is known of the service.
        case is RequestFieldErrors, is CancellationError: self = .cancelled
        default: self = .answered
        }
    }

    private init(_ status: GRPCStatus) {
        switch (status.code, status.origin) {
        case (.cancelled, .caller), (.cancelled, .unsent): self = .cancelled
        case (.unavailable, .unsent), (.deadlineExceeded, .unsent): self = .unsent
        case (.unavailable, _) where status.isAddressEjected && status.details.isEmpty,
            (.deadlineExceeded, _) where status.isAddressEjected && status.details.isEmpty:
            self = .replaced
        case (.unavailable, .connectionLost): self = .lost
        // A problem in the details is the service's own well-considered answer.
        case (.unavailable, _) where status.details.isEmpty, (.cancelled, _) where status.details.isEmpty:
            self = .unavailable
        case (.deadlineExceeded, _) where status.details.isEmpty: self = .timedOut
        default: self = .answered
        }
    }
}
