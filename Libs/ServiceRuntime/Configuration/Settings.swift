import AMQP
package import EventLoop
package import MessagingAMQP
package import Observability
package import Postgres

/// What every process is told.
package struct RuntimeSettings: Sendable {
    /// Where operators and orchestrators ask.
    package let adminAddress: SocketAddress
    package let logLevel: Logger.Level
    /// How long work under way may go on after SIGTERM.
    package let drain: Duration

    /// - Parameter adminAddress: the default of FLORIN_ADMIN_LISTEN.
    package init(_ reader: inout ConfigurationReader, adminAddress: String) {
        self.adminAddress = reader.address(
            "FLORIN_ADMIN_LISTEN", "address of /livez, /readyz and /metrics", default: adminAddress)
        logLevel = reader.choice(
            "FLORIN_LOG_LEVEL", "least level of log lines: trace, debug, info, notice, warning, error", default: "info",
            [
                "trace": Logger.Level.trace, "debug": .debug, "info": .info, "notice": .notice, "warning": .warning,
                "error": .error,
            ], standIn: .info)
        drain = .seconds(
            reader.int("FLORIN_DRAIN_SECONDS", "bound of an orderly stop", default: 15, in: 1...600))
    }
}

/// Where the database is.
package struct DatabaseSettings: Sendable {
    /// The pool's configuration; its parser's stand-in while there are faults.
    package let pool: PostgresPool.Configuration?

    package init(_ reader: inout ConfigurationReader) {
        var pool: PostgresPool.Configuration? = reader.value(
            "FLORIN_DATABASE_URL", "postgres://user:password@host:port/database?schema=…", standIn: nil
        ) { url in
            do throws(PostgresError) {
                return .success(try PostgresPool.Configuration(url: url))
            } catch {
                return .failure(FileFault("is not a database URL: \(error.message)"))
            }
        }
        let size = reader.int("FLORIN_DATABASE_POOL", "most database connections", default: 8, in: 2...500)
        pool?.maximumConnections = size
        self.pool = pool
    }
}

/// Where the broker is.
package struct BrokerSettings: Sendable {
    package let url: String
    /// How events are written; any is read.
    package let format: EventFormat
    /// The most events that a consumer handles in one transaction.
    package let eventBatch: Int

    package init(_ reader: inout ConfigurationReader) {
        url = reader.value("FLORIN_AMQP_URL", "amqp://user:password@host:port/vhost", standIn: "") { url in
            do throws(AMQPError) {
                _ = try AMQPEndpoint(url: url)
                return .success(url)
            } catch {
                return .failure(FileFault("is not a broker URL: \(error.message)"))
            }
        }
        format = reader.choice(
            "FLORIN_EVENT_FORMAT", "how events are published: structured, binary, protobuf (CloudEvents)",
            default: "structured", ["structured": .structured, "binary": .binary, "protobuf": .protobuf],
            standIn: .structured)
        eventBatch = reader.int(
            "FLORIN_EVENT_BATCH", "most events handled in one transaction, where they queue up", default: 16,
            in: 1...1000)
    }
}

/// Where a service answers gRPC.
package struct GRPCSettings: Sendable {
    package let address: SocketAddress

    /// - Parameter address: the default of FLORIN_GRPC_LISTEN.
    package init(_ reader: inout ConfigurationReader, address: String) {
        self.address = reader.address("FLORIN_GRPC_LISTEN", "address of the gRPC server", default: address)
    }
}
