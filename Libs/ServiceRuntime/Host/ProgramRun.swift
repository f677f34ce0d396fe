import EventLoop
import Observability

/// One run of a program: reads its settings, does its work on a loop of its own, stops what was started.
struct ProgramRun {
    let name: String
    let adminAddress: String
    let source: ConfigurationSource
    let sink: Logger.Sink
    let errors: @Sendable (String) -> Void
    let output: @Sendable (String) -> Void

    /// Does `work` with the settings that `read` reads; returns the exit status.
    func perform<Settings: Sendable>(
        _ read: (inout ConfigurationReader) -> Settings,
        work: @escaping @Sendable (ServiceHost, Settings) async throws -> Int32
    ) async -> Int32 {
        var reader = ConfigurationReader(source)
        let runtime = RuntimeSettings(&reader, adminAddress: adminAddress)
        let settings = read(&reader)
        do {
            try reader.finish()
        } catch {
            for fault in error.faults { errors("\(name): \(fault)\n") }
            return ServiceMain.Status.configuration
        }
        let inherited: InheritedSockets
        do {
            inherited = try source.inheritedSockets()
        } catch {
            errors("\(name): \(error)\n")
            return ServiceMain.Status.configuration
        }
        let logger = Logger(service: name, level: runtime.logLevel, sink: sink)
        let summary = reader.declarations.compactMap { declared in declared.value.map { "\(declared.key)=\($0)" } }
        logger.info("starting", [.version: .string(ServiceMain.version), .configuration: .strings(summary)])
        let (name, output) = (name, output)
        return await onLoop(named: name, logger) { loop in
            let host = ServiceHost(
                name: name, version: ServiceMain.version, settings: runtime, loop: loop, logger: logger,
                inherited: inherited, output: output)
            return await finish(host, logger) { host in try await work(host, settings) }
        }
    }

    private func onLoop(
        named name: String, _ logger: Logger, _ body: @escaping @Sendable (EventLoop) async -> Int32
    ) async -> Int32 {
        do {
            let loop = try EventLoop(name: name)
            loop.start()
            let status = Published<Int32>()
            await loop.spawn { status.set(await body(loop)) }.value
            await loop.shutdown()
            return status.value ?? ServiceMain.Status.failure
        } catch {
            logger.critical("no event loop", [.error: .error(error)])
            return ServiceMain.Status.failure
        }
    }
}

/// Does the work and stops the host, whatever happens.
private func finish(
    _ host: ServiceHost, _ logger: Logger, _ work: (ServiceHost) async throws -> Int32
) async -> Int32 {
    do {
        let status = try await work(host)
        await host.stop()
        logger.info("stopped")
        return status
    } catch {
        logger.critical("failed", [.error: .error(error)])
        await host.stop()
        return ServiceMain.Status.failure
    }
}
