import Contracts
import struct Money.Currency
import struct Money.Decimal
import ExpenseApplication
import ExpenseDomain

// Requests of the contract become requests of the domain, and values of the domain become answers.

extension ExpenseRequest {
    init(_ message: CreateExpenseRequest) {
        self.init(
            kind: message.kind, amount: (message.amount.amount, message.amount.currency), spentOn: message.spentOn,
            categoryID: message.categoryID, merchant: message.merchant, note: message.note, tags: message.tags,
            splits: message.splits.map { split in
                (categoryID: split.categoryID, amount: (split.amount.amount, split.amount.currency), note: split.note)
            }, externalID: message.externalID)
    }
}

extension BudgetRequest {
    init(_ message: CreateBudgetRequest) {
        self.init(
            name: message.name, categoryID: message.categoryID, limit: (message.limit.amount, message.limit.currency),
            period: message.period, startsOn: message.startsOn, endsOn: message.endsOn, rollover: message.rollover,
            thresholds: message.thresholds)
    }
}

extension Contracts.Money {
    init(_ money: Money::Money) {
        self.init(amount: money.amount.description, currency: money.currency.code)
    }
}

extension MoneyFigure {
    init(_ amount: Decimal?, _ currency: Currency, unavailable detail: String) {
        if let amount {
            self.init(value: Contracts.Money(amount: amount.description, currency: currency.code))
        } else {
            self.init(unavailable: Unavailable(reason: "rate_unavailable", detail: detail))
        }
    }
}

extension Contracts.Category {
    init(_ category: ExpenseDomain.Category) {
        self.init(
            id: category.id.description, name: category.name, icon: category.icon, color: category.color,
            parentID: category.parentID?.description, archived: category.archived, version: category.version,
            createdAt: category.createdAt.description, updatedAt: category.updatedAt.description)
    }
}

extension Contracts.Expense {
    init(_ expense: ExpenseDomain.Expense) {
        self.init(
            id: expense.id.description, kind: expense.kind.rawValue, amount: Contracts.Money(expense.amount),
            spentOn: expense.spentOn.description, categoryID: expense.categoryID?.description,
            merchant: expense.merchant, note: expense.note, tags: expense.tags,
            splits: expense.splits.map { split in
                Contracts.Split(
                    categoryID: split.categoryID.description, amount: Contracts.Money(split.amount), note: split.note)
            }, externalID: expense.externalID, version: expense.version, createdAt: expense.createdAt.description,
            updatedAt: expense.updatedAt.description)
    }
}

extension Contracts.Budget {
    init(_ budget: ExpenseDomain.Budget) {
        self.init(
            id: budget.id.description, name: budget.name, categoryID: budget.categoryID?.description,
            limit: Contracts.Money(budget.limit), period: budget.period.rawValue,
            startsOn: budget.startsOn.description, endsOn: budget.endsOn?.description, rollover: budget.rollover,
            thresholds: budget.thresholds, version: budget.version, createdAt: budget.createdAt.description,
            updatedAt: budget.updatedAt.description)
    }
}

extension Contracts.BudgetStatus {
    init(_ status: ExpenseApplication.BudgetStatus) {
        let currency = status.budget.limit.currency
        let detail = "expense \(status.expenseWithoutRate?.description ?? "") is in another currency without a rate"
        func figure(_ amount: Decimal?) -> MoneyFigure { MoneyFigure(amount, currency, unavailable: detail) }
        let percent: Figure
        switch status.standing {
        case nil: percent = Figure(unavailable: Unavailable(reason: "rate_unavailable", detail: detail))
        case let standing?:
            percent =
                standing.percent.map { Figure(value: $0.description) }
                ?? Figure(
                    unavailable: Unavailable(reason: "no_limit", detail: "nothing is left of the limit to compare with")
                )
        }
        self.init(
            periodStart: status.interval.start.description, periodEnd: status.interval.end.description,
            limit: Contracts.Money(status.budget.limit), carriedOver: figure(status.standing?.carriedOver),
            spent: figure(status.standing?.spent), remaining: figure(status.standing?.remaining), percent: percent,
            crossed: status.standing?.crossed ?? [])
    }
}

extension Contracts.Report {
    init(_ report: ExpenseDomain.Report, of request: ReportRequest) {
        let detail = "it holds expenses in another currency without a rate"
        self.init(
            from: request.from.description, to: request.to.description, currency: report.currency.code,
            total: MoneyFigure(report.total, report.currency, unavailable: detail),
            groups: report.groups.map { group in
                ReportGroup(
                    key: group.key, label: group.label,
                    total: MoneyFigure(group.total, report.currency, unavailable: detail), count: group.count)
            })
    }
}
