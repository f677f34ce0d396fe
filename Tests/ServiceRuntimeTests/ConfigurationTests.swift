import EventLoop
import Testing

@testable import ServiceRuntime

struct ConfigurationTests {
    private static func source(_ environment: [String: String], files: [String: String] = [:]) -> ConfigurationSource {
        ConfigurationSource(environment: environment) { path in
            files[path].map(Result.success) ?? .failure(FileFault("\(path) cannot be opened: No such file"))
        }
    }

    @Test func readsTypedValuesAndDefaults() throws {
        var reader = ConfigurationReader(
            Self.source([
                "NAME": "x y", "COUNT": "7", "LISTEN": "[::1]:81", "PEERS": "127.0.0.1:1, 127.0.0.1:2", "ON": "false",
            ]))
        #expect(reader.string("NAME", "Name.") == "x y")
        #expect(reader.string("OTHER", "Other.", default: "fallback") == "fallback")
        #expect(reader.optionalString("NONE", "None.") == nil)
        #expect(reader.optionalString("NAME", "Name.") == "x y")
        #expect(reader.int("COUNT", "Count.", in: 1...10) == 7)
        #expect(reader.int("LIMIT", "Limit.", default: 3, in: 1...10) == 3)
        #expect(reader.bool("ON", "On.", default: true) == false)
        #expect(reader.address("LISTEN", "Address.").description == "[::1]:81")
        #expect(reader.addresses("PEERS", "Addresses.").map(\.port) == [1, 2])
        #expect(reader.milliseconds("WAIT", "Wait.", default: 1500, in: 1...2000) == .milliseconds(1500))
        #expect(reader.choice("LEVEL", "Level.", default: "a", ["a": 1, "b": 2], standIn: 0) == 1)
        try reader.finish()
    }

