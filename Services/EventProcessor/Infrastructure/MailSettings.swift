package import MailTransfer
package import Messaging
package import Postgres
package import ProcessorApplication
package import ServiceRuntime
import EventLoop

/// Where mails go: to a mail server where one is configured, into a folder otherwise.
package struct MailSettings: Sendable {
    /// One of the two.
    package enum Destination: Sendable {
        case server(SMTPServer)
        case folder(String)
    }

    /// The way mails leave, and its end.
    package struct Route: Sendable {
        package let transport: any MailTransport
        /// How the consumer of mails works with this transport.
        package let consumer: EventConsumer.Configuration
        /// Ends what the transport stands on, after its last use. Blocks for as long as mails are on their way.
        package let stop: @Sendable () -> Void
    }

    package let destination: Destination
    package let sender: String

    /// Reads the settings.
    package init(_ reader: inout ConfigurationReader) {
        var isServerGiven = false
        let server = reader.value(
            "FLORIN_SMTP_URL", "mail server, smtp://user:password@host:port or smtps://…; see FLORIN_MAIL_DIR",
            default: "", standIn: SMTPServer?.none, isSecret: true
        ) { text in
            isServerGiven = true
            do throws(SMTPError) {
                return .success(try SMTPServer(url: text))
            } catch {
                return .failure(FileFault("is no mail server's URL: \(error.message)"))
            }
        }
        let folder = reader.optionalString(
            "FLORIN_MAIL_DIR", "existing folder that mails are written to when there is no FLORIN_SMTP_URL")
        if !isServerGiven, folder == nil { reader.fault("FLORIN_MAIL_DIR must be set where FLORIN_SMTP_URL is not") }
        destination = server.map { .server($0) } ?? .folder(folder ?? "")
        sender = reader.value(
            "FLORIN_MAIL_FROM", "address that mails come from", default: "florin@localhost", standIn: ""
        ) { text in
            SMTPClient.isAddress(text) ? .success(text) : .failure(FileFault("is no mail address"))
        }
    }

    /// Opens the way.
    ///
    /// - Parameter pool: the database with the record of mails.
    package func open(pool: PostgresPool) -> Route {
        switch destination {
        case .folder(let folder):
            let files = OffloadPool(name: "mail", threads: 1, queueLimit: 256)
            return Route(
                transport: FolderMailTransport(folder: folder, sender: sender, pool: files), consumer: .init(),
                stop: { files.shutdown() })
        case .server(let server):
            let client = SMTPClient(.init(server: server))
            let record = RecordedMailTransport.Configuration(lease: client.longestSend + .seconds(10))
            var consumer = EventConsumer.Configuration()
            // A transaction stays open while its mail is handed over: one mail for each, and time for it.
            consumer.batch = 1
            consumer.transactionTimeout = client.longestSend + .seconds(15)
            return Route(
                transport: RecordedMailTransport(
                    SMTPMailTransport(client: client, sender: sender), pool: pool, configuration: record),
                consumer: consumer, stop: { client.shutdown() })
        }
    }
}
