import Chronology
import Contracts
import EventLoop
import ExpenseInfrastructure
import GRPC
import Observability
import ServiceRuntime
import Testing

/// What the expense service gives into a user's archive.
@Suite(.timeLimit(.minutes(5))) struct ArchiveTests {
    /// All rows of a user, page by page.
    private func archive(
        of user: UUIDv7, _ service: ExpenseFixture, _ body: ([ArchiveRow], _ pages: Int) async throws -> Void
    ) async throws {
        let api = ArchiveAPI(ExpenseArchive.kinds, pool: service.pool, logger: .silent)
        let server = GRPCServer(
            loop: service.loop, configuration: .init(address: .loopback(port: 0)),
            services: [ArchiveServiceHandlers(api)], logger: .silent)
        let channel = GRPCChannel(loop: service.loop, targets: [try await server.start()])
        let client = ArchiveServiceClient(channel: channel)
        let result: Result<Void, any Error>
        do {
            var (rows, pages, cursor) = ([ArchiveRow](), 0, String?.none)
            repeat {
                let page = try await client.readArchive(
                    ArchiveRequest(cursor: cursor), metadata: service.metadata(user), timeout: .seconds(60)
                ).message
                rows += page.rows
                pages += 1
                cursor = page.nextCursor
            } while cursor != nil
            let bad = await refusal {
                _ = try await client.readArchive(
                    ArchiveRequest(cursor: "9 x"), metadata: service.metadata(user), timeout: .seconds(60))
            }
            #expect(bad == "invalid_request")
            result = .success(try await body(rows, pages))
        } catch {
            result = .failure(error)
        }
        await channel.shutdown()
        await server.shutdown(grace: .seconds(1))
        try result.get()
    }

    @Test func everyRowOfTheCallerOnceAndNobodyElses() async throws {
        try await ExpenseFixture.run { service in
            let food = try await service.category("Food")
            try await service.expense("3.00", splits: [(food, "1.00"), (food, "2.00")])
            _ = try await service.create((0..<1_100).map { _ in .plain("1.50") }, by: [service.user])
            _ = try await service.create([.plain("7.00")], by: [UUIDv7.make()])
            try await archive(of: service.user, service) { rows, pages in
                #expect(rows.map(\.kind).filter { $0 == "categories" }.count == 1)
                let expenses = rows.filter { $0.kind == "expenses" }
                #expect(expenses.count == 1_101 && Set(expenses.map(\.json)).count == 1_101)
                #expect(expenses.count { $0.json.contains(#""amount": "1.50""#) } == 1_100)
                #expect(expenses.count { $0.json.contains(#""amount": "2.00""#) } == 1)
                #expect(!rows.contains { $0.json.contains("7.00") || $0.json.contains("owner_id") })
                #expect(pages == 5)
            }
            try await archive(of: .make(), service) { rows, _ in #expect(rows.isEmpty) }
        }
    }
}
