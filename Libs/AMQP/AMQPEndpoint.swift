internal import WireCodecs

/// Where a broker is and who logs in: an `amqp://user:password@host:port/vhost` URL (RabbitMQ URI specification).
package struct AMQPEndpoint: Sendable, Hashable, CustomStringConvertible {
    package var host: String
    package var port: UInt16
    package var user: String
    package var password: String
    package var virtualHost: String

    /// Reads the URL. Absent parts get AMQP's defaults: port 5672, `guest`/`guest`, virtual host `/`.
    package init(url text: String) throws(AMQPError) {
        guard !text.contains("?"), !text.contains("#") else { throw Self.fault("options in the URL are not supported") }
        let url: ServerURL
        do throws(ServerURL.Fault) {
            url = try ServerURL(parsing: text)
        } catch {
            throw Self.fault(error.reason)
        }
        guard url.scheme == "amqp" else { throw Self.fault("the scheme must be amqp://") }
        guard !url.host.isEmpty else { throw Self.fault("the host is missing") }
        let path = url.path ?? ""
        guard !path.contains("/") else { throw Self.fault("a slash in the virtual host must be written %2F") }
        guard let virtualHost = PercentEncoding.decode(path.utf8) else {
            throw Self.fault("the virtual host is not percent-encoded text")
        }
        host = url.host
        port = url.port ?? 5672
        user = url.user ?? "guest"
        password = url.password ?? (url.user == nil ? "guest" : "")
        self.virtualHost = virtualHost.isEmpty ? "/" : virtualHost
    }

    private static func fault(_ text: String) -> AMQPError { AMQPError(.invalidConfiguration, "AMQP URL: \(text)") }

    /// The URL without the password.
    package var description: String { "amqp://\(user)@\(host):\(port)/\(virtualHost == "/" ? "%2F" : virtualHost)" }
}
