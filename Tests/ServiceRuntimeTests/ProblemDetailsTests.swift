import Chronology
import Foundation
import GRPC
import Observability
import Postgres
import Testing
import Validation
import WireCodecs

@testable import ServiceRuntime

struct ProblemDetailsTests {
    private static let problem = ProblemDetails(
        code: "validation_failed", status: 422, title: "Some fields are not valid", detail: "Zwölf.",
        errors: [
            FieldError(field: "amount.currency", code: "unknown_currency", message: "must be an ISO 4217 code"),
            FieldError(field: "", code: "", message: ""),
        ], retryAfter: 300)

    @Test func survivesTheWay() {
        let status = Self.problem.grpcStatus
        #expect(status.code == .invalidArgument)
        #expect(ProblemDetails(status) == Self.problem)
    }

    /// The bytes that protoc makes of the same text format, as long as protoc is there to be asked.
    @Test func isWhatProtocEncodes() throws {
        let text = """
            code: 3 message: "Some fields are not valid" details { type_url: "type.googleapis.com/florin.v1.Problem"
            value: "\(try protoc("""
                code: "validation_failed" status: 422 title: "Some fields are not valid" detail: "Zw\\303\\266lf." retry_after: 300
                errors { field: "amount.currency" code: "unknown_currency" message: "must be an ISO 4217 code" } errors {}
                """, "florin.v1.Problem").map { "\\" + String(format: "%03o", $0) }.joined())" }
            """
        #expect(Self.problem.grpcStatus.details == (try protoc(text, "florin.v1.Status")))
    }

