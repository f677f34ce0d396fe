import MailTransfer
import Messaging
import ProcessorApplication
import ProcessorInfrastructure
import ServiceRuntime
import Testing

/// Which way mails go, by the configuration.
@Suite struct MailSettingsTests {
    private static func read(_ environment: [String: String]) throws -> (settings: MailSettings, summary: String) {
        var reader = ConfigurationReader(ConfigurationSource(environment: environment))
        let settings = MailSettings(&reader)
        try reader.finish()
        return (settings, reader.declarations.map { "\($0)" }.joined())
    }

    @Test func theFolderIsUsedWithoutAServer() async throws {
        let settings = try Self.read(["FLORIN_MAIL_DIR": "/var/mail/florin"]).settings
        guard case .folder("/var/mail/florin") = settings.destination else {
            throw MailServer.Failure(description: "not the folder")
        }
        try await MailFixture.run { fixture in
            let route = settings.open(pool: fixture.pool)
            #expect(route.transport is FolderMailTransport)
            route.stop()
        }
    }

    @Test(arguments: [[:], ["FLORIN_MAIL_DIR": "/var/mail/florin"]])
    func aServerComesFirstAndIsRecorded(_ folder: [String: String]) async throws {
        let url = "smtps://ada:s3cret@mail.example.net"
        let (settings, summary) = try Self.read(folder.merging(["FLORIN_SMTP_URL": url]) { $1 })
        #expect(!summary.contains("s3cret"))
        guard case .server(let server) = settings.destination else {
            throw MailServer.Failure(description: "not the server")
        }
        #expect(server == (try SMTPServer(url: url)))
        try await MailFixture.run { fixture in
            let route = settings.open(pool: fixture.pool)
            #expect(route.transport is RecordedMailTransport)
            #expect(route.consumer.batch == 1)
            route.stop()
        }
    }

    @Test(arguments: [
        ([:], ["FLORIN_MAIL_DIR must be set"]),
        (["FLORIN_SMTP_URL": "mail://u:s3cret@x"], ["FLORIN_SMTP_URL is no mail server's URL"]),
        (
            ["FLORIN_SMTP_URL": "smtp://u:s3cret@x:y", "FLORIN_MAIL_FROM": "nobody"],
            ["FLORIN_SMTP_URL is no mail server's URL", "FLORIN_MAIL_FROM is no mail address"]
        ),
    ])
    func faultsNameTheKeyAndNotTheValue(_ environment: [String: String], _ expected: [String]) {
        let failure = #expect(throws: ConfigurationFailure.self) { _ = try Self.read(environment) }
        let faults = failure?.faults ?? []
        #expect(faults.count == expected.count)
        for (fault, start) in zip(faults, expected) {
            #expect(fault.hasPrefix(start))
            #expect(!fault.contains("s3cret"))
        }
    }
}
