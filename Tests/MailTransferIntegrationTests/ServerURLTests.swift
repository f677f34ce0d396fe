import MailTransfer
import Testing

@Suite struct ServerURLTests {
    @Test(arguments: [
        ("smtp://mail.example.net", "smtp://mail.example.net:587", SMTPServer.Protection.startTLS, false),
        ("smtp://127.0.0.1:2525", "smtp://127.0.0.1:2525", .none, false),
        ("smtp://localhost/", "smtp://localhost:587", .none, false),
        ("smtp://[::1]:25", "smtp://[::1]:25", .none, false),
        ("smtp://127.0.0.1?starttls=required", "smtp://127.0.0.1:587", .startTLS, false),
        ("smtp://mail:25?starttls=never", "smtp://mail:25", .none, false),
        ("smtps://a%40b:p%3a%2f%40@mail", "smtps://mail:465", .tls, true),
        ("smtp://u:p@w@[2001:db8::1]", "smtp://[2001:db8::1]:587", .startTLS, true),
    ])
    func urlsAreRead(
        _ url: String, _ description: String, _ protection: SMTPServer.Protection, _ hasCredentials: Bool
    ) throws {
        let server = try SMTPServer(url: url)
        #expect(server.description == description)
        #expect(server.protection == protection)
        #expect((server.credentials != nil) == hasCredentials)
    }

    @Test func parametersAreDecoded() throws {
        let server = try SMTPServer(url: "smtps://mail:1465?ca=%2Fetc%2Fmy%20ca.pem&hello=florin.example.net")
        #expect(server.certificateAuthority == "/etc/my ca.pem")
        #expect(server.helloName == "florin.example.net")
        #expect(server.host == "mail" && server.port == 1465)
    }

    @Test(arguments: [
        "", "mail", "http://mail", "smtp://", "smtp://:25", "smtp://mail:0", "smtp://mail:65536", "smtp://mail:x",
        "smtp://mail/path", "smtp://user@mail", "smtp://:p@mail", "smtp://u:%zz@mail", "smtp://u:%0d%0a@mail",
        "smtp://u:%ff@mail", "smtp://ma il", "smtp://mail?starttls=maybe", "smtp://mail?unknown=1", "smtp://mail?ca=",
        "smtp://mail?hello=a%20b", "smtp://mail?hello=a&hello=b", "smtps://mail?starttls=required",
    ])
    func whatCannotBeUsedIsRefused(_ url: String) {
        let error = #expect(throws: SMTPError.self) { try SMTPServer(url: url) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.isRetriable == false)
    }

    @Test(arguments: ["smtp://ada:s3cret@mail:70000", "http://ada:s3cret@mail", "smtp://ada:s3cret@mail?x=1"])
    func noTextHasTheAccount(_ url: String) throws {
        let error = #expect(throws: SMTPError.self) { try SMTPServer(url: url) }
        let server = try SMTPServer(url: "smtp://ada:s3cret@mail")
        let texts = ["\(try #require(error))", "\(server)", String(reflecting: server), "\(server.credentials as Any)"]
        for text in texts {
            #expect(!text.contains("s3cret") && !text.contains("ada"))
        }
    }
}
