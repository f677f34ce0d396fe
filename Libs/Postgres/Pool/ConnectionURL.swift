internal import WireCodecs

/// The parts of `postgres://user:password@host:port/database?name=value&…` (the form that libpq documents in 34.1.1.2, for
/// one host). A Unix socket's directory goes into the parameter `host`.
struct ConnectionURL {
    let host: String
    let port: Int
    let user: String
    let password: String
    let database: String
    private(set) var parameters: [(name: String, value: String)]

    /// The messages name the part at fault and never quote it: the password may be anywhere in a malformed text.
    init(parsing text: String) throws(PostgresError) {
        let url: ServerURL
        do throws(ServerURL.Fault) {
            url = try ServerURL(parsing: text)
        } catch {
            throw Self.fault(error.reason)
        }
        guard ["postgres", "postgresql"].contains(url.scheme) else { throw Self.fault("the scheme is not postgres") }
        guard let user = url.user, !user.isEmpty else { throw Self.fault("the user is missing") }
        guard let database = PercentEncoding.decode((url.path ?? "").utf8) else {
            throw Self.fault("the database is not percent-encoded text")
        }
        parameters = url.parameters
        if let index = parameters.firstIndex(where: { $0.name == "host" }) {
            host = parameters.remove(at: index).value
        } else {
            host = url.host.isEmpty ? "localhost" : url.host
        }
        port = url.port.map(Int.init) ?? 5432
        self.user = user
        password = url.password ?? ""
        self.database = database.isEmpty ? user : database
    }

    private static func fault(_ message: String) -> PostgresError {
        PostgresError(.invalidConfiguration, "database URL: \(message)")
    }
}
