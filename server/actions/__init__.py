"""Every change of state, one verb per file: decide, save, publish. Handlers call them and write to no store.

Four other modules write too: `memory/visiting.py` writes many visits at once for `digging/visit.py`,
`leading/` the leader's lease and what it deletes, `operation/monitor.py` the alarms and what it counted, and
`wechat/tokens.py` WeChat's access token.
"""
