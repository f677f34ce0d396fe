internal import Foundation
internal import Testing

/// What the generator refuses, run as a program on small contracts of its own.
@Suite(.timeLimit(.minutes(5)))
struct GeneratorTests {
    /// A proto file that must be refused, and a part of the explanation.
    struct Refusal: Sendable, CustomTestStringConvertible {
        let explanation: String
        let proto: String

        var testDescription: String { explanation }

        init(_ explanation: String, _ proto: String) {
            self.explanation = explanation
            self.proto = proto
        }
    }

    private static func rpc(_ rule: String, _ signature: String = "Do(ARequest) returns (A)") -> String {
        "message A { string id = 1; } message ARequest { string id = 1; bytes file = 2; A part = 3; }\n"
            + "service AService { rpc \(signature) { option (florin.http) = {\(rule)}; } }"
    }

    @Test(arguments: [
        Refusal("protoc refused the contracts", "message A { string = 1; }"),
        Refusal("no nested types, maps, oneof", "message A { oneof x { string a = 1; string b = 2; } }"),
        Refusal("no nested types, maps, oneof", "message A { optional string a = 1; }"),
        Refusal("no nested types, maps, oneof", "message A { map<string, string> a = 1; }"),
        Refusal("enumerations are plain strings", "enum E { X = 0; }"),
        Refusal("recursive messages are refused", "message A { B b = 1; } message B { repeated A a = 1; }"),
        Refusal("this type is not used", "message A { double a = 1; }"),
        Refusal("a list of this type", "message A { repeated bytes a = 1; }"),
        Refusal("the name is taken in C", "message A { string base = 1; }"),
        Refusal("unknown format colour", "message A { string a = 1 [(florin.rule) = {format: \"colour\"}]; }"),
        Refusal("cannot be written as JSON", "message A { bytes a = 1; }"),
        Refusal("client streaming", "message A {} service S { rpc Do(stream A) returns (A); }"),
        Refusal(
            "more than 64 fields", "message A { \((1...65).map { "string f\($0) = \($0);" }.joined(separator: " ")) }"),
        Refusal("exactly one of get, post", rpc("tag: \"t\", summary: \"s\"")),
        Refusal("exactly one of get, post", rpc("get: \"/a\", post: \"/a\", tag: \"t\", summary: \"s\"")),
        Refusal("a summary and a tag", rpc("get: \"/a\"")),
        Refusal("auth is user, none or admin", rpc("post: \"/a\", auth: \"root\", tag: \"t\", summary: \"s\"")),
        Refusal("starts with a slash", rpc("post: \"a\", tag: \"t\", summary: \"s\"")),
        Refusal("has no field key", rpc("post: \"/a/{key}\", tag: \"t\", summary: \"s\"")),
        Refusal("must be of type bytes", rpc("post: \"/a\", body: \"id\", tag: \"t\", summary: \"s\"")),
        Refusal("cannot come from the path or the query", rpc("get: \"/a\", tag: \"t\", summary: \"s\"")),
        Refusal("bytes cannot be read from JSON", rpc("post: \"/a\", tag: \"t\", summary: \"s\"")),
        Refusal(
            "a streaming rpc has no route", rpc("post: \"/a\", tag: \"t\", summary: \"s\"", "Do(A) returns (stream A)")),
        Refusal(
            "exists already",
            """
            message A { string id = 1; } message B { string key = 1; }
            service S {
              rpc One(A) returns (A) { option (florin.http) = {get: "/a/{id}", tag: "t", summary: "s"}; }
              rpc Two(B) returns (B) { option (florin.http) = {get: "/a/{key}", tag: "t", summary: "s"}; }
            }
            """),
    ])
    func refusesContractsThatCannotBeExpressed(_ refusal: Refusal) throws {
        let tree = try Generator.Tree()
        defer { tree.remove() }
        try tree.write(proto: refusal.proto)
        let result = try tree.generate()
        #expect(result.status == 1)
        #expect(result.errors.contains(refusal.explanation), "\(result.errors)")
    }

