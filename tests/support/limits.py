"""Settings without limits. Only tests about limits have limits: other tests log in and publish quickly."""

NO_LIMITS = {"LIMITS_A_PERSON": "0", "LIMITS_AN_ADDRESS": "0"}
