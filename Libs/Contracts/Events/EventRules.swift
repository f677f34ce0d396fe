/// The rules of event schemas, as generated code asks for them.
struct EventRules {
    let path: String

    init(at path: String) {
        self.path = path
    }

    func maximumLength(_ text: String, _ limit: Int, _ field: String) throws(ContractError) {
        guard RequestReader.isLonger(text, than: limit) else { return }
        throw fault(field, "has more than \(limit) characters")
    }

    func minimumLength(_ text: String, _ limit: Int, _ field: String) throws(ContractError) {
        guard text.unicodeScalars.count < limit else { return }
        throw fault(field, "has fewer than \(limit) characters")
    }

    func minimum(_ number: Int64, _ limit: Int64, _ field: String) throws(ContractError) {
        guard number < limit else { return }
        throw fault(field, "is less than \(limit)")
    }

    func maximum(_ number: Int64, _ limit: Int64, _ field: String) throws(ContractError) {
        guard number > limit else { return }
        throw fault(field, "is more than \(limit)")
    }

    func oneOf(_ text: String, _ values: [String], _ field: String) throws(ContractError) {
        guard !values.contains(text) else { return }
        throw fault(field, "is none of the values of the schema")
    }

    func format(_ text: String, _ format: TextFormat, _ field: String) throws(ContractError) {
        guard !format.matches(text) else { return }
        throw fault(field, format.explanation)
    }

    func pattern(_ text: String, _ pattern: TextPattern, _ field: String) throws(ContractError) {
        guard !pattern.matches(text) else { return }
        throw fault(field, "does not match the pattern of the schema")
    }

    /// Neither JSON readers of ours nor PostgreSQL hold NUL.
    func text(_ text: String, _ field: String) throws(ContractError) {
        guard text.utf8.contains(0) else { return }
        throw ContractError(.containsNUL, field: RequestReader.join(path, field))
    }

    private func fault(_ field: String, _ message: String) -> ContractError {
        ContractError(.invalidField, field: RequestReader.join(path, field), message: message)
    }
}
