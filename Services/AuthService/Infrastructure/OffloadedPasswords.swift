package import AuthApplication
package import EventLoop
package import Secrets

/// Argon2id on threads of its own. Their number bounds the memory in use, their queue how long anybody waits.
package struct OffloadedPasswords: PasswordHashing {
    private let hasher: PasswordHasher
    private let threads: OffloadPool

    package init(hasher: PasswordHasher, threads: OffloadPool) {
        self.hasher = hasher
        self.threads = threads
    }

    package func hash(_ password: String) async throws -> String {
        try await threads.refusingOverload { [hasher] in try hasher.hash(password) }
    }

    package func check(_ password: String, against hash: String?) async throws -> PasswordVerdict {
        try await threads.refusingOverload { [hasher] in
            guard let hash else {
                try hasher.simulateVerification(of: password)
                return .wrong
            }
            guard try hasher.verify(password, against: hash) else { return .wrong }
            return .right(replacement: hasher.needsRehash(hash) ? try hasher.hash(password) : nil)
        }
    }
}

extension OffloadPool {
    /// Runs work that is refused, rather than queued or failed, where there is too much of it.
    ///
    /// - Throws: `AuthRefusal.overloaded` when the queue is full or there is no memory; what `body` throws otherwise.
    func refusingOverload<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        do {
            return try await run(body)
        } catch let error as EventLoopError where error.code == .overloaded || error.code == .shutDown {
            throw AuthRefusal.overloaded
        } catch let error as SecretsError where error.isRetriable {
            throw AuthRefusal.overloaded
        }
    }
}
