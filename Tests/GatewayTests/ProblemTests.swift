import Chronology
import Contracts
import GRPC
import HTTPServer
import JSON
import Observability
import ServiceRuntime
import Testing
import Validation

@testable import GatewayAPI

@Suite struct ProblemTests {
    private let id = RequestID(UUIDv7.make())

    private func text(_ refusal: Refusal, instance: String? = "/v1/x") -> String {
        guard
            case .bytes(let bytes) = ProblemDocument.response(to: refusal, requestID: id, instance: instance).body
        else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The title is the table's, whichever a service gave it.
    @Test func writesEveryMember() {
        let problem = ProblemDetails(
            code: "validation_failed", status: 422, title: "T", detail: "D \"q\"",
            errors: [FieldError(field: "a.b", code: "required", message: "is required")], retryAfter: 3)
        let refusal = Refusal(problem, fields: [("Allow", "GET")], dependency: "expense")
        #expect(
            text(refusal) == """
                {"type":"/problems/validation_failed","title":"Some fields are not valid","status":422,\
                "detail":"D \\"q\\"","instance":"/v1/x","code":"validation_failed","request_id":"\(id)","dependency":"expense",\
                "errors":[{"field":"a.b","code":"required","message":"is required"}]}
                """)
        let response = ProblemDocument.response(to: refusal, requestID: id, instance: nil)
        #expect(response.status == 422)
        #expect(response.headers["content-type"] == "application/problem+json")
        #expect(response.headers["allow"] == "GET" && response.headers["retry-after"] == "3")
    }

    @Test func leavesOutWhatThereIsNot() {
        #expect(
            text(Refusal(.notFound), instance: nil)
                == #"{"type":"/problems/not_found","title":"Not found","status":404,"detail":"There is no such path or resource, "#
                + #"or it belongs to somebody else.","code":"not_found","request_id":"\#(id)"}"#
        )
    }

    private static func error(_ field: String, _ message: String) -> Validation.FieldError {
        FieldError(field: field, code: "c", message: message)
    }

    /// Where nobody says what is special to this time the fields do, or else what the code means.
    @Test(
        arguments: [
            ("Look.", [error("a", "is required")], "Look."),
            ("", [error("amount.amount", "must be a string")], "amount.amount must be a string."),
            ("", [error("", "the body is not JSON")], "The body is not JSON."),
            (
                "", [error("a", "is required"), error("", "the sum is wrong"), error("b.0", "is required")],
                "a is required; the sum is wrong; b.0 is required."
            ),
            (
                "", (1...5).map { error("f\($0)", "is required") },
                "f1 is required; f2 is required; f3 is required; and 2 more."
            ),
            ("", [], "The request is well formed and breaks rules."),
        ])
    func saysWhatHappened(_ detail: String, _ errors: [Validation.FieldError], _ expected: String) throws {
        let document = text(Refusal(ProblemCode.validationFailed.problem(detail, errors: errors)))
        #expect(try JSONDocument(parsing: Array(document.utf8)).root["detail"]?.string == expected)
    }

    @Test func everyCodeHasAStatusAndATitle() {
        for code in ProblemCode.allCases {
            #expect((400...599).contains(code.status) && !code.title.isEmpty, "\(code)")
            #expect(code.rawValue.utf8.allSatisfy { (0x61...0x7A).contains($0) || $0 == 0x5F }, "\(code)")
        }
    }

    @Test(arguments: HTTPRefusal.Rule.allCases)
    func aRefusalOfTheServerKeepsItsStatus(_ rule: HTTPRefusal.Rule) {
        let refusal = HTTPRefusal(rule)
        #expect(Refusal(refusal).problem.status == refusal.status)
    }

    @Test(
        arguments: [
            (GRPCStatus.Code.unavailable, 503, "service_unavailable", "expense"),
            (.deadlineExceeded, 504, "timeout", "expense"), (.resourceExhausted, 503, "overloaded", "expense"),
            (.invalidArgument, 400, "invalid_request", nil), (.notFound, 404, "not_found", nil),
            (.unimplemented, 501, "not_implemented", nil), (.internalError, 500, "internal_error", nil),
            (.unknown, 500, "internal_error", nil), (.dataLoss, 500, "internal_error", nil),
            (.permissionDenied, 403, "forbidden", nil),
        ] as [(GRPCStatus.Code, Int, String, String?)])
    func aStatusWithoutDetails(_ code: GRPCStatus.Code, _ status: Int, _ problem: String, _ dependency: String?) {
        let refusal = Refusal(GRPCStatus(code, "words of the service"), from: "expense")
        #expect(refusal.problem.status == status && refusal.problem.code == problem)
        #expect(refusal.dependency == dependency)
        #expect(!text(refusal).contains("words of the service"))
        #expect((refusal.problem.retryAfter != nil) == (status == 503 || status == 504))
    }

    @Test func theDetailsOfAServicePassUnchanged() {
        let problem = ProblemDetails(
            code: "insufficient_quantity", status: 422, title: "Too few", detail: "You hold 3.",
            errors: [FieldError(field: "quantity", code: "insufficient_quantity", message: "is more than is held")])
        #expect(Refusal(problem.grpcStatus, from: "portfolio").problem == problem)
    }

    @Test func aServicesUnauthenticatedIsAChallenge() {
        let refusal = Refusal(ProblemDetails.unauthenticated().grpcStatus, from: "auth")
        #expect(refusal.fields.map(\.name) == ["WWW-Authenticate"] && refusal.dependency == nil)
    }

    @Test func aDatabaseThatIsAwayNamesTheService() {
        let refusal = Refusal(ProblemDetails.unavailable("database_unavailable").grpcStatus, from: "expense")
        #expect(refusal.dependency == "expense" && refusal.problem.code == "database_unavailable")
        #expect(refusal.problem.retryAfter == 1)
    }
}
