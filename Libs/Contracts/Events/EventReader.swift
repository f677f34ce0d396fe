internal import JSON

/// Reads an object of an event; null counts as absent.
struct EventReader {
    private let object: JSONValue
    private let path: String

    init(_ value: JSONValue, at path: String) throws(ContractError) {
        guard value.kind == .object else {
            throw ContractError(.invalidField, field: path, message: "must be an object")
        }
        object = value
        self.path = path
    }

    func string(_ name: String) throws(ContractError) -> String {
        try required(name, optionalString(name))
    }

    func optionalString(_ name: String) throws(ContractError) -> String? {
        try typed(name, "a string") { $0.string }
    }

    func integer(_ name: String) throws(ContractError) -> Int64 {
        try required(name, optionalInteger(name))
    }

    func optionalInteger(_ name: String) throws(ContractError) -> Int64? {
        try typed(name, "a whole number") { $0.int64 }
    }

    func bool(_ name: String) throws(ContractError) -> Bool {
        try required(name, optionalBool(name))
    }

    func optionalBool(_ name: String) throws(ContractError) -> Bool? {
        try typed(name, "true or false") { $0.bool }
    }

    func strings(_ name: String) throws(ContractError) -> [String] {
        try required(name, optionalStrings(name))
    }

    func optionalStrings(_ name: String) throws(ContractError) -> [String]? {
        guard let list = try elements(name) else { return nil }
        var result: [String] = []
        for element in list {
            guard let text = element.string else { throw fault(name, "must be a list of strings") }
            result.append(text)
        }
        return result
    }

    func integers(_ name: String) throws(ContractError) -> [Int64] {
        try required(name, optionalIntegers(name))
    }

    func optionalIntegers(_ name: String) throws(ContractError) -> [Int64]? {
        guard let list = try elements(name) else { return nil }
        var result: [Int64] = []
        for element in list {
            guard let number = element.int64 else { throw fault(name, "must be a list of whole numbers") }
            result.append(number)
        }
        return result
    }

    func object<Object: EventObject>(_ name: String) throws(ContractError) -> Object {
        try required(name, optionalObject(name))
    }

    func optionalObject<Object: EventObject>(_ name: String) throws(ContractError) -> Object? {
        guard let value = present(name) else { return nil }
        return try Object(reading: EventReader(value, at: RequestReader.join(path, name)))
    }

    func objects<Object: EventObject>(_ name: String) throws(ContractError) -> [Object] {
        try required(name, optionalObjects(name))
    }

    func optionalObjects<Object: EventObject>(_ name: String) throws(ContractError) -> [Object]? {
        guard let list = try elements(name) else { return nil }
        var result: [Object] = []
        for (position, element) in list.enumerated() {
            let inner = "\(RequestReader.join(path, name)).\(position)"
            result.append(try Object(reading: EventReader(element, at: inner)))
        }
        return result
    }

    private func present(_ name: String) -> JSONValue? {
        guard let value = object[name], !value.isNull else { return nil }
        return value
    }

    private func elements(_ name: String) throws(ContractError) -> JSONElements? {
        guard let value = present(name) else { return nil }
        guard value.kind == .array else { throw fault(name, "must be a list") }
        return value.elements
    }

    private func typed<Value>(
        _ name: String, _ type: String, _ read: (JSONValue) -> Value?
    ) throws(ContractError) -> Value? {
        guard let value = present(name) else { return nil }
        guard let typed = read(value) else { throw fault(name, "must be \(type)") }
        return typed
    }

    private func required<Value>(_ name: String, _ value: Value?) throws(ContractError) -> Value {
        guard let value else { throw fault(name, "is required") }
        return value
    }

    private func fault(_ name: String, _ message: String) -> ContractError {
        ContractError(.invalidField, field: RequestReader.join(path, name), message: message)
    }
}
