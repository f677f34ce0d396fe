import Foundation
import Messaging
import MessagingAMQP
import Testing
import TestKit

/// The consuming services as they are run, and an operator at the event processor.
struct DeadLetterScene {
    static let registered = "florin.auth.user_registered.v1"

    let installation: Installation
    let auth: ServiceProcess
    let expense: ServiceProcess
    let portfolio: ServiceProcess
    let processor: ServiceProcess
    let broker: AMQPEventBroker
    private let operatorEnvironment: [String: String]

    /// Starts everything, runs `body`, ends everything.
    static func run(_ body: (DeadLetterScene) async throws -> Void) async throws {
        try await Installation.run { installation in
            for program in ServiceProcess.Program.allCases { try await installation.migrate(program) }
            let auth = try installation.start(.auth)
            let (expense, portfolio) = (try installation.start(.expense), try installation.start(.portfolio))
            let addresses = [
                "FLORIN_AUTH_GRPC": try await auth.grpcAddress(),
                "FLORIN_EXPENSE_GRPC": try await expense.grpcAddress(),
                "FLORIN_PORTFOLIO_GRPC": try await portfolio.grpcAddress(),
            ]
            let processor = try installation.start(.processor, adding: addresses)
            for service in [auth, expense, portfolio, processor] { try await service.waitUntilReady() }
            let broker = try AMQPEventBroker(url: installation.brokerURL, name: "test")
            try broker.start()
            let scene = DeadLetterScene(
                installation: installation, auth: auth, expense: expense, portfolio: portfolio, processor: processor,
                broker: broker,
                operatorEnvironment: try installation.environment(.processor).merging(addresses) { $1 })
            var failure: (any Error)?
            do {
                try await broker.waitUntilReady(timeout: patience)
                try await body(scene)
            } catch {
                failure = error
            }
            await broker.shutdown()
            if let failure { throw failure }
        }
    }

    // MARK: The operator

    /// `event-processor dead-letters …`, as a process of its own: what it answers, line by line, and its exit status.
    func deadLetters(_ arguments: String...) async throws -> (lines: [[String: Any]], status: Int32) {
        let program = try ServiceProcess.products().appending(path: ServiceProcess.Program.processor.rawValue)
        let result = try await runProgram(
            program.path, ["dead-letters"] + arguments, environment: operatorEnvironment, errors: .inherited)
        return (try result.lines.map { try Self.object(Data($0.utf8)) }, result.status)
    }

    /// A request to the admin address of the event processor, by curl.
    func admin(_ method: String, _ path: String, _ body: String? = nil) async throws -> (
        status: Int, json: [String: Any], type: String
    ) {
        var arguments = [
            "--silent", "--max-time", "60", "--noproxy", "*", "--request", method, "--write-out",
            "\n%{http_code} %{content_type}",
        ]
        if let body { arguments += ["--header", "Content-Type: application/json", "--data", body] }
        let address = try await processor.adminAddress()
        let lines = try await runProgram("/usr/bin/curl", arguments + ["http://\(address)\(path)"]).lines
        let last = try #require(lines.last).split(separator: " ", maxSplits: 1).map(String.init)
        return (try #require(Int(last[0])), try Self.object(Data(lines[0].utf8)), last[1])
    }

    private static func object(_ data: Data) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    // MARK: The databases

    /// Runs statements in the schema of a service, as its role.
    @discardableResult
    func sql(_ program: ServiceProcess.Program, _ statements: String) async throws -> String {
        let url = try #require(installation.databases[program.schema])
        let result = try await runProgram(
            "/usr/bin/psql",
            [
                "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1",
                url.replacing("?schema=", with: "?options=-csearch_path%3D"),
            ], input: statements, errors: .inherited)
        try #require(result.status == 0)
        return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func count(_ program: ServiceProcess.Program, _ rows: String) async throws -> Int {
        try #require(Int(try await sql(program, "SELECT count(*) FROM \(rows)")))
    }

    /// Has the expense service fail to make categories until it is mended.
    func breakCategories() async throws {
        try await sql(
            .expense,
            """
            CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION 'category % is broken', NEW.id; END $$;
            CREATE TRIGGER broken BEFORE INSERT ON categories FOR EACH ROW EXECUTE FUNCTION broken();
            """)
    }

    func mendCategories() async throws { try await sql(.expense, "DROP TRIGGER broken ON categories") }

    // MARK: Events

    /// An identifier of version 7.
    static func identifier() -> String {
        String(format: "019aa1b2-0000-7000-8000-%012llx", UInt64.random(in: 0..<(1 << 48)))
    }

    static func registration(of user: String) -> OutboundEvent {
        let id = identifier()
        let body = """
            {"specversion":"1.0","id":"\(id)","source":"/florin/auth","type":"\(registered)","subject":"\(user)",\
            "time":"2026-11-20T09:30:00.000Z","datacontenttype":"application/json",\
            "dataschema":"urn:florin:event:auth:user_registered:v1","partitionkey":"\(user)",\
            "sequence":"00000000000000000001","data":{"user_id":"\(user)","email":"ada@example.org",\
            "display_name":"Ada","base_currency":"EUR","locale":"en-GB","registered_at":"2026-11-20T09:30:00.000Z"}}
            """
        return OutboundEvent(
            id: id, routingKey: registered, contentType: "application/cloudevents+json", body: Array(body.utf8))
    }

    /// A message on the same way that is no event.
    static func noEvent() -> OutboundEvent {
        OutboundEvent(
            id: UUID().uuidString, routingKey: registered, contentType: "application/cloudevents+json",
            body: Array("{\"no\":\"event \(UUID().uuidString)\"}".utf8))
    }

    func publish(_ message: OutboundEvent) async throws {
        let outcomes = await broker.publish([message])
        try #require(outcomes.count == 1)
        guard case .confirmed = outcomes[0] else { throw NotPublished() }
    }

    private struct NotPublished: Error {}
}