    @Test(arguments: [
        (
            #""$id": "urn:florin:event:a:b:v1", "type": "object", "properties": {}, "additionalProperties": false"#,
            "additive"
        ),
        (#""$id": "urn:florin:event:a:c:v1", "type": "object", "properties": {}"#, "$id has to be"),
        (#""$id": "urn:florin:event:a:b:v1", "type": "object", "properties": {}, "oneOf": []"#, "outside the subset"),
        (#""$id": "urn:florin:event:a:b:v1", "type": "object", "properties": {}, "required": ["x"]"#, "not described"),
        (
            #""$id": "urn:florin:event:a:b:v1", "type": "object", "properties": {"x": {"type": "number"}}"#,
            "has type number"
        ),
        (
            #""$id": "urn:florin:event:a:b:v1", "type": "object", "properties": {"x": {"type": "string", "format": "f"}}"#,
            "unknown format"
        ),
        (
            ##""$id": "urn:florin:event:a:b:v1", "type": "object", "properties": {"x": {"type": "string", "pattern": "a"}}"##,
            "has to be anchored"
        ),
        (
            ##""$id": "urn:florin:event:a:b:v1", "type": "object", "properties": {"x": {"type": "string", "pattern": "^[a-z]*a$"}}"##,
            "neighbours accept the same character"
        ),
        (
            ##""$id": "urn:florin:event:a:b:v1", "type": "object", "properties": {"x": {"type": "string", "pattern": "^(a|b)$"}}"##,
            "is not supported"
        ),
    ])
    func refusesSchemasOutsideTheSubset(_ schema: String, _ explanation: String) throws {
        let tree = try Generator.Tree()
        defer { tree.remove() }
        try tree.write(schema: "{\(schema)}", example: "{}")
        let result = try tree.generate()
        #expect(result.status == 1)
        #expect(result.errors.contains(explanation), "\(result.errors)")
    }

    @Test func anEventNeedsAnExample() throws {
        let tree = try Generator.Tree()
        defer { tree.remove() }
        try tree.write(schema: #"{"$id": "urn:florin:event:a:b:v1", "properties": {}}"#, example: nil)
        #expect(try tree.generate().errors.contains("no example"))
    }

    @Test func theCheckFindsWhatDiffers() throws {
        let tree = try Generator.Tree()
        defer { tree.remove() }
        try tree.write(proto: "message A { string id = 1; }")
        #expect(try tree.generate("--check").status == 1)
        #expect(try tree.generate().status == 0)
        #expect(try tree.generate("--check").status == 0)
        let stray = tree.root.appendingPathComponent("Libs/Contracts/Generated/Stray.swift")
        try "// left over\n".write(to: stray, atomically: true, encoding: .utf8)
        try tree.write(proto: "message A { string id = 1; string name = 2; }")
        let result = try tree.generate("--check")
        #expect(result.status == 1)
        #expect(result.errors.contains("not generated any more: Libs/Contracts/Generated/Stray.swift"))
        #expect(result.errors.contains("+    package var name: String"))
        #expect(try tree.generate().status == 0)
        #expect(!FileManager.default.fileExists(atPath: stray.path))
        #expect(try tree.generate("--check").status == 0)
    }

    @Test func streamingMethodsGetStreams() throws {
        let tree = try Generator.Tree()
        defer { tree.remove() }
        try tree.write(proto: "message A {} service LogService { rpc Follow(A) returns (stream A); }")
        #expect(try tree.generate().status == 0)
        let text = try tree.read("Libs/Contracts/Generated/TestV1Services.swift")
        #expect(text.contains("responses: ContractResponseWriter<A>"))
        #expect(text.contains("-> ContractResponseStream<A>"))
    }
}

/// The generator as a program.
enum Generator {
    private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// A folder with contracts of its own.
    struct Tree {
        let root: URL

        init() throws {
            root = FileManager.default.temporaryDirectory.appendingPathComponent(
                "florin-generator-\(UUID().uuidString)")
            for folder in ["Libs/Contracts/proto/florin/test/v1", "events"] {
                try FileManager.default.createDirectory(
                    at: root.appendingPathComponent(folder), withIntermediateDirectories: true)
            }
            let options = "Libs/Contracts/proto/florin/options.proto"
            try FileManager.default.copyItem(
                at: repository.appendingPathComponent(options), to: root.appendingPathComponent(options))
            let problems = "Libs/Contracts/problems.json"
            try FileManager.default.copyItem(
                at: repository.appendingPathComponent(problems), to: root.appendingPathComponent(problems))
            try #"{"version": 1, "lineLength": 120, "indentation": {"spaces": 4}}"#.write(
                to: root.appendingPathComponent(".swift-format"), atomically: true, encoding: .utf8)
        }

        func remove() {
            do {
                try FileManager.default.removeItem(at: root)
            } catch {
                Issue.record(error)
            }
        }

        func write(proto: String) throws {
            let text = """
                syntax = "proto3";
                package florin.test.v1;
                import "florin/options.proto";
                \(proto)
                """
            try text.write(
                to: root.appendingPathComponent("Libs/Contracts/proto/florin/test/v1/test.proto"), atomically: true,
                encoding: .utf8)
        }

        func write(schema: String, example: String?) throws {
            let folder = root.appendingPathComponent("events/a-events/b")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try schema.write(to: folder.appendingPathComponent("v1.schema.json"), atomically: true, encoding: .utf8)
            try example?.write(to: folder.appendingPathComponent("v1.example.json"), atomically: true, encoding: .utf8)
        }

        func read(_ path: String) throws -> String {
            try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
        }

        /// Runs the generator on the tree, for two minutes at most.
        func generate(_ arguments: String...) throws -> (status: Int32, errors: String) {
            let process = Process()
            let errors = Pipe()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
            let script = Generator.repository.appendingPathComponent("scripts/generate").path
            process.arguments = ["120", script, "--root", root.path] + arguments
            process.standardError = errors
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            let bytes = errors.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return (process.terminationStatus, String(decoding: bytes, as: UTF8.self))
        }
    }
}
