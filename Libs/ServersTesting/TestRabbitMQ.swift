/// A real RabbitMQ broker for tests, on free loopback ports, with the management interface.
///
/// It ends, and its data is removed, when the test process ends, however that happens.
package final class TestRabbitMQ: Sendable {
    /// The AMQP URL of the broker's first virtual host, `amqp://user:password@127.0.0.1:port/florin`.
    package let url: String
    /// The management interface, `http://127.0.0.1:port`; user and password are those of `url`.
    package let managementURL: String
    private let process: ServerProcess

    private static let sharedBroker = Task { try await TestRabbitMQ.start() }

    /// The broker that all tests of this process share; started when first asked for. Do not kill or pause it.
    package static func shared() async throws -> TestRabbitMQ { try await sharedBroker.value }

    /// A broker of one's own, for tests that kill or pause it; end it with `stop()`.
    package static func start() async throws -> TestRabbitMQ {
        let (process, description) = try await ServerProcess.start(["--rabbitmq"])
        guard let url = description["rabbitmq"], let management = description["management"] else {
            throw TestServerError(description: "no RabbitMQ URL")
        }
        return TestRabbitMQ(process: process, url: url, managementURL: management)
    }

    private init(process: ServerProcess, url: String, managementURL: String) {
        self.process = process
        self.url = url
        self.managementURL = managementURL
    }

    /// Makes an empty virtual host and returns its AMQP URL.
    package func makeVirtualHost() async throws -> String {
        let answer = try await process.command("vhost", ServerProcess.uniqueName())
        guard let url = answer["url"] else { throw TestServerError(description: "no virtual host URL") }
        return url
    }

    /// Kills the broker, as a crash does.
    package func kill() async throws { try await process.command("kill", "rabbitmq") }

    /// Starts a killed or running broker again on the same ports and data; returns when it is ready.
    package func restart() async throws { try await process.command("restart", "rabbitmq") }

    /// Freezes the broker: connections stay open and nothing answers.
    package func pause() async throws { try await process.command("pause", "rabbitmq") }

    /// Lets a paused broker go on.
    package func resume() async throws { try await process.command("resume", "rabbitmq") }

    /// Runs rabbitmqctl with these arguments and returns what it printed.
    @discardableResult
    package func ctl(_ arguments: String...) async throws -> String {
        try await process.command(words: ["rabbitmqctl"] + arguments)["output"] ?? ""
    }

    /// Ends the broker and removes its data.
    package func stop() async throws { try await process.stop() }
}
