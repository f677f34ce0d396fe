import Testing

@testable import Postgres

@Suite struct ConnectionURLTests {
    @Test func partsAreRead() throws {
        let url = try ConnectionURL(
            parsing: "postgres://app:p%40ss%2Fword@db.example:6432/books?schema=auth&sslmode=require")
        #expect(url.host == "db.example")
        #expect(url.port == 6432)
        #expect(url.user == "app")
        #expect(url.password == "p@ss/word")
        #expect(url.database == "books")
        #expect(url.parameters.map(\.name) == ["schema", "sslmode"])
    }

    @Test(arguments: [
        ("postgres://u@h/d", "h", 5432, "d"), ("postgresql://u@h", "h", 5432, "u"),
        ("postgres://u@[::1]:7/d", "::1", 7, "d"),
        ("postgres://u@/d?host=%2Frun%2Fpg", "/run/pg", 5432, "d"), ("postgres://u:a:b@h:1/d", "h", 1, "d"),
        ("postgres://u:a@b@h/d", "h", 5432, "d"),
    ])
    func formsAreUnderstood(text: String, host: String, port: Int, database: String) throws {
        let url = try ConnectionURL(parsing: text)
        #expect(url.host == host)
        #expect(url.port == port)
        #expect(url.database == database)
    }

    @Test(arguments: [
        "", "http://hunter2@h/d", "postgres://", "postgres://h/d", "postgres://u:hunter2@h:0/d",
        "postgres://u:hunter2@h:99999/d", "postgres://u:hunter2@h:x/d", "postgres://u:hunter2%4@h/d",
        "postgres://u:hunter2%zz@h/d", "postgres://u:hunter2@h/d?schema", "postgres://u:hunter2@[::1/d",
        "postgres://u:hunter2%00@h/d", "postgres://u:%FFhunter2@h/d", "postgres://u:hunter2@h/d?nonsense=1",
        "postgres://u:hunter2@h/d?schema=Upper", "postgres://u:hunter2@h/d?schema=a;b",
        "postgres://u:hunter2@h/d?schema=",
        "postgres://u:hunter2@h/d?pool=0", "postgres://u:hunter2@h/d?pool=many", "postgres://u:hunter2@h/d?schema=1a",
    ])
    func faultsAreToldWithoutThePassword(text: String) {
        do {
            _ = try PostgresPool.Configuration(url: text)
            Issue.record("accepted")
        } catch {
            #expect(error.code == .invalidConfiguration)
            #expect(!"\(error)".contains("hunter2") && !String(reflecting: error).contains("hunter2"))
        }
    }

    @Test func parametersReachTheServer() throws {
        let configuration = try PostgresPool.Configuration(
            url: "postgres://app:word@db/books?schema=auth&sslrootcert=%2Fca.pem&pool=3&application_name=gate")
        let parameters = Dictionary(
            configuration.connectionParameters(addresses: ["10.0.0.1", "10.0.0.2"]).map { ($0.keyword, $0.value) }
        ) { $1 }
        #expect(configuration.maximumConnections == 3)
        #expect(parameters["host"] == "db,db")
        #expect(parameters["hostaddr"] == "10.0.0.1,10.0.0.2")
        #expect(parameters["port"] == "5432,5432")
        #expect(parameters["sslmode"] == "prefer")
        #expect(parameters["sslrootcert"] == "/ca.pem")
        #expect(parameters["password"] == "word")
        #expect(parameters["application_name"] == "gate")
        #expect(parameters["options"]?.contains("-c search_path=auth") == true)
        #expect(parameters["options"]?.contains("-c statement_timeout=30000") == true)
    }

    @Test(arguments: [("127.0.0.1", "disable"), ("localhost", "disable"), ("10.1.2.3", "prefer")])
    func encryptionIsAskedForAwayFromHome(host: String, expected: String) throws {
        let configuration = try PostgresPool.Configuration(url: "postgres://u@\(host)/d")
        let parameters = configuration.connectionParameters(addresses: [])
        #expect(parameters.first { $0.keyword == "sslmode" }?.value == expected)
        #expect(!parameters.contains { $0.keyword == "hostaddr" || $0.keyword == "password" })
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("::1", true), ("/run/pg", true), ("localhost", false), ("db.example", false),
    ])
    func addressesNeedNoLookup(host: String, expected: Bool) {
        #expect(HostResolver.isAddress(host) == expected)
    }

    @Test(arguments: [(0, 8), (9, 8), (1, 501)])
    func boundsAreChecked(minimum: Int, maximum: Int) throws {
        var configuration = try PostgresPool.Configuration(url: "postgres://u@h/d")
        configuration.minimumConnections = minimum
        configuration.maximumConnections = maximum
        #expect(throws: PostgresError.self) { try configuration.validate() }
    }
}
