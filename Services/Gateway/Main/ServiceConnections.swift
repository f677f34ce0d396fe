import Contracts
import EventLoop
import GRPC
import GatewayAPI
import ServiceRuntime

/// The gateway's channels to the services.
struct ServiceConnections {
    let clients: GatewayClients
    let archive: UserArchive
    /// The events that live streams are resumed from.
    let history: StreamHistory
    /// What the gateway itself asks the auth service.
    let access: AccessServiceClient

    /// Opens a channel to each service; the process is not ready until each could be reached once. A service that goes
    /// away later takes its own routes with it and no others.
    init(_ host: ServiceHost, _ settings: GatewayProgram.Settings, _ dependencies: Dependencies) {
        let auth = Self.channel(host, "auth", settings.auth)
        access = AccessServiceClient(channel: auth)
        let events = Self.channel(host, "events", settings.processor)
        let expense = Self.channel(host, "expense", settings.expense)
        let portfolio = Self.channel(host, "portfolio", settings.portfolio)
        clients = GatewayClients(auth: auth, events: events, expense: expense, portfolio: portfolio)
        archive = UserArchive(
            auth: auth, events: events, expense: expense, portfolio: portfolio, dependencies: dependencies)
        history = StreamHistory(
            client: StreamServiceClient(channel: events), dependencies: dependencies, loop: host.loop)
    }

    private static func channel(_ host: ServiceHost, _ service: String, _ addresses: ServiceAddresses) -> GRPCChannel {
        var configuration = GRPCChannel.Configuration()
        // A service that comes back is to be found at once: calls wait for it.
        configuration.backoff = Backoff(maximum: .milliseconds(300))
        // Calls that come while a service is started anew wait for it rather than fail, at most until their deadline; for one
        // that has not said goodbye the wait is shorter.
        configuration.restartGrace = .seconds(10)
        configuration.absenceGrace = .seconds(2)
        let channel = host.channel(to: addresses.known, service: nil, configuration: configuration)
        if addresses.hasNames {
            let logger = host.logger.with([.component: .string(service)])
            host.run("addresses of \(service)") { [loop = host.loop] in
                await addresses.watch(for: channel, on: loop, logger: logger)
            }
        }
        let connected = host.metrics.gauges(
            "florin_service_connected", help: "1 while a service is connected.", labels: ["service"])
        let connection = FirstConnection(channel, connected: connected.with(service))
        host.readiness.add(service, isRequired: { connection.isOutstanding }) { connection.missing }
        host.run("connection to \(service)") { [loop = host.loop] in await connection.run(on: loop) }
        return channel
    }
}
