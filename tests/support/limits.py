"""Settings without limits. Only tests about limits have limits: other tests log in, pay and win quickly."""

from server.settings import Settings

NO_LIMITS = {
    name.upper(): "0"
    for name in Settings.__struct_fields__
    if name.startswith(("limits_", "cash_", "risk_")) and name != "cash_no_credit"
}
