import Chronology
import struct Contracts.BudgetExceededV1
import struct Contracts.BudgetRecoveredV1
import struct Contracts.EventMoney
import struct Contracts.ExpenseCreatedV1
import struct Contracts.ExpenseDeletedV1
import ExpenseDomain
import Messaging
import Money
import ServiceRuntime

/// The events of the expense context.
enum ExpenseEvents {
    private static let service = "expense"

    static func created(_ expense: Expense) throws -> OutboxEvent {
        try OutboxEvent(
            ExpenseCreatedV1(
                userID: expense.ownerID.description, expenseID: expense.id.description, kind: expense.kind.rawValue,
                amount: EventMoney(expense.amount), spentOn: expense.spentOn.description,
                categoryID: expense.categoryID?.description, merchant: expense.merchant,
                createdAt: expense.createdAt.description), service: service, subject: expense.id,
            user: expense.ownerID, sequence: 1, time: expense.createdAt)
    }

    static func deleted(_ expense: Expense, sequence: Int64, at now: Timestamp) throws -> OutboxEvent {
        try OutboxEvent(
            ExpenseDeletedV1(
                userID: expense.ownerID.description, expenseID: expense.id.description, deletedAt: now.description),
            service: service, subject: expense.id, user: expense.ownerID, sequence: sequence, time: now)
    }

    static func changed(
        _ change: ThresholdChange, of budget: Budget, _ standing: BudgetStanding, sequence: Int64, at now: Timestamp
    ) throws -> OutboxEvent {
        let currency = budget.limit.currency
        let spent = EventMoney(try Money(standing.spent, currency))
        let limit = EventMoney(try Money(standing.effectiveLimit, currency))
        // A limit of zero or less has no percentage: all of it, and more, is spent.
        let percent = standing.percent?.description ?? "100.00"
        let (user, id) = (budget.ownerID.description, budget.id.description)
        let (start, end) = (standing.interval.start.description, standing.interval.end.description)
        switch change.direction {
        case .exceeded:
            return try OutboxEvent(
                BudgetExceededV1(
                    userID: user, budgetID: id, budgetName: budget.name, periodStart: start, periodEnd: end,
                    threshold: change.threshold, crossing: change.crossing, spent: spent, limit: limit,
                    percent: percent, occurredAt: now.description), service: service, subject: budget.id,
                user: budget.ownerID, sequence: sequence, time: now)
        case .recovered:
            return try OutboxEvent(
                BudgetRecoveredV1(
                    userID: user, budgetID: id, budgetName: budget.name, periodStart: start, periodEnd: end,
                    threshold: change.threshold, crossing: change.crossing, spent: spent, limit: limit,
                    percent: percent, occurredAt: now.description), service: service, subject: budget.id,
                user: budget.ownerID, sequence: sequence, time: now)
        }
    }
}

extension EventMoney {
    init(_ money: Money) {
        self.init(amount: money.amount.description, currency: money.currency.code)
    }
}