    @Test func damagedDetailsNeverTrap() {
        let details = Self.problem.grpcStatus.details
        for length in 0..<details.count { #expect(ProblemCodec.decode(Array(details[..<length])) == nil) }
        for index in details.indices {
            for bit in 0..<8 {
                var damaged = details
                damaged[index] ^= 1 << bit
                if let read = ProblemCodec.decode(damaged) { #expect((400...599).contains(read.status)) }
            }
        }
        #expect(ProblemCodec.decode([0x1A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]) == nil)
        #expect(ProblemCodec.decode(Array(repeating: 0xFF, count: 64)) == nil)
    }

    @Test func unknownFieldsAreSkipped() {
        var writer = ProtobufWriter()
        writer.number(9, 7)
        let details = writer.bytes + [0x55, 1, 2, 3, 4, 0x51, 1, 2, 3, 4, 5, 6, 7, 8] + Self.problem.grpcStatus.details
        #expect(ProblemCodec.decode(details) == Self.problem)
    }

    @Test(arguments: [
        (GRPCStatus.Code.notFound, 404, "not_found"), (.unavailable, 503, "unavailable"),
        (.deadlineExceeded, 504, "timeout"),
        (.internalError, 500, "internal_error"), (.unknown, 500, "internal_error"),
        (.unauthenticated, 401, "unauthenticated"),
        (.permissionDenied, 403, "forbidden"), (.aborted, 409, "conflict"), (.unimplemented, 501, "not_implemented"),
        (.failedPrecondition, 412, "precondition_failed"), (.invalidArgument, 400, "bad_request"),
    ])
    func statusesWithoutDetailsHaveAMeaning(_ code: GRPCStatus.Code, _ status: Int, _ name: String) {
        let problem = ProblemDetails(GRPCStatus(code, "text that must not be shown"))
        #expect(problem.status == status)
        #expect(problem.code == name)
        #expect(!problem.detail.contains("text"))
        #expect(problem.status != 503 || problem.retryAfter == 1)
    }

    @Test(arguments: [
        (400, GRPCStatus.Code.invalidArgument), (401, .unauthenticated), (403, .permissionDenied), (404, .notFound),
        (409, .aborted), (412, .failedPrecondition), (422, .invalidArgument), (429, .resourceExhausted),
        (500, .internalError),
        (501, .unimplemented), (503, .unavailable), (504, .deadlineExceeded),
    ])
    func everyHTTPStatusHasACode(_ status: Int, _ code: GRPCStatus.Code) {
        let problem = ProblemDetails(code: "x", status: status)
        #expect(problem.grpcStatus.code == code)
        #expect(ProblemDetails(problem.grpcStatus) == problem)
    }

    @Test func errorsOfUseCasesBecomeProblems() {
        let failure = ValidationFailure(field: "name", code: "required", message: "must be given")
        #expect(ProblemDetails(refusal: failure)?.status == 422)
        #expect(ProblemDetails(refusal: PostgresError(.connectionLost, "gone"))?.code == "database_unavailable")
        #expect(ProblemDetails(refusal: PostgresError(.typeMismatch, "ours")) == nil)
        let status = ProblemDetails.status(for: PostgresError(.typeMismatch, "ours"), logger: .silent)
        #expect(status.code == .internalError)
        #expect(!status.message.contains("ours"))
        #expect(ProblemDetails.status(for: GRPCStatus(.dataLoss), logger: .silent).code == .dataLoss)
        #expect(ProblemDetails.status(for: CancellationError(), logger: .silent).code == .cancelled)
        let lost = PostgresError(.cancelled, "the task was cancelled")
        #expect(ProblemDetails.status(for: lost, logger: .silent).code == .cancelled)
        #expect(ProblemDetails.status(for: ProblemDetails.notFound(), logger: .silent).code == .notFound)
    }

    private func protoc(_ text: String, _ message: String) throws -> [UInt8] {
        let folder = FileManager.default.temporaryDirectory.appending(path: "florin-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: folder) } }
        let schema = """
            syntax = "proto3";
            package florin.v1;
            message Problem {
              string code = 1; uint32 status = 2; string title = 3; string detail = 4; repeated FieldError errors = 5;
              uint32 retry_after = 6;
            }
            message FieldError { string field = 1; string code = 2; string message = 3; }
            message Any { string type_url = 1; bytes value = 2; }
            message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
            """
        try schema.write(to: folder.appending(path: "p.proto"), atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/protoc")
        process.arguments = ["--encode=\(message)", "-I\(folder.path)", "p.proto"]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
        try input.fileHandleForWriting.close()
        let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return Array(bytes)
    }

    @Test func aCursorThatWasNotGivenOutIsAMalformedQuery() {
        let failure = ValidationFailure(
            field: "cursor", code: "invalid_cursor", message: "must be a next_cursor of this list")
        let problem = ProblemDetails(failure)
        #expect(problem.status == 400)
        #expect(problem.code == "invalid_request")
        #expect(problem.errors == failure.errors)
        #expect(ProblemDetails(ValidationFailure(field: "limit", code: "out_of_range", message: "")).status == 422)
    }
}

struct CallerTests {
    @Test func survivesTheWay() throws {
        let full = Caller(userID: .make(), sessionID: .make(), roles: ["user", "admin"], scopes: ["expenses:read"])
        #expect(try Caller(full.metadata) == full)
        #expect(full.isAdmin)
        let bare = Caller(userID: .make())
        #expect(try Caller(bare.metadata) == bare)
        #expect(!bare.isAdmin)
    }

    @Test(arguments: [
        GRPCMetadata(), ["florin-user-id": "someone"],
        ["florin-user-id": "019a0000-0000-7000-8000-000000000000", "florin-session-id": "x"],
    ])
    func refusesWhatIsNotACaller(_ metadata: GRPCMetadata) {
        let problem = #expect(throws: ProblemDetails.self) { try Caller(metadata) }
        #expect(problem?.status == 401)
    }
}

struct IfMatchTests {
    private static let readings: [(GRPCMetadata, VersionPrecondition)] = [
        (GRPCMetadata(), .anyVersion), (["florin-if-match": "*"], .anyVersion),
        (["florin-if-match": "3"], .oneOf([3])), (["florin-if-match": "4,12"], .oneOf([4, 12])),
        (["florin-if-match": ""], .oneOf([])), (["florin-if-match": "x,5,99999999999999999999"], .oneOf([5])),
    ]

    @Test(arguments: Self.readings)
    func readsWhatTheGatewayPassesOn(_ metadata: GRPCMetadata, _ precondition: VersionPrecondition) {
        #expect(VersionPrecondition(metadata) == precondition)
        #expect(VersionPrecondition([VersionPrecondition.metadataName: precondition.metadataValue]) == precondition)
    }

    @Test func anotherVersionIsA412() throws {
        try VersionPrecondition.anyVersion.check(9)
        try VersionPrecondition.oneOf([8, 9]).check(9)
        let mismatch = #expect(throws: VersionMismatch.self) { try VersionPrecondition.oneOf([8]).check(9) }
        let problem = ProblemDetails(refusal: try #require(mismatch))
        #expect(problem?.status == 412)
        #expect(problem?.code == "precondition_failed")
        #expect(problem?.grpcStatus.code == .failedPrecondition)
    }
}