    @Test func namesEveryFaultAtOnce() {
        var reader = ConfigurationReader(
            Self.source([
                "COUNT": "eleven", "RANGE": "11", "LISTEN": "localhost:80", "PEERS": "127.0.0.1:1,", "ON": "yes",
                "LEVEL": "c",
                "KEY": "a", "KEY_FILE": "/key", "EMPTY": "",
            ]))
        _ = reader.int("COUNT", "Count.", in: 1...10)
        _ = reader.int("RANGE", "Range.", in: 1...10)
        _ = reader.address("LISTEN", "Address.")
        _ = reader.addresses("PEERS", "Addresses.")
        _ = reader.bool("ON", "On.", default: true)
        _ = reader.choice("LEVEL", "Level.", default: "a", ["a": 1, "b": 2], standIn: 0)
        _ = reader.secret("KEY", "Key.")
        _ = reader.secret("EMPTY", "Something.")
        _ = reader.value("OTHER", "Other.", default: "z", standIn: 0) { _ in .failure(FileFault("is never right")) }
        reader.fault("OTHER and COUNT do not fit together")
        let failure = #expect(throws: ConfigurationFailure.self) { try reader.finish() }
        #expect(
            failure?.faults == [
                "COUNT must be a whole number from 1 to 10",
                "RANGE must be a whole number from 1 to 10",
                "LISTEN must be an address with a port, such as 127.0.0.1:8081",
                "PEERS must be an address with a port, such as 127.0.0.1:8081",
                "ON must be true or false",
                "LEVEL must be one of a, b",
                "KEY is set, and so is KEY_FILE",
                "EMPTY must be set: Something.",
                "OTHER is never right",
                "OTHER and COUNT do not fit together",
            ])
    }

    @Test func readsAFileUnderTheEnvironment() throws {
        let file = """
            # comment
            A=from file
              B = "quoted # value"

            C='single'
            D=a=b
            """
        var reader = ConfigurationReader(
            Self.source(["FLORIN_CONFIG": "/c", "A": "from environment"], files: ["/c": file]))
        #expect(reader.string("A", "") == "from environment")
        #expect(reader.string("B", "") == "quoted # value")
        #expect(reader.string("C", "") == "single")
        #expect(reader.string("D", "") == "a=b")
        try reader.finish()
    }

    @Test(arguments: [
        ("A=1\nnonsense\n", "FLORIN_CONFIG: line 2 is not KEY=VALUE"), ("=1", "FLORIN_CONFIG: line 1 is not KEY=VALUE"),
        ("A=1\nA=2", "FLORIN_CONFIG: line 2 sets A a second time"),
    ])
    func refusesFilesThatAreNot(_ file: String, _ fault: String) {
        let reader = ConfigurationReader(Self.source(["FLORIN_CONFIG": "/c"], files: ["/c": file]))
        let failure = #expect(throws: ConfigurationFailure.self) { try reader.finish() }
        #expect(failure?.faults == [fault])
    }

    @Test func aMissingFileIsAFault() {
        var reader = ConfigurationReader(Self.source(["FLORIN_CONFIG": "/c", "KEY_FILE": "/k"]))
        _ = reader.secret("KEY", "Key.")
        let failure = #expect(throws: ConfigurationFailure.self) { try reader.finish() }
        #expect(
            failure?.faults == [
                "FLORIN_CONFIG: /c cannot be opened: No such file", "KEY /k cannot be opened: No such file",
            ])
    }

    @Test func takesASecretFromAFileAndShowsNone() throws {
        var reader = ConfigurationReader(
            Self.source(
                ["KEY_FILE": "/k", "URL": "postgres://me:pa:ss@word@127.0.0.1/db"], files: ["/k": "hidden\r\n\n"]))
        #expect(reader.secret("KEY", "Key.") == "hidden")
        #expect(reader.string("URL", "Place.") == "postgres://me:pa:ss@word@127.0.0.1/db")
        try reader.finish()
        #expect(reader.declarations.map(\.value) == ["(set)", "postgres://me:***@127.0.0.1/db"])
    }

    @Test(arguments: [
        ("amqp://a@h/v", "amqp://a@h/v"), ("amqp://h/v", "amqp://h/v"), ("x:y@z", "x:y@z"),
        ("amqp://a:b@h", "amqp://a:***@h"),
    ])
    func hidesPasswords(_ text: String, _ shown: String) {
        #expect(ConfigurationReader.redacted(text) == shown)
    }

    @Test(arguments: [("", 16), ("1", 1), ("1000", 1000)])
    func eventsShareTransactions(_ text: String, _ batch: Int) throws {
        let given = text.isEmpty ? [:] : ["FLORIN_EVENT_BATCH": text]
        var reader = ConfigurationReader(Self.source(given.merging(["FLORIN_AMQP_URL": "amqp://h/v"]) { $1 }))
        #expect(BrokerSettings(&reader).eventBatch == batch)
        try reader.finish()
    }

    @Test(arguments: ["0", "1001", "many"])
    func aTransactionOfNoOrTooManyEventsIsAFault(_ text: String) {
        var reader = ConfigurationReader(
            Self.source(["FLORIN_AMQP_URL": "amqp://h/v", "FLORIN_EVENT_BATCH": text]))
        _ = BrokerSettings(&reader)
        #expect(throws: ConfigurationFailure.self) { try reader.finish() }
    }

    @Test func describingListsTheKeys() {
        var reader = ConfigurationReader.describing()
        _ = reader.int("COUNT", "How many.", default: 3, in: 1...10)
        _ = reader.secret("KEY", "The key.")
        #expect(reader.declarations.map(\.key) == ["COUNT", "KEY"])
        #expect(reader.declarations.map(\.fallback) == ["3", nil])
        #expect(reader.declarations.map(\.isSecret) == [false, true])
    }

    @Test func readsRealFilesAndTheRealEnvironment() {
        guard case .failure(let missing) = FileFault.read("/nonexistent") else {
            Issue.record("a missing file was read")
            return
        }
        #expect(missing.description == "/nonexistent cannot be opened: No such file or directory")
        guard case .failure(let endless) = FileFault.read("/dev/zero") else {
            Issue.record("an endless file was read")
            return
        }
        #expect(endless.description.contains("larger than"))
        var reader = ConfigurationReader(ConfigurationSource.process())
        #expect(!reader.string("PATH", "Search path.").isEmpty)
    }
}
