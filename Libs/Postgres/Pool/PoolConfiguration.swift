extension PostgresPool {
    /// Where the database is, and the pool's bounds.
    package struct Configuration: Sendable {
        /// A name, a numeric address, or the directory of a Unix socket.
        package var host: String
        package var port: Int
        package var user: String
        package var password: String
        package var database: String
        /// The schema that unqualified names mean (`search_path`); nil for the server's default.
        package var schema: String?
        /// libpq's `sslmode`. Not given: `disable` for a loopback address or a Unix socket, `prefer` otherwise.
        package var sslMode: String?
        /// The name shown in `pg_stat_activity`.
        package var applicationName = "florin"
        /// Further connection keywords of libpq, such as `sslrootcert`.
        package var options: [String: String] = [:]

        /// Connections kept open.
        package var minimumConnections = 1
        /// The most connections.
        package var maximumConnections = 8
        /// The most batches on their way over one connection.
        package var pipelineDepth = 128
        /// The most callers that wait for a connection; one more is refused at once.
        package var maximumWaiters = 1024
        /// The most prepared statements of one connection.
        package var statementLimit = 256

        /// The bound of one attempt to connect.
        package var connectTimeout = Duration.seconds(5)
        /// The bound of `query` and `batch` where the caller gives none.
        package var callTimeout = Duration.seconds(5)
        /// The bound of a transaction where the caller gives none.
        package var transactionTimeout = Duration.seconds(10)
        /// The server's own bound of one statement, in case a cancel request does not arrive.
        package var statementTimeout = Duration.seconds(30)
        /// The server's own bound of waiting inside an open transaction.
        package var idleInTransactionTimeout = Duration.seconds(60)
        /// How long a call waits while the database cannot be reached, if its own bound is not shorter.
        package var unavailableTimeout = Duration.seconds(1)
        /// How long a connection beyond the minimum may be unused.
        package var idleTimeout = Duration.seconds(60)
        /// An idle connection that was silent this long is asked whether it lives.
        package var probeInterval = Duration.seconds(15)
        /// How long a cancel request may remain without effect before the connection is given up.
        package var cancelGrace = Duration.seconds(2)

        /// Reads `postgres://user:password@host:port/database?schema=…&sslmode=…&pool=…`; further parameters are libpq's.
        package init(url: String) throws(PostgresError) {
            let parts = try ConnectionURL(parsing: url)
            host = parts.host
            port = parts.port
            user = parts.user
            password = parts.password
            database = parts.database
            for (name, value) in parts.parameters {
                switch name {
                case "schema": schema = value
                case "sslmode": sslMode = value
                case "application_name": applicationName = value
                case "pool":
                    guard let count = Int(value) else { throw Self.fault("pool is not a number") }
                    maximumConnections = count
                case _ where Self.passedOn.contains(name): options[name] = value
                default: throw Self.fault("unknown parameter")
                }
            }
            try validate()
        }

        /// Checks what `init` cannot know after a change. `PostgresPool.init` does so too.
        package func validate() throws(PostgresError) {
            if let schema, !Self.isPlainName(schema) {
                throw Self.fault("a schema is named with a-z, 0-9 and _, at most 63 of them")
            }
            guard 1...500 ~= maximumConnections, 1...maximumConnections ~= minimumConnections else {
                throw Self.fault("a pool has 1 to 500 connections, and a minimum of 1 to that")
            }
            guard pipelineDepth > 0, maximumWaiters >= 0, statementLimit > 0 else {
                throw Self.fault("pipeline depth and statement limit are at least 1")
            }
        }

        private static let passedOn: Set<String> = [
            "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslsni", "ssl_min_protocol_version", "channel_binding",
            "target_session_attrs", "requirepeer",
        ]

        private static func isPlainName(_ name: String) -> Bool {
            let first = name.utf8.first ?? UInt8(ascii: "0")
            return 1...63 ~= name.utf8.count && !(48...57 ~= first)
                && name.utf8.allSatisfy { 97...122 ~= $0 || 48...57 ~= $0 || $0 == UInt8(ascii: "_") }
        }

        private static func fault(_ message: String) -> PostgresError {
            PostgresError(.invalidConfiguration, "database configuration: \(message)")
        }
    }
}

extension PostgresPool.Configuration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Host, port and database; never the password.
    package var description: String { "\(host):\(port)/\(database)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

extension PostgresPool.Configuration {
    /// Keywords and values for libpq; `addresses` are the host's, when its name had to be looked up.
    func connectionParameters(addresses: [String]) -> [(keyword: String, value: String)] {
        let copies = max(1, addresses.count)
        var parameters: [(keyword: String, value: String)] = [
            ("host", Array(repeating: host, count: copies).joined(separator: ",")),
            ("port", Array(repeating: String(port), count: copies).joined(separator: ",")),
            ("user", user), ("dbname", database), ("application_name", applicationName), ("client_encoding", "UTF8"),
            ("sslmode", sslMode ?? (isLocal ? "disable" : "prefer")), ("gssencmode", "disable"),
            ("keepalives_idle", "15"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "15000"), ("options", serverSettings),
        ]
        if !password.isEmpty { parameters.append(("password", password)) }
        if !addresses.isEmpty { parameters.append(("hostaddr", addresses.joined(separator: ","))) }
        for (name, value) in options.sorted(by: { $0.key < $1.key }) { parameters.append((name, value)) }
        return parameters
    }

    private var isLocal: Bool {
        host.hasPrefix("/") || host.hasPrefix("127.") || host == "::1" || host == "localhost"
    }

    /// Session defaults, to which `RESET ALL` returns. No value in it needs quoting: a schema is a plain name.
    private var serverSettings: String {
        var settings = [
            "statement_timeout=\(Self.milliseconds(statementTimeout))",
            "idle_in_transaction_session_timeout=\(Self.milliseconds(idleInTransactionTimeout))",
            // Compiling costs more than it saves on statements of a few milliseconds.
            "jit=off",
        ]
        if let schema { settings.append("search_path=\(schema)") }
        return settings.map { "-c \($0)" }.joined(separator: " ")
    }

    private static func milliseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return max(1, seconds * 1000 + attoseconds / 1_000_000_000_000_000)
    }
}
