import EventLoop
import GatewayAPI
import HTTPServer
import Observability
import ServiceRuntime
import TLS

/// How the public API is listened for.
struct PublicListener: Sendable {
    let address: SocketAddress
    /// The most connections of one client's address at a time.
    let connectionsPerAddress: Int
    /// What stands between it and its clients.
    let proxies: TrustedProxies
    /// How long connections are still taken after the request to stop.
    let notice: Duration
    /// Nil where the API is served in the clear.
    let tls: TLSServerContext?

    init(_ reader: inout ConfigurationReader) {
        address = reader.address("FLORIN_HTTP_LISTEN", "address of the public API", default: "127.0.0.1:8080")
        connectionsPerAddress = reader.int(
            "FLORIN_HTTP_CONNECTIONS_PER_ADDRESS", "open connections of one client address", default: 2_000,
            in: 1...1_000_000)
        proxies = Self.proxies(&reader)
        notice = .seconds(
            reader.int(
                "FLORIN_DRAIN_NOTICE_SECONDS",
                "part of FLORIN_DRAIN_SECONDS in which clients are still served and told to leave", default: 5,
                in: 0...300))
        let certificate = reader.optionalString(
            "FLORIN_TLS_CERTIFICATE", "file with the public API's certificates (PEM), read again on SIGHUP")
        let key = reader.optionalString("FLORIN_TLS_KEY", "file with the key of FLORIN_TLS_CERTIFICATE (PEM)")
        tls = Self.context(certificate, key, &reader)
    }

    private static func proxies(_ reader: inout ConfigurationReader) -> TrustedProxies {
        let blocks: [AddressBlock] = reader.value(
            "FLORIN_TRUSTED_PROXIES", "addresses of proxies that tell where requests come from, such as 10.0.0.0/8,::1",
            default: "", standIn: []
        ) { text in
            var blocks: [AddressBlock] = []
            for part in text.split(separator: ",", omittingEmptySubsequences: false) {
                guard let block = AddressBlock(parsing: part.filter { $0 != " " }) else {
                    return .failure(FileFault("must be addresses such as 10.0.0.0/8, with commas between them"))
                }
                blocks.append(block)
            }
            return .success(blocks)
        }
        let field = reader.choice(
            "FLORIN_PROXY_FIELD", "the field in which they tell it: X-Forwarded-For or Forwarded",
            default: "X-Forwarded-For", ["X-Forwarded-For": TrustedProxies.Field.addresses, "Forwarded": .forwarded],
            standIn: .addresses)
        return TrustedProxies(blocks: blocks, field: field)
    }

    private static func context(
        _ certificate: String?, _ key: String?, _ reader: inout ConfigurationReader
    ) -> TLSServerContext? {
        switch (certificate, key) {
        case (nil, nil): return nil
        case (let certificate?, let key?):
            do {
                return try TLSServerContext(certificateFile: certificate, keyFile: key)
            } catch {
                let file = error.code == .key ? "FLORIN_TLS_KEY" : "FLORIN_TLS_CERTIFICATE"
                reader.fault("\(file) is not usable: \(error)")
                return nil
            }
        case (nil, _): reader.fault("FLORIN_TLS_CERTIFICATE must be set where FLORIN_TLS_KEY is")
        case (_, nil): reader.fault("FLORIN_TLS_KEY must be set where FLORIN_TLS_CERTIFICATE is")
        }
        return nil
    }

    /// Applies what does not depend on the gateway.
    func configure(_ server: inout HTTPServer.Configuration, _ inherited: InheritedSockets) {
        server.inherited = inherited
        server.maxConnectionsPerAddress = connectionsPerAddress
        server.tls = tls
    }

    /// Reads the certificate again whenever the process is sent SIGHUP; one that is not usable changes nothing.
    func reloadOnHangUp(_ host: ServiceHost) {
        guard let tls else { return }
        let reloads = host.metrics.counters(
            "florin_tls_reloads_total", help: "Times that the certificate was read again.", labels: ["outcome"])
        let logger = host.logger.with([.component: "tls"])
        host.hangUp.add {
            do {
                try tls.reload()
                reloads.with("done").increment()
                logger.info("certificate read again")
            } catch {
                reloads.with("failed").increment()
                logger.error("certificate not usable, the old one stays", [.error: .error(error)])
            }
        }
    }
}
