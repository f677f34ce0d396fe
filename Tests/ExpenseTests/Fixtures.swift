import Chronology
import ExpenseDomain
import Money

func day(_ text: String) -> CalendarDate {
    guard let day = CalendarDate(iso: text) else { preconditionFailure("\(text) is no date") }
    return day
}

func decimal(_ text: String) -> Decimal {
    do { return try Decimal(parsing: text) } catch { preconditionFailure("\(text) is no decimal") }
}

let moment = Timestamp(secondsSinceEpoch: 1_790_000_000)
let owner = UUIDv7.make()

func budget(
    _ limit: String = "200.00", _ currency: String = "EUR", period: BudgetPeriod = .monthly,
    startsOn: String = "2026-11-01", endsOn: String? = nil, rollover: Bool = false, thresholds: [Int64] = [80, 100]
) throws -> Budget {
    try BudgetRequest(
        name: "Groceries", limit: (limit, currency), period: period.rawValue, startsOn: startsOn, endsOn: endsOn,
        rollover: rollover, thresholds: thresholds
    ).budget(ownerID: owner, at: moment)
}
