import AuthInfrastructure
import Chronology
import CloudEvents
import Contracts
import GRPC
import Messaging
import MessagingTesting
import Postgres
import ServiceRuntime
import Testing

/// Events of producers one version ahead or behind, and what is none, at the consumer of this service.
@Suite(.timeLimit(.minutes(5))) struct ProducerVersionTests {
    @Test(arguments: ["expense", "portfolio", "processor"])
    func everyVersionOfAConfirmationIsNoted(party: String) async throws {
        try await AuthBench.with { bench in
            let at = "2026-11-20T09:30:00.123Z"
            func confirmed(_ erasure: String) throws -> CloudEvent {
                let user = UUIDv7.make()
                let payload: any EventPayload =
                    switch party {
                    case "expense": ExpenseDataErasedV1(userID: user.description, erasureID: erasure, erasedAt: at)
                    case "portfolio": PortfolioDataErasedV1(userID: user.description, erasureID: erasure, erasedAt: at)
                    default: ProcessorDataErasedV1(userID: user.description, erasureID: erasure, erasedAt: at)
                    }
                return try OutboxEvent(
                    payload, service: party, subject: user, user: user, sequence: 1, time: bench.clock.now()
                ).event
            }
            var erasures: [String] = []
            for version in ProducerVersion.allCases {
                let email = "\(version)@example.org"
                _ = try await bench.register(email)
                erasures.append(
                    try await bench.users.deleteMe(
                        DeleteMeRequest(password: AuthBench.password),
                        metadata: bench.caller(bench.logIn(email)), timeout: patience
                    ).message.erasureID)
            }
            let reasons = try await ProducerVersion.consume(
                erasures.map(confirmed), beside: ForeignMessage.allCases.map { _ in try confirmed("none") },
                from: EventQueues.erasures, by: ErasureConfirmations(), in: bench.pool)
            #expect(reasons == ForeignMessage.reasons)
            for erasure in erasures {
                let receipt = try await bench.users.getErasure(GetErasureRequest(id: erasure), timeout: patience)
                #expect(receipt.message.services.first { $0.service == party }?.erasedAt == at)
            }
        }
    }
}
