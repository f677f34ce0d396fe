package import Contracts
package import ExpenseApplication
package import GRPC
package import Observability
package import ServiceRuntime
import ExpenseDomain
import Validation

/// `florin.expense.v1.ExpenseService` over the use cases.
package struct ExpenseAPI: ExpenseServiceProvider {
    private let categories: Categories
    private let expenses: Expenses
    private let budgets: Budgets
    private let reports: Reports
    private let idempotent: IdempotentCalls
    private let logger: Logger

    package init(
        categories: Categories, expenses: Expenses, budgets: Budgets, reports: Reports, idempotent: IdempotentCalls,
        logger: Logger
    ) {
        self.categories = categories
        self.expenses = expenses
        self.budgets = budgets
        self.reports = reports
        self.idempotent = idempotent
        self.logger = logger
    }

    // MARK: Categories

    package func listCategories(_ request: ListCategoriesRequest, context: ServerContext) async throws -> CategoryList {
        try await answer(context) { caller in
            let page = try await categories.list(caller: caller.userID, limit: request.limit, cursor: request.cursor)
            return CategoryList(data: page.items.map(Contracts.Category.init(_:)), nextCursor: page.next?.text)
        }
    }

    package func createCategory(
        _ request: CreateCategoryRequest, context: ServerContext
    ) async throws -> Contracts.Category {
        try await answer(context) { caller in
            try await idempotent.perform(caller: caller, context: context) { receipt in
                let category = try await categories.create(
                    caller: caller.userID, name: request.name, icon: request.icon, color: request.color,
                    parentID: request.parentID
                ) { try receipt(Contracts.Category($0)) }
                return Contracts.Category(category)
            }
        }
    }

    package func getCategory(_ request: GetCategoryRequest, context: ServerContext) async throws -> Contracts.Category {
        try await answer(context) { caller in
            let category = try await categories.find(caller: caller.userID, id: request.id)
            return Contracts.Category(try found(category))
        }
    }

    // MARK: Expenses

    package func createExpense(
        _ request: CreateExpenseRequest, context: ServerContext
    ) async throws -> Contracts.Expense {
        try await answer(context) { caller in
            try await idempotent.perform(caller: caller, context: context) { receipt in
                let expense = try await expenses.create(caller: caller.userID, ExpenseRequest(request)) {
                    try receipt(Contracts.Expense($0))
                }
                return Contracts.Expense(expense)
            }
        }
    }

    package func listExpenses(_ request: ListExpensesRequest, context: ServerContext) async throws -> ExpenseList {
        try await answer(context) { caller in
            let page = try await expenses.list(
                caller: caller.userID,
                ExpenseListRequest(
                    limit: request.limit, cursor: request.cursor, from: request.from, to: request.to,
                    categoryID: request.categoryID, currency: request.currency))
            return ExpenseList(data: page.items.map(Contracts.Expense.init(_:)), nextCursor: page.next?.text)
        }
    }

    package func getExpense(_ request: GetExpenseRequest, context: ServerContext) async throws -> Contracts.Expense {
        try await answer(context) { caller in
            let expense = try await expenses.find(caller: caller.userID, id: request.id)
            return Contracts.Expense(try found(expense))
        }
    }

    package func deleteExpense(_ request: DeleteExpenseRequest, context: ServerContext) async throws -> Empty {
        try await answer(context) { caller in
            try await idempotent.perform(caller: caller, context: context) { receipt in
                let deleted = try await expenses.delete(
                    caller: caller.userID, id: request.id, if: VersionPrecondition(context.metadata),
                    receipt: receipt(Empty()))
                guard deleted else { throw ProblemDetails.notFound() }
                return Empty()
            }
        }
    }

    // MARK: Budgets

    package func createBudget(_ request: CreateBudgetRequest, context: ServerContext) async throws -> Contracts.Budget {
        try await answer(context) { caller in
            try await idempotent.perform(caller: caller, context: context) { receipt in
                let budget = try await budgets.create(caller: caller.userID, BudgetRequest(request)) {
                    try receipt(Contracts.Budget($0))
                }
                return Contracts.Budget(budget)
            }
        }
    }

    package func listBudgets(_ request: ListBudgetsRequest, context: ServerContext) async throws -> BudgetList {
        try await answer(context) { caller in
            let page = try await budgets.list(caller: caller.userID, limit: request.limit, cursor: request.cursor)
            return BudgetList(data: page.items.map(Contracts.Budget.init(_:)), nextCursor: page.next?.text)
        }
    }

    package func getBudget(_ request: GetBudgetRequest, context: ServerContext) async throws -> Contracts.Budget {
        try await answer(context) { caller in
            let budget = try await budgets.find(caller: caller.userID, id: request.id)
            return Contracts.Budget(try found(budget))
        }
    }

    package func getBudgetStatus(
        _ request: GetBudgetStatusRequest, context: ServerContext
    ) async throws -> Contracts.BudgetStatus {
        try await answer(context) { caller in
            let status = try await budgets.status(caller: caller.userID, id: request.id, on: request.on)
            return Contracts.BudgetStatus(try found(status))
        }
    }

    // MARK: Reports

    package func summaryReport(
        _ request: SummaryReportRequest, context: ServerContext
    ) async throws -> Contracts.Report {
        try await answer(context) { caller in
            let (asked, report) = try await reports.summary(
                caller: caller.userID, from: request.from, to: request.to, groupBy: request.groupBy,
                currency: request.currency)
            return Contracts.Report(report, of: asked)
        }
    }

    // MARK: -

    private func answer<Answer>(_ context: ServerContext, _ body: (Caller) async throws -> Answer) async throws
        -> Answer
    {
        try await context.answer(logger: logger) { try await body(Caller(context.metadata)) }
    }

    private func found<Resource>(_ resource: Resource?) throws -> Resource {
        guard let resource else { throw ProblemDetails.notFound() }
        return resource
    }
}
