"""Settings without limits. Only tests about limits have limits: other tests log in and publish quickly."""

from server.settings.limits import LimitSettings

NO_LIMITS = {name.upper(): "0" for name in LimitSettings.__struct_fields__}
