import ServersTesting
import Testing

@testable import ServiceRuntime

struct ServiceMainIntegrationTests {
    @Test(.timeLimit(.minutes(5))) func servesMigratesRelaysAndStops() async throws {
        let database = try await TestPostgres.shared().makeDatabase()
        let broker = try await TestRabbitMQ.shared()
        let environment = ["FLORIN_DATABASE_URL": database, "FLORIN_AMQP_URL": try await broker.makeVirtualHost()]

        let run = try await Run.serve(environment)
        try await run.wait("the schema is missing") { run.lines.contain("schema not usable") }
        #expect(try await run.get("/readyz").status == 503)

        let migration = await Run.start(["migrate"], environment)
        #expect(migration.status == 0)
        #expect(await Run.start(["migrate"], environment).status == 0)

        try await run.wait("readiness") { try await run.get("/readyz").status == 200 }
        try await run.wait("the event is relayed") {
            String(decoding: try await run.get("/metrics").body, as: UTF8.self).contains(
                "\nflorin_outbox_published_total 1\n")
        }
        #expect(await run.stop() == 0)
        #expect(run.lines.contain("\"message\":\"ready\""))
        #expect(run.lines.contain("\"message\":\"stopped\""))
    }
}
