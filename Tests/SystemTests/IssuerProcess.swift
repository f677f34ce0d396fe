internal import Foundation
internal import Glibc
internal import TestKit

/// An issuer of ID tokens that is made of PyJWT. It gives out a sound token at `/token`.
struct IssuerProcess {
    private let process: ChildProcess

    init(in installation: LocalInstallation) throws {
        process = try ChildProcess(
            URL(filePath: Python.interpreter()), Python.arguments("oidc/issuer.py", ["--detached"]),
            environment: [:], output: installation.folder.appending(path: "issuer.out"))
    }

    /// Where it listens, once it does.
    func url() async throws -> String {
        var url = ""
        try await wait(for: "the issuer") {
            let line = try process.output()
            guard line.hasSuffix("\n") else { return false }
            let greeting = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String]
            url = greeting?["url"] ?? ""
            return !url.isEmpty
        }
        return url
    }

    func stop() { process.send(SIGKILL) }
}
