internal import CContracts

/// Lists and wrapper messages, laid out as protobuf-c wants them.
extension MessageArena {
    /// A list of C strings.
    @unsafe borrowing func cStrings(
        _ texts: [String]
    ) throws(ContractError) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? {
        guard !texts.isEmpty else { return nil }
        let list = unsafe try allocate(UnsafeMutablePointer<CChar>?.self, count: texts.count)
        for (position, text) in texts.enumerated() {
            unsafe (list + position).initialize(to: try cString(text))
        }
        return unsafe list
    }

    /// A list of numbers.
    @unsafe borrowing func numbers<Number: FixedWidthInteger>(
        _ values: [Number]
    ) throws(ContractError) -> UnsafeMutablePointer<Number>? {
        guard !values.isEmpty else { return nil }
        let list = unsafe try allocate(Number.self, count: values.count)
        for (position, value) in values.enumerated() { unsafe (list + position).initialize(to: value) }
        return unsafe list
    }

    /// A list of messages.
    @unsafe borrowing func messages<Message: WireMessage>(
        _ messages: [Message]
    ) throws(ContractError) -> UnsafeMutablePointer<UnsafeMutablePointer<Message.CMessage>?>? {
        guard !messages.isEmpty else { return nil }
        let list = unsafe try allocate(UnsafeMutablePointer<Message.CMessage>?.self, count: messages.count)
        for (position, message) in messages.enumerated() {
            unsafe (list + position).initialize(to: try message.pointer(in: self))
        }
        return unsafe list
    }

    /// A text that may be absent.
    @unsafe borrowing func wrapped(
        _ text: String?
    ) throws(ContractError) -> UnsafeMutablePointer<Google__Protobuf__StringValue>? {
        guard let text else { return nil }
        let wrapper = unsafe try allocate(Google__Protobuf__StringValue.self)
        unsafe google__protobuf__string_value__init(wrapper)
        unsafe wrapper.pointee.value = try cString(text)
        return unsafe wrapper
    }

    /// A number that may be absent.
    @unsafe borrowing func wrapped(
        _ number: Int64?
    ) throws(ContractError) -> UnsafeMutablePointer<Google__Protobuf__Int64Value>? {
        guard let number else { return nil }
        let wrapper = unsafe try allocate(Google__Protobuf__Int64Value.self)
        unsafe google__protobuf__int64_value__init(wrapper)
        unsafe wrapper.pointee.value = number
        return unsafe wrapper
    }

    /// A truth value that may be absent.
    @unsafe borrowing func wrapped(
        _ flag: Bool?
    ) throws(ContractError) -> UnsafeMutablePointer<Google__Protobuf__BoolValue>? {
        guard let flag else { return nil }
        let wrapper = unsafe try allocate(Google__Protobuf__BoolValue.self)
        unsafe google__protobuf__bool_value__init(wrapper)
        unsafe wrapper.pointee.value = flag ? 1 : 0
        return unsafe wrapper
    }
}

/// The text of a wrapper message.
func unwrapped(_ wrapper: UnsafePointer<Google__Protobuf__StringValue>?) throws(ContractError) -> String? {
    guard let wrapper = unsafe wrapper else { return nil }
    return unsafe try text(wrapper.pointee.value)
}

/// The number of a wrapper message.
func unwrapped(_ wrapper: UnsafePointer<Google__Protobuf__Int64Value>?) -> Int64? {
    guard let wrapper = unsafe wrapper else { return nil }
    return unsafe wrapper.pointee.value
}

/// The truth value of a wrapper message.
func unwrapped(_ wrapper: UnsafePointer<Google__Protobuf__BoolValue>?) -> Bool? {
    guard let wrapper = unsafe wrapper else { return nil }
    return unsafe wrapper.pointee.value != 0
}

/// The numbers of a list.
func numbers<Number: FixedWidthInteger>(_ pointer: UnsafePointer<Number>?, count: Int) -> [Number] {
    unsafe Array(UnsafeBufferPointer(start: pointer, count: pointer == nil ? 0 : count))
}
