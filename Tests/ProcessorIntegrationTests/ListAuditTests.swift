import Chronology
import Contracts
import EventLoop
import GRPC
import Messaging
import ProcessorAPI
import ProcessorApplication
import ProcessorInfrastructure
import ServiceRuntime
import Testing
import TestKit

@Suite struct ListAuditTests {
    /// Two users' trails of 25 and 3 entries, and a client of the service.
    private func withService(
        _ body: (_ client: EventsServiceClient, _ ada: UUIDv7, _ eve: UUIDv7, ProcessorFixture) async throws -> Void
    ) async throws {
        try await ProcessorFixture.run { processor in
            let (ada, eve) = (UUIDv7.make(), UUIDv7.make())
            let events = try (0..<28).map { try SampleEvents.spent($0 < 25 ? ada : eve) }
            try await processor.publish(events.map(OutboundEvent.init))
            try await processor.auditing {
                try await eventually("all are recorded") {
                    try await processor.count("audit_entries") == events.count
                }
            }
            let api = EventsAPI(listAudit: ListAudit(trails: AuditStore(pool: processor.pool)), logger: .silent)
            let server = GRPCServer(
                loop: processor.loop, configuration: GRPCServer.Configuration(address: .loopback(port: 0)),
                services: [EventsServiceHandlers(api)], logger: .silent)
            let channel = GRPCChannel(loop: processor.loop, targets: [try await server.start()])
            var failure: (any Error)?
            do {
                try await body(EventsServiceClient(channel: channel), ada, eve, processor)
            } catch {
                failure = error
            }
            await channel.shutdown()
            await server.shutdown(grace: .seconds(5))
            if let failure { throw failure }
        }
    }

    private func list(
        _ client: EventsServiceClient, _ caller: UUIDv7?, limit: Int64? = nil, cursor: String? = nil
    ) async throws -> AuditList {
        try await client.listAudit(
            ListAuditRequest(limit: limit, cursor: cursor),
            metadata: caller.map { Caller(userID: $0).metadata } ?? GRPCMetadata(), timeout: patience
        ).message
    }

    private func refusal(_ body: () async throws -> Void) async -> String? {
        do {
            try await body()
            return nil
        } catch let status as GRPCStatus {
            let problem = ProblemDetails(status)
            return ([problem.code] + problem.errors.map { "\($0.field):\($0.code)" }).joined(separator: " ")
        } catch {
            return "\(error)"
        }
    }

    @Test(.timeLimit(.minutes(5))) func pagesRunFromTheNewestToTheFirst() async throws {
        try await withService { client, ada, _, processor in
            var seen: [AuditEntry] = []
            var cursor: String?
            var pages = 0
            repeat {
                let page = try await list(client, ada, limit: 10, cursor: cursor)
                seen += page.data
                cursor = page.nextCursor
                pages += 1
                // Newer than everything: must neither shift nor repeat what follows.
                let recorded = try await processor.count("audit_entries")
                try await processor.publish([OutboundEvent(try SampleEvents.spent(ada))])
                try await processor.auditing {
                    try await eventually("it is recorded") {
                        try await processor.count("audit_entries") == recorded + 1
                    }
                }
            } while cursor != nil
            #expect(pages == 3)
            #expect(seen.map(\.sequence) == Array((1...25).reversed()))
            for (newer, older) in zip(seen, seen.dropFirst()) { #expect(newer.previousHash == older.hash) }
            #expect(seen.last?.previousHash == String(repeating: "0", count: 64))
            #expect(seen.allSatisfy { $0.actor == ada.description && $0.action == "expense.expense_created" })
        }
    }

    @Test(.timeLimit(.minutes(5))) func callersSeeTheirOwnTrailOnly() async throws {
        try await withService { client, ada, eve, _ in
            #expect(try await list(client, eve).data.map(\.actor) == Array(repeating: eve.description, count: 3))
            #expect(try await list(client, eve).nextCursor == nil)
            #expect(try await list(client, .make()) == AuditList(data: [], nextCursor: nil))
            // A cursor says where, not whose.
            let cursor = try #require(try await list(client, ada, limit: 1).nextCursor)
            #expect(try await list(client, eve, cursor: cursor).data.allSatisfy { $0.actor == eve.description })
            #expect(await refusal { _ = try await list(client, nil) } == "unauthenticated")
        }
    }

    @Test(.timeLimit(.minutes(5))) func whatIsNoPageIsRefused() async throws {
        try await withService { client, ada, _, _ in
            for (limit, cursor) in [(0 as Int64?, nil as String?), (101, nil), (-1, nil), (1, "x"), (nil, "61")] {
                let answer = await refusal { _ = try await list(client, ada, limit: limit, cursor: cursor) }
                let refused =
                    cursor == nil ? "validation_failed limit:out_of_range" : "invalid_request cursor:invalid_cursor"
                #expect(answer == refused, "\(String(describing: limit)) \(cursor ?? "-")")
            }
        }
    }
}
