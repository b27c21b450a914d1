"""`commitment`: the server's half of a draw, given before the publisher chooses the other half."""

from handlers.base import Interface, Reply
from handlers.parameters import PersonRequest
from server.actions.digging.commit import commit


class CommitmentReply(Reply, kw_only=True):
    """Keep `seed_hash`, and send `sealed_seed` with a `nonce` of your own to `/postTask`."""

    seed_hash: str
    sealed_seed: str
    expires_at: int


class GetCommitment(Interface, path="/commitment"):
    """A new secret seed for this publisher: its hash, and the seed itself, sealed."""

    async def answer(self, request: PersonRequest) -> CommitmentReply:
        """Store nothing. Raises NotLoggedIn, Banned."""
        person = await self.active_person()
        return CommitmentReply(**commit(self.context, person)._asdict())
