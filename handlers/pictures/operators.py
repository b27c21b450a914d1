"""Pictures for operators, who also see what was taken down: `/ops/files/`, below the path of their cookie."""

from handlers.ops.operators import COOKIE
from handlers.pictures.files import File
from server.actions.operator_sessions import find_session
from server.store.files import ROUTE
from server.store.files import File as StoredFile

OPS_ROUTE = f"/ops{ROUTE}"


def operators_picture(path: str) -> str:
    """Return where operators see a picture of ours; other addresses (WeChat's) and "" stay as they are."""
    return path.replace(ROUTE, OPS_ROUTE, 1) if path.startswith(ROUTE) else path


class OpsFile(File):
    """Any stored picture, for operators who are logged in."""

    async def caching(self, file: StoredFile) -> str | None:
        """Send it to operators alone, and forbid all caching."""
        session = find_session(self.context, self.get_cookie(COOKIE) or "")
        return None if session is None else "private, no-store"
