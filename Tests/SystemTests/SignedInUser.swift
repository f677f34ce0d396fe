internal import Foundation
internal import Testing

/// Somebody who is signed in, and calls the public API.
struct SignedInUser {
    let email = "\(UUID().uuidString.lowercased())@example.org"
    let password = UUID().uuidString
    let id: String
    let base: String
    let token: String

    init(at installation: LocalInstallation) async throws {
        base = try #require(installation.settings()["FLORIN_URL"])
        let registered = try await HTTPCall.send(
            "POST", base + "/v1/auth/register",
            ["email": email, "password": password, "display_name": "Ada", "base_currency": "EUR"])
        try #require(registered.status == 201)
        id = try #require(registered.json["id"] as? String)
        let signedIn = try await HTTPCall.send(
            "POST", base + "/v1/auth/login", ["email": email, "password": password])
        token = try #require(signedIn.json["access_token"] as? String)
    }

    func call(
        _ method: String, _ path: String, _ body: [String: Any]? = nil, headers: [String] = [],
        anonymously: Bool = false
    ) async throws -> HTTPCall.Answer {
        let credentials = anonymously ? [] : ["Authorization: Bearer \(token)"]
        return try await HTTPCall.send(method, base + path, body, headers: headers + credentials)
    }

    /// The status of another sign-in.
    func signIn() async throws -> Int {
        try await HTTPCall.post(base + "/v1/auth/login", ["email": email, "password": password]).status
    }
}

extension HTTPCall {
    /// An answer with its headers, their names in lower case, and the object in its body; empty where there is none.
    struct Answer {
        let status: Int
        let headers: [String: String]
        let json: [String: Any]
    }

    /// Any request.
    static func send(
        _ method: String, _ url: String, _ body: [String: Any]? = nil, headers: [String] = []
    ) async throws -> Answer {
        let file = FileManager.default.temporaryDirectory.appending(path: "florin-curl-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        var arguments = ["--silent", "--noproxy", "*", "--max-time", "30", "--include", "--request", method]
        for header in headers { arguments += ["--header", header] }
        if let body {
            let json = try JSONSerialization.data(withJSONObject: body)
            arguments += ["--header", "Content-Type: application/json"]
            arguments += ["--data-binary", String(decoding: json, as: UTF8.self)]
        }
        let child = try ChildProcess(
            URL(filePath: "/usr/bin/curl"), arguments + [url], environment: [:], output: file)
        _ = try await child.exitStatus()
        let parts = try child.output().components(separatedBy: "\r\n\r\n")
        let lines = parts[0].components(separatedBy: "\r\n")
        let status = try #require(lines[0].split(separator: " ").dropFirst().first.flatMap { Int($0) })
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let pair = line.split(separator: ":", maxSplits: 1)
            fields[pair[0].lowercased()] = pair[1].trimmingCharacters(in: .whitespaces)
        }
        let text = parts.dropFirst().joined(separator: "\r\n\r\n")
        let json = text.isEmpty ? [:] : try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        return Answer(status: status, headers: fields, json: try #require(json))
    }
}
