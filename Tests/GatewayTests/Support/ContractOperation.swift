import Contracts
import Foundation

/// An operation of the OpenAPI document that the gateway serves, with a request that the document gives as an example.
struct ContractOperation: Sendable, CustomStringConvertible {
    let method: String
    /// The path template.
    let route: String
    /// The path with examples for its parameters, and the query that it cannot do without.
    let target: String
    let body: String?
    let bodyType: String?
    let needsToken: Bool
    /// The status of success, what its answer is, and the header fields that it always has.
    let status: Int
    let answerType: String?
    let answerFields: [String]
    /// The header fields that a request may have.
    let fields: Set<String>
    /// Whether it tells that the client has the newest version already.
    let isConditional: Bool

    var description: String { "\(method) \(route)" }

    /// All of them.
    static func all() throws -> [ContractOperation] {
        let document = try JSON(OpenAPIDocument.json)
        return document["paths"].members.flatMap { route, item in
            item.members.map { verb, operation in Self(verb.uppercased(), route, operation, document) }
        }.sorted { $0.description < $1.description }
    }

    /// The methods of each path, with those that the gateway adds.
    static func allow(of route: String, in all: [ContractOperation]) -> Set<String> {
        var methods = Set(all.filter { $0.route == route }.map(\.method))
        if methods.contains("GET") { methods.insert("HEAD") }
        return methods.union(["OPTIONS"])
    }

    /// Every header field that an answer may have by the document.
    static func allAnswerFields() throws -> Set<String> {
        let document = try JSON(OpenAPIDocument.json)
        let operations = document["paths"].members.flatMap { $0.value.members.map(\.value) }
        let answers = operations.flatMap { $0["responses"].members.map { $0.value.resolved(in: document) } }
        return Set(answers.flatMap { $0["headers"].members.map { $0.name.lowercased() } })
    }

    private init(_ method: String, _ route: String, _ operation: JSON, _ document: JSON) {
        let parameters = operation["parameters"].elements.map { $0.resolved(in: document) }
        var path = route
        var query: [String] = []
        for parameter in parameters {
            let name = parameter["name"].text ?? ""
            let schema = parameter["schema"]
            let example =
                parameter["example"].text ?? schema["examples"].elements.first?.text
                ?? schema["enum"].elements.first?.text
            switch parameter["in"].text {
            case "path": path = path.replacing("{\(name)}", with: example ?? "")
            case "query" where parameter["required"].flag: query.append("\(name)=\(example ?? "")")
            default: break
            }
        }
        let success = operation["responses"].members.first { $0.name.hasPrefix("2") }
        let media = operation["requestBody"]["content"].members.first
        self.method = method
        self.route = route
        target = path + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
        body = media.flatMap { $0.value["example"].serialized }
        bodyType = media?.name
        needsToken = !operation["security"].elements.isEmpty
        status = success.flatMap { Int($0.name) } ?? 0
        answerType = success?.value["content"].members.first?.name
        answerFields = (success?.value["headers"].members ?? []).filter {
            $0.value.resolved(in: document)["required"].flag
        }.map { $0.name.lowercased() }
        fields = Set(
            parameters.filter { $0["in"].text == "header" }.compactMap { $0["name"].text?.lowercased() })
        isConditional = !operation["responses"]["304"].members.isEmpty
    }
}

/// A value of a JSON text; what is not there is null.
private struct JSON {
    private let value: Any

    init(_ text: String) throws { value = try JSONSerialization.jsonObject(with: Data(text.utf8)) }
    private init(value: Any?) { self.value = value ?? NSNull() }

    subscript(_ name: String) -> JSON { JSON(value: (value as? [String: Any])?[name]) }
    var members: [(name: String, value: JSON)] {
        (value as? [String: Any] ?? [:]).map { ($0.key, JSON(value: $0.value)) }.sorted { $0.0 < $1.0 }
    }
    var elements: [JSON] { (value as? [Any] ?? []).map { JSON(value: $0) } }
    var text: String? { value as? String }
    var flag: Bool { value as? Bool ?? false }

    /// A text as it is, anything else as JSON; nil for null.
    var serialized: String? {
        if let text { return text }
        guard !(value is NSNull), let data = try? JSONSerialization.data(withJSONObject: value) else { return nil }
        return String(decoding: data, as: UTF8.self)
    }

    /// What a `$ref` refers to; the value itself where it is none.
    func resolved(in document: JSON) -> JSON {
        guard let reference = self["$ref"].text else { return self }
        return reference.split(separator: "/").dropFirst().reduce(document) { $0[String($1)] }
    }
}
