package import GRPC
package import Postgres
import Contracts
import Messaging

extension ServiceHost {
    /// The service by which operators reach the letters that the consumers of this process have put aside.
    ///
    /// - Parameters:
    ///   - service: what operators call the service, such as `expense`.
    ///   - pool: the database that the consumers work on.
    package func deadLetters(of service: String, in pool: PostgresPool) -> any GRPCService {
        DeadLetterServiceHandlers(
            DeadLetterAPI(service: service, store: DeadLetterStore(pool: pool), logger: logger))
    }
}
