/// A method by its full service name and its own.
package struct GRPCMethod: Sendable, Hashable, CustomStringConvertible {
    /// The full name of the service, such as `florin.expense.v1.ExpenseService`.
    package let service: String
    /// The method's name, such as `CreateExpense`.
    package let name: String
    /// The path of the request: `/service/name`.
    package let path: String

    /// The method of that full service name.
    package init(service: String, name: String) {
        self.service = service
        self.name = name
        path = "/\(service)/\(name)"
    }

    /// The path.
    package var description: String { path }
}
