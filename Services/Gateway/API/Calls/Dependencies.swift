internal import Contracts
internal import GRPC
package import Observability
package import Resilience

/// The services behind the gateway, each with its own bounds: for whatever a request has the gateway ask of it.
package struct Dependencies: Sendable {
    private let all: [String: Dependency]

    /// - Parameters:
    ///   - configuration: what each service is allowed to cost.
    ///   - clock: what tells the time to the rules.
    package init(
        configuration: Dependency.Configuration = .init(), clock: ResilienceClock, metrics: Metrics
    ) {
        let names = Set(GatewayRoutes.all.map(\.shortServiceName))
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

extension GatewayRoute {
    /// The short name of the service that answers, such as `expense`: the second word of `florin.expense.v1.ExpenseService`.
    var shortServiceName: String {
        service.split(separator: ".").dropFirst().first.map(String.init) ?? service
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
