"""Settings without payout limits. Only tests about limits have them: others pay and win quickly."""

NO_PAYOUT_LIMITS = {
    "CASH_LEAST_DIGGERS": "0",
    "CASH_LEAST_CD_SECONDS": "0",
    "CASH_LEAST_GAP": "0",
    "CASH_PRIVATE_DAY_YUAN": "0",
    "CASH_NEWCOMER_DAY_YUAN": "0",
    "CASH_YOUNG_DAY_YUAN": "0",
    "CASH_RING_DAY_YUAN": "0",
    "CASH_PATTERNS_HELD": "0",
    "CASH_ORDER_YUAN": "0",
    "CASH_PAID_DAY_YUAN": "0",
    "CASH_PAID_WEEK_YUAN": "0",
    "CASH_WON_DAY_YUAN": "0",
    "CASH_WON_WEEK_YUAN": "0",
    "CASH_PAIR_WEEK_YUAN": "0",
    "RISK_HELD": "0",
}
